# SPDX-License-Identifier: GPL-2.0-only
"""Proves what loads of packed pages cost: one I/O at most, and fewer where neighbours are wanted."""

import errno

import pytest

from api import Device, Failure, Mapping
from api.mapping import MIB, UNTIL_LOADED_MS, linear
from api.media import cell_of, objects_of, read_cell, write_cell
from api.plugin import BACKING
from api.stat import Stat
from api.waiting import wait_until
from vm import VM

CELL = 4096
BLOCK = 16 * CELL


def no_merging(vm: VM, disk: str = BACKING) -> None:
    """Make the block layer count requests as they come."""
    vm.run(f"echo 2 >/sys/block/$(basename $(realpath {disk}))/queue/nomerges")


def pack(zpack: Device, pages: int = 1000, kind: str = "sized:1500") -> None:
    """Pages in slot order on the backing device, nothing of them in RAM."""
    zpack.pages.fill(range(pages), kind, io_pages=20)
    zpack.writeback()


def read_all(zpack: Device, *, shuffle: int = 0, io_pages: int = 1) -> Stat:
    """Read all pages; what that has changed. The disk must have seen the same I/Os."""
    before, disk_before = zpack.stat(), zpack.backing_stat()
    zpack.pages.check(shuffle=shuffle, io_pages=io_pages)
    change = zpack.stat() - before

    def counted() -> bool:
        """An I/O counts for the disk when it has ended; one that reads ahead may go on."""
        return (zpack.backing_stat() - disk_before).read_ios >= change.read_ios

    wait_until(counted, "the disk has counted all reads")
    disk = zpack.backing_stat() - disk_before
    assert (disk.read_ios, disk.read_bytes) == (change.read_ios, change.read_bytes)
    assert disk.write_ios == 0
    return change


# ---- how much is read ----


def test_random_page_is_read_with_one_io_of_4_kib(zpack: Device) -> None:
    no_merging(zpack.vm)
    zpack.pages.fill(range(800), "sized:1500")
    zpack.pages.fill(range(800, 1000), "random")
    zpack.writeback()
    zpack.clean_cache_limit = 0
    change = read_all(zpack, shuffle=5)
    assert change.loads == change.loads_packed == change.read_ios == 1000
    assert change.read_bytes == 1000 * CELL


def test_random_page_is_read_with_one_io_of_4_kib_at_most_when_it_may_read_ahead(
    zpack: Device,
) -> None:
    no_merging(zpack.vm)
    pack(zpack, 4000)
    assert zpack.readahead == "auto"
    for seed in (5, 6, 7):
        change = read_all(zpack, shuffle=seed)
        assert change.loads_packed == 4000
        assert change.read_ios + change.clean_cache_hits == 4000
        assert change.read_bytes == change.read_ios * CELL
        assert change.readahead_ios == 0


def test_pages_of_a_cell_that_was_just_read_need_no_io(zpack: Device) -> None:
    zpack.pages.fill(range(3), "sized:1200")  # three to a cell
    zpack.writeback()
    change = read_all(zpack)
    assert (change.read_ios, change.clean_cache_hits) == (1, 2)


@pytest.mark.parametrize("io_pages", [1, 8, 32])
@pytest.mark.parametrize("algorithm", ["lz4", "zstd"])
def test_sequential_pages_are_read_with_about_one_io_a_block(
    zpack: Device, io_pages: int, algorithm: str
) -> None:
    no_merging(zpack.vm)
    zpack.comp_algorithm = algorithm
    pack(zpack)
    blocks = zpack.stat().blocks_live
    assert blocks >= 25
    change = read_all(zpack, io_pages=io_pages)
    assert change.loads_packed == 1000
    assert blocks <= change.read_ios <= 1.1 * blocks + 4
    assert change.read_bytes <= (blocks + 2) * BLOCK
    assert change.readahead_bytes - change.readahead_used_bytes <= 2 * BLOCK


def test_request_of_many_pages_reads_each_block_once(zpack: Device) -> None:
    no_merging(zpack.vm)
    zpack.readahead = "off"
    pack(zpack, 960)
    change = read_all(zpack, io_pages=16, shuffle=3)
    assert change.loads_packed == 960
    # 16 pages in slot order lie in two or three blocks; a page delayed by the packer in one more.
    assert change.read_ios <= 60 * 2.5
    assert change.read_bytes < 960 * CELL


