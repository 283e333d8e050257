# SPDX-License-Identifier: GPL-2.0-only
"""A client on another machine (this one), of the daemon with the real module in a guest."""

import signal
import time
from typing import Any

import grpc
import pytest

from api import Device
from api.daemon import Daemon
from api.local_daemon import Client
from api.outside import CONFIGURATION, Outside
from api.waiting import wait_until
from programs.pressure import Pressure
from vm import VM

pytestmark = pytest.mark.slow


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


def test_client_outside_watches_tunes_and_sees_the_layout(
    remote_daemon: Daemon, outside: Outside
) -> None:
    vm = remote_daemon.vm
    remote_daemon.start(CONFIGURATION)
    viewer, admin = outside.client("viewer", "viewer"), outside.client("admin", "admin")
    (device,) = call(viewer, "DeviceService", "ListDevices").devices
    assert device.swap.enabled and device.backing_path
    with pytest.raises(grpc.RpcError) as raised:
        tune(viewer, block_pages=32)
    assert raised.value.code() == grpc.StatusCode.PERMISSION_DENIED
    tune(admin, block_pages=32)
    assert Device(vm).block_pages == 32
    assert "block_pages by tls:admin: 16 -> 32" in remote_daemon.log
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
    remote_daemon: Daemon, outside: Outside
) -> None:
    vm = remote_daemon.vm
    remote_daemon.start(CONFIGURATION)
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
    remote_daemon.stop(signal.SIGKILL)
    with pytest.raises(grpc.RpcError) as raised:
        for _ in readings:
            pass
    assert raised.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)
    # Nobody misses it but those who watch.
    dead = counters(vm)
    wait_until(lambda: counters(vm) > dead + 1000, "the swap goes on")
    remote_daemon.start(CONFIGURATION)
    (found,) = call(admin, "DeviceService", "ListDevices").devices
    assert found.name == "devices/zpack0" and found.swap.enabled
    assert found.settings.block_pages == device.block_pages == 32
    assert "created" not in remote_daemon.log
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
