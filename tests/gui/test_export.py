# SPDX-License-Identifier: GPL-2.0-only
"""A view is saved as a picture, and its table as comma separated values."""

import csv
import subprocess
from pathlib import Path

import pytest

from api.waiting import wait_until
from gui.desktop import Desktop
from gui.server import Server
from gui.window import open_dashboard, rows_of


def save_as(desktop: Desktop, path: Path) -> None:
    """In the dialogue that asks for a file's name."""
    desktop.fill("text", "File name:", str(path))
    desktop.keys("Return")
    wait_until(path.exists, f"{path} is there")


def test_table_is_saved_with_titles_and_plain_numbers(
    desktop: Desktop, simulation: Server, tmp_path: Path
) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=pool")
    desktop.wait_for(lambda things: len(rows_of(things, "Size classes")) > 50, "size classes")
    desktop.keys("ctrl+s")
    save_as(desktop, tmp_path / "pool.csv")
    with (tmp_path / "pool.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 10
    for row in rows:
        assert int(row["Size up to"]) % 16 == 0
        assert 0 < int(row["Used"]) <= int(row["Size up to"]) * int(row["Objects"])


@pytest.mark.parametrize(
    "page, ready, column, unit",
    [
        ("overview", "held of", "ram_pages", 1),
        ("disk", "each cell is", "length_bytes", 4096),
    ],
)
def test_what_a_picture_shows_is_saved_as_numbers(
    desktop: Desktop,
    simulation: Server,
    tmp_path: Path,
    page: str,
    ready: str,
    column: str,
    unit: int,
) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", f"--page={page}")
    desktop.wait_for(
        lambda things: any(ready in t.name and "0 B in RAM" not in t.name for t in things), ready
    )
    desktop.keys("ctrl+s")
    save_as(desktop, tmp_path / "view.csv")
    desktop.text("Saved: ", "view.csv")
    with (tmp_path / "view.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows and all(float(row[column]) % unit == 0 for row in rows)
    assert any(float(row[column]) > 0 for row in rows)
    if page == "disk":
        assert sum(int(row[column]) for row in rows) == 256 << 20


def test_view_is_saved_as_a_picture(desktop: Desktop, simulation: Server, tmp_path: Path) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=disk")
    desktop.wait_for(lambda things: any("each cell is" in t.name for t in things), "a map")
    desktop.keys("ctrl+p")
    save_as(desktop, tmp_path / "disk.png")
    said = subprocess.run(
        ["file", "--brief", tmp_path / "disk.png"], check=True, capture_output=True, text=True
    ).stdout
    assert said.startswith("PNG image data, "), said
    width, height = map(int, said.split(",")[1].split(" x "))
    assert width > 800 and height > 500


def test_file_that_cannot_be_written_is_named(desktop: Desktop, simulation: Server) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=pool")
    desktop.wait_for(lambda things: rows_of(things, "Size classes"), "size classes")
    desktop.keys("ctrl+s")
    desktop.fill("text", "File name:", "/proc/pool.csv")
    desktop.keys("Return")
    desktop.text("/proc/pool.csv: ")