def test_nothing_is_read_ahead_when_that_is_off(zpack: Device) -> None:
    no_merging(zpack.vm)
    zpack.readahead = "off"
    pack(zpack)
    change = read_all(zpack)
    assert change.readahead_ios == change.readahead_bytes == 0
    assert change.read_bytes == change.read_ios * CELL
    cells = {(record.segment, record.block): record.block_pages for record in zpack.layout()}
    assert change.read_ios <= 1.1 * sum(cells.values())


def test_whole_blocks_are_read_when_that_is_asked_for(zpack: Device) -> None:
    no_merging(zpack.vm)
    zpack.readahead = "always"
    pack(zpack, 300)
    blocks = zpack.stat().blocks_live
    change = read_all(zpack, shuffle=4)
    assert change.read_ios == change.readahead_ios == blocks
    assert change.read_bytes == blocks * BLOCK


@pytest.mark.parametrize("block_pages", [1, 2, 64, 256])
def test_blocks_of_other_sizes(zpack: Device, block_pages: int) -> None:
    no_merging(zpack.vm)
    zpack.block_pages = block_pages
    zpack.clean_cache_limit = 1 << 20
    pack(zpack, 2000)
    change = read_all(zpack)
    at_once = min(block_pages, 64)
    assert change.read_ios <= 1.2 * 1000 / at_once + 20
    zpack.pages.check(shuffle=9, io_pages=7)


def test_readahead_that_is_not_used_is_given_up(zpack: Device) -> None:
    """Runs of nine pages, then a jump: most of a block is never wanted."""
    no_merging(zpack.vm)
    zpack.pages.fill(range(20000), "sized:1000", io_pages=50)  # three to a cell, 48 to a block
    zpack.writeback()
    zpack.clean_cache_limit = 256 << 10
    everything = zpack.pages.contents
    halves = []
    for half in range(2):
        runs = range(half * 10000, half * 10000 + 10000, 100)
        zpack.pages.contents = {p: everything[p] for r in runs for p in range(r, r + 9)}
        halves.append(read_all(zpack))
    first, last = halves
    # A hundred runs each. In the first half it takes some to find out.
    assert first.readahead_wasted_bytes > 4 * first.readahead_used_bytes
    assert 5 * BLOCK < first.readahead_bytes < 0.4 * 100 * BLOCK
    assert 0 < last.readahead_bytes < 0.15 * 100 * BLOCK  # a try now and then
    # And taken up again.
    zpack.pages.contents = everything
    zpack.pages.check()
    change = read_all(zpack)
    assert change.read_ios < 20000 / 48 * 2.5


# ---- the clean cache ----


def test_cache_keeps_to_its_limit(zpack: Device) -> None:
    zpack.clean_cache_limit = 256 << 10
    pack(zpack)
    for shuffle in (0, 1, 0, 2):
        zpack.pages.check(shuffle=shuffle)
        assert 0 < zpack.stat().clean_cache_bytes <= 256 << 10
    zpack.clean_cache_limit = 64 << 10
    assert 0 < zpack.stat().clean_cache_bytes <= 64 << 10
    zpack.pages.check()
    assert zpack.stat().clean_cache_bytes <= 64 << 10
    zpack.clean_cache_limit = 0
    assert zpack.stat().clean_cache_bytes == 0
    zpack.pages.check()
    assert zpack.stat().clean_cache_bytes == 0


def test_cache_is_given_up_when_the_kernel_needs_memory(zpack: Device) -> None:
    """drop_caches calls all shrinkers, like reclaim."""
    pack(zpack)
    zpack.pages.check()
    before = zpack.stat()
    assert before.clean_cache_bytes > 512 << 10
    zpack.vm.write("/proc/sys/vm/drop_caches", "2")
    after = zpack.stat()
    assert after.clean_cache_bytes == 0
    assert after.clean_cache_shrunk_bytes == before.clean_cache_bytes
    zpack.pages.check(shuffle=1)


def fill_cache(zpack: Device, pages: int) -> None:
    """Whole blocks are read for half of their pages, so that all their cells stay."""
    zpack.readahead = "always"
    pack(zpack, pages)
    everything = zpack.pages.contents
    zpack.pages.contents = {page: everything[page] for page in range(0, pages, 2)}
    zpack.pages.check()
    zpack.pages.contents = everything


