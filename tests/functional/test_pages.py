# SPDX-License-Identifier: GPL-2.0-only
"""Proves that pages come back as they were written, from RAM and from the backing device."""

import errno

import pytest

from api import Device

BLOCK_PAGES = [1, 2, 4, 16, 64, 256]
COMPRESSORS = ["lz4", "lzo-rle", "zstd"]


@pytest.mark.parametrize("block_pages", BLOCK_PAGES)
def test_every_kind_of_page_survives_writeback(zpack: Device, block_pages: int) -> None:
    zpack.block_pages = block_pages
    zpack.pages.fill(range(1500), "mixed", seed=block_pages)
    zpack.pages.check()
    stored = zpack.stat()
    assert stored.stored == 1500 and stored.packed == 0
    zpack.writeback()
    stat = zpack.stat()
    assert stat.ram == 0
    assert stat.packed == stored.ram
    assert stat.packed_raw == stored.ram_raw > 0
    assert stat.packed_object_bytes == stored.ram_object_bytes
    assert stat.same == stored.same > 0
    zpack.pages.check(shuffle=1)


@pytest.mark.parametrize("block_pages", BLOCK_PAGES)
def test_blocks_of_raw_pages_only(zpack: Device, block_pages: int) -> None:
    zpack.block_pages = block_pages
    zpack.pages.fill(range(300), "random")
    zpack.writeback()
    assert zpack.stat().packed_raw == 300
    zpack.pages.check(shuffle=1)


@pytest.mark.parametrize("algorithm", COMPRESSORS)
def test_every_compressor_keeps_pages(zpack: Device, algorithm: str) -> None:
    zpack.comp_algorithm = algorithm
    zpack.pages.fill(range(600), "mixed")
    zpack.pages.fill(range(600, 700), "text")
    assert zpack.stat().ram_object_bytes < 600 * 4096
    zpack.pages.check()
    zpack.writeback()
    zpack.pages.check(shuffle=1)
    zpack.pages.check(io_pages=64)


def test_compressors_change_online_and_older_pages_stay_readable(zpack: Device) -> None:
    per_page = {}
    for number, algorithm in enumerate([*COMPRESSORS, "lz4"]):
        zpack.comp_algorithm = algorithm
        assert zpack.comp_algorithm == algorithm
        before = zpack.stat()
        zpack.pages.fill(range(number * 300, number * 300 + 300), "text", seed=number)
        if number % 2:
            zpack.writeback()
        after = zpack.stat()
        object_bytes = after.ram_object_bytes + after.packed_object_bytes
        per_page[algorithm] = object_bytes - before.ram_object_bytes - before.packed_object_bytes
        zpack.pages.check()
    assert per_page["zstd"] < 0.9 * per_page["lz4"]  # another compressor was really at work
    zpack.writeback()
    zpack.pages.check(shuffle=1)


def test_repeated_words_take_no_memory(zpack: Device) -> None:
    zpack.pages.fill(range(0, 100), "zero")
    zpack.pages.fill(range(100, 200), "word32")
    zpack.pages.fill(range(200, 300), "pointer")
    stat = zpack.stat()
    assert (stat.same, stat.ram, stat.pool_bytes) == (300, 0, 0)
    zpack.pages.fill(range(300, 400), "word64")  # no short form: compressed like any other page
    stat = zpack.stat()
    assert (stat.same, stat.ram) == (300, 100)
    zpack.pages.check()
    zpack.writeback()
    assert zpack.stat().packed == 100
    zpack.pages.check()


def test_incompressible_pages_are_stored_as_they_are(zpack: Device) -> None:
    zpack.pages.fill(range(100), "random")
    stat = zpack.stat()
    assert (stat.ram_raw, stat.ram_object_bytes) == (100, 100 * 4096)
    zpack.pages.check()


