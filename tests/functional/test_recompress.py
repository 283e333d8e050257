# SPDX-License-Identifier: GPL-2.0-only
"""Proves that cold pages are made smaller on their way to the disk, and come back whole."""

import errno

import pytest

from api import Device, Failure, Mapping
from api.mapping import MIB, linear
from api.media import cell_of, objects_of, read_cell, write_cell
from api.plugin import BACKING


@pytest.mark.parametrize("algorithm", ["lz4", "lzo-rle"])
def test_pages_are_smaller_on_disk(zpack: Device, algorithm: str) -> None:
    zpack.comp_algorithm = algorithm
    zpack.pages.fill(range(2000), "text", io_pages=50)
    in_ram = zpack.stat().ram_object_bytes
    zpack.write("recompress", "zstd")
    assert zpack.stat().recompress_bytes > 128 * 4096
    zpack.writeback()
    stat = zpack.stat()
    assert (stat.packed, stat.recompress_smaller) == (2000, 2000)
    assert stat.packed_object_bytes == in_ram - stat.recompress_saved_bytes < in_ram * 7 / 8
    assert stat.writeback_object_bytes == stat.packed_object_bytes
    zpack.pages.check(io_pages=8)
    zpack.write("recompress", "off")
    assert zpack.stat().recompress_bytes == 0
    zpack.pages.check(shuffle=3)


@pytest.mark.slow
def test_pages_that_gain_nothing_are_written_as_they_are(zpack: Device) -> None:
    zpack.write("recompress", "zstd")
    zpack.pages.fill(range(300), "random", io_pages=50)
    zpack.pages.fill(range(300, 600), "sized:2000", io_pages=50)
    in_ram = zpack.stat().ram_object_bytes
    zpack.writeback()
    stat = zpack.stat()
    assert (stat.packed, stat.packed_raw, stat.packed_object_bytes) == (600, 300, in_ram)
    assert (stat.recompress_smaller, stat.recompress_saved_bytes) == (0, 0)
    assert stat.recompress_pages >= 600
    zpack.pages.check()


def test_pages_of_zstd_are_not_compressed_again(zpack: Device) -> None:
    zpack.comp_algorithm = "zstd"
    zpack.write("recompress", "zstd")
    zpack.write("recompress_level", "19")
    zpack.pages.fill(range(300), "text", io_pages=50)
    zpack.writeback()
    assert (zpack.stat().packed, zpack.stat().recompress_pages) == (300, 0)
    zpack.pages.check()


@pytest.mark.slow
@pytest.mark.parametrize("block_pages", [1, 16])
@pytest.mark.parametrize("level", [1, 22])
def test_levels_with_all_kinds_of_pages(zpack: Device, level: int, block_pages: int) -> None:
    zpack.block_pages = block_pages
    zpack.write("recompress_level", str(level))
    zpack.write("recompress", "zstd")
    zpack.pages.fill(range(1000), "mixed", io_pages=10)
    zpack.writeback()
    assert zpack.stat().ram == 0
    assert zpack.stat().recompress_smaller > 50
    zpack.pages.check()


@pytest.mark.slow
def test_pages_stored_anew_while_they_wait_are_not_mixed_up(zpack: Device) -> None:
    """Under a small limit, with recompressed pages in the window all the time."""
    zpack.write("recompress", "zstd")
    zpack.pool_limit = 1 << 20
    for seed in range(1, 9):
        zpack.pages.fill(range(seed % 3, 900, 3), "text", seed=seed, io_pages=1)
        zpack.pages.fill(range(700), "mixed", seed=seed, io_pages=10)
    assert zpack.stat().recompress_smaller > 500
    zpack.pages.check()


