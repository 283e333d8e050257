# SPDX-License-Identifier: GPL-2.0-only
"""Proves that a backing device that can't be written costs no page."""

import errno
from typing import Iterator

import pytest

from api import BlockState, Device, Mapping
from api.mapping import MIB, linear
from api.plugin import BACKING

SIZE = 64 * MIB
GOOD = [linear(SIZE, BACKING)]
BLOCK = 64 << 10  # the default block_pages


def refusing(sectors: int, offset: int = 0) -> str:
    """A target that refuses writes."""
    return f"{sectors} flakey {BACKING} {offset} 0 3600 1 error_writes"


@pytest.fixture
def disk(bare_zpack: Device) -> Iterator[Mapping]:
    """The backing device of `bare_zpack`, which a test makes fail."""
    bare_zpack.vm.run("modprobe dm-flakey")
    with Mapping(bare_zpack.vm, "failing", GOOD) as mapping:
        bare_zpack.backing_dev = mapping.path
        bare_zpack.disksize = 128 << 20
        yield mapping
        mapping.load(GOOD)
        bare_zpack.discard_all()
        bare_zpack.wait_until_nothing_is_in_flight()
        stat = bare_zpack.stat()
        assert (stat.stored, stat.live_bytes, stat.blocks_live, stat.blocks_writing) == (0, 0, 0, 0)
        bare_zpack.reset()


def test_pages_that_cannot_be_written_stay_in_ram(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    zpack.pages.fill(range(3000), "sized:2500", io_pages=50)
    disk.load([refusing(SIZE)])
    with zpack.refuses(errno.EIO, "writeback", "write errors"):
        zpack.writeback()
    stat = zpack.stat()
    assert (stat.packed, stat.ram) == (0, 3000)
    assert stat.write_errors == stat.blocks_bad >= 8
    assert stat.block_bytes_bad == stat.blocks_bad * BLOCK
    assert stat.blocks_writing == stat.live_bytes == 0
    bad = [record for record in zpack.layout() if record.state == BlockState.BAD]
    assert len(bad) == stat.blocks_bad
    assert "write error" in zpack.vm.dmesg()
    zpack.pages.check(io_pages=50)


def test_many_errors_in_a_row_end_writeback_until_told_otherwise(
    bare_zpack: Device, disk: Mapping
) -> None:
    zpack = bare_zpack
    zpack.pages.fill(range(3000), "sized:2500", io_pages=50)
    disk.load([refusing(SIZE)])
    with zpack.refuses(errno.EIO):
        zpack.writeback()
    assert zpack.degraded
    assert (zpack.stat().degraded, zpack.stat().writeback_possible) == (1, 0)
    assert "degraded" in zpack.vm.dmesg()
    disk.load(GOOD)
    written = zpack.backing_stat().write_ios
    with zpack.refuses(errno.EIO, "writeback"):
        zpack.writeback()
    assert zpack.backing_stat().write_ios == written  # it does not even try
    zpack.pages.fill(range(5000, 5100), "text")  # everything else works

    bad = zpack.stat().blocks_bad
    zpack.recover()
    assert not zpack.degraded
    zpack.writeback()
    stat = zpack.stat()
    assert (stat.ram, stat.packed, stat.blocks_bad) == (0, 3100, bad)
    bad_cells = {r.first_cell for r in zpack.layout() if r.state == BlockState.BAD}
    assert bad_cells.isdisjoint(r.first_cell for r in zpack.layout() if r.live_bytes)
    zpack.pages.check(io_pages=50)


def test_single_bad_block_is_retired_and_its_pages_go_elsewhere(
    bare_zpack: Device, disk: Mapping
) -> None:
    zpack = bare_zpack
    zpack.pages.fill(range(1000), "sized:2500", io_pages=50)
    sectors = BLOCK // 512
    disk.load([refusing(sectors), linear(SIZE - sectors, BACKING, sectors)])
    with zpack.refuses(errno.EIO):
        zpack.writeback()
    zpack.writeback()
    stat = zpack.stat()
    assert (stat.write_errors, stat.blocks_bad, stat.degraded) == (1, 1, 0)
    assert (stat.ram, stat.packed) == (0, 1000)
    (bad,) = [record for record in zpack.layout() if record.state == BlockState.BAD]
    assert bad.first_cell == 0
    zpack.pages.check(io_pages=50)


def test_bare_raw_block_that_cannot_be_written(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    zpack.block_pages = 1
    zpack.pages.fill(range(100), "random")
    disk.load([refusing(SIZE)])
    with zpack.refuses(errno.EIO):
        zpack.writeback()
    assert zpack.stat().ram == 100
    zpack.pages.check()
    disk.load(GOOD)
    zpack.recover()
    zpack.writeback()
    assert zpack.stat().packed == 100
    zpack.pages.check()


def test_store_into_a_full_pool_fails_when_nothing_can_be_written(
    bare_zpack: Device, disk: Mapping
) -> None:
    """It neither waits for ever nor loses what is there."""
    zpack = bare_zpack
    zpack.pool_limit = 2 << 20
    disk.load([refusing(SIZE)])
    failed = zpack.pages.write(range(1500), "random")
    assert failed and {failure.errno for failure in failed} == {errno.ENOSPC}
    assert zpack.degraded
    zpack.pages.check()
    disk.load(GOOD)
    zpack.recover()
    zpack.pages.fill(range(1500), "random", seed=2)
    assert zpack.stat().packed > 500
    zpack.pages.check()


def test_errors_come_and_go_under_load(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    zpack.pool_limit = 2 << 20
    half = SIZE // 2
    for seed in range(4):
        disk.load([refusing(half), linear(half, BACKING, half)])
        zpack.pages.write(range(1000), "mixed", seed=seed)
        disk.load(GOOD)
        zpack.recover()
        zpack.pages.check(io_pages=8)
    assert zpack.stat().write_errors > 0
