# SPDX-License-Identifier: GPL-2.0-only
"""Proves that a system which swaps to zpack may sleep, and where its image may be."""

import contextlib
from typing import Iterator

import pytest

from api import Device, Mapping, load_zpack
from api.mapping import MIB, UNTIL_LOADED_MS, linear
from api.module import is_loaded
from api.waiting import wait_until
from programs.pressure import Load, Pressure
from vm import VM, Disk, Result
from vm.plugin import FAILED, Boot

DISK = "/dev/disk-by-harness/"
# The driver of the port that the harness talks through forgets that the host is connected.
SLEEP = (
    "echo {state} >/sys/power/state; result=$?; cd /sys/bus/virtio/drivers/virtio_console; "
    "for device in virtio*; do echo $device >unbind; echo $device >bind; done; exit $result"
)
HIBERNATE = SLEEP.format(state="disk")
# An alarm that comes before the machine is down would be missed.
ALARM = "modprobe rtc_cmos && echo +{seconds} >/sys/class/rtc/rtc0/wakealarm && "
SUSPEND = ALARM.format(seconds=25) + SLEEP.format(state="mem")
PF_NOFREEZE = 0x8000  # of a task: it goes on while the system sleeps
SECONDS = 45.0  # that sleeping takes at most, and longer without KVM


@pytest.fixture
def swap(boot: Boot, request: pytest.FixtureRequest) -> Iterator[Device]:
    """A swap device with a backing disk, in a guest of these tests."""
    # One CPU: taking others down is not of interest here, and under emulation not always without
    # a warning of the scheduler.
    vm = boot(memory_mib=256, cpus=1, disks=[Disk("backing", 256), Disk("plain", 256)])
    if vm.run("test -e /sys/power/state", check=False).returncode:
        pytest.skip(f"kernel {vm.kernel.name} can't sleep")
    if not is_loaded(vm):
        load_zpack(vm, "num_devices=0")
    device = Device.hot_add(vm)
    device.backing_dev = f"{DISK}backing"
    device.disksize = 256 << 20
    device.pool_limit = 8 << 20
    device.mkswap_on("-p", "10")
    yield device
    if not request.node.stash.get(FAILED, False):
        device.swapoff()
        stat = device.stat()
        assert stat.stored <= 1 and not stat.read_errors and not stat.checksum_errors, stat
        device.remove()


def start_load(vm: VM) -> Load:
    """Some memory that is paged out and in all the time."""
    load = Pressure(vm).start(workers=2, mib=40, ops=0, evict=1, pageout=15, dirty=50)
    load.wait_filled(60)
    return load


def thread_flags(vm: VM) -> dict[str, int]:
    """The PF_ flags of the threads that write to the backing device."""
    stats = vm.run("cat $(grep -lE '^zpack_(wb|clean)/' /proc/[0-9]*/comm | sed s/comm/stat/)")
    fields = [line.split() for line in stats.stdout.splitlines()]
    return {field[1].strip("()"): int(field[8]) for field in fields}


def wait_for_writeback(device: Device, blocks: int) -> None:
    """Return when so many more blocks have been written."""
    before = device.stat().blocks_written
    while device.stat().blocks_written < before + blocks:
        device.writeback(200)


@contextlib.contextmanager
def asked_for_writeback(device: Device) -> Iterator[None]:
    """Somebody waits for writeback or cleaning all the time, and must not be woken for nothing."""
    writeback, clean = device.attribute("writeback"), device.attribute("clean")
    asker = device.vm.spawn(f"while echo all >{writeback} && echo all >{clean}; do :; done")
    yield
    assert asker.running, asker.stderr
    asker.kill()
    asker.wait(check=False)


def sleep_at_work(device: Device, command: str, check: bool = True) -> tuple[Result, str]:
    """Run `command`, which sleeps, while pages come and go and are written back, also afterwards.

    Returns its result, and the kernel's log of it.
    """
    vm = device.vm
    load = start_load(vm)
    wait_for_writeback(device, 10)
    with asked_for_writeback(device):
        mark = vm.mark()
        result = vm.run(command, timeout=SECONDS, check=check)
        log = vm.dmesg(mark)
        wait_for_writeback(device, 10)
    load.stop(60)
    stat = device.stat()
    assert stat.writeback_possible and not stat.write_errors, stat
    return result, log


