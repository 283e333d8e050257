# SPDX-License-Identifier: GPL-2.0-only
"""pytest fixtures: this machine as a client of the daemon with the real module in a guest.

    def test_something(remote_daemon, outside):

The guest has a network card that leads nowhere but to a port of this machine.
"""

import subprocess
import time
from pathlib import Path
from typing import Iterator

import pytest

from api.daemon import BUILD, Daemon
from api.device import Device
from api.local_daemon import Authority, Client, compile_protos, free_port, tls_client
from api.module import is_loaded, load_zpack
from api.plugin import BACKING, DISKS, MEMORY_MIB, check_and_remove
from api.waiting import wait_until
from vm import VM
from vm.plugin import FAILED, Boot

PORT = 9765
TLS = "/run/tls"
UNREACHABLE = 3  # zpackctl's exit status
LISTEN = f"""
[tls]
listen = "0.0.0.0:{PORT}"
certificate = "{TLS}/server.pem"
key = "{TLS}/server.key"
client_ca = "{TLS}/authority.pem"
"""
# A zpackd that listens there, and swaps to a disk.
CONFIGURATION = f"""
[daemon]
tick_ms = 100

{LISTEN}

[device.main]
size = "200%"
backing = "{BACKING}"
force = true

[device.main.settings]
pool_limit_bytes = "8M"
"""
# SIOCSIFADDR, SIOCSIFNETMASK, SIOCSIFFLAGS: the guest's packages have no ip(8).
NETWORK_UP = """
import fcntl, os, socket, struct
card = next(name for name in os.listdir("/sys/class/net") if name != "lo").encode()
plug = socket.socket()
for request, address in ((0x8916, "10.0.2.15"), (0x891C, "255.255.255.0")):
    inet = struct.pack("H2x4s8x", socket.AF_INET, socket.inet_aton(address))
    fcntl.ioctl(plug, request, struct.pack("16s16s8x", card, inet))
fcntl.ioctl(plug, 0x8914, struct.pack("16sh22x", card, 0x41))
"""


class Outside:
    """What is on this machine: keys, and the port that leads to the daemon's."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.authority = Authority(directory, "authority")
        self.server = self.authority.sign("server", "IP:127.0.0.1")

    @property
    def card(self) -> list[str]:
        """QEMU's arguments for a guest's network card that leads nowhere but to the port."""
        user = f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-10.0.2.15:{PORT}"
        return ["-netdev", user, "-device", "virtio-net,netdev=net,romfile="]

    def connect(self, vm: VM) -> None:
        """Give a guest that has the card an address, and the daemon's keys in TLS."""
        vm.run("modprobe virtio_net")
        vm.run(["python3", "-c", NETWORK_UP])
        # The certificates are valid from now on.
        vm.run(f"date -s @{int(time.time()) + 60} && mkdir {TLS}")
        for name, content in (
            ("server.pem", self.server),
            ("server.key", self.server.with_suffix(".key")),
            ("authority.pem", self.authority.certificate),
        ):
            vm.put(content, f"{TLS}/{name}")

    def guest(self, boot: Boot) -> VM:
        """A guest with the module that is connected."""
        vm = boot(memory_mib=MEMORY_MIB, disks=DISKS, qemu=self.card)
        if not is_loaded(vm):
            load_zpack(vm, "num_devices=0")
            self.connect(vm)
        return vm

    def ctl(self, certificate: Path, *arguments: str) -> str:
        """What zpackctl says on this machine, of the guest's daemon."""
        keys = ("--ca", self.authority.certificate, "--cert", certificate)
        host = ("--host", f"127.0.0.1:{self.port}", *keys, "--key", certificate.with_suffix(".key"))
        command: list[str | Path] = [BUILD / "zpackctl", *host, *arguments]
        runs: list[subprocess.CompletedProcess[str]] = []

        def answered() -> bool:
            """It waits 10 s for a connection, which a slow guest may exceed."""
            runs.append(subprocess.run(command, check=False, capture_output=True, text=True))
            return runs[-1].returncode != UNREACHABLE

        wait_until(answered, "the guest's zpackd answers")
        assert runs[-1].returncode == 0, runs[-1]
        return runs[-1].stdout

    def certificate(self, name: str, role: str) -> Path:
        """Of somebody with that role; the key is beside it."""
        return self.authority.sign(name, f"URI:urn:zpack:role:{role}")

    def client(self, name: str, role: str) -> Client:
        """A connection of somebody with that role."""
        return tls_client(self.port, self.authority.certificate, self.certificate(name, role))


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """Keys and a port."""
    compile_protos(tmp_path_factory.mktemp("protos"))
    return Outside(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def remote_daemon(outside: Outside, boot: Boot, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """Programs in a guest whose port leads here; start() with CONFIGURATION."""
    daemon = Daemon(outside.guest(boot))
    yield daemon
    daemon.stop()
    if not request.node.stash.get(FAILED, False):
        check_and_remove(Device(daemon.vm))
        daemon.vm.run("rm -rf /run/zpackd")
