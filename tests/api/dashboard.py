# SPDX-License-Identifier: GPL-2.0-only
"""Build the dashboard."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "build/gui/zpack-dashboard"


def build() -> None:
    """Build it for this machine."""
    subprocess.run(["cmake", "-S", ROOT / "gui", "--preset", "dev"], check=True)
    subprocess.run(["ninja", "-C", ROOT / "build/gui"], check=True)
