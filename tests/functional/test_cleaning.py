# SPDX-License-Identifier: GPL-2.0-only
"""Proves that sparse blocks are cleaned: room appears, no page is lost, little is moved."""

import errno
import random
from typing import Iterator

import pytest

from api import BlockState, Device, Mapping
from api.device import disk_stat
from api.plugin import BACKING
from api.waiting import wait_until
from vm import VM

MIB = 16
CELLS = MIB * 256
PAGES = CELLS * 2  # "sized:1900": two to a cell, and they fill it
KIND = "sized:1900"


@pytest.fixture
def disk(bare_zpack: Device) -> Iterator[Mapping]:
    """A backing device of 16 MiB for `bare_zpack`, which has 64 MiB."""
    with Mapping.linear(bare_zpack.vm, "small", BACKING, mib=MIB) as mapping:
        bare_zpack.backing_dev = mapping.path
        bare_zpack.disksize = 64 << 20
        bare_zpack.write("cleaning_rate", "max")
        yield mapping
        bare_zpack.discard_all()
        bare_zpack.reset()


def fill(zpack: Device, percent: int) -> int:
    """Have that much of the backing device full of live pages; returns how many."""
    pages = PAGES * percent // 100
    zpack.pages.fill(range(pages), KIND, io_pages=50)
    zpack.writeback()
    return pages


def kill(zpack: Device, pages: list[int]) -> None:
    """Let packed pages die: pages of zeroes take their place."""
    zpack.pages.fill(pages, "zero", io_pages=1)


