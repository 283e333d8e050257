# SPDX-License-Identifier: GPL-2.0-only
"""Everything that an administrator may do while processes swap."""

import errno
import random
import time

import pytest

from api import Device
from programs.pressure import Load, Pressure
from stress.conftest import SPARE, AddDevice, check_all_home, set_up
from vm import GuestTimeout

STALLED_SECONDS = 8.0


def wait_for_traffic(device: Device, load: Load, pages: int) -> None:
    """Return when the load has moved so many more pages; it must not have got stuck."""
    start = device.stat()
    deadline = time.monotonic() + STALLED_SECONDS * device.vm.scale
    while True:
        moved = device.stat() - start
        if moved.stores + moved.loads >= pages:
            return
        assert load.process.running, load.process.stdout
        if time.monotonic() > deadline:
            raise GuestTimeout(f"only {moved.stores} stores, {moved.loads} loads: {device.stat()}")


def test_swapoff_under_load(swap: Device, pressure: Pressure) -> None:
    load = pressure.start(workers=2, mib=30, ops=0, evict=1, squeeze=72, pageout=25, dontneed=1)
    load.wait_filled()
    for _ in range(3):
        wait_for_traffic(swap, load, 3000)
        swap.writeback(500)
        assert swap.stat().stored > 100
        swap.swapoff()
        check_all_home(swap)
        swap.swapon()
    wait_for_traffic(swap, load, 1000)
    load.stop()


# name, values; all of them at any moment
TUNABLES: dict[str, list[str]] = {
    "block_pages": ["1", "2", "8", "16", "64", "128", "256"],
    "pool_limit": ["0", "4096", "1M", "8M", "32M", "max"],
    "writeback_high": ["100", "90", "60"],
    "writeback_low": ["0", "30", "60"],
    "comp_algorithm": ["lz4", "lzo-rle", "zstd"],
    "min_age_ms": ["0", "1", "100", "1000"],
    "second_chance": ["0", "1"],
    "shrinker": ["0", "1"],
    "degraded": ["0"],
    "readahead": ["off", "always", "auto"],
    "clean_cache_limit": ["0", "4096", "16M", "128K", "1M", "max"],
}


@pytest.mark.slow
def test_every_tunable_under_load(swap: Device, pressure: Pressure) -> None:
    choose = random.Random(1)
    before = swap.stat()
    load = pressure.start(workers=2, mib=56, ops=0, pattern="zipf", pageout=2, dontneed=1)
    load.wait_filled()
    changes = [(name, value) for name, values in TUNABLES.items() for value in values]
    choose.shuffle(changes)
    for number, (name, value) in enumerate(changes):
        swap.write(name, value)
        if number % 8 == 7:
            swap.writeback("all" if number % 16 == 7 else 200)
        wait_for_traffic(swap, load, 150)
        if number % 10 == 0:
            swap.layout(), swap.classes(), swap.ages(), swap.object_sizes()
    with swap.refuses(errno.EBUSY, "reset"):
        swap.reset()
    load.stop(timeout=40)
    change = swap.stat() - before
    assert change.writeback_pages > 2000 and change.loads_packed > 2000


def test_block_size_changes_all_the_time(swap: Device, pressure: Pressure) -> None:
    """The old bounce blocks are given up while they are in flight."""
    swap.pool_limit = 1 << 20
    load = pressure.start(workers=2, mib=48, ops=0, dirty=80, pageout=10)
    for number in range(100):
        swap.block_pages = 1 << (number * 5 % 9)
        if number % 10 == 0:
            wait_for_traffic(swap, load, 100)
    wait_for_traffic(swap, load, 1000)
    load.stop(timeout=40)
    assert swap.stat().blocks_written > 100


@pytest.mark.slow
def test_discard(add_device: AddDevice, pressure: Pressure) -> None:
    """swapon -d: swap discards at swapon and each cluster that becomes free, besides freeing."""
    swap = set_up(add_device())
    swap.swapoff()
    swap.swapon("--discard")
    before = swap.stat()
    pressure.run(workers=2, mib=48, ops=3000, evict=1, squeeze=72, dontneed=8, pageout=10)
    change = swap.stat() - before
    assert change.loads_packed > 5000 and change.blocks_died > 50


@pytest.mark.slow
def test_two_devices(add_device: AddDevice, pressure: Pressure) -> None:
    devices = [add_device(), add_device()]
    for device, backing in zip(devices, ["/dev/disk-by-harness/backing", SPARE]):
        device.write("pool_limit", "4M")
        device.backing_dev = backing
        device.disksize = 128 << 20
        device.mkswap()
        device.swapon("-p", "5")  # equal: in turn
    pressure.run(workers=2, mib=56, ops=3000, evict=1, squeeze=72)
    for device in devices:
        stat = device.stat()
        assert stat.writeback_pages > 4000 and stat.loads_packed > 4000


@pytest.mark.slow
def test_writeback_asked_for_by_many(swap: Device, pressure: Pressure) -> None:
    """Several writers of `writeback`, killed ones among them, and a block size that changes."""
    vm = swap.vm
    swap.pool_limit = 24 << 20
    file = swap.attribute("writeback")
    load = pressure.start(workers=2, mib=48, ops=0, evict=1, squeeze=72, pageout=20)
    load.wait_filled()
    askers = [vm.spawn(f"for i in {{1..20}}; do echo {n} >{file}; done") for n in ("all", 50, 7)]
    killed = vm.spawn(f"while :; do echo all >{file}; done")
    wait_for_traffic(swap, load, 1000)
    killed.kill()
    killed.wait(check=False)
    for pages in (1, 64, 16):
        swap.block_pages = pages
    for asker in askers:
        asker.wait(timeout=40)
    load.stop()
