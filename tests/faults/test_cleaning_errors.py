# SPDX-License-Identifier: GPL-2.0-only
"""Proves that cleaning loses no page when the backing device fails or lies, and ends when told."""

import errno
import time
from typing import Iterator

import pytest

from api import BlockState, Device, Failure, Mapping
from api.mapping import MIB, linear
from api.media import cell_of, objects_of, read_cell, write_cell
from api.plugin import BACKING
from api.waiting import wait_until
from vm import VM

SIZE = 32 * MIB
GOOD = [linear(SIZE, BACKING)]
BLOCK = 64 << 10
BLOCK_CELLS = 16
CELL_SECTORS = 8
KIND = "sized:1900"  # two to a cell


@pytest.fixture
def disk(bare_zpack: Device) -> Iterator[Mapping]:
    """The backing device of `bare_zpack`, the first 32 MiB of BACKING, that a test makes fail."""
    zpack = bare_zpack
    zpack.vm.run("modprobe dm-flakey")
    with Mapping(zpack.vm, "failing", GOOD) as mapping:
        zpack.backing_dev = mapping.path
        zpack.disksize = 128 << 20
        zpack.clean_cache_limit = 0  # these tests change what is on the disk
        zpack.cleaning = False
        zpack.write("cleaning_rate", "max")
        yield mapping
        mapping.load(GOOD)
        if zpack.disksize:
            zpack.discard_all()
            zpack.wait_until_nothing_is_in_flight()
            stat = zpack.stat()
            assert (stat.stored, stat.live_bytes, stat.blocks_live) == (0, 0, 0)
            assert (stat.blocks_pinned, stat.blocks_cleaning) == (0, 0)
            zpack.reset()


def make_sparse(zpack: Device, pages: int = 1200) -> list[int]:
    """Store pages and let three of four die, in each block; returns those that live."""
    zpack.pages.fill(range(pages), KIND, io_pages=50)
    zpack.writeback()
    zpack.pages.fill([page for page in range(pages) if page % 4], "zero")
    return list(range(0, pages, 4))


def fail_writes_of_block(disk: Mapping, first_cell: int) -> None:
    """From now on the block that begins there can't be written."""
    start, sectors = first_cell * CELL_SECTORS, BLOCK // 512
    disk.load(
        [
            *([linear(start, BACKING)] if start else []),
            f"{sectors} flakey {BACKING} {start} 0 3600 1 error_writes",
            linear(SIZE - start - sectors, BACKING, start + sectors),
        ]
    )


def pinned(zpack: Device) -> list[int]:
    """First cells of the blocks that could not be cleaned."""
    return [r.first_cell for r in zpack.layout() if r.state == BlockState.PINNED]


