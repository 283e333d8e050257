# SPDX-License-Identifier: GPL-2.0-only
"""The dashboard in a real window with a real zpackd, whose device is simulated."""

import json
import time

import pytest

from api.dashboard import PROGRAM, ROOT
from api.waiting import wait_until
from gui.desktop import Desktop
from gui.server import Server
from gui.window import PICTURES, open_dashboard, rows_of, set_value


def test_overview_shows_what_is_held_and_that_it_is_simulated(
    desktop: Desktop, simulation: Server
) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=overview")
    desktop.text("SIMULATION")
    desktop.text("held of", "packed on disk")
    chart = desktop.text("Pages held, before compression")
    assert "in RAM" in chart.description and "B" in chart.description
    desktop.picture(PICTURES / "overview.png")


def test_connection_comes_back_by_itself(desktop: Desktop, simulation: Server) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=overview")
    simulation.stop()
    desktop.text("No connection")
    simulation.start()
    desktop.wait_for(
        lambda things: not any("No connection" in t.name for t in things), "data again"
    )


def test_setting_is_checked_applied_and_refused_by_keyboard(
    desktop: Desktop, simulation: Server
) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=overview")
    desktop.keys("ctrl+5")
    set_value(desktop, "block_pages", "77")
    desktop.text("block_pages", "power of two, 1...256")
    desktop.keys("alt+c")
    desktop.text("block_pages", "77")
    desktop.keys("alt+r")
    desktop.wait_for(lambda things: not any("77" in t.name for t in things), "it is reverted")
    set_value(desktop, "block_pages", "64")
    desktop.keys("alt+c")
    desktop.text("would accept")
    assert '"64"' not in json.dumps(simulation.device())
    desktop.keys("alt+a")
    desktop.text("Changed: ")
    desktop.picture(PICTURES / "tuning.png")


def test_chosen_part_of_the_disk_is_listed(desktop: Desktop, simulation: Server) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=disk")
    map_ = desktop.text("Map of the backing device")
    desktop.wait_for(lambda things: any("each cell is" in t.name for t in things), "a map")
    x, y, _, _ = map_.place
    desktop.click((x + 3, y + 3))
    desktop.wait_for(
        lambda things: "live" in rows_of(things, "Blocks of the chosen cell"), "live blocks"
    )
    blocks = desktop.thing("table", "Blocks of the chosen cell")
    desktop.click(next(cell for cell in blocks.all() if cell.name == "live").middle)
    desktop.wait_for(
        lambda things: "LZ4" in rows_of(things, "Objects of the chosen block"), "its objects"
    )
    desktop.picture(PICTURES / "disk.png")


@pytest.mark.parametrize("page", ["pool", "events"])
def test_view_has_data(desktop: Desktop, simulation: Server, page: str) -> None:
    tables = {"pool": "Size classes", "events": "Findings"}
    open_dashboard(desktop, f"--socket={simulation.socket}", f"--page={page}")
    desktop.wait_for(lambda things: rows_of(things, tables[page]), "rows")
    if page == "pool":
        desktop.text("fragmentation")
    desktop.picture(PICTURES / f"{page}.png")


def test_first_data_comes_soon(desktop: Desktop, simulation: Server) -> None:
    """docs/dashboard.md has the time on an idle machine; this one may be busy."""
    wait_until(simulation.socket.exists, "the daemon is up")
    desktop.environment["QT_LOGGING_RULES"] = "zpack.start.info=true"
    begin = time.monotonic()
    desktop.run([PROGRAM, f"--socket={simulation.socket}"])
    wait_until(lambda: "the first data is shown" in desktop.log, "the first data is shown")
    took = time.monotonic() - begin
    print(f"first data after {took:.2f} s")
    assert took < 10


def test_dark_colours_stay_after_a_restart(desktop: Desktop, simulation: Server) -> None:
    program = open_dashboard(desktop, f"--socket={simulation.socket}", "--page=overview")
    bright = desktop.brightness()
    desktop.keys("alt+v", "k")
    wait_until(lambda: desktop.brightness() < bright / 2, "the window is dark")
    desktop.keys("ctrl+q")
    assert program.wait(timeout=30) == 0
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=overview")
    wait_until(lambda: desktop.brightness() < bright / 2, "the window is dark again")
    desktop.picture(PICTURES / "dark.png")


def test_german_is_complete_and_shown(desktop: Desktop, simulation: Server) -> None:
    texts = (ROOT / "gui/translations/zpack-dashboard_de.ts").read_text()
    assert texts.count("<translation>") > 250 and "unfinished" not in texts
    desktop.environment.update(LC_ALL="de_DE.UTF-8", LANGUAGE="de")
    desktop.run([PROGRAM, f"--socket={simulation.socket}", "--page=overview"])
    desktop.text("Daten von ", " s alt")
    desktop.text("gehalten von", "gepackt auf der Platte")
    desktop.picture(PICTURES / "german.png")
