# SPDX-License-Identifier: GPL-2.0-only
"""Build the dashboard."""

from api import cmake

ROOT = cmake.ROOT
PROGRAM = ROOT / "build/gui/zpack-dashboard"


def build() -> None:
    """Build it for this machine."""
    cmake.build("gui", "dev", PROGRAM.parent)
