# SPDX-License-Identifier: GPL-2.0-only
"""pytest fixtures: zpack devices that are checked and taken away after each test.

    def test_something(zpack):               # 256 MiB, with a backing disk
    def test_other(bare_zpack):              # just added: no size, no backing device
    def test_two(add_zpack):                 # as many as wanted, each like bare_zpack
    def test_module(zpack_vm):               # the guest they live in

All share one guest; its disks are BACKING (768 MiB) and SPARE (64 MiB).
"""

from pathlib import Path
from typing import Callable, Iterator

import pytest

from api import daemon, dashboard
from api.device import Device
from api.module import is_loaded, load_zpack
from api.waiting import wait_until
from vm import VM, Disk
from vm.plugin import FAILED, Boot

BACKING = "/dev/disk-by-harness/backing"
SPARE = "/dev/disk-by-harness/spare"
MEMORY_MIB = 320
DISKS = [Disk("backing", 768), Disk("spare", 64)]
DISKSIZE = 256 << 20

AddDevice = Callable[[], Device]
TESTS = Path(__file__).resolve().parents[1]
OF_THE_AGENT = (
    *(TESTS / "agent", TESTS / "demo", TESTS / "deploy", TESTS / "gui"),
    TESTS / "packaging/test_files.py",
)
OF_THE_DASHBOARD = (TESTS / "gui",)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what a test needs of user space: not within a test, as that has a time limit."""
    for folders, build in ((OF_THE_AGENT, daemon.build), (OF_THE_DASHBOARD, dashboard.build)):
        if not session.config.option.collectonly and any(
            item.path.is_relative_to(folder) for item in session.items for folder in folders
        ):
            build()


def check_and_remove(device: Device) -> None:
    """Take a device away, checking that nothing is left of what it stored."""
    if not device.exists:
        return
    device.stat()
    if device.swapping:
        device.swapoff()
    if device.disksize:
        device.discard_all()
        device.wait_until_nothing_is_in_flight()
        device.wait_until_pool_is_empty()
        stat = device.stat()
        assert stat.stored == stat.ram_object_bytes == stat.packed_object_bytes == 0, stat
        assert stat.live_bytes == stat.blocks_live == stat.slot_table_bytes == 0, stat
        if not stat.blocks_bad:  # free ones that are being discarded on the disk come back
            wait_until(lambda: device.stat().segments_free == stat.segments, "all is free")
    device.reset()
    stat = device.stat()
    assert stat.stored == stat.stores == stat.slots == stat.segments == 0, stat
    device.remove()
    assert not device.exists


@pytest.fixture
def zpack_vm(boot: Boot) -> VM:
    """A shared guest that has the module and no device yet."""
    vm = boot(memory_mib=MEMORY_MIB, disks=DISKS)
    if not is_loaded(vm):
        load_zpack(vm, "num_devices=0")
    return vm


@pytest.fixture
def add_zpack(zpack_vm: VM, request: pytest.FixtureRequest) -> Iterator[AddDevice]:
    """Adds devices without size and backing device."""
    devices = []

    def add() -> Device:
        devices.append(Device.hot_add(zpack_vm))
        return devices[-1]

    yield add
    if request.node.stash.get(FAILED, False):
        return  # the guest is not used again
    for device in devices:
        check_and_remove(device)


@pytest.fixture
def bare_zpack(add_zpack: AddDevice) -> Device:
    """A device without size and backing device."""
    return add_zpack()


@pytest.fixture
def zpack(bare_zpack: Device) -> Device:
    """A device of 256 MiB with a backing disk of 768 MiB."""
    bare_zpack.backing_dev = BACKING
    bare_zpack.disksize = DISKSIZE
    return bare_zpack
