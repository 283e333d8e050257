# SPDX-License-Identifier: GPL-2.0-only
"""The dashboard in a real window with a real zpackd, whose device is simulated."""

import re
import time
from pathlib import Path

import pytest

from api.dashboard import PROGRAM, ROOT
from api.waiting import wait_until
from gui.desktop import Desktop, Thing
from gui.server import Server
from gui.window import PICTURES, open_dashboard, rows_of, set_value


def everything_has_a_name(desktop: Desktop) -> None:
    """Of what is worked with: somebody hears it instead of seeing it."""
    worked_with = ("push button", "combo box", "radio button", "text", "table", "tree", "menu item")
    without = [t for t in desktop.things() if t.role in worked_with and not t.name]
    assert not without


def test_overview_shows_what_is_held_and_that_it_is_simulated(
    desktop: Desktop, simulation: Server
) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=overview")
    desktop.text("SIMULATION")
    desktop.text("held of", "packed on disk")
    chart = desktop.text("Pages held, before compression")
    assert "in RAM" in chart.description and "B" in chart.description
    everything_has_a_name(desktop)
    desktop.picture(PICTURES / "overview.png")


def test_connection_is_tried_again_ever_more_rarely_and_comes_back(
    desktop: Desktop, simulation: Server
) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=overview")
    simulation.stop()
    desktop.text("No connection")

    def waits_longer(things: list[Thing]) -> bool:
        """Than in the first pauses, of 1 s and 2 s; each is counted down."""
        counted = [re.search(r"It is tried again in (\d+) s", t.name) for t in things]
        return any(match and int(match[1]) >= 3 for match in counted)

    desktop.wait_for(waits_longer, "It is tried again in 3 s or more")
    simulation.start()
    wait_until(simulation.socket.exists, "the daemon is up")
    desktop.keys("F5")
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
    assert simulation.setting("block_pages") == 16
    desktop.keys("alt+a")
    desktop.text("Changed: block_pages 16 \u2192 64")
    assert simulation.setting("block_pages") == 64
    desktop.picture(PICTURES / "tuning.png")
    everything_has_a_name(desktop)
    desktop.keys("alt+r")
    desktop.text("As before the last change: block_pages 64 \u2192 16")
    desktop.keys("alt+a")
    desktop.text("Changed: block_pages 64 \u2192 16")
    assert simulation.setting("block_pages") == 16


def test_tuner_advises_and_its_advice_is_applied(desktop: Desktop, tmp_path: Path) -> None:
    """Blocks of one page are many writes: it says that they should be larger."""
    config = tmp_path / "zpackd.toml"
    config.write_text("[tuner]\ninterval_ms = 1000\n")
    server = Server(tmp_path, "--backend=sim", f"--config={config}")
    server.start()
    try:
        wait_until(server.socket.exists, "the daemon is up")
        server.ctl("tune", "zpack0", "block_pages=1", "cleaning=off")
        open_dashboard(desktop, f"--socket={server.socket}", "--page=tuning")
        desktop.keys("alt+t")
        desktop.type("adv")
        desktop.text("The tuner is told")
        desktop.wait_for(
            lambda things: "block_pages" in rows_of(things, "Decisions of the tuner"), "advice"
        )
        decisions = desktop.thing("table", "Decisions of the tuner")
        desktop.click(next(cell for cell in decisions.all() if cell.name == "block_pages").middle)
        desktop.keys("alt+u")
        desktop.text("The advice is a new value now: block_pages 1 \u2192 2")
        desktop.picture(PICTURES / "advice.png")
        assert server.setting("block_pages") == 1
        desktop.keys("alt+a")
        desktop.text("Changed: block_pages 1 \u2192 2")
        assert server.setting("block_pages") == 2
    finally:
        server.stop()


def test_blocks_are_seen_being_written(desktop: Desktop, simulation: Server) -> None:
    """The simulation writes all the time; what was just written is said of a cell too."""
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=disk")
    desktop.wait_for(lambda things: any("each cell is" in t.name for t in things), "a map")
    wait_until(lambda: desktop.share((0xCC, 0x33, 0xFF)) > 0.0005, "cells that were just written")
    desktop.picture(PICTURES / "written.png")


