# SPDX-License-Identifier: GPL-2.0-only
"""Proves what happens when the backing device goes away, shrinks, stalls or fails now and then."""

import errno
from typing import Callable, ContextManager, Iterator

import pytest

from api import BlockState, Device, Failure, Mapping
from api.disks import NullBlk, ScsiDisk, null_blk, scsi_disk
from api.mapping import MIB, linear
from api.plugin import BACKING
from api.waiting import wait_until
from vm import VM

SIZE = 64 * MIB
GOOD = [linear(SIZE, BACKING)]
CELL_SECTORS = 8
Disk = NullBlk | ScsiDisk


@pytest.fixture
def disk(bare_zpack: Device) -> Iterator[Mapping]:
    """The backing device of `bare_zpack`, a part of BACKING from its first byte on."""
    with Mapping(bare_zpack.vm, "failing", GOOD) as mapping:
        bare_zpack.backing_dev = mapping.path
        bare_zpack.disksize = 128 << 20
        yield mapping
        bare_zpack.discard_all()
        bare_zpack.reset()


def lost(pages: range) -> set[Failure]:
    """These can't be read, the others can."""
    return {Failure(page, errno.EIO) for page in pages}


# ---- gone ----


@pytest.mark.slow
@pytest.mark.parametrize("make", [null_blk, scsi_disk])
def test_disk_that_is_pulled_out_takes_its_own_pages_only(
    bare_zpack: Device, make: Callable[[VM, int], ContextManager[Disk]]
) -> None:
    zpack = bare_zpack
    with make(zpack.vm, 64) as disk:
        zpack.backing_dev = disk.path
        zpack.disksize = 128 << 20
        zpack.pages.fill(range(2000), "text", io_pages=50)
        zpack.writeback()
        zpack.pages.fill(range(5000, 8000), "text", io_pages=50)
        disk.pull_out()
        assert set(zpack.pages.failures()) == lost(range(2000))
        with zpack.refuses(errno.EIO, "writeback", "write errors"):
            zpack.writeback()
        assert zpack.degraded
        zpack.pages.check(range(5000, 8000))
        zpack.pages.fill(range(500), "text", seed=2)
        zpack.pages.check(range(500))
        stat = zpack.stat()
        assert (stat.ram, stat.packed) == (3500, 1500)
        # Nothing has to be done to the lost pages to get rid of them, and of the disk.
        zpack.discard_all()
        assert zpack.stat().live_bytes == 0
        zpack.reset()
    zpack.backing_dev = BACKING
    zpack.disksize = 128 << 20
    zpack.pages.fill(range(2000), "text")
    zpack.writeback()
    zpack.pages.check()


@pytest.mark.slow
def test_swapoff_after_the_disk_was_pulled_out_ends(bare_zpack: Device) -> None:
    """It can't bring home what is lost, but what is not; a program that needs none lives."""
    zpack = bare_zpack
    program = """
import mmap
memory = mmap.mmap(-1, 1000 * 4096)
for page in range(1000):
    memory[page * 4096:page * 4096 + 1500] = page.to_bytes(2, "little") * 750
memory.madvise(21)  # MADV_PAGEOUT
sum(memory[page * 4096] for page in range(1000))  # what the swap cache still had, it now gives up
memory.madvise(21)
print("out", flush=True)
open("/tmp/hold").read()  # until the other end is closed
print("lives")
"""
    with null_blk(zpack.vm, 64) as disk:
        zpack.backing_dev = disk.path
        zpack.disksize = 128 << 20
        zpack.mkswap_on()
        zpack.vm.run("rm -f /tmp/hold; mkfifo /tmp/hold")
        owner = zpack.vm.spawn(["python3", "-c", program])
        owner.expect("out", timeout=60)
        zpack.writeback(500)
        disk.pull_out()
        zpack.vm.run(["swapoff", zpack.path], timeout=60, check=False)
        assert zpack.stat().read_errors > 0
        zpack.vm.run(": >/tmp/hold")
        assert owner.wait(timeout=60).stdout.endswith("lives\n")
        if zpack.swapping:  # nobody has a page there any more
            zpack.swapoff()
        assert zpack.stat().stored <= 1
        zpack.discard_all()
        zpack.reset()


# ---- smaller ----


