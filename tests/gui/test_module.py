# SPDX-License-Identifier: GPL-2.0-only
"""The dashboard on this machine, with the daemon and the real module in a guest."""

import pytest

from api import Device
from api.daemon import Daemon
from api.outside import CONFIGURATION, Outside
from api.waiting import wait_until
from gui.desktop import Desktop
from gui.window import PICTURES, open_dashboard, rows_of, set_value
from programs.pressure import Pressure

pytestmark = pytest.mark.slow


def test_real_device_is_watched_while_it_swaps_and_tuned(
    desktop: Desktop, remote_daemon: Daemon, outside: Outside
) -> None:
    remote_daemon.start(CONFIGURATION)
    device = Device(remote_daemon.vm)
    certificate = outside.certificate("admin", "admin")
    load = Pressure(remote_daemon.vm).start(workers=1, mib=48, evict=1, ops=0)
    load.wait_filled()
    program = open_dashboard(
        desktop,
        *("--host", f"127.0.0.1:{outside.port}", "--ca", outside.authority.certificate),
        *("--cert", certificate, "--key", certificate.with_suffix(".key")),
    )
    assert not [t for t in desktop.things() if "SIMULATION" in t.name]
    desktop.text("held of", "packed on disk")
    desktop.wait_for(
        lambda things: any("memory, some 0" in t.description for t in things)
        or any("memory, some" in t.description and "%" in t.description for t in things),
        "the guest's pressure",
    )
    desktop.picture(PICTURES / "module-overview.png")

    desktop.keys("ctrl+3")
    map_ = desktop.text("Map of the backing device")
    desktop.wait_for(lambda things: any("each cell is" in t.name for t in things), "a map")
    desktop.click((map_.place[0] + 3, map_.place[1] + 3))
    desktop.wait_for(
        lambda things: "live" in rows_of(things, "Blocks of the chosen cell"), "live blocks"
    )
    blocks = desktop.thing("table", "Blocks of the chosen cell")
    desktop.click(next(cell for cell in blocks.all() if cell.name == "live").middle)
    desktop.wait_for(
        lambda things: "LZ4" in rows_of(things, "Objects of the chosen block"), "its objects"
    )
    desktop.picture(PICTURES / "module-disk.png")

    desktop.keys("ctrl+4")
    desktop.wait_for(lambda things: rows_of(things, "Cgroups"), "cgroups")
    desktop.picture(PICTURES / "module-cgroups.png")

    desktop.keys("ctrl+5")
    set_value(desktop, "block_pages", "32")
    desktop.keys("alt+a")
    desktop.text("Changed: ")
    wait_until(lambda: device.block_pages == 32, "the module has the new block size")
    assert "block_pages by tls:admin: 16 -> 32" in remote_daemon.log
    load.stop()

    # The device that is shown goes, and the window stays.
    desktop.keys("ctrl+1")
    device.swapoff()
    device.remove()
    desktop.wait_for(lambda things: not any(t.name == "zpack0" for t in things), "it is gone")
    desktop.keys("ctrl+2")
    desktop.keys("ctrl+1")
    assert desktop.thing("table cell", f"127.0.0.1:{outside.port}")
    assert program.poll() is None