def test_chosen_part_of_the_disk_is_listed(desktop: Desktop, simulation: Server) -> None:
    open_dashboard(desktop, f"--socket={simulation.socket}", "--page=disk")
    map_ = desktop.text("Map of the backing device")
    desktop.wait_for(lambda things: any("each cell is" in t.name for t in things), "a map")
    x, y, _, _ = map_.place
    desktop.click((x + 3, y + 3))
    desktop.text("from 0 B on; ", " % live; ")  # where the mouse is
    desktop.click((x + 3, y + 3))  # the blocks are those of the moment, and it was free at first
    desktop.wait_for(
        lambda things: "live" in rows_of(things, "Blocks of the chosen cell"), "live blocks"
    )
    blocks = desktop.thing("table", "Blocks of the chosen cell")
    desktop.click(next(cell for cell in blocks.all() if cell.name == "live").middle)
    desktop.wait_for(
        lambda things: "LZ4" in rows_of(things, "Objects of the chosen block"), "its objects"
    )
    everything_has_a_name(desktop)
    desktop.picture(PICTURES / "disk.png")


@pytest.mark.parametrize("page", ["pool", "events"])
def test_view_has_data(desktop: Desktop, simulation: Server, page: str) -> None:
    tables = {"pool": "Size classes", "events": "Findings"}
    open_dashboard(desktop, f"--socket={simulation.socket}", f"--page={page}")
    desktop.wait_for(lambda things: rows_of(things, tables[page]), "rows")
    if page == "pool":
        desktop.text("fragmentation")
    desktop.picture(PICTURES / f"{page}.png")


def test_machine_without_a_device_is_told_what_to_do(desktop: Desktop, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    server = Server(tmp_path, f"--root={tmp_path}/root", f"--state-dir={tmp_path}/state")
    server.start()
    try:
        open_dashboard(desktop, f"--socket={server.socket}", "--page=events")
        desktop.text("No device there", "zpackctl create")
        desktop.wait_for(lambda things: rows_of(things, "Findings"), "what the doctor finds")
        desktop.picture(PICTURES / "no-device.png")
    finally:
        server.stop()


def test_first_data_is_there_within_a_second(desktop: Desktop, simulation: Server) -> None:
    """Once of a few times: the machine may be busy with something else."""
    wait_until(simulation.socket.exists, "the daemon is up")
    desktop.environment["QT_LOGGING_RULES"] = "zpack.start.info=true"
    took: list[float] = []
    while not took or (min(took) >= 1 and len(took) < 5):
        shown = desktop.log.count("the first data is shown") if took else 0
        begin = time.monotonic()
        program = desktop.run([PROGRAM, f"--socket={simulation.socket}"])
        wait_until(
            lambda: desktop.log.count("the first data is shown") > shown,
            "the first data is shown",
        )
        took.append(time.monotonic() - begin)
        program.terminate()
        program.wait(timeout=30)
    print(f"first data after {min(took):.2f} s")
    assert min(took) < 1, took


@pytest.mark.parametrize("language", ["C.UTF-8", "de_DE.UTF-8"])
def test_window_fits_a_small_screen(desktop: Desktop, simulation: Server, language: str) -> None:
    """1024 x 700, in the language with the longer words too: no view makes it larger."""
    desktop.environment.update(LC_ALL=language, LANGUAGE=language[:2])
    desktop.run([PROGRAM, f"--socket={simulation.socket}", "-qwindowgeometry", "1024x700+0+0"])
    desktop.text(" s al" if language[0] == "d" else " s old")
    desktop.focus("zpack")
    for view in range(2, 7):
        desktop.keys(f"ctrl+{view}")
    desktop.wait_for(
        lambda things: any(t.role == "table cell" and "zpack0" in t.name for t in things),
        "what the doctor finds",
    )
    (window,) = [t for t in desktop.things() if t.role in ("frame", "window")]
    width, height = window.place[2:]
    assert width <= 1024 and height <= 700


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
