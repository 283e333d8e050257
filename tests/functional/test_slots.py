# SPDX-License-Identifier: GPL-2.0-only
"""Proves what happens to slots: overwritten, discarded, in flight, and what they cost."""

import pytest

from api import Device, Mapping
from api.mapping import MIB, UNTIL_LOADED_MS, linear
from api.plugin import BACKING
from api.stat import LayoutRecord
from api.waiting import wait_until

LEAF_SLOTS = 512


def test_leaf_tables_come_and_go_with_their_pages(zpack: Device) -> None:
    assert zpack.stat().slot_table_bytes == 0
    zpack.pages.fill(range(LEAF_SLOTS), "zero")
    assert zpack.stat().slot_table_bytes == 4096
    for leaf in range(1, 10):
        zpack.pages.fill([leaf * LEAF_SLOTS + leaf], "text")
    assert zpack.stat().slot_table_bytes == 10 * 4096
    zpack.writeback()
    assert zpack.stat().slot_table_bytes == 10 * 4096
    zpack.pages.discard(LEAF_SLOTS, 4 * LEAF_SLOTS)
    assert zpack.stat().slot_table_bytes == 6 * 4096
    zpack.pages.discard(1, LEAF_SLOTS - 1)
    assert zpack.stat().slot_table_bytes == 6 * 4096  # slot 0 is still there
    zpack.pages.check()
    zpack.pages.discard(0, 10 * LEAF_SLOTS)
    assert zpack.stat().slot_table_bytes == 0


def test_overwritten_page_gives_its_place_back(zpack: Device) -> None:
    zpack.pages.fill(range(200), "mixed")
    zpack.writeback()
    packed = zpack.stat()
    zpack.pages.fill(range(200), "mixed", seed=2)
    stat = zpack.stat()
    assert packed.live_bytes > 0
    assert (stat.packed, stat.live_bytes, stat.blocks_live) == (0, 0, 0)
    assert stat.stored == 200
    zpack.pages.check()


def test_overwriting_one_type_of_entry_with_another(zpack: Device) -> None:
    kinds = ["zero", "text", "random", "word32", "random", "zero", "text"]
    for number, kind in enumerate(kinds):
        zpack.pages.fill(range(0, 60), kind, seed=number)
        zpack.pages.fill(range(30, 90), kind, seed=number + 50)
        zpack.pages.check()
        if number % 2:
            zpack.writeback()
            zpack.pages.check()
        assert zpack.stat().stored == 90


@pytest.mark.parametrize("zeroout", [False, True])
def test_discarded_pages_read_as_zeroes(zpack: Device, zeroout: bool) -> None:
    zpack.pages.fill(range(1200), "mixed")
    zpack.writeback(600)
    zpack.pages.discard(100, 900, zeroout=zeroout)
    assert zpack.stat().stored == 300
    zpack.pages.check()


