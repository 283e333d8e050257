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
    """The texts of a table's cells; none before it is there."""
    found = [t for t in things if t.role in ("table", "tree table") and t.name == table]
    assert len(found) <= 1, found
    return [cell.name for one in found for cell in one.all() if cell.role == "table cell"]


def set_value(desktop: Desktop, setting: str, value: str) -> None:
    """In the tuning view: write a new value, which is not sent yet."""

    def takes_values(things: list[Thing]) -> Thing | None:
        """The table, which is disabled before the daemon has said what the settings are."""
        tables = [t for t in things if (t.role, t.name) == ("table", "Settings")]
        return next((t for t in tables if "enabled" in t.states), None)

    table = desktop.wait_for(takes_values, "settings that can be changed")
    row = next(cell for cell in table.all() if cell.name == setting)
    desktop.click(row.middle)
    desktop.keys("End", "F2", "ctrl+a")
    desktop.type(value)
    desktop.keys("Return")