@pytest.mark.parametrize("size", [1, 100, 1000, 2030, 3000, 3600, 4000, 4056, 4070, 4080, 4095])
def test_objects_of_every_size_fit(zpack: Device, size: int) -> None:
    zpack.pages.fill(range(50), f"sized:{size}")
    zpack.pages.check()
    zpack.writeback()
    zpack.pages.check()


def test_block_size_changes_online_and_older_blocks_stay_readable(zpack: Device) -> None:
    for number, block_pages in enumerate([16, 1, 256, 4, 64, 2, 16]):
        zpack.block_pages = block_pages
        zpack.pages.fill(range(number * 200, number * 200 + 200), "sized:3000", seed=number)
        zpack.writeback()
        zpack.pages.check()
    live = {record.block_pages for record in zpack.layout() if record.live_bytes}
    assert live == {1, 2, 4, 16, 64, 256}
    zpack.pages.check(shuffle=3)


def test_block_size_changes_while_pages_are_written_back(zpack: Device) -> None:
    zpack.pages.fill(range(6000), "sized:1500", io_pages=32)
    writing = zpack.vm.spawn(f"echo all >{zpack.attribute('writeback')}")
    for block_pages in [1, 256, 2, 64, 16, 4, 128, 32, 8] * 2:
        zpack.block_pages = block_pages
        zpack.stat()
    writing.wait(timeout=60)
    assert zpack.stat().packed == 6000
    zpack.pages.check(io_pages=32)


def test_single_page_makes_a_block(zpack: Device) -> None:
    zpack.pages.fill([7], "text")
    before = zpack.backing_stat()
    zpack.writeback()
    stat, disk = zpack.stat(), zpack.backing_stat() - before
    assert (stat.packed, stat.blocks_written, stat.write_ios) == (1, 1, 1)
    assert stat.block_bytes_written == disk.write_bytes == 4096  # not the empty rest of it
    zpack.pages.check()


@pytest.mark.parametrize("io_pages", [2, 16, 256])
def test_large_transfers_both_ways(zpack: Device, io_pages: int) -> None:
    zpack.pages.fill(range(1000), "mixed", io_pages=io_pages)
    zpack.pages.check()
    zpack.pages.check(io_pages=io_pages)
    zpack.writeback()
    zpack.pages.check(io_pages=io_pages)
    zpack.pages.fill(range(500, 700), "mixed", seed=2, io_pages=io_pages)
    zpack.pages.check(range(1000), io_pages=io_pages)  # from disk and from RAM in one transfer


def test_file_copies_through_the_device(zpack: Device) -> None:
    zpack.vm.run(
        f"cd /tmp && cat /usr/bin/* 2>/dev/null | head -c 16M >in && "
        f"dd if=in of={zpack.path} bs=1M oflag=direct status=none && "
        f"echo all >{zpack.attribute('writeback')} && "
        f"dd if={zpack.path} of=out bs=1M count=16 iflag=direct status=none && "
        f"cmp in out && rm in out",
        timeout=60,
    )
    assert zpack.stat().packed > 3000


def test_unaligned_buffers_never_corrupt(zpack: Device) -> None:
    zpack.pages.fill(range(64), "mixed")
    zpack.writeback()
    for misalign in (512, 4, 2048):
        failed = zpack.pages.write(range(64), "mixed", seed=misalign, misalign=misalign)
        assert {failure.errno for failure in failed} <= {errno.EINVAL}
        assert len(failed) in (0, 64)
        failed = zpack.pages.failures(misalign=misalign)
        assert {failure.errno for failure in failed} <= {errno.EINVAL}
        zpack.pages.check()


def test_part_of_a_page_is_refused(zpack: Device) -> None:
    zpack.pages.fill(range(4), "text")
    result = zpack.vm.run(
        f"dd if=/dev/zero of={zpack.path} bs=512 count=1 oflag=direct", check=False
    )
    assert "Invalid argument" in result.stderr
    assert zpack.vm.run(["blockdev", "--getss", zpack.path]).stdout == "4096\n"
    zpack.pages.check()
