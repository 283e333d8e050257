# SPDX-License-Identifier: GPL-2.0-only
"""The example authority: its certificates are what zpackd wants, and can be replaced under it."""

import os
import subprocess
from pathlib import Path

import pytest

from api.daemon import BUILD
from api.local_daemon import LocalDaemon, compile_protos, free_port, server_certificate
from api.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy/tls/zpack-ca"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def protos(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The API's messages."""
    compile_protos(tmp_path_factory.mktemp("protos"))


def script(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in a directory."""
    return subprocess.run(
        [SCRIPT, "-d", directory, *arguments], check=False, capture_output=True, text=True
    )


class Keys:
    """An authority with a server, a viewer and an administrator."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self.run("init")
        self.run("server", "localhost", "127.0.0.1")
        self.run("client", "bob", "viewer")
        self.run("client", "eve", "admin")

    def run(self, *arguments: str) -> str:
        """Do something that works."""
        done = script(self.directory, *arguments)
        assert done.returncode == 0, done
        return done.stdout

    @property
    def config(self) -> str:
        """What zpackd reads."""
        return (
            f'[tls]\nlisten = "127.0.0.1:{self.port}"\n'
            f'certificate = "{self.directory}/localhost.pem"\n'
            f'key = "{self.directory}/localhost.key"\nclient_ca = "{self.directory}/ca.pem"\n'
        )

    def ctl(
        self, who: str, *arguments: str, ca: str = "ca.pem"
    ) -> subprocess.CompletedProcess[str]:
        """What zpackctl does with a certificate."""
        return subprocess.run(
            [
                *(BUILD / "zpackctl", f"--host=localhost:{self.port}"),
                *(f"--ca={self.directory}/{ca}", f"--cert={self.directory}/{who}.pem"),
                *(f"--key={self.directory}/{who}.key", *arguments),
            ],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "no_proxy": "*"},
        )


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """Some, newly made."""
    return Keys(tmp_path / "keys")


def wait_for_port(keys: Keys) -> None:
    """It opens a little after the sockets."""
    wait_until(lambda: keys.ctl("bob", "list").returncode == 0, "the port answers")


def test_roles_are_what_zpackd_reads(tmp_path: Path, keys: Keys) -> None:
    with LocalDaemon(tmp_path, keys.config):
        wait_for_port(keys)
        assert "zpack0" in keys.ctl("bob", "list").stdout
        refused = keys.ctl("bob", "tune", "zpack0", "block_pages=32")
        assert refused.returncode == 4, refused
        device = tmp_path / "root/sys/block/zpack0/zpack/block_pages"
        assert device.read_text() == "16\n"
        done = keys.ctl("eve", "tune", "zpack0", "block_pages=32")
        assert done.returncode == 0, done
        assert device.read_text().strip() == "32"


def test_a_server_is_no_client_and_a_client_no_server(tmp_path: Path, keys: Keys) -> None:
    with LocalDaemon(tmp_path, keys.config):
        wait_for_port(keys)
        assert keys.ctl("localhost", "list").returncode != 0
    # Whoever has a client's key can't pose as a machine.
    config = keys.config.replace("localhost.", "eve.")
    with LocalDaemon(tmp_path / "other", config) as daemon:
        daemon.client("read").close()
        assert keys.ctl("bob", "list").returncode == 3


def test_certificates_are_replaced_under_a_running_daemon(tmp_path: Path, keys: Keys) -> None:
    with LocalDaemon(tmp_path, keys.config):
        wait_for_port(keys)
        ca, bob = keys.directory / "ca.pem", keys.directory / "bob.pem"
        old = server_certificate(keys.port, ca, bob)
        assert old
        keys.run("server", "localhost", "127.0.0.1")
        wait_until(
            lambda: server_certificate(keys.port, ca, bob) not in (None, old),
            "the new certificate is shown",
        )


def test_a_new_authority_takes_over_without_a_gap(tmp_path: Path, keys: Keys) -> None:
    (keys.directory / "old.pem").write_bytes((keys.directory / "ca.pem").read_bytes())
    with LocalDaemon(tmp_path, keys.config):
        wait_for_port(keys)
        keys.run("new-authority")
        keys.run("client", "ann", "viewer")
        # The new authority's clients are let in, and so are the old one's.
        wait_until(lambda: keys.ctl("ann", "list").returncode == 0, "the new one counts")
        assert keys.ctl("bob", "list").returncode == 0
        keys.run("server", "localhost", "127.0.0.1")
        wait_until(
            lambda: keys.ctl("ann", "list", ca="old.pem").returncode == 3,
            "the server's certificate is the new authority's",
        )
        keys.run("drop-old")
        wait_until(lambda: keys.ctl("bob", "list").returncode == 3, "the old one counts no more")
        assert keys.ctl("ann", "list").returncode == 0


def test_keys_are_for_their_owner_only(keys: Keys) -> None:
    modes = {file.name: file.stat().st_mode & 0o777 for file in keys.directory.iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o600} == {
        name for name in modes if name.endswith(".key")
    }
    assert len(modes) == 8
    listed = keys.run("list")
    assert "URI:urn:zpack:role:viewer" in listed and "DNS:localhost" in listed


def test_mistakes_change_nothing(keys: Keys) -> None:
    before = {file.name: file.read_bytes() for file in keys.directory.iterdir()}
    for arguments, said in (
        (("init",), "has an authority"),
        (("client", "bob", "root"), "no role"),
        (("client", "../bob", "admin"), "no name"),
        (("client", "ca", "admin"), "no name"),
        (("server", "a,URI:urn:zpack:role:admin"), "neither"),
        (("server", "b", "::1,URI:urn:zpack:role:admin"), "neither"),
        (("bogus",), "usage"),
    ):
        done = script(keys.directory, *arguments)
        assert done.returncode != 0 and said in done.stderr, done
    assert {file.name: file.read_bytes() for file in keys.directory.iterdir()} == before


def test_without_an_authority_nothing_is_signed(tmp_path: Path) -> None:
    for command in (("client", "bob", "viewer"), ("server", "a"), ("new-authority",)):
        done = script(tmp_path, *command)
        assert done.returncode == 1 and "zpack-ca init" in done.stderr
    assert not list(tmp_path.iterdir())