def test_system_freezes_and_goes_on_while_pages_are_written_back(swap: Device) -> None:
    """And no hibernation image is written to zpack, where it would be lost with the power.

    Programs freeze, then kernel threads, then all devices; memory is copied; all goes on again; then
    the image has no place, and the attempt is over.
    """
    failed, log = sleep_at_work(swap, HIBERNATE, check=False)
    assert failed.returncode != 0
    assert "Freezing remaining freezable tasks completed" in log, log
    assert f"{swap.name}: no place for a hibernation image" in log, log
    flags = thread_flags(swap.vm)
    assert sorted(flags) == ["zpack_clean/0", "zpack_wb/0"]
    assert not any(flag & PF_NOFREEZE for flag in flags.values()), flags


def test_system_freezes_while_cleaning_waits_for_its_disk(swap: Device) -> None:
    """What the disk needs may be frozen before cleaning is, and then its I/O ends when all goes on."""
    vm = swap.vm
    sectors = 64 * MIB
    with Mapping.linear(vm, "slow", f"{DISK}plain", mib=64) as disk:
        zpack = Device.hot_add(vm)
        zpack.backing_dev = disk.path
        zpack.disksize = 64 << 20
        zpack.pages.fill(range(2000), "text", io_pages=50)
        zpack.writeback()
        for page in range(0, 2000, 100):
            zpack.pages.discard(page, 80)
        vm.run("modprobe dm-delay")
        disk.load([f"{sectors} delay {DISK}plain 0 {UNTIL_LOADED_MS} {DISK}plain 0 0"])
        cleaner = vm.spawn(f"echo 10 >{zpack.attribute('clean')}")
        status = f"dmsetup status {disk.name}"  # ends in the reads, writes, flushes that wait
        wait_until(lambda: vm.run(status).stdout.split()[3] == "1", "a victim is read")
        mark = vm.mark()
        vm.run(HIBERNATE, timeout=SECONDS, check=False)
        log = vm.dmesg(mark)
        assert "Freezing remaining freezable tasks completed" in log, log
        assert cleaner.running
        disk.load([linear(sectors, f"{DISK}plain")])
        cleaner.wait(timeout=SECONDS)
        assert zpack.stat().blocks_cleaned > 0
        zpack.pages.check()
        zpack.remove()


@pytest.mark.slow
def test_system_suspends_to_ram_and_goes_on(swap: Device) -> None:
    """All the way to ACPI's S3; the clock's alarm wakes it up."""
    _, log = sleep_at_work(swap, SUSPEND)
    assert "PM: suspend exit" in log and "Waking up from system sleep state S3" in log, log


@pytest.mark.slow
def test_hibernation_to_a_disk_restores_what_zpack_has(swap: Device) -> None:
    """The image is written, and then restored over the system that wrote it (test_resume)."""
    vm = swap.vm
    if vm.kernel.name == "6.1":
        pytest.skip("kernel 6.1 can't test to resume from a swap device in use: Image not found")
    disk = f"{DISK}plain"
    number = vm.run(f"cat /sys/block/$(basename $(realpath {disk}))/dev").stdout.strip()
    vm.run(f"mkswap {disk} && swapon -p 1 {disk}")
    vm.run(f"echo {number} >/sys/power/resume; echo test_resume >/sys/power/disk", check=False)
    _, log = sleep_at_work(swap, HIBERNATE)
    assert "PM: hibernation: hibernation exit" in log, log
    # The log is that of the image: of what came after its making it knows nothing.
    assert "Image saving" not in log, log
    vm.run(f"swapoff {disk}", timeout=SECONDS)
    image = vm.run(f"head -c 64M {disk} | tail -c +8193 | tr -d '\\0' | wc -c", timeout=SECONDS)
    assert int(image.stdout) > 4 << 20
