# SPDX-License-Identifier: GPL-2.0-only
"""Proves that no more is written than the budget allows, and what happens when it is used up."""

import errno

import pytest

from api import Device, Mapping
from api.plugin import BACKING
from api.waiting import wait_until

MIB = 1 << 20
BLOCK = 16 * 4096
HOUR = 3600

# Waits as a daemon does, with poll(2), and tells each state that it is woken for.
WATCH = """
import select, sys
with open(sys.argv[1], "rb", buffering=0) as file:
    poll = select.poll()
    poll.register(file, select.POLLPRI | select.POLLERR)
    print(file.read().decode().strip(), flush=True)
    while True:
        poll.poll()
        file.seek(0)
        print(file.read().decode().strip(), flush=True)
"""


def test_no_more_is_written_than_the_budget_allows(zpack: Device) -> None:
    zpack.write("write_budget", f"4M {HOUR}")
    before = zpack.backing_stat()
    zpack.pages.fill(range(4000), "sized:2500", io_pages=50)
    with zpack.refuses(errno.EDQUOT, "writeback", "write_budget is used up"):
        zpack.writeback()
    stat, disk = zpack.stat(), zpack.backing_stat() - before
    assert disk.write_bytes == stat.budget_bytes == int(zpack.read("write_budget_used"))
    # What has come since it was set, at 4 MiB an hour, is far less than a block.
    assert 4 * MIB - BLOCK < disk.write_bytes <= 4 * MIB
    assert (stat.budget_spent, stat.budget_pauses, stat.writeback_possible) == (1, 1, 0)
    assert zpack.read("writeback_state") == "budget"
    assert int(zpack.read("write_budget_left")) < BLOCK
    assert "write budget is used up" in zpack.vm.dmesg()
    with zpack.refuses(errno.EDQUOT, "writeback"):
        zpack.writeback()
    assert zpack.stat().blocks_written == stat.blocks_written
    zpack.pages.check(io_pages=50)

    # It goes on at once when there is more, and only as far.
    zpack.write("write_budget", f"6M {HOUR}")
    zpack.write("write_budget_left", "2M")
    assert zpack.read("writeback_state") == "possible"
    with zpack.refuses(errno.EDQUOT, "writeback"):
        zpack.writeback()
    written = (zpack.backing_stat() - before).write_bytes
    assert 6 * MIB - 2 * BLOCK < written <= 6 * MIB
    zpack.write("write_budget", "max")
    zpack.writeback()
    assert zpack.stat().ram == 0
    zpack.pages.check(io_pages=50)


def test_without_budget_the_pool_limit_is_that_of_a_device_without_backing(zpack: Device) -> None:
    zpack.pool_limit = 2 * MIB
    zpack.write("write_budget", f"1M {HOUR}")
    failed = zpack.pages.write(range(2000), "random")
    assert {failure.errno for failure in failed} == {errno.ENOSPC}
    stat = zpack.stat()
    assert stat.store_pool_full == len(failed)
    assert stat.block_bytes_written <= MIB
    assert 2 * MIB - BLOCK < stat.pool_bytes <= 2 * MIB + 64 * 1024
    zpack.pages.check()
    zpack.write("write_budget", "max")
    assert zpack.stat().writeback_possible == 1
    zpack.pages.fill(range(2000), "random", seed=2)
    zpack.pages.check()


@pytest.mark.slow
def test_what_cleaning_writes_is_of_the_budget_too(zpack: Device) -> None:
    zpack.pages.fill(range(8000), "sized:1900", io_pages=50)
    zpack.writeback()
    zpack.pages.fill([page for page in range(8000) if page % 4], "zero", io_pages=1)
    sparse = zpack.stat()
    zpack.write("write_budget", f"2M {HOUR}")
    before = zpack.backing_stat()
    with zpack.refuses(errno.EDQUOT, "clean", "write_budget is used up"):
        zpack.clean()
    stat, disk = zpack.stat(), zpack.backing_stat() - before
    assert 2 * MIB - BLOCK < stat.cleaning_write_bytes <= 2 * MIB
    assert disk.write_bytes == stat.cleaning_write_bytes
    assert stat.packed == sparse.packed
    zpack.write("write_budget", "max")
    zpack.clean()
    assert zpack.stat().blocks_live < sparse.blocks_live // 3
    zpack.pages.check(io_pages=8)


