# SPDX-License-Identifier: GPL-2.0-only
"""The dashboard's options that only print."""

import subprocess

import pytest

from api.dashboard import PROGRAM, ROOT

pytestmark = pytest.mark.slow  # uses the built dashboard


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_only_prints_needs_no_screen(option: str) -> None:
    done = subprocess.run(
        [PROGRAM, option],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
        timeout=60,
    )
    version = (ROOT / "VERSION").read_text().strip()
    wanted = f"zpack-dashboard {version}\n" if option == "--version" else "--socket"
    assert done.returncode == 0 and wanted in done.stdout, done
