# SPDX-License-Identifier: GPL-2.0-only
"""Proves when pages leave RAM and which, and that it takes no more I/O than it should."""

import errno
import time

import pytest

from api import Device, Mapping
from api.device import disk_stat
from api.plugin import BACKING
from api.waiting import wait_until
from vm import VM


def no_merging(vm: VM) -> None:
    """Make the block layer count requests as they come."""
    vm.run(f"echo 2 >/sys/block/$(basename $(realpath {BACKING}))/queue/nomerges")


@pytest.mark.parametrize("block_pages", [1, 4, 16, 64])
def test_block_is_written_with_one_io(zpack: Device, block_pages: int) -> None:
    no_merging(zpack.vm)
    zpack.block_pages = block_pages
    zpack.pages.fill(range(1000), "sized:1200", io_pages=50)
    before = zpack.backing_stat()
    zpack.writeback()
    stat, disk = zpack.stat(), zpack.backing_stat() - before
    assert stat.packed == stat.writeback_pages == 1000
    assert stat.write_ios == stat.blocks_written == disk.write_ios
    assert stat.block_bytes_written == disk.write_bytes
    assert disk.write_ios <= -(-1000 // (3 * block_pages))  # three such objects to a cell
    assert disk.read_ios == 0


def test_reading_leaves_the_copy_on_disk_valid(zpack: Device) -> None:
    zpack.pages.fill(range(300), "mixed")
    zpack.writeback()
    before, layout = zpack.stat(), zpack.layout()
    for _ in range(3):
        zpack.pages.check()
    after = zpack.stat()
    assert (after.packed, after.ram, after.live_bytes) == (before.packed, 0, before.live_bytes)
    zpack.wait_until_pool_is_empty()
    assert [record.generation for record in zpack.layout()] == [r.generation for r in layout]


def test_writing_back_takes_the_oldest_pages_first(zpack: Device) -> None:
    zpack.pages.fill(range(1000), "sized:2500", io_pages=20)
    zpack.writeback(500)
    assert 500 <= zpack.stat().packed < 500 + 16 + 24  # the last block is full too
    before = zpack.stat()
    zpack.pages.check(range(450))
    zpack.pages.check(range(550, 1000))
    change = zpack.stat() - before
    assert change.loads_packed == 450
    assert change.loads_ram == 450


def test_page_that_was_read_has_a_second_chance(zpack: Device) -> None:
    zpack.pages.fill(range(600), "sized:2500", io_pages=20)
    zpack.pages.check(range(300))
    zpack.writeback(200)
    before = zpack.stat()
    zpack.pages.check(range(300))
    change = zpack.stat() - before
    assert (change.loads_ram, change.loads_packed) == (300, 0)
    assert zpack.stat().second_chances >= 300
    assert 200 <= zpack.stat().packed < 240


def test_second_chance_is_given_once_only(zpack: Device) -> None:
    zpack.pages.fill(range(600), "sized:2500", io_pages=20)
    zpack.pages.check()
    zpack.writeback()
    assert zpack.stat().packed == 600


def test_second_chance_can_be_switched_off(zpack: Device) -> None:
    zpack.second_chance = False
    zpack.pages.fill(range(600), "sized:2500", io_pages=20)
    zpack.pages.check(range(300))
    zpack.writeback(250)
    before = zpack.stat()
    zpack.pages.check(range(250))
    assert (zpack.stat() - before).loads_packed == 250
    assert before.second_chances == 0


def test_store_does_not_wait_for_ever_when_every_page_was_read(zpack: Device) -> None:
    """All have a second chance, and the pool is full."""
    zpack.pool_limit = 1 << 20
    zpack.writeback_high = 100
    page = 0
    while zpack.stat().pool_bytes < 1 << 20:
        zpack.pages.fill(range(page, page + 4), "random", io_pages=4)
        page += 4
    assert zpack.stat().packed == 0
    zpack.pages.check()
    for new in range(page, page + 100):
        zpack.pages.fill([new], "random")
    assert zpack.stat().packed > 0
    zpack.pages.check()


def test_old_pages_are_written_and_young_ones_are_not(zpack: Device) -> None:
    zpack.pages.fill(range(300), "text")
    wait_until(lambda: sum(n for age, n in zpack.ages() if age > 4) == 300, "pages are 4 s old")
    started = time.monotonic()
    zpack.pages.fill(range(1000, 1200), "text")
    zpack.min_age_ms = 4000
    wait_until(lambda: zpack.stat().packed >= 300, "old pages are written")
    stat = zpack.stat()
    if time.monotonic() - started < 1.8:  # else the young ones may be half as old
        assert (stat.packed, stat.ram) == (300, 200)
    wait_until(lambda: zpack.stat().ram == 0, "all pages are written, none was stored since")
    zpack.pages.check()


def test_age_is_no_reason_by_default(zpack: Device) -> None:
    assert zpack.min_age_ms == 0
    zpack.pages.fill(range(100), "text")
    wait_until(lambda: sum(n for age, n in zpack.ages() if age > 1) == 100, "pages are 1 s old")
    assert zpack.stat().packed == 0


def test_pool_stays_within_its_limit(zpack: Device) -> None:
    limit = 4 << 20
    zpack.pool_limit = limit
    for first in range(0, 12000, 3000):
        zpack.pages.fill(range(first, first + 3000), "sized:1800", io_pages=50)
        stat = zpack.stat()
        assert stat.pool_bytes <= limit + (256 << 10)  # a zspage for each CPU and size
        assert stat.packed > 0
    assert stat.stored == 12000
    # It stops between the watermarks, not before: what fits in RAM stays there.
    wait_until(lambda: zpack.stat().pool_bytes < limit * 0.91, "writeback has done its part")
    assert zpack.stat().ram_object_bytes > limit * 0.5
    zpack.pages.check(io_pages=50)


def test_smaller_limit_takes_effect_at_once(zpack: Device) -> None:
    zpack.pages.fill(range(3000), "sized:2500", io_pages=50)
    assert zpack.stat().packed == 0
    zpack.pool_limit = 2 << 20
    wait_until(lambda: zpack.stat().pool_bytes < 2 << 20, "the pool has shrunk")
    assert zpack.stat().packed > 1500
    zpack.pages.check(io_pages=50)


def test_kernel_in_need_of_memory_has_pages_written(zpack: Device) -> None:
    """drop_caches calls all shrinkers, like reclaim."""
    zpack.pool_limit = None
    zpack.pages.fill(range(4000), "sized:3000", io_pages=50)
    zpack.shrinker = False
    zpack.vm.write("/proc/sys/vm/drop_caches", "2")
    assert (zpack.stat().shrinker_pages, zpack.stat().packed) == (0, 0)
    zpack.shrinker = True
    zpack.vm.write("/proc/sys/vm/drop_caches", "2")
    assert zpack.stat().shrinker_pages > 0
    wait_until(lambda: zpack.stat().packed > 0, "something is written")
    zpack.pages.check(io_pages=50)


# ---- no room ----


def test_without_backing_device_pages_stay_in_ram(bare_zpack: Device) -> None:
    zpack = bare_zpack
    zpack.disksize = 64 << 20
    zpack.pages.fill(range(2000), "mixed")
    zpack.vm.write("/proc/sys/vm/drop_caches", "2")
    stat = zpack.stat()
    assert (stat.writeback_possible, stat.packed, stat.shrinker_pages) == (0, 0, 0)
    zpack.pages.check()


def test_full_pool_without_backing_device_refuses_new_pages_only(bare_zpack: Device) -> None:
    zpack = bare_zpack
    zpack.disksize = 64 << 20
    zpack.pool_limit = 1 << 20
    failed = zpack.pages.write(range(1000), "random")
    assert {failure.errno for failure in failed} == {errno.ENOSPC}
    stored = zpack.stat()
    assert 200 <= stored.stored <= 264
    assert stored.store_pool_full == len(failed) == 1000 - stored.stored
    zpack.pages.check()
    zpack.pages.fill(range(2000, 2010), "zero")  # takes no room
    # A page that could not be overwritten keeps what it had.
    assert len(zpack.pages.write(range(10), "random", seed=2)) == 10
    zpack.pages.check()
    zpack.pages.discard(0, 1000)
    zpack.pages.fill(range(200), "random", seed=3)
    zpack.pages.check()


def test_limit_of_nothing(bare_zpack: Device) -> None:
    zpack = bare_zpack
    zpack.disksize = 1 << 20
    zpack.pool_limit = 0
    assert len(zpack.pages.write(range(10), "text")) == 10
    zpack.pages.fill(range(20, 30), "zero")
    zpack.backing_dev = BACKING
    zpack.pages.fill(range(200), "random")  # what writeback needs to work at all
    assert zpack.stat().pool_bytes <= 4 * 16 * 4096 + (64 << 10)
    zpack.pages.check()


def test_full_backing_device_stops_writeback_and_loses_nothing(bare_zpack: Device) -> None:
    zpack = bare_zpack
    with Mapping.linear(zpack.vm, "small", BACKING, mib=16) as small:
        zpack.backing_dev = small.path
        zpack.disksize = 64 << 20
        zpack.pages.fill(range(6000), "random", io_pages=50)
        with zpack.refuses(errno.ENOSPC, "writeback", "no free block"):
            zpack.writeback()
        stat = zpack.stat()
        assert (stat.backing_full, stat.writeback_possible, stat.segments_free) == (1, 0, 0)
        assert stat.backing_full_events == 1
        # A cell of each block is for its header, and two blocks are for cleaning.
        assert stat.packed == 254 * 15
        assert stat.cleaning_reads == 0  # there is nothing to clean
        assert "no free block" in zpack.vm.dmesg()
        zpack.pages.check(io_pages=50)

        zpack.pages.discard(0, 2000)
        stat = zpack.stat()
        assert (stat.backing_full, stat.writeback_possible) == (0, 1)
        zpack.writeback(1500)
        assert zpack.stat().packed >= 254 * 15 - 2000 + 1500
        zpack.pages.check(io_pages=50)
        zpack.discard_all()
        zpack.reset()


def test_writer_is_told_when_pool_and_backing_device_are_full(bare_zpack: Device) -> None:
    zpack = bare_zpack
    with Mapping.linear(zpack.vm, "small", BACKING, mib=16) as small:
        zpack.backing_dev = small.path
        zpack.disksize = 64 << 20
        zpack.pool_limit = 1 << 20
        failed = zpack.pages.write(range(5000), "random")
        assert {failure.errno for failure in failed} == {errno.ENOSPC}
        stat = zpack.stat()
        assert 254 * 15 + 200 <= stat.stored <= 254 * 15 + 264
        assert stat.stored + len(failed) == 5000
        zpack.pages.check(io_pages=1)
        zpack.pages.discard(0, 1000)
        zpack.pages.fill(range(8000, 8800), "random")
        zpack.pages.check()
        zpack.discard_all()
        zpack.reset()


def test_backing_disk_is_left_alone_where_it_is_not_zpacks(bare_zpack: Device) -> None:
    """A device of its own in the middle of a disk: not a byte around it changes."""
    zpack = bare_zpack
    zpack.vm.run(f"dd if=/dev/urandom of={BACKING} bs=1M count=48 oflag=direct status=none")
    around = (
        f"(dd if={BACKING} bs=1M count=16 iflag=direct; "
        f"dd if={BACKING} bs=1M skip=32 count=16 iflag=direct) 2>/dev/null | sha256sum"
    )
    before = zpack.vm.run(around).stdout
    with Mapping.linear(zpack.vm, "middle", BACKING, mib=16, offset_mib=16) as middle:
        zpack.backing_dev = middle.path
        zpack.disksize = 64 << 20
        zpack.block_pages = 256
        zpack.pages.fill(range(5000), "sized:3900", io_pages=50)
        writes = disk_stat(zpack.vm, BACKING)
        with zpack.refuses(errno.ENOSPC):
            zpack.writeback()
        assert (disk_stat(zpack.vm, BACKING) - writes).write_bytes > 13 << 20
        zpack.pages.check(io_pages=50)
        zpack.discard_all()
        zpack.reset()
    assert zpack.vm.run(around).stdout == before


@pytest.mark.slow
def test_stores_that_compete_for_room_in_the_pool_all_get_it(bare_zpack: Device) -> None:
    """As long as the backing device has room: who was overtaken waits again, and is woken."""
    zpack = bare_zpack
    with Mapping.delayed(zpack.vm, "slow", BACKING, 256, read_ms=0, write_ms=10) as slow:
        zpack.backing_dev = slow.path
        zpack.disksize = 64 << 20
        zpack.pool_limit = 2 << 20
        zpack.vm.run(
            f"fio --filename={zpack.path} --direct=1 --ioengine=libaio --iodepth=8 --numjobs=2 "
            f"--size=20M --offset_increment=20M --bsrange=4k-256k --bs_unaligned=0 "
            f"--blockalign=4k --name=fill --rw=randwrite --verify=crc32c --verify_backlog=64 "
            f"--loops=8 --buffer_compress_percentage=60 --refill_buffers --randrepeat=1 --minimal",
            timeout=100,
        )
        stat = zpack.stat()
        assert stat.store_waits > 50
        assert stat.store_pool_full == 0
        zpack.discard_all()
        zpack.reset()