def test_cleaning_moves_pages_that_were_made_smaller(zpack: Device) -> None:
    zpack.write("recompress", "zstd")
    zpack.pages.fill(range(4000), "text", io_pages=50)
    zpack.writeback()
    # One in eight stays, so every block is worth it.
    zpack.pages.fill([page for page in range(4000) if page % 8], "zero")
    zpack.write("recompress", "off")
    zpack.clean()
    stat = zpack.stat()
    assert (stat.packed, stat.cleaning_damaged) == (500, 0)
    assert stat.cleaning_pages > 400
    zpack.pages.check()


@pytest.mark.slow
def test_damaged_page_fails_alone(zpack: Device) -> None:
    """Also when cleaning comes across it: the block is pinned, the rest moves."""
    zpack.clean_cache_limit = 0  # it changes what is on the disk
    zpack.write("recompress", "zstd")
    zpack.pages.fill(range(2000), "text", io_pages=50)
    zpack.writeback()
    cell = cell_of(zpack, 800)
    data = bytearray(read_cell(zpack.vm, BACKING, cell))
    (victim,) = [found for found in objects_of(bytes(data)) if found.slot == 800]
    data[victim.payload + victim.length // 2] ^= 0x10
    write_cell(zpack.vm, BACKING, cell, bytes(data))
    assert zpack.pages.failures() == [Failure(800, errno.EIO)]
    zpack.pages.fill([page for page in range(2000) if page % 8], "zero")
    zpack.clean()
    stat = zpack.stat()
    assert stat.cleaning_damaged == 1 and stat.cleaning_pages > 200
    assert zpack.pages.failures() == [Failure(800, errno.EIO)]
    zpack.pages.fill([800], "text", seed=2)
    zpack.pages.check()


def test_failed_writes_leave_pages_in_ram(bare_zpack: Device) -> None:
    """As they were, and they are written when the disk works again."""
    zpack = bare_zpack
    with Mapping.linear(zpack.vm, "failing", BACKING, mib=64) as mapping:
        zpack.backing_dev = mapping.path
        zpack.disksize = 64 << 20
        zpack.write("recompress", "zstd")
        zpack.pages.fill(range(2000), "text", io_pages=50)
        before = zpack.stat()
        mapping.load([f"{64 * MIB} error"])
        with zpack.refuses(errno.EIO):
            zpack.writeback()
        stat = zpack.stat()
        assert stat.write_errors > 0 and stat.degraded
        assert (stat.ram, stat.packed) == (2000, 0)
        assert stat.ram_object_bytes == before.ram_object_bytes
        zpack.pages.check()
        mapping.load([linear(64 * MIB, BACKING)])
        zpack.recover()
        zpack.second_chance = False
        zpack.writeback()
        assert zpack.stat().packed == 2000
        zpack.pages.check()
        zpack.discard_all()
        zpack.reset()


def test_switching_at_any_time(zpack: Device) -> None:
    """Before there is a size, while pages are stored, and over a reset."""
    assert zpack.read("recompress") == "[off] zstd"
    zpack.pool_limit = 1 << 20
    for turn in range(6):
        zpack.write("recompress", ["zstd", "off"][turn % 2])
        zpack.write("recompress_level", str(1 + turn))
        zpack.pages.fill(range(1500), "text", seed=turn + 1, io_pages=10)
    zpack.write("recompress", "zstd")
    zpack.pages.check()
    zpack.discard_all()
    zpack.reset()
    assert (zpack.read("recompress"), zpack.read("recompress_level")) == ("off [zstd]", "6")
    zpack.backing_dev = "/dev/disk-by-harness/backing"
    zpack.disksize = 64 << 20
    zpack.pages.fill(range(500), "text", io_pages=10)
    zpack.writeback()
    assert zpack.stat().recompress_smaller == 500
    zpack.pages.check()


def test_refusals(bare_zpack: Device) -> None:
    with bare_zpack.refuses(errno.EINVAL, "recompress", "neither off nor zstd"):
        bare_zpack.write("recompress", "lz4")
    for level in ("0", "23", "-1", "x"):
        with bare_zpack.refuses(errno.EINVAL, "recompress_level", "1...22"):
            bare_zpack.write("recompress_level", level)