def test_cache_has_what_the_pool_leaves_and_yields_to_stores(zpack: Device) -> None:
    limit = 8 << 20
    assert zpack.clean_cache_limit is None
    zpack.pool_limit = limit
    zpack.writeback_high = 100  # no writeback makes room for the stores
    fill_cache(zpack, 4000)
    before = zpack.stat()
    assert before.pool_bytes < 512 << 10
    assert 5 << 20 < before.clean_cache_bytes <= limit - before.pool_bytes
    for first in range(10000, 13500, 100):
        zpack.pages.fill(range(first, first + 100), "sized:1500", io_pages=20)
        stat = zpack.stat()
        assert stat.clean_cache_bytes + stat.pool_bytes <= limit
    assert stat.pool_bytes > 5 << 20
    assert 0 < stat.clean_cache_bytes < before.clean_cache_bytes
    assert (stat.store_waits, stat.writeback_pages) == (before.store_waits, before.writeback_pages)
    assert stat.clean_cache_shrunk_bytes == 0  # it was not the kernel who took it
    zpack.pages.check(shuffle=1)


def test_cache_obeys_a_lower_limit_of_the_pool_at_once(zpack: Device) -> None:
    zpack.pool_limit = 8 << 20
    fill_cache(zpack, 4000)
    assert zpack.stat().clean_cache_bytes > 5 << 20
    zpack.pool_limit = 4 << 20
    assert 1 << 20 < zpack.stat().clean_cache_bytes <= 4 << 20
    zpack.pool_limit = 0
    assert 0 < zpack.stat().clean_cache_bytes <= 1 << 20  # enough to read a block at once
    zpack.clean_cache_limit = 2 << 20
    zpack.pages.check()
    assert 1 << 20 < zpack.stat().clean_cache_bytes <= 2 << 20
    zpack.clean_cache_limit = None
    assert zpack.stat().clean_cache_bytes <= 1 << 20


