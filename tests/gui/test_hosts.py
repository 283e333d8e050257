# SPDX-License-Identifier: GPL-2.0-only
"""Several hosts: by socket, and by mTLS."""

from pathlib import Path
from typing import Iterator

import pytest

from api.dashboard import PROGRAM
from api.local_daemon import Authority, free_port
from gui.desktop import Desktop, Thing
from gui.server import Server
from gui.window import PICTURES, open_dashboard, set_value


class Remote:
    """A zpackd with a port, as another machine has it, and keys to it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self.authority = Authority(directory, "authority")
        server = self.authority.sign("server", "IP:127.0.0.1")
        config = directory / "zpackd.toml"
        config.write_text(
            f'[tls]\nlisten = "{self.name}"\ncertificate = "{server}"\n'
            f'key = "{server.with_suffix(".key")}"\nclient_ca = "{self.authority.certificate}"\n'
        )
        self.server = Server(directory, "--backend=sim", f"--config={config}")

    def certificate(self, role: str) -> Path:
        """Of somebody with that role; the key is beside it."""
        return self.authority.sign(role, f"URI:urn:zpack:role:{role}")


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[Remote]:
    """One that runs."""
    remote = Remote(tmp_path / "remote")
    remote.server.start()
    yield remote
    remote.server.kill()


def options(remote: Remote, role: str) -> list[str]:
    """What the program needs to connect."""
    certificate = remote.certificate(role)
    return [
        *("--host", remote.name, "--ca", str(remote.authority.certificate)),
        *("--cert", str(certificate), "--key", str(certificate.with_suffix(".key"))),
    ]


def test_host_of_the_dialogue_is_beside_the_first_and_there_again_after_a_restart(
    desktop: Desktop, simulation: Server, remote: Remote
) -> None:
    program = open_dashboard(desktop, f"--socket={simulation.socket}")
    desktop.keys("ctrl+n")
    desktop.click(desktop.thing("radio button", "Another machine").middle)
    desktop.fill("text", "Host", remote.name)
    certificate = remote.certificate("admin")
    desktop.fill("text", "Authority of the server", str(remote.authority.certificate))
    desktop.fill("text", "Your certificate", str(certificate))
    desktop.fill("text", "Your key", str(certificate.with_suffix(".key")))
    desktop.picture(PICTURES / "connect.png")
    desktop.keys("Return")
    found = desktop.thing("table cell", remote.name)
    assert desktop.thing("table cell", str(simulation.socket))
    desktop.wait_for(
        lambda things: len([t for t in things if t.name == "zpack0"]) == 2, "both hosts' devices"
    )
    desktop.click(found.middle)
    desktop.text("data of ", " s old")
    desktop.keys("ctrl+q")
    assert program.wait(timeout=30) == 0

    program = open_dashboard(desktop)
    desktop.thing("table cell", remote.name)
    desktop.keys("ctrl+q")
    assert program.wait(timeout=30) == 0

    # Looking at one host does not make it forget the others.
    program = open_dashboard(desktop, f"--socket={simulation.socket}")
    desktop.thing("table cell", "zpack0")
    desktop.keys("ctrl+q")
    assert program.wait(timeout=30) == 0
    open_dashboard(desktop)
    desktop.thing("table cell", remote.name)


def test_viewer_sees_everything_and_is_told_that_he_may_not_change_it(
    desktop: Desktop, remote: Remote
) -> None:
    open_dashboard(desktop, *options(remote, "viewer"), "--page=tuning")
    set_value(desktop, "block_pages", "64")
    desktop.text("This connection may only look")
    button = desktop.thing("push button", "Apply")
    assert "enabled" not in button.states
    assert remote.server.setting("block_pages") == 16


def test_settings_of_another_host_are_not_shown_for_one_that_is_lost(
    desktop: Desktop, simulation: Server, remote: Remote
) -> None:
    def limits(things: list[Thing]) -> list[Thing]:
        return [t for t in things if t.role == "table cell" and t.name == "32M"]

    connection = options(remote, "admin")
    open_dashboard(desktop, f"--socket={simulation.socket}", *connection, "--page=tuning")
    devices = desktop.wait_for(
        lambda things: len(found := [t for t in things if t.name == "zpack0"]) == 2 and found,
        "both hosts' devices",
    )
    name = desktop.thing("table cell", remote.name).middle[1]
    # It is the next one below the name of its host.
    lost = min(devices, key=lambda d: (d.middle[1] < name, d.middle[1]))
    (kept,) = [device for device in devices if device is not lost]
    desktop.click(lost.middle)
    desktop.wait_for(limits, "its settings")
    desktop.click(kept.middle)
    desktop.wait_for(limits, "those of the other one")
    remote.server.kill()
    desktop.click(lost.middle)
    desktop.text("No connection")
    desktop.wait_for(lambda things: not limits(things), "no settings of another one")


def test_wrong_key_is_named(desktop: Desktop, remote: Remote, tmp_path: Path) -> None:
    wrong = options(remote, "admin")
    wrong[-1] = str(tmp_path / "nothing.key")
    desktop.run([PROGRAM, *wrong])
    desktop.text("No connection", "nothing.key")
