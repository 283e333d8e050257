# SPDX-License-Identifier: GPL-2.0-only
"""A client on another machine (this one), of the daemon with the real module in a guest.

The guest has a network card that leads nowhere but to a port of this machine.
"""

import signal
import time
from pathlib import Path
from typing import Any, Iterator

import grpc
import pytest

from api import Device
from api.daemon import Daemon
from api.local_daemon import Authority, Client, compile_protos, free_port, tls_client
from api.module import is_loaded, load_zpack
from api.plugin import BACKING, DISKS, MEMORY_MIB, check_and_remove
from api.waiting import wait_until
from programs.pressure import Pressure
from vm import VM
from vm.plugin import FAILED, Boot

pytestmark = pytest.mark.slow

PORT = 9765
TLS = "/run/tls"
CONFIGURATION = f"""
[daemon]
tick_ms = 100

[tls]
listen = "0.0.0.0:{PORT}"
certificate = "{TLS}/server.pem"
key = "{TLS}/server.key"
client_ca = "{TLS}/authority.pem"

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
    def qemu(self) -> list[str]:
        """The guest's card."""
        user = f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{self.port}-10.0.2.15:{PORT}"
        return ["-netdev", user, "-device", "virtio-net,netdev=net,romfile="]

    def client(self, name: str, role: str) -> Client:
        """Somebody with that role."""
        certificate = self.authority.sign(name, f"URI:urn:zpack:role:{role}")
        return tls_client(self.port, self.authority.certificate, certificate)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Outside:
    """Keys and a port."""
    compile_protos(tmp_path_factory.mktemp("protos"))
    return Outside(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def daemon(outside: Outside, boot: Boot, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """Programs in a guest whose port leads here."""
    vm = boot(memory_mib=MEMORY_MIB, disks=DISKS, qemu=outside.qemu)
    if not is_loaded(vm):
        load_zpack(vm, "num_devices=0")
        vm.run("modprobe virtio_net")
        vm.run(["python3", "-c", NETWORK_UP])
        # The certificates are valid from now on.
        vm.run(f"date -s @{int(time.time()) + 60} && mkdir {TLS}")
        for name, content in (
            ("server.pem", outside.server),
            ("server.key", outside.server.with_suffix(".key")),
            ("authority.pem", outside.authority.certificate),
        ):
            vm.put(content, f"{TLS}/{name}")
    daemon = Daemon(vm)
    yield daemon
    daemon.stop()
    if not request.node.stash.get(FAILED, False):
        check_and_remove(Device(vm))
        vm.run("rm -rf /run/zpackd")


def call(client: Client, service: str, name: str, **fields: Any) -> Any:
    """Call when the daemon is there."""
    request = client.message(service, f"{name}Request")(**fields)
    return client.method(service, name)(request, timeout=60, wait_for_ready=True)


def tune(client: Client, **settings: int) -> Any:
    """Change settings of zpack0."""
    return call(
        client,
        "DeviceAdminService",
        "UpdateDevice",
        device={"name": "devices/zpack0", "settings": settings},
        update_mask={"paths": [f"settings.{name}" for name in settings]},
    )


def counters(vm: VM) -> int:
    """Stores and loads, which only grow."""
    stat = Device(vm).stat()
    return stat.stores + stat.loads


def test_client_outside_watches_tunes_and_sees_the_layout(daemon: Daemon, outside: Outside) -> None:
    vm = daemon.vm
    daemon.start(CONFIGURATION)
    viewer, admin = outside.client("viewer", "viewer"), outside.client("admin", "admin")
    (device,) = call(viewer, "DeviceService", "ListDevices").devices
    assert device.swap.enabled and device.backing_path
    with pytest.raises(grpc.RpcError) as raised:
        tune(viewer, block_pages=32)
    assert raised.value.code() == grpc.StatusCode.PERMISSION_DENIED
    tune(admin, block_pages=32)
    assert Device(vm).block_pages == 32
    assert "block_pages by tls:admin: 16 -> 32" in daemon.log
    watch = viewer.method("TelemetryService", "WatchStats", stream=True)
    readings = watch(viewer.message("TelemetryService", "WatchStatsRequest")(), timeout=120)
    load = Pressure(vm).start(workers=1, mib=48, evict=1, ops=0)
    load.wait_filled()
    for reading in readings:
        if reading.stats[0].slots.packed_pages > 1000:
            break
    readings.cancel()
    blocks = call(viewer, "LayoutService", "ListBlocks", device="devices/zpack0").blocks
    assert 32 * 4096 in {block.size_bytes for block in blocks}
    load.stop()


def test_daemon_that_is_killed_under_load_is_back_for_clients_and_swap_goes_on(
    daemon: Daemon, outside: Outside
) -> None:
    vm = daemon.vm
    daemon.start(CONFIGURATION)
    admin = outside.client("admin", "admin")
    tune(admin, block_pages=32)
    load = Pressure(vm).start(workers=2, mib=48, evict=1, ops=0, dirty=30, pageout=20)
    load.wait_filled()
    device = Device(vm)
    watch = admin.method("TelemetryService", "WatchStats", stream=True)
    readings = watch(admin.message("TelemetryService", "WatchStatsRequest")(), timeout=120)
    before = next(readings).stats[0]
    # It dies while it changes something and while a job of its runs.
    job = {"device": "devices/zpack0", "writeback": {}}
    call(admin, "JobAdminService", "CreateJob", job=job)
    daemon.stop(signal.SIGKILL)
    with pytest.raises(grpc.RpcError) as raised:
        for _ in readings:
            pass
    assert raised.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)
    # Nobody misses it but those who watch.
    dead = counters(vm)
    wait_until(lambda: counters(vm) > dead + 1000, "the swap goes on")
    daemon.start(CONFIGURATION)
    (found,) = call(admin, "DeviceService", "ListDevices").devices
    assert found.name == "devices/zpack0" and found.swap.enabled
    assert found.settings.block_pages == device.block_pages == 32
    assert "created" not in daemon.log
    after = call(admin, "TelemetryService", "GetStats", device="devices/zpack0").stats[0]
    assert after.slots.slots == before.slots.slots
    assert not call(admin, "JobService", "ListJobs").jobs
    # It is in charge again.
    tune(admin, block_pages=64)
    assert device.block_pages == 64
    made = call(admin, "JobAdminService", "CreateJob", job=job).job
    follow = admin.method("JobService", "WatchJob", stream=True)
    seen = list(follow(admin.message("JobService", "WatchJobRequest")(name=made.name), timeout=120))
    assert seen[-1].job.state == seen[-1].job.STATE_SUCCEEDED, seen[-1]
    load.stop()
