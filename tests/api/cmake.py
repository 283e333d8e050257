# SPDX-License-Identifier: GPL-2.0-only
"""Build this repository's programs with CMake."""

import subprocess
from pathlib import Path

from vm import cache

ROOT = Path(__file__).resolve().parents[2]


def build(source: str, preset: str, directory: Path) -> None:
    """Build a folder of the repository, or what has changed of it. May take minutes.

    One at a time: test runs may be side by side.
    """
    with cache.lock("cmake"):
        subprocess.run(["cmake", "-S", ROOT / source, "--preset", preset], check=True)
        subprocess.run(["ninja", "-C", directory], check=True)