def test_changed_byte_in_a_victim_costs_that_page_only(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    living = make_sparse(zpack)
    lost = living[40]
    cell = cell_of(zpack, lost)
    data = bytearray(read_cell(zpack.vm, BACKING, cell))
    (place,) = [found for found in objects_of(bytes(data)) if found.slot == lost]
    data[place.payload + 100] ^= 1
    write_cell(zpack.vm, BACKING, cell, bytes(data))
    before = zpack.stat()
    zpack.clean()
    stat = zpack.stat()
    assert stat.cleaning_damaged == stat.blocks_pinned == 1
    assert pinned(zpack) == [cell - cell % BLOCK_CELLS]
    assert stat.packed == before.packed == len(living)
    assert len(living) - 20 <= stat.cleaning_pages <= len(living) - 1
    assert stat.checksum_errors == 0  # nobody has asked for the page
    assert zpack.pages.failures() == [Failure(lost, errno.EIO)]
    assert zpack.stat().checksum_errors == 1
    zpack.pages.fill([lost], "text")  # the block is free when it dies
    stat = zpack.stat()
    assert (stat.blocks_pinned, stat.blocks_bad) == (0, 0)
    zpack.pages.check()


@pytest.mark.parametrize(
    "damage",
    [
        "header",
        pytest.param("zeroes", marks=pytest.mark.slow),
        pytest.param("another block", marks=pytest.mark.slow),
    ],
)
def test_block_without_a_header_stays_as_it_is(
    bare_zpack: Device, disk: Mapping, damage: str
) -> None:
    """What does not say whose it is, is left alone; its pages can be read as long as they are there."""
    zpack = bare_zpack
    living = make_sparse(zpack)
    cell = cell_of(zpack, living[40])
    first = cell - cell % BLOCK_CELLS
    data = bytearray(read_cell(zpack.vm, BACKING, first))
    if damage == "zeroes":
        data = bytearray(4096)
    elif damage == "header":
        data[17] ^= 0x40
    else:
        other = first - BLOCK_CELLS if first else first + BLOCK_CELLS
        data = bytearray(read_cell(zpack.vm, BACKING, other))
    in_cell0 = {found.slot for found in objects_of(read_cell(zpack.vm, BACKING, first))}
    write_cell(zpack.vm, BACKING, first, bytes(data))
    zpack.clean()
    stat = zpack.stat()
    assert stat.cleaning_damaged == stat.blocks_pinned == 1
    assert pinned(zpack) == [first]
    assert stat.packed == len(living)
    refused = zpack.vm.run(
        f"dd bs=4096 count=1 skip={first} of=/dev/null if={zpack.attribute('objects')}", check=False
    )
    assert refused.returncode != 0 and "Bad message" in refused.stderr, refused
    expected = in_cell0 & set(living) if damage != "header" else set()
    assert {failure.page for failure in zpack.pages.failures()} == expected


@pytest.mark.parametrize(
    "damage", ["object header", pytest.param("a cell of zeroes", marks=pytest.mark.slow)]
)
def test_what_its_block_does_not_tell_of_is_left_alone(
    bare_zpack: Device, disk: Mapping, damage: str
) -> None:
    """An object lives in the block, says the map, and is not to be found in it: no more tries."""
    zpack = bare_zpack
    living = make_sparse(zpack)
    cell = cell_of(zpack, living[40])
    assert cell % BLOCK_CELLS
    data = bytearray(read_cell(zpack.vm, BACKING, cell))
    here = {found.slot for found in objects_of(bytes(data))} & set(living)
    if damage == "object header":
        (place,) = [found for found in objects_of(bytes(data)) if found.slot == living[40]]
        data[place.offset + 1] ^= 0x10  # another slot's number
    else:
        data = bytearray(4096)
    write_cell(zpack.vm, BACKING, cell, bytes(data))
    zpack.clean()
    assert pinned(zpack) == [cell - cell % BLOCK_CELLS]
    reads = zpack.stat().cleaning_reads
    zpack.clean()
    assert zpack.stat().cleaning_reads <= reads + 2
    assert zpack.stat().packed == len(living)
    assert {failure.page for failure in zpack.pages.failures()} == here


@pytest.mark.slow
def test_full_disk_with_a_block_that_cannot_be_cleaned_is_full(
    bare_zpack: Device, disk: Mapping
) -> None:
    """Stores fail, they do not wait for ever."""
    zpack = bare_zpack
    pages = SIZE // CELL_SECTORS * 2
    zpack.pool_limit = 1 << 20
    failed = zpack.pages.write(range(pages), KIND)
    assert {failure.errno for failure in failed} <= {errno.ENOSPC}
    cell = cell_of(zpack, 1000)
    first = cell - cell % BLOCK_CELLS
    in_block = [
        [found.slot for found in objects_of(read_cell(zpack.vm, BACKING, first + number))]
        for number in range(BLOCK_CELLS)
    ]
    lost = in_block[-1][0]
    sparse = [slot for slots in in_block for slot in slots if slot != lost]
    zpack.pages.fill(sparse, "zero", io_pages=1)  # the only block with room, and all else is full
    write_cell(zpack.vm, BACKING, first + BLOCK_CELLS - 1, bytes(4096))
    zpack.cleaning = True
    failed = zpack.pages.write(range(pages, pages + 1500), KIND)
    assert {failure.errno for failure in failed} == {errno.ENOSPC}
    assert zpack.stat().blocks_pinned == 1
    assert [failure.page for failure in zpack.pages.failures()] == [lost]


@pytest.mark.slow
def test_unreadable_victim_loses_nothing_that_can_be_read(
    bare_zpack: Device, disk: Mapping
) -> None:
    zpack = bare_zpack
    living = make_sparse(zpack)
    cell = cell_of(zpack, living[40])
    start = cell * CELL_SECTORS
    rest = SIZE - start - CELL_SECTORS
    disk.load(
        [
            linear(start, BACKING),
            f"{CELL_SECTORS} error",
            linear(rest, BACKING, start + CELL_SECTORS),
        ]
    )
    zpack.clean()
    stat = zpack.stat()
    assert stat.cleaning_read_errors == stat.blocks_pinned == 1
    assert stat.packed == len(living) and stat.read_errors == 0
    assert "it can't be cleaned" in zpack.vm.dmesg()
    here = {found.slot for found in objects_of(read_cell(zpack.vm, BACKING, cell))}
    assert {failure.page for failure in zpack.pages.failures()} == here & set(living)
    disk.load(GOOD)
    zpack.pages.check()


@pytest.mark.slow
def test_disk_that_cannot_be_read_ends_cleaning(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    living = make_sparse(zpack, 4000)
    disk.load([f"{SIZE} error"])
    with zpack.refuses(errno.EIO, "clean"):
        zpack.clean()
    stat = zpack.stat()
    assert 8 <= stat.blocks_pinned == stat.cleaning_read_errors < 16
    disk.load(GOOD)
    zpack.clean()
    assert zpack.stat().blocks_pinned == stat.blocks_pinned
    assert zpack.stat().packed == len(living)
    zpack.pages.check()


def test_write_errors_while_cleaning_cost_no_page(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    living = make_sparse(zpack, 4000)
    before = zpack.stat()
    disk.load([f"{SIZE} flakey {BACKING} 0 0 3600 1 error_writes"])
    with zpack.refuses(errno.EIO, "clean"):
        zpack.clean()
    stat = zpack.stat()
    assert stat.cleaning_write_errors == stat.blocks_bad >= 1
    assert (stat.cleaning_pages, stat.blocks_cleaned) == (0, 0)
    assert (stat.packed, stat.live_bytes) == (len(living), before.live_bytes)
    assert stat.blocks_cleaning == 0
    disk.load(GOOD)
    zpack.pages.check()
    zpack.recover()
    zpack.clean()
    assert zpack.stat().cleaning_pages > len(living) - 20
    zpack.pages.check()


@pytest.mark.slow
def test_single_bad_place_is_avoided(bare_zpack: Device, disk: Mapping) -> None:
    """Cleaning goes on elsewhere after the error."""
    zpack = bare_zpack
    living = make_sparse(zpack, 2400)
    cells = sorted(
        r.first_cell for r in zpack.layout() if r.state == BlockState.FREE and r.block_pages
    )
    fail_writes_of_block(disk, cells[0])
    with zpack.refuses(errno.EIO, "clean"):
        zpack.clean()
    zpack.clean()
    stat = zpack.stat()
    assert stat.cleaning_write_errors == stat.blocks_bad == 1
    assert not stat.degraded and stat.packed == len(living)
    assert stat.cleaning_pages > len(living) - 40
    zpack.pages.check()


def test_bad_place_does_not_end_cleaning_that_makes_room(bare_zpack: Device, disk: Mapping) -> None:
    """Nobody asks; stores wait for room, and it is made in spite of a block that can't be written."""
    zpack = bare_zpack
    pages = SIZE // CELL_SECTORS * 2 + 1000  # more than there is room for
    zpack.pool_limit = 1 << 20
    failed = {failure.page for failure in zpack.pages.write(range(pages), KIND)}
    stored = [page for page in range(pages) if page not in failed]
    zpack.pages.fill([page for page in stored if page % 32 < 16], "zero")
    free = [r.first_cell for r in zpack.layout() if r.state == BlockState.FREE and r.block_pages]
    fail_writes_of_block(disk, min(free))
    zpack.cleaning = True
    zpack.pages.fill(range(pages, pages + 2000), KIND)
    stat = zpack.stat()
    assert stat.cleaning_write_errors == stat.blocks_bad == 1, stat
    assert stat.blocks_cleaned > 50 and not stat.degraded
    zpack.pages.check(io_pages=8)


def test_cleaning_goes_on_when_told_that_the_disk_is_well_again(
    bare_zpack: Device, disk: Mapping
) -> None:
    """Although nothing has died meanwhile."""
    zpack = bare_zpack
    pages = SIZE // CELL_SECTORS * 2 + 1000  # more than there is room for
    zpack.pool_limit = 1 << 20
    zpack.cleaning_reserve = 16  # more than the errors that it takes
    failed = {failure.page for failure in zpack.pages.write(range(pages), KIND)}
    stored = [page for page in range(pages) if page not in failed]
    zpack.pages.fill([page for page in stored if page % 32 < 16], "zero")
    disk.load([f"{SIZE} flakey {BACKING} 0 0 3600 1 error_writes"])
    zpack.cleaning = True
    failures = zpack.pages.write(range(pages, pages + 2000), KIND)
    assert {failure.errno for failure in failures} == {errno.ENOSPC}
    assert zpack.stat().degraded
    disk.load(GOOD)
    zpack.recover()
    wait_until(lambda: zpack.stat().blocks_cleaned > 0, "cleaning goes on")
    zpack.pages.fill(range(pages, pages + 2000), KIND)
    assert not zpack.stat().degraded
    zpack.cleaning_reserve = 2
    zpack.pages.check(io_pages=8)


def test_reset_while_it_is_cleaned(bare_zpack: Device, disk: Mapping) -> None:
    """Cleaning that is slow, and has victims open, does not keep a reset waiting."""
    zpack = bare_zpack
    make_sparse(zpack, 6000)
    zpack.write("cleaning_rate", "65536")
    zpack.cleaning_high = 900
    zpack.cleaning_low = 900
    zpack.cleaning = True
    wait_until(lambda: zpack.stat().cleaning_reads > 0, "cleaning has begun")
    assert zpack.stat().blocks_cleaning > 0
    started = time.monotonic()
    zpack.reset()
    assert time.monotonic() - started < 20 * zpack.vm.scale
    assert zpack.stat().stored == 0
    zpack.cleaning_low, zpack.cleaning_high = 5, 8


def test_remove_while_cleaning_is_asked_for(zpack_vm: VM) -> None:
    """Who waits for `clean` is told, and nobody waits for hours."""
    with Mapping(zpack_vm, "removed", GOOD) as mapping:
        zpack = Device.hot_add(zpack_vm)
        zpack.backing_dev = mapping.path
        zpack.disksize = 64 << 20
        make_sparse(zpack, 6000)
        zpack.write("cleaning_rate", "65536")
        asker = zpack_vm.spawn(f"echo all >{zpack.attribute('clean')}")
        wait_until(lambda: zpack.stat().cleaning_reads > 0, "cleaning has begun")
        started = time.monotonic()
        zpack.remove()
        assert time.monotonic() - started < 20 * zpack.vm.scale
        assert "No such device" in asker.wait(check=False, timeout=10).stderr


@pytest.mark.slow
def test_block_size_changes_while_it_is_cleaned(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    make_sparse(zpack, 6000)
    zpack.write("cleaning_rate", str(1 << 20))
    zpack.cleaning_high = 900
    zpack.cleaning_low = 900
    zpack.cleaning = True
    for block_pages in (256, 1, 64, 4, 16):
        reads = zpack.stat().cleaning_reads
        zpack.block_pages = block_pages
        wait_until(
            lambda: zpack.stat().cleaning_reads > reads or not zpack.stat().blocks_cleaning,
            "cleaning goes on",
        )
        zpack.pages.check(range(0, 6000, 40))
    zpack.write("cleaning_rate", "max")
    zpack.clean()
    zpack.cleaning_low, zpack.cleaning_high = 5, 8
    zpack.pages.check()
    stat = zpack.stat()
    assert stat.cleaning_damaged == stat.blocks_pinned == 0
