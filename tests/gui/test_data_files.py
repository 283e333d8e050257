# SPDX-License-Identifier: GPL-2.0-only
"""What desktops and software centres read is as their own checkers want it."""

import subprocess

from api.dashboard import ROOT

DATA = ROOT / "gui/data"
ID = "io.github.zpack.Dashboard"


def test_desktop_entry_is_valid() -> None:
    said = subprocess.run(
        ["desktop-file-validate", DATA / f"{ID}.desktop"], capture_output=True, text=True
    )
    assert (said.returncode, said.stdout) == (0, ""), said


def test_metadata_for_software_centres_is_valid() -> None:
    said = subprocess.run(
        ["appstreamcli", "validate", "--no-net", "--pedantic", DATA / f"{ID}.metainfo.xml"],
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stdout
