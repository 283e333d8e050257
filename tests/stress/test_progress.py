# SPDX-License-Identifier: GPL-2.0-only
"""A store that waits for room in the pool gets it, even if nothing else happens any more."""

import pytest

from api import Device
from stress.conftest import BACKING, AddDevice

pytestmark = pytest.mark.slow

PAGES = range(0, 20000)


def with_small_pool(device: Device, **tunables: int) -> Device:
    """A device of 128 MiB whose writeback starts only when the pool is quite full."""
    device.write("pool_limit", "4M")
    device.writeback_high = 100
    for name, value in tunables.items():
        device.write(name, str(value))
    device.backing_dev = BACKING
    device.disksize = 128 << 20
    return device


def test_every_entry_has_a_second_chance(add_device: AddDevice) -> None:
    """The one store that waits is the only one to wake writeback, and all entries were loaded."""
    device = with_small_pool(add_device(), shrinker=0)
    step = 64
    for first in PAGES[::step]:
        pages = range(first, first + step)
        device.pages.fill(pages, "random")
        device.pages.check(pages)
        if device.stat().writeback_pages:
            break
    stat = device.stat()
    assert stat.second_chances > 0 and stat.writeback_pages > 0 and stat.store_waits > 0
    device.pages.check()


def test_pool_of_hardly_any_pages(add_device: AddDevice) -> None:
    device = with_small_pool(add_device())
    device.block_pages = 1
    device.pool_limit = 0
    for kind in ("random", "text"):
        device.pages.fill(range(3000), kind)
        device.pages.check()
    assert device.stat().store_waits > 100


def test_request_is_answered_while_pages_come_as_fast_as_they_are_written(
    add_device: AddDevice,
) -> None:
    """zstd's slower levels make writeback slower than stores: the pool stays full."""
    device = with_small_pool(add_device())
    device.write("recompress_level", "12")
    device.write("recompress", "zstd")
    data = "/run/progress.data"
    device.vm.run(f"base64 /dev/urandom | head -c 2M >{data}")
    path = f"/dev/{device.name}"
    write = f"dd if={data} of={path} bs=64k oflag=direct,seek_bytes seek=$(($RANDOM % 60))M"
    load = device.vm.spawn(f"for i in 1 2 3 4; do while {write}; do :; done & done; wait")
    try:
        while device.stat().store_waits < 100:
            pass
        for _ in range(3):
            before = device.stat().writeback_pages
            device.writeback(10)
            assert 10 <= device.stat().writeback_pages - before < 4000
    finally:
        # Each loop ends after a write. One that is killed may still store when all is discarded.
        device.vm.run(f"rm {data}")
        load.wait(check=False, timeout=60)


def test_reset_while_writeback_is_asked_for(add_device: AddDevice) -> None:
    """Who waits for `writeback` is told when the device is reset."""
    device = with_small_pool(add_device())
    device.write("pool_limit", "max")
    for _ in range(5):
        device.pages.contents.clear()
        device.pages.fill(range(4000), "random", io_pages=16)
        asker = device.vm.spawn(f"while echo all >{device.attribute('writeback')}; do :; done")
        while not device.stat().writeback_pages:
            pass
        device.reset()
        assert "No such device" in asker.wait(check=False, timeout=10).stderr
        device.backing_dev = BACKING
        device.disksize = 128 << 20
        device.pages.contents.clear()


def test_remove_while_writeback_is_asked_for(add_device: AddDevice) -> None:
    device = with_small_pool(add_device())
    device.write("pool_limit", "max")
    device.pages.fill(range(4000), "random", io_pages=16)
    asker = device.vm.spawn(f"while echo all >{device.attribute('writeback')}; do :; done")
    while not device.stat().writeback_pages:
        pass
    try:
        device.remove()
    finally:
        asker.wait(check=False, timeout=10)
    assert not device.exists