@pytest.mark.slow
def test_writeback_goes_on_by_itself_when_there_is_budget_again(zpack: Device) -> None:
    """Nobody stores, asks or changes anything: the time that passes is enough."""
    zpack.write("write_budget", "1M 3 1M")  # less than any machine writes
    zpack.pages.fill(range(2000), "random", io_pages=50)
    zpack.pool_limit = 2 * MIB  # it has four times that, and is above the high watermark
    wait_until(lambda: zpack.stat().pool_bytes < 2 * MIB, "the pool has shrunk")
    stat = zpack.stat()
    assert stat.budget_pauses >= 3
    assert stat.budget_bytes >= 5 * MIB
    zpack.pages.check(io_pages=50)


@pytest.mark.slow
def test_cleaning_that_can_wait_leaves_the_budget_to_writeback(bare_zpack: Device) -> None:
    """Else it takes each block's bytes as soon as they have come, and the pause does not end."""
    zpack = bare_zpack
    with Mapping.linear(zpack.vm, "small", BACKING, mib=32) as small:
        zpack.backing_dev = small.path
        zpack.disksize = 64 * MIB
        zpack.cleaning = False
        zpack.pages.fill(range(8000), "sized:1900", io_pages=50)
        zpack.writeback()
        zpack.pages.fill([page for page in range(8000) if page % 4], "zero", io_pages=1)
        zpack.write("cleaning_high", "900")
        zpack.write("cleaning_low", "900")
        zpack.write("write_budget", "1M 20 1M")
        zpack.pages.fill(range(8000, 9000), "random", io_pages=50)
        zpack.pool_limit = MIB
        wait_until(lambda: zpack.read("writeback_state") == "budget", "the budget is used up")
        zpack.cleaning = True
        before = zpack.stat()
        wait_until(lambda: zpack.stat().blocks_written > before.blocks_written, "it goes on")
        # It may begin before writeback does, once the pause is over; it has four times that to do.
        assert zpack.stat().cleaning_write_bytes <= MIB
        zpack.write("write_budget", "max")
        wait_until(lambda: zpack.stat().blocks_cleaned > 0, "cleaning goes on")
        zpack.pages.check(io_pages=50)
        zpack.discard_all()
        zpack.reset()


def test_pause_and_its_end_wake_who_polls(zpack: Device) -> None:
    watcher = zpack.vm.spawn(["python3", "-uc", WATCH, zpack.attribute("writeback_state")])
    watcher.expect("possible")
    zpack.write("write_budget", f"1M {HOUR}")
    zpack.pages.fill(range(1000), "random", io_pages=50)
    with zpack.refuses(errno.EDQUOT):
        zpack.writeback()
    watcher.expect("budget")
    zpack.write("write_budget_left", "1M")
    watcher.expect("possible")
    watcher.kill()


def test_budget_and_what_was_used_outlive_a_reset(zpack: Device) -> None:
    """A daemon sets both at boot to what they were, so they outlive that too."""
    zpack.write("write_budget_used", "123456789")
    zpack.write("write_budget", f"10M {HOUR} 20M")
    zpack.write("write_budget_left", "3M")
    zpack.pages.fill(range(500), "random", io_pages=50)
    zpack.writeback()
    written = zpack.stat().block_bytes_written
    left = int(zpack.read("write_budget_left"))
    assert 0 < written < 3 * MIB and 3 * MIB - written <= left < 3 * MIB - written + 64 * 1024
    zpack.discard_all()
    zpack.reset()
    assert zpack.read("write_budget") == f"{10 * MIB} {HOUR} {20 * MIB}"
    assert int(zpack.read("write_budget_used")) == 123456789 + written
    assert left <= int(zpack.read("write_budget_left")) < left + 64 * 1024
    assert zpack.stat().budget_bytes == 0


@pytest.mark.parametrize(
    "value",
    [
        "x",
        "5M",
        "0 10",
        "5M 0",
        "5M -1",
        "1048575 10",
        "5M 2592001",
        "5M 10 9K",
        "5M 10 5M 1",
        "2000T 10",
        "5M10",
    ],
)
def test_refuses_what_is_no_budget(bare_zpack: Device, value: str) -> None:
    with bare_zpack.refuses(errno.EINVAL, "write_budget", "BYTES SECONDS [CARRY]"):
        bare_zpack.write("write_budget", value)
    assert bare_zpack.read("write_budget") == "max"
    assert bare_zpack.read("write_budget_left") == "max"


def test_what_is_left_needs_a_budget(bare_zpack: Device) -> None:
    with bare_zpack.refuses(errno.EINVAL, "write_budget_left", "set one first"):
        bare_zpack.write("write_budget_left", "1M")
    with bare_zpack.refuses(errno.EINVAL, "write_budget_used", "no number"):
        bare_zpack.write("write_budget_used", "-1")
