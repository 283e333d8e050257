# SPDX-License-Identifier: GPL-2.0-only
"""The dashboard's window: how it is opened, and what is in its tables."""

import subprocess
from pathlib import Path
from typing import Any

from api.dashboard import PROGRAM, ROOT
from gui.desktop import SIZE, Desktop, Thing

PICTURES = ROOT / "build/screenshots"


def open_dashboard(desktop: Desktop, *arguments: str | Path) -> subprocess.Popen[Any]:
    """Start the program; it shows data when this returns."""
    size = f"{SIZE[0]}x{SIZE[1]}+0+0"
    process = desktop.run([PROGRAM, *arguments, "-qwindowgeometry", size])
    desktop.text("data of ", " s old")
    desktop.focus("zpack")
    return process


def rows_of(things: list[Thing], table: str) -> list[str]:
    """The texts of a table's cells."""
    (found,) = [t for t in things if t.role in ("table", "tree table") and t.name == table]
    return [cell.name for cell in found.all() if cell.role == "table cell"]


def set_value(desktop: Desktop, setting: str, value: str) -> None:
    """In the tuning view: write a new value, which is not sent yet."""
    table = desktop.thing("table", "Settings")
    row = next(cell for cell in table.all() if cell.name == setting)
    desktop.click(row.middle)
    desktop.keys("End", "F2", "ctrl+a")
    desktop.type(value)
    desktop.keys("Return")