def most_alone(vm: VM) -> int:
    """What cells that were read alone may have of what the pool leaves."""
    memory = int(vm.run("awk '/MemTotal/ {print $2}' /proc/meminfo").stdout) * 1024
    return max(memory // 256 + CELL, 1 << 20)


def test_cells_read_alone_do_not_take_what_the_pool_leaves(zpack: Device) -> None:
    zpack.pool_limit = 32 << 20
    pack(zpack, 8000)
    zpack.readahead = "off"
    zpack.pages.check(shuffle=3)
    alone = zpack.stat().clean_cache_bytes
    assert 0 < alone <= most_alone(zpack.vm)
    zpack.readahead = "always"
    zpack.pages.check(shuffle=3)
    assert zpack.stat().clean_cache_bytes > 2 * alone


def test_cells_read_alone_go_when_a_limit_of_their_own_is_taken_back(zpack: Device) -> None:
    zpack.clean_cache_limit = 16 << 20
    pack(zpack, 8000)
    zpack.readahead = "off"
    zpack.pages.check(shuffle=3)
    assert zpack.stat().clean_cache_bytes > 2 * most_alone(zpack.vm)
    zpack.clean_cache_limit = None
    assert 0 < zpack.stat().clean_cache_bytes <= most_alone(zpack.vm)
    zpack.pages.check(shuffle=4)
    assert zpack.stat().clean_cache_bytes <= most_alone(zpack.vm)


@pytest.mark.slow
def test_cells_of_blocks_that_are_cleaned_leave_the_cache(zpack: Device) -> None:
    zpack.clean_cache_limit = 8 << 20
    pack(zpack)
    for page in range(1000):
        if page % 4:
            zpack.pages.discard(page, 1)
    zpack.pages.check()
    assert zpack.stat().clean_cache_bytes > 10 * BLOCK
    zpack.clean()
    # One or two blocks stay where they would only fill another one.
    assert zpack.stat().clean_cache_bytes <= 2 * BLOCK
    zpack.pages.check()


def test_cells_of_blocks_that_die_leave_the_cache(zpack: Device) -> None:
    zpack.clean_cache_limit = 8 << 20
    pack(zpack)
    zpack.pages.check()
    before = zpack.stat().clean_cache_bytes
    zpack.pages.discard(500, 500)  # read last
    assert 0 < zpack.stat().clean_cache_bytes < before
    zpack.discard_all()
    assert zpack.stat().clean_cache_bytes == 0


@pytest.mark.slow
def test_cached_cells_are_never_taken_for_what_was_written_since(bare_zpack: Device) -> None:
    """The same slots, in the same few blocks, again and again."""
    zpack = bare_zpack
    with Mapping.linear(zpack.vm, "small", BACKING, mib=16) as small:
        zpack.backing_dev = small.path
        zpack.disksize = 64 << 20
        zpack.clean_cache_limit = 16 << 20
        for seed in range(12):
            zpack.pages.fill(range(2000), "sized:2500", seed=seed, io_pages=50)
            zpack.writeback()
            zpack.pages.check(shuffle=seed)
            zpack.pages.check(io_pages=4)
            if seed % 3 == 0:
                zpack.pages.discard(0, 1000)
                zpack.pages.check(io_pages=4)
        stat = zpack.stat()
        assert stat.clean_cache_hits > 12000
        assert (stat.checksum_errors, stat.clean_cache_rejects) == (0, 0)
        assert {record.generation for record in zpack.layout() if record.live_bytes} != {1}
        zpack.discard_all()
        zpack.reset()


# ---- loads at the same time ----


def slow(vm: VM) -> Mapping:
    """A backing device that is not read before it gets another table."""
    return Mapping.delayed(vm, "slow", BACKING, 64, read_ms=UNTIL_LOADED_MS, write_ms=0)


@pytest.mark.slow
def test_load_waits_for_the_read_that_brings_its_cell(bare_zpack: Device) -> None:
    zpack = bare_zpack
    with slow(zpack.vm) as disk:
        zpack.backing_dev = disk.path
        zpack.disksize = 64 << 20
        zpack.readahead = "always"
        zpack.pages.fill(range(24), "sized:2500")
        zpack.writeback()
        before = zpack.stat()
        readers = [zpack.pages.spawn_check(shuffle=seed) for seed in range(1, 5)]

        def all_wait() -> bool:
            """Each for a read, which it has begun or another one."""
            change = zpack.stat() - before
            return change.read_ios + change.clean_cache_waits == len(readers)

        wait_until(all_wait, "all of them load a page")
        disk.load([linear(64 * MIB, BACKING)])
        for reader in readers:
            zpack.pages.finish_check(reader)
        change = zpack.stat() - before
        assert change.loads_packed == 4 * 24
        assert change.read_ios <= 3  # blocks
        assert change.clean_cache_waits >= 1
        zpack.discard_all()
        zpack.reset()


def test_block_is_rewritten_while_it_is_read_ahead(bare_zpack: Device) -> None:
    zpack = bare_zpack
    with slow(zpack.vm) as disk:
        zpack.backing_dev = disk.path
        zpack.disksize = 64 << 20
        zpack.readahead = "always"
        zpack.clean_cache_limit = 8 << 20
        zpack.pages.fill(range(300), "sized:2500", io_pages=20)
        zpack.writeback()
        old = dict(zpack.pages.contents)
        reading = zpack.pages.spawn_check(io_pages=300)
        # Those that are freed before they are looked up would read as zeroes.
        wait_until(lambda: zpack.stat().loads_packed == 300, "all pages have been looked up")
        wait_until(lambda: zpack.stat().readahead_ios > 0, "the read has begun")
        zpack.pages.discard(0, 300)
        zpack.pages.fill(range(1000, 1300), "sized:2500", io_pages=20)
        zpack.writeback()  # to the blocks that became free
        zpack.pages.fill(range(300), "sized:2500", io_pages=20)  # as before, in RAM now
        assert zpack.pages.contents.items() >= old.items()
        assert reading.running, "the read ended too soon to prove anything"
        disk.load([linear(64 * MIB, BACKING)])
        zpack.pages.finish_check(reading)
        zpack.pages.check(shuffle=1)
        zpack.pages.check()
        assert zpack.stat().checksum_errors == 0
        zpack.discard_all()
        zpack.reset()


# ---- errors in what is read ahead ----


def test_unreadable_cell_of_a_block_read_ahead_fails_its_own_pages_only(
    bare_zpack: Device,
) -> None:
    zpack = bare_zpack
    with Mapping.linear(zpack.vm, "failing", BACKING, mib=64) as disk:
        zpack.backing_dev = disk.path
        zpack.disksize = 64 << 20
        pack(zpack, 300)
        cell = cell_of(zpack, 150)
        victims = {found.slot for found in objects_of(read_cell(zpack.vm, BACKING, cell))}
        assert 150 in victims
        zpack.vm.write("/proc/sys/vm/drop_caches", "2")
        start, rest = cell * 8, 64 * MIB - cell * 8 - 8
        disk.load([linear(start, BACKING), "8 error", linear(rest, BACKING, start + 8)])
        for mode in ("auto", "always"):
            zpack.readahead = mode
            before = zpack.stat()
            others = [page for page in range(300) if page not in victims]
            zpack.pages.check(others)
            change = zpack.stat() - before
            assert (change.read_errors, change.readahead_errors > 0) == (0, True)
            zpack.vm.write("/proc/sys/vm/drop_caches", "2")
            before = zpack.stat()
            failed = set(zpack.pages.failures())
            assert failed == {Failure(slot, errno.EIO) for slot in victims}
            assert (zpack.stat() - before).read_errors == len(victims)
            zpack.vm.write("/proc/sys/vm/drop_caches", "2")
        disk.load([linear(64 * MIB, BACKING)])
        zpack.pages.check()
        zpack.discard_all()
        zpack.reset()


@pytest.mark.parametrize("algorithm", ["lz4", "zstd"])
def test_flipped_bit_in_a_block_read_ahead_fails_its_page_only(
    zpack: Device, algorithm: str
) -> None:
    zpack.comp_algorithm = algorithm
    pack(zpack, 300, "sized:1200")
    cell = cell_of(zpack, 150)
    good = read_cell(zpack.vm, BACKING, cell)
    (victim,) = [found for found in objects_of(good) if found.slot == 150]
    bad = bytearray(good)
    bad[victim.payload + 5] ^= 1
    write_cell(zpack.vm, BACKING, cell, bytes(bad))
    for mode in ("auto", "always"):
        zpack.readahead = mode
        zpack.vm.write("/proc/sys/vm/drop_caches", "2")
        before = zpack.stat()
        zpack.pages.check([page for page in range(300) if page != 150])
        assert (zpack.stat() - before).checksum_errors == 0
        assert zpack.pages.failures() == [Failure(150, errno.EIO)]
        change = zpack.stat() - before
        assert (change.checksum_errors, change.clean_cache_rejects) == (1, 1)
    write_cell(zpack.vm, BACKING, cell, good)
    # The bad copy of the cell is not kept.
    zpack.pages.check()


# ---- swap ----


def test_synchronous_is_chosen_before_the_size(bare_zpack: Device) -> None:
    zpack = bare_zpack
    assert not zpack.synchronous
    zpack.synchronous = True
    zpack.backing_dev = BACKING
    zpack.disksize = 64 << 20
    with zpack.refuses(errno.EBUSY, "synchronous", "reset"):
        zpack.synchronous = False
    zpack.synchronous = True
    zpack.pages.fill(range(300), "mixed")
    zpack.writeback()
    zpack.pages.check()
    zpack.discard_all()
    zpack.reset()
    zpack.synchronous = False
    assert not zpack.synchronous


@pytest.mark.parametrize("synchronous", [False, True])
def test_swap_frees_the_slot_of_a_page_that_is_only_read_when_told_synchronous(
    bare_zpack: Device, synchronous: bool
) -> None:
    zpack = bare_zpack
    zpack.synchronous = synchronous
    zpack.backing_dev = BACKING
    zpack.disksize = 64 << 20
    zpack.mkswap_on()
    program = f"""
import mmap, random, re
def frees():
    return int(re.search("^frees (.*)", open("{zpack.attribute('stat')}").read(), re.M)[1])
memory = mmap.mmap(-1, 2000 * 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for page in range(2000):
    memory[page * 4096:page * 4096 + 1500] = random.Random(page).randbytes(1500)
memory.madvise(21)  # MADV_PAGEOUT
sum(memory[page * 4096] for page in range(2000))  # what the swap cache still had, it now gives up
memory.madvise(21)
open("{zpack.attribute('writeback')}", "w").write("all")
before = frees()
for page in range(2000):
    assert memory[page * 4096:page * 4096 + 1500] == random.Random(page).randbytes(1500)
print(frees() - before)
"""
    freed = int(zpack.vm.run(["python3", "-c", program], timeout=60).stdout)
    assert freed > 1800 if synchronous else freed < 200
    zpack.swapoff()
    assert zpack.stat().stored <= 1
