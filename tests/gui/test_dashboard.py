# SPDX-License-Identifier: GPL-2.0-only
"""The dashboard in a real window with a real zpackd, whose device is simulated."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from api import daemon as agent
from api import dashboard
from api.waiting import wait_until
from gui.desktop import SIZE, Desktop, Thing

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = dashboard.PROGRAM
PICTURES = ROOT / "build/screenshots"


class Simulation:
    """zpackd with a simulated device."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "run/admin.sock"
        self.directory = directory
        self.process: subprocess.Popen[Any] | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        self.process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", agent.BUILD / "zpackd"),
                *("--backend=sim", f"--runtime-dir={self.directory}/run"),
            ],
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        """End it."""
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=60)
            self.process = None

    def device(self) -> Any:
        """What zpackctl says of the device."""
        done = subprocess.run(
            [agent.BUILD / "zpackctl", f"--socket={self.socket}", "-o", "json", "list"],
            check=True,
            capture_output=True,
            text=True,
        )
        return json.loads(done.stdout)


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    """One that runs."""
    simulation = Simulation(tmp_path)
    simulation.start()
    yield simulation
    simulation.stop()


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    """An empty one."""
    with Desktop(tmp_path) as desktop:
        yield desktop


def open_dashboard(desktop: Desktop, simulation: Simulation, page: str) -> None:
    """Start the program; it shows data when this returns."""
    size = f"{SIZE[0]}x{SIZE[1]}+0+0"
    desktop.run(
        [DASHBOARD, f"--socket={simulation.socket}", f"--page={page}", "-qwindowgeometry", size]
    )
    desktop.text("data of ", " s old")
    desktop.focus("zpack")


def rows_of(things: list[Thing], table: str) -> list[str]:
    """The texts of a table's cells."""
    (found,) = [t for t in things if t.role in ("table", "tree table") and t.name == table]
    return [cell.name for cell in found.all() if cell.role == "table cell"]


def test_overview_shows_what_is_held_and_that_it_is_simulated(
    desktop: Desktop, simulation: Simulation
) -> None:
    open_dashboard(desktop, simulation, "overview")
    desktop.text("SIMULATION")
    desktop.text("held of", "packed on disk")
    chart = desktop.text("Pages held, before compression")
    assert "in RAM" in chart.description and "B" in chart.description
    desktop.picture(PICTURES / "overview.png")


def test_connection_comes_back_by_itself(desktop: Desktop, simulation: Simulation) -> None:
    open_dashboard(desktop, simulation, "overview")
    simulation.stop()
    desktop.text("No connection")
    simulation.start()
    desktop.wait_for(
        lambda things: not any("No connection" in t.name for t in things), "data again"
    )


def test_setting_is_checked_applied_and_refused_by_keyboard(
    desktop: Desktop, simulation: Simulation
) -> None:
    open_dashboard(desktop, simulation, "overview")
    desktop.keys("ctrl+5")
    table = desktop.thing("table", "Settings")
    row = next(cell for cell in table.all() if cell.name == "block_pages")
    desktop.click(row.middle)
    desktop.text("block_pages", "power of two, 1...256")

    def set_value(value: str) -> None:
        desktop.keys("End", "F2", "ctrl+a")
        desktop.type(value)
        desktop.keys("Return")

    set_value("77")
    desktop.keys("alt+c")
    desktop.text("block_pages", "77")
    desktop.keys("alt+r")
    desktop.wait_for(lambda things: not any("77" in t.name for t in things), "it is reverted")
    set_value("64")
    desktop.keys("alt+c")
    desktop.text("would accept")
    assert '"64"' not in json.dumps(simulation.device())
    desktop.keys("alt+a")
    desktop.text("Changed: ")
    desktop.picture(PICTURES / "tuning.png")


def test_chosen_part_of_the_disk_is_listed(desktop: Desktop, simulation: Simulation) -> None:
    open_dashboard(desktop, simulation, "disk")
    map_ = desktop.text("Map of the backing device")
    desktop.wait_for(lambda things: any("each cell is" in t.name for t in things), "a map")
    x, y, _, _ = map_.place
    desktop.click((x + 3, y + 3))
    desktop.wait_for(
        lambda things: "live" in rows_of(things, "Blocks of the chosen cell"), "live blocks"
    )
    desktop.picture(PICTURES / "disk.png")


@pytest.mark.parametrize("page", ["pool", "events"])
def test_view_has_data(desktop: Desktop, simulation: Simulation, page: str) -> None:
    tables = {"pool": "Size classes", "events": "Findings"}
    open_dashboard(desktop, simulation, page)
    desktop.wait_for(lambda things: rows_of(things, tables[page]), "rows")
    if page == "pool":
        desktop.text("fragmentation")
    desktop.picture(PICTURES / f"{page}.png")


def test_first_data_comes_soon(desktop: Desktop, simulation: Simulation) -> None:
    """docs/dashboard.md has the time on an idle machine; this one may be busy."""
    wait_until(simulation.socket.exists, "the daemon is up")
    begin = time.monotonic()
    desktop.run([DASHBOARD, f"--socket={simulation.socket}"])
    desktop.text("data of ", " s old")
    assert time.monotonic() - begin < 20