def test_backing_device_that_shrinks_loses_what_was_beyond_its_end(
    bare_zpack: Device, disk: Mapping
) -> None:
    zpack = bare_zpack
    zpack.write("pool_limit", "max")
    zpack.pages.fill(range(10000), "random", io_pages=100)
    zpack.writeback()
    half = SIZE // 2
    beyond = sum(
        record.live_bytes
        for record in zpack.layout()
        if record.state == BlockState.LIVE and record.first_cell * CELL_SECTORS >= half
    )
    assert 1000 < beyond // 4096 < 9000
    disk.load([linear(half, BACKING)])
    failed = zpack.pages.failures()
    assert {failure.errno for failure in failed} == {errno.EIO}
    assert len(failed) == beyond // 4096
    # What is written now stays in RAM, or goes where there is still a disk.
    zpack.pages.fill(range(10000, 13000), "random", io_pages=100)
    with zpack.refuses(errno.EIO, "writeback"):
        zpack.writeback()
    assert "has become smaller" in zpack.vm.dmesg()
    zpack.pages.check(range(10000, 13000))
    disk.load(GOOD)
    zpack.recover()
    zpack.pages.check()


# ---- silent ----


def test_disk_that_stalls_holds_up_what_needs_it_and_nothing_else(
    bare_zpack: Device, disk: Mapping
) -> None:
    zpack = bare_zpack
    zpack.pages.fill(range(2100), "random", io_pages=50)
    zpack.writeback()
    to_discard = range(2000, 2100)
    for page in to_discard:  # the reader does not look at these
        del zpack.pages.contents[page]
    zpack.pages.fill(range(5000, 5500), "text")
    began = zpack.vm.uptime()
    with disk.suspended():
        reader = zpack.pages.spawn_check(io_pages=4)
        zpack.pool_limit = 4 << 20
        zpack.pages.fill(range(6000, 6100), "text")
        zpack.pages.check(range(5000, 5100))
        writer = zpack.pages.spawn_write(range(10000, 14000), "random", io_pages=4)
        wait_until(lambda: zpack.stat().store_waits > 0, "a store waits for the disk")
        before = zpack.stat()
        zpack.layout(), zpack.ages(), zpack.classes()
        zpack.pages.check(range(5000, 5100))
        zpack.pages.discard(to_discard.start, len(to_discard))
        wait_until(lambda: zpack.vm.uptime() - began > 30, "the disk has stalled for 30 s")
        assert reader.running and writer.running
        assert zpack.stat().writeback_pages == before.writeback_pages  # it really does stall
    zpack.pages.finish_check(reader)
    zpack.pages.finish_write(writer)
    zpack.pages.check()
    stat = zpack.stat()
    assert not stat.read_errors and not stat.write_errors and not stat.degraded


# ---- not always ----


def test_errors_now_and_then_fail_reads_at_that_time_only(
    bare_zpack: Device, disk: Mapping
) -> None:
    """dm-flakey: a second with I/O, a second without."""
    zpack = bare_zpack
    zpack.vm.run("modprobe dm-flakey")
    zpack.pages.fill(range(1000), "random", io_pages=50)
    zpack.writeback()
    disk.load([f"{SIZE} flakey {BACKING} 0 1 1"])
    failed, right = 0, 0
    while not failed or not right:
        failures = zpack.pages.failures(range(0, 1000, 10))
        assert all(failure.errno == errno.EIO for failure in failures), failures
        failed += len(failures)
        right += 100 - len(failures)
    assert zpack.stat().read_errors == failed
    disk.load(GOOD)
    zpack.pages.check()
    assert zpack.stat().read_errors == failed


def test_bad_sectors_of_a_disk(bare_zpack: Device) -> None:
    """null_blk's: what lies there is lost, what is written there goes elsewhere."""
    zpack = bare_zpack
    with null_blk(zpack.vm, 64) as disk:
        zpack.backing_dev = disk.path
        zpack.disksize = 128 << 20
        zpack.pages.fill(range(320), "random")
        zpack.writeback()
        (bad,) = [record for record in zpack.layout() if record.first_cell == 16]
        disk.bad_sectors(bad.first_cell * CELL_SECTORS, 16 * CELL_SECTORS)
        failed = zpack.pages.failures()
        assert {failure.errno for failure in failed} == {errno.EIO}
        assert len(failed) == bad.live_bytes // 4096
        # The block dies with its pages, is free again, and is found to be bad.
        zpack.pages.discard(0, 320)
        zpack.pages.fill(range(1000, 1320), "random")
        with zpack.refuses(errno.EIO):
            zpack.writeback()
        zpack.writeback()
        stat = zpack.stat()
        assert (stat.blocks_bad, stat.write_errors, stat.degraded) == (1, 1, 0)
        assert (stat.ram, stat.packed) == (0, 320)
        zpack.pages.check()
        zpack.discard_all()
        zpack.reset()