@pytest.mark.parametrize("gib", [4, 5, 8])
def test_zeroing_more_than_a_bio_can_say_zeroes_all_of_it(zpack: Device, gib: int) -> None:
    """A bio's length has 32 bits."""
    zpack.reset()
    zpack.disksize = (gib << 30) + (1 << 20)
    pages = gib << 18
    zpack.pages.fill([0, 1 << 18, pages // 2, pages - 1, pages], "text")
    zpack.pages.discard(0, pages, zeroout=True)
    assert zpack.stat().stored == 1
    zpack.pages.check()


def test_discard_of_nothing_does_nothing(zpack: Device) -> None:
    zpack.pages.discard(5000, 40000)
    assert zpack.stat().slot_table_bytes == 0


def test_block_is_free_at_once_when_its_last_object_dies(zpack: Device) -> None:
    zpack.block_pages = 4
    zpack.pages.fill(range(400), "sized:1000")
    zpack.writeback()
    packed, disk = zpack.stat(), zpack.backing_stat()
    assert packed.blocks_live > 20
    zpack.pages.discard(0, 400)
    stat = zpack.stat()
    assert (stat.blocks_live, stat.live_bytes) == (0, 0)
    assert stat.blocks_died == packed.blocks_live
    assert stat.segments_free == stat.segments
    assert zpack.backing_stat() == disk  # no I/O


def test_freed_blocks_are_used_again(bare_zpack: Device) -> None:
    """Writes the backing device full many times over."""
    zpack = bare_zpack
    with Mapping.linear(zpack.vm, "small", BACKING, mib=16) as small:
        zpack.backing_dev = small.path
        zpack.disksize = 64 << 20
        for seed in range(12):
            zpack.pages.fill(range(2500), "random", seed=seed, io_pages=50)
            zpack.writeback()
            zpack.pages.check(io_pages=50)
        assert zpack.stat().block_bytes_written > 100 << 20
        assert zpack.stat().backing_full_events == 0
        zpack.discard_all()
        zpack.reset()


def test_pages_that_change_while_they_are_written(bare_zpack: Device) -> None:
    """Their copies in the block are dead, the slots have what was stored last."""
    zpack = bare_zpack
    with Mapping.delayed(zpack.vm, "slow", BACKING, 64, 0, UNTIL_LOADED_MS) as slow:
        zpack.backing_dev = slow.path
        zpack.disksize = 64 << 20
        zpack.second_chance = False
        zpack.pages.fill(range(200), "mixed")
        before = zpack.stat()
        writing = zpack.vm.spawn(f"echo all >{zpack.attribute('writeback')}")
        wait_until(lambda: zpack.stat().write_ios > 0, "a block is being written")
        zpack.pages.check()  # still readable
        zpack.pages.fill(range(0, 50), "text", seed=2)
        zpack.pages.fill(range(50, 70), "zero", seed=2)
        zpack.pages.discard(100, 50)
        zpack.pages.check()
        assert writing.running, "the blocks were written too soon to prove anything"
        slow.load([linear(64 * MIB, BACKING)])
        writing.wait(timeout=60)
        stat = zpack.stat()
        assert 0 < stat.writeback_dead <= 120
        assert stat.packed + stat.writeback_dead == before.ram
        zpack.pages.check()
        zpack.writeback()
        zpack.pages.check()
        zpack.discard_all()
        zpack.reset()


def block_at(zpack: Device, segment: int, block: int) -> LayoutRecord:
    """What `layout` says of one block."""
    (found,) = [
        record for record in zpack.layout() if (record.segment, record.block) == (segment, block)
    ]
    return found


def test_page_whose_block_is_reused_under_the_read(bare_zpack: Device) -> None:
    """The read looks at the slot again and finds the page where it is now."""
    zpack = bare_zpack
    with Mapping.delayed(zpack.vm, "slow", BACKING, 16, UNTIL_LOADED_MS, 0) as slow:
        zpack.backing_dev = slow.path
        zpack.disksize = 64 << 20
        zpack.clean_cache_limit = 0  # one read for each page
        zpack.block_pages = 256
        zpack.cleaning = False
        zpack.cleaning_reserve = 1
        # Fills all blocks but the reserve, the last one, in order; each has 255 pages. Another one
        # of its segment that becomes free is taken before it.
        zpack.pages.fill(range(15 * 255), "random", io_pages=51)
        zpack.writeback()
        assert zpack.stat().packed == 15 * 255
        victims = range(12 * 255, 13 * 255)
        before = block_at(zpack, segment=3, block=0)
        others = dict(zpack.pages.contents)
        zpack.pages.contents = {page: others[page] for page in victims}
        reading = zpack.pages.spawn_check(io_pages=255)
        wait_until(lambda: zpack.stat().read_ios >= 255, "all of them are being read")
        zpack.pages.discard(victims.start, 255)
        assert zpack.stat().blocks_died == 1
        zpack.pages.fill(range(5000, 5255), "random", io_pages=51)
        zpack.writeback()
        assert zpack.stat().blocks_written == 16
        assert block_at(zpack, segment=3, block=0).generation > before.generation
        zpack.pages.fill(victims, "random", io_pages=51)  # the same as before, now in RAM
        assert reading.running, "the read ended too soon to prove anything"
        slow.load([linear(16 * MIB, BACKING)])
        zpack.pages.finish_check(reading)
        assert zpack.stat().read_retries == 255
        assert zpack.stat().checksum_errors == 0
        zpack.pages.contents |= others
        zpack.pages.check(io_pages=51)
        zpack.discard_all()
        zpack.reset()