def test_what_lives_in_sparse_blocks_moves_and_they_are_free(
    bare_zpack: Device, disk: Mapping
) -> None:
    zpack = bare_zpack
    pages = fill(zpack, 80)
    kill(zpack, [page for page in range(pages) if page % 4])
    before = zpack.stat()
    assert before.blocks_live == before.blocks_written > 190  # each has a quarter of its pages
    zpack.clean()
    stat = zpack.stat()
    # The last one or two blocks stay if they would only fill another one.
    assert stat.packed == -(-pages // 4)
    assert stat.packed - 2 * 8 <= stat.cleaning_pages <= stat.packed
    assert stat.cleaning_dead == 0
    assert before.blocks_live - 2 <= stat.blocks_cleaned <= before.blocks_live
    assert stat.blocks_live <= stat.cleaning_writes + 2 < before.blocks_live * 0.30
    assert (stat.live_bytes, stat.packed_object_bytes) == (
        before.live_bytes,
        before.packed_object_bytes,
    )
    assert stat.segments_freed > 0 and stat.segments_free > before.segments_free
    zpack.pages.check()
    zpack.clean()  # nothing is sparse any more
    assert zpack.stat().cleaning_writes <= stat.cleaning_writes + 1
    zpack.pages.check(io_pages=8)


@pytest.mark.slow
def test_incompressible_pages_and_every_block_size_are_cleaned(
    bare_zpack: Device, disk: Mapping
) -> None:
    zpack = bare_zpack
    first = 0
    for block_pages in (1, 2, 8, 64, 256):
        zpack.block_pages = block_pages
        zpack.pages.fill(range(first, first + 700), "mixed", io_pages=50)
        zpack.writeback()
        first += 700
    kill(zpack, [page for page in range(first) if page % 3])
    before = zpack.stat()
    zpack.block_pages = 16
    zpack.clean()
    stat = zpack.stat()
    assert stat.cleaning_damaged == stat.blocks_pinned == 0
    assert stat.packed == before.packed and stat.packed_raw == before.packed_raw
    sizes = {r.block_pages for r in zpack.layout() if r.state == BlockState.LIVE}
    assert 16 in sizes and 256 not in sizes and 64 not in sizes
    zpack.pages.check()


@pytest.mark.slow
def test_blocks_of_very_small_objects_are_cleaned(bare_zpack: Device, disk: Mapping) -> None:
    """Pages with a few words each: more than eighty objects lie in a cell, a sixth of them dead."""
    zpack = bare_zpack
    pages = range(16000)
    zpack.pages.fill(pages, "sized:4", io_pages=50)
    zpack.writeback()
    kill(zpack, [page for page in pages if page % 6 == 0])
    before = zpack.stat()
    assert before.packed / (16 * before.blocks_live) > 64
    zpack.clean()
    stat = zpack.stat()
    assert stat.packed == before.packed
    assert stat.blocks_live < 0.92 * before.blocks_live
    zpack.pages.check(io_pages=50)


def test_full_device_goes_on_when_pages_have_died_anywhere(
    bare_zpack: Device, disk: Mapping
) -> None:
    """No block is dead as a whole, so without cleaning there is no room."""
    zpack = bare_zpack
    zpack.cleaning = False
    zpack.pool_limit = 1 << 20
    failed = zpack.pages.write(range(PAGES + 2000), KIND)
    assert {failure.errno for failure in failed} == {errno.ENOSPC}
    full = PAGES + 2000 - len(failed)
    kill(zpack, [page for page in range(0, full, 2)])
    more = range(20000 // 2, 20000 // 2 + 2000)
    assert len(zpack.pages.write(more, KIND)) > 1000
    zpack.cleaning = True
    zpack.pages.fill(more, KIND)
    stat = zpack.stat()
    assert stat.blocks_cleaned > 50 and stat.cleaning_pages > 1000
    zpack.pages.check(io_pages=8)


def test_little_is_moved_when_pages_die_at_random(bare_zpack: Device, disk: Mapping) -> None:
    """At 80 % full, with 256 blocks."""
    zpack = bare_zpack
    zpack.pool_limit = 1 << 20
    choose = random.Random(1)
    pages = fill(zpack, 80)
    for seed in range(2, 8):
        zpack.pages.fill(choose.sample(range(pages), pages // 2), KIND, seed=seed)
    zpack.writeback()
    stat = zpack.stat()
    assert stat.store_pool_full == 0
    assert stat.cleaning_pages > 1000
    assert stat.write_amplification < 4.5
    assert stat.blocks_bad == stat.blocks_pinned == 0
    zpack.pages.check(io_pages=8)


@pytest.mark.slow
def test_new_block_size_on_a_nearly_full_device(bare_zpack: Device, disk: Mapping) -> None:
    """It goes on with holes of the old size, and with the new one when a segment is free."""
    zpack = bare_zpack
    zpack.pool_limit = 1 << 20
    zpack.block_pages = 4
    pages = fill(zpack, 85)
    kill(zpack, [page for page in range(pages) if page % 3])
    assert zpack.stat().segments_free == 0
    zpack.block_pages = 64
    zpack.pages.fill(range(10000, 13000), KIND)
    assert zpack.stat().store_pool_full == 0
    kill(zpack, [page for page in range(10000, 13000) if page % 3])
    zpack.clean()
    assert zpack.stat().segments_freed > 0
    zpack.pages.fill(range(13000, 14500), KIND)
    assert any(r.block_pages == 64 for r in zpack.layout() if r.state == BlockState.LIVE)
    assert zpack.stat().store_pool_full == 0
    zpack.pages.check(io_pages=8)


@pytest.mark.slow
def test_segment_that_is_given_up_gives_its_room_to_who_waits(
    bare_zpack: Device, disk: Mapping
) -> None:
    """Stores take the holes that what lives in the segment was to move to, while that is slow."""
    zpack = bare_zpack
    zpack.cleaning = False
    zpack.pool_limit = 1 << 20
    zpack.block_pages = 4
    zpack.pages.write(range(PAGES + 1000), KIND)
    of_segment = PAGES // 4
    zpack.pages.fill(range(of_segment * 85 // 100 // 8 * 8), "zero", io_pages=64)
    for number in range(1, 4):
        first = number * of_segment
        zpack.pages.fill(range(first, first + of_segment // 10 // 8 * 8), "zero", io_pages=64)
    assert zpack.stat().segments_free == 0
    zpack.write("cleaning_rate", "65536")
    zpack.block_pages = 16
    zpack.cleaning = True
    wait_until(lambda: zpack.stat().blocks_cleaned > 0, "a segment is being emptied")
    before = zpack.stat()
    zpack.pages.fill(range(PAGES + 1000, PAGES + 2800), KIND)
    assert zpack.stat().store_pool_full == before.store_pool_full
    zpack.pages.check(io_pages=8)


@pytest.mark.slow
def test_cleaning_is_at_most_as_fast_as_told(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    zpack.cleaning = False
    pages = fill(zpack, 60)
    kill(zpack, [page for page in range(pages) if page % 4])
    zpack.write("cleaning_rate", str(4 << 20))
    start = zpack.vm.uptime()
    zpack.clean(128)
    seconds = zpack.vm.uptime() - start
    stat = zpack.stat()
    assert stat.cleaning_reads == 128
    # Two blocks' bytes for each victim, and one burst of 4 MiB is free.
    assert seconds > (128 * 2 * 65536 - (4 << 20)) / (4 << 20) * 0.8
    zpack.pages.check(io_pages=8)


@pytest.mark.parametrize("mode", [pytest.param("on", marks=pytest.mark.slow), "batched"])
def test_free_segments_are_discarded(bare_zpack: Device, zpack_vm: VM, mode: str) -> None:
    zpack = bare_zpack
    zpack_vm.run(
        "modprobe null_blk nr_devices=0; "
        "mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config; "
        "cd /sys/kernel/config/nullb && mkdir nullb9 && cd nullb9 && echo 1 >memory_backed && "
        "echo 1 >discard && echo 32 >size && echo 4096 >blocksize && echo 1 >power"
    )
    zpack.write("discard", mode)
    zpack.backing_dev = "/dev/nullb9"
    zpack.disksize = 64 << 20
    zpack.pages.fill(range(12000), KIND, io_pages=50)
    zpack.writeback()
    assert zpack.stat().discard_ios == 0
    zpack.pages.discard(0, 10000)

    def discarded_as_the_disk_counts() -> bool:
        """They are read one after the other: equal only when no discard is under way."""
        counted = int(zpack_vm.read("/sys/block/nullb9/stat").split()[13]) * 512
        return counted == zpack.stat().discard_bytes >= 8 << 20

    wait_until(discarded_as_the_disk_counts, "free segments are discarded, and all are counted")
    stat = zpack.stat()
    assert stat.discard_bytes <= stat.segments_freed * (4 << 20)
    zpack.pages.check(range(10000, 12000), io_pages=8)
    zpack.pages.fill(range(20000 // 2, 16000), KIND, seed=2, io_pages=50)
    zpack.writeback()
    zpack.pages.check(range(10000, 16000), io_pages=8)
    zpack.write("discard", "off")
    zpack.discard_all()
    zpack.reset()
    zpack_vm.run(
        "cd /sys/kernel/config/nullb && echo 0 >nullb9/power && rmdir nullb9 && cd / && "
        "rmmod null_blk"
    )


def test_bytes_are_counted_as_the_disk_counts_them(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    pages = fill(zpack, 70)
    kill(zpack, [page for page in range(pages) if page % 2])
    before, disk_before = zpack.stat(), disk_stat(zpack.vm, BACKING)
    zpack.clean(60)
    change, done = zpack.stat() - before, disk_stat(zpack.vm, BACKING) - disk_before
    assert change.cleaning_reads == 60
    assert change.cleaning_read_bytes == done.read_bytes == 60 * 65536
    assert change.cleaning_write_bytes == done.write_bytes > 0
    assert change.block_bytes_written == change.read_ios == 0


@pytest.mark.slow
def test_cleaning_off_moves_nothing(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    zpack.cleaning = False
    assert not zpack.cleaning
    pages = fill(zpack, 97)
    kill(zpack, [page for page in range(pages) if page % 4 == 0])
    zpack.pages.fill(range(10000, 10200), KIND)
    with zpack.refuses(errno.ENOSPC, "writeback"):
        zpack.writeback()
        zpack.pages.fill(range(10200, 11200), KIND)
        zpack.writeback()
    assert zpack.stat().cleaning_reads == 0


def test_wrong_values_are_refused(bare_zpack: Device) -> None:
    zpack = bare_zpack
    with zpack.refuses(errno.EINVAL, "cleaning", "off, auto"):
        zpack.write("cleaning", "maybe")
    with zpack.refuses(errno.EINVAL, "discard", "batched"):
        zpack.write("discard", "1")
    with zpack.refuses(errno.EINVAL, "cleaning_rate", "65536"):
        zpack.write("cleaning_rate", "65535")
    with zpack.refuses(errno.EINVAL, "cleaning_reserve", "1...64"):
        zpack.cleaning_reserve = 0
    with zpack.refuses(errno.EINVAL, "cleaning_low", "cleaning_high"):
        zpack.cleaning_low = zpack.cleaning_high + 1
    with zpack.refuses(errno.EINVAL, "clean", "number of blocks"):
        zpack.write("clean", "0")
    with zpack.refuses(errno.ENODEV, "clean", "backing_dev"):
        zpack.clean()
