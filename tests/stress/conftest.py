# SPDX-License-Identifier: GPL-2.0-only
"""Guests with far less memory than the tests use, swapping to zpack.

    def test_something(swap, pressure):      # a device that is swapped on, the workload

After each test the device is taken apart, and nothing may be left of what it stored.
"""

from typing import Any, Callable, Generator, Iterator

import pytest

from api import Device, load_zpack
from api.module import is_loaded
from api.plugin import check_and_remove
from programs.pressure import Pressure
from vm import VM, Disk, VMError
from vm.plugin import FAILED, USAGE, Boot

MEMORY_MIB = 192  # of which a process can use about 90
BACKING = "/dev/disk-by-harness/backing"
SPARE = "/dev/disk-by-harness/spare"
DISKS = [Disk("backing", 512), Disk("spare", 128)]
DISKSIZE = 1 << 30
POOL_LIMIT = 8 << 20

AddDevice = Callable[[], Device]


@pytest.fixture
def stress_vm(boot: Boot) -> VM:
    """A shared guest with little memory."""
    vm = boot(memory_mib=MEMORY_MIB, disks=DISKS)
    # From 7.0 on the swap core allocates its tables atomically, and warns when so little memory
    # is free that it can't; it copes. Twice the usual reserve for these small guests keeps it quiet.
    vm.write("/proc/sys/vm/min_free_kbytes", "6000")
    prepare(vm)
    return vm


def prepare(vm: VM) -> None:
    """Load the module, if need be."""
    if not is_loaded(vm):
        load_zpack(vm, "num_devices=0")


@pytest.fixture
def add_device(stress_vm: VM, request: pytest.FixtureRequest) -> Iterator[AddDevice]:
    """Adds devices without size and backing device."""
    devices: list[Device] = []

    def add() -> Device:
        devices.append(Device.hot_add(stress_vm))
        return devices[-1]

    yield add
    if not request.node.stash.get(FAILED, False):
        for device in devices:
            take_apart(device)


def take_apart(device: Device) -> None:
    """Swap off and take the device away; nothing may be left of what it stored."""
    if not device.exists:
        return
    if device.swapping:
        device.swapoff()
        check_all_home(device)
    check_and_remove(device)


def check_all_home(device: Device) -> None:
    """After swapoff nothing is left but the page that mkswap has written."""
    device.wait_until_nothing_is_in_flight()
    stat = device.stat()
    assert stat.stored <= 1, stat
    assert stat.live_bytes <= 4096, stat
    assert stat.blocks_live + stat.blocks_writing <= 1, stat
    assert not stat.read_errors and not stat.checksum_errors, stat


def set_up(device: Device, **tunables: int | str) -> Device:
    """Give the device its tunables, a backing disk and a size, and swap to it."""
    settings: dict[str, int | str] = {"pool_limit": POOL_LIMIT, "backing_dev": BACKING}
    for name, value in {**settings, **tunables}.items():
        if name != "disksize":
            device.write(name, str(value))
    device.disksize = int(tunables.get("disksize", DISKSIZE))
    device.mkswap_on()
    return device


@pytest.fixture
def swap(add_device: AddDevice) -> Device:
    """A device of 1 GiB with a backing disk, swapped on."""
    return set_up(add_device())


@pytest.fixture
def pressure(stress_vm: VM) -> Pressure:
    """The workload, in the guest of `swap`."""
    return Pressure(stress_vm)


@pytest.hookimpl(hookwrapper=True, trylast=True)  # type: ignore[misc]
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, None]:
    """When a test fails, have the kernel log say which tasks are blocked, before it is reported."""
    report: pytest.TestReport = (yield).get_result()
    usage = item.stash.get(USAGE, None)
    if report.failed and usage:
        for guest in usage.marks:
            if not guest.crashed:
                try:
                    guest.write("/proc/sysrq-trigger", "w", timeout=2.0)
                    guest.write("/proc/sysrq-trigger", "l", timeout=2.0)
                except VMError:
                    pass  # it can't even do that
