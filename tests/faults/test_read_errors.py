# SPDX-License-Identifier: GPL-2.0-only
"""Proves that a page that can't be read, or is not what was written, fails alone and never lies."""

import errno
from typing import Iterator

import pytest

from api import Device, Failure, Mapping
from api.mapping import MIB, linear
from api.media import cell_of, objects_of, read_cell, write_cell
from api.plugin import BACKING

SIZE = 64 * MIB
CELL_SECTORS = 8


@pytest.fixture
def disk(bare_zpack: Device) -> Iterator[Mapping]:
    """The backing device of `bare_zpack`, a part of BACKING from its first byte on."""
    with Mapping.linear(bare_zpack.vm, "failing", BACKING, mib=64) as mapping:
        bare_zpack.backing_dev = mapping.path
        bare_zpack.disksize = 128 << 20
        bare_zpack.clean_cache_limit = 0  # these tests change what is on the disk
        yield mapping
        bare_zpack.discard_all()
        stat = bare_zpack.stat()
        assert (stat.stored, stat.live_bytes, stat.blocks_live) == (0, 0, 0)
        bare_zpack.reset()


def only(slots: set[int]) -> set[Failure]:
    """These pages can't be read, the others can."""
    return {Failure(slot, errno.EIO) for slot in slots}


def test_unreadable_cell_fails_its_own_pages_only(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    zpack.pages.fill(range(300), "sized:1200")
    zpack.writeback()
    cell = cell_of(zpack, 120)
    victims = {found.slot for found in objects_of(read_cell(zpack.vm, BACKING, cell))}
    assert 120 in victims and len(victims) == 3
    start = cell * CELL_SECTORS
    rest = SIZE - start - CELL_SECTORS
    disk.load(
        [
            linear(start, BACKING),
            f"{CELL_SECTORS} error",
            linear(rest, BACKING, start + CELL_SECTORS),
        ]
    )
    before = zpack.stat()
    assert set(zpack.pages.failures()) == only(victims)
    change = zpack.stat() - before
    assert (change.read_errors, change.checksum_errors) == (3, 0)
    assert change.packed == 0  # nobody gave up on them
    # The kernel lets ten such messages through in five seconds; other tests may have had them.
    log = zpack.vm.dmesg()
    assert f"read error at byte {cell * 4096}" in log or log.count("read error at byte") >= 10
    disk.load([linear(SIZE, BACKING)])
    zpack.pages.check()


def test_disk_that_is_gone_fails_packed_pages_only(bare_zpack: Device, disk: Mapping) -> None:
    zpack = bare_zpack
    zpack.pages.fill(range(200), "mixed")
    zpack.pages.contents.clear()
    zpack.pages.fill(range(1000, 1200), "text")
    zpack.writeback()
    zpack.pages.fill(range(2000, 2100), "mixed")
    disk.load([f"{SIZE} error"])
    assert set(zpack.pages.failures()) == only(set(range(1000, 1200)))
    zpack.pages.fill(range(1000, 1100), "text", seed=2)  # new contents are as good as any
    assert set(zpack.pages.failures()) == only(set(range(1100, 1200)))
    disk.load([linear(SIZE, BACKING)])
    zpack.pages.check()


@pytest.mark.parametrize("algorithm", ["lz4", "zstd"])
@pytest.mark.parametrize("io_pages", [1, 4])
def test_changed_byte_fails_its_page_only(
    bare_zpack: Device, disk: Mapping, algorithm: str, io_pages: int
) -> None:
    zpack = bare_zpack
    zpack.comp_algorithm = algorithm
    zpack.pages.fill(range(300), "sized:1200")
    zpack.writeback()
    cell = cell_of(zpack, 120)
    data = bytearray(read_cell(zpack.vm, BACKING, cell))
    (victim,) = [found for found in objects_of(data) if found.slot == 120]
    for position in (victim.offset + 4, victim.payload, victim.payload + victim.length - 1):
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        write_cell(zpack.vm, BACKING, cell, damaged)
        before = zpack.stat()
        failed = zpack.pages.failures(io_pages=io_pages)
        assert failed == [Failure(120, errno.EIO)]
        change = zpack.stat() - before
        assert (change.read_errors, change.checksum_errors) == (0, 1)
    write_cell(zpack.vm, BACKING, cell, bytes(data))
    zpack.pages.check()


@pytest.mark.parametrize("block_pages", [1, 16])
def test_changed_byte_of_a_raw_page_is_noticed(
    bare_zpack: Device, disk: Mapping, block_pages: int
) -> None:
    zpack = bare_zpack
    zpack.block_pages = block_pages
    zpack.pages.fill(range(100), "random")
    zpack.writeback()
    cell = cell_of(zpack, 50)
    data = read_cell(zpack.vm, BACKING, cell)
    for position in (0, 2000, 4095):
        damaged = bytearray(data)
        damaged[position] ^= 1
        write_cell(zpack.vm, BACKING, cell, damaged)
        assert zpack.pages.failures() == [Failure(50, errno.EIO)]
    assert zpack.stat().checksum_errors == 3
    write_cell(zpack.vm, BACKING, cell, data)
    zpack.pages.check()


def test_exchanged_cells_are_noticed(bare_zpack: Device, disk: Mapping) -> None:
    """As a disk does that writes to a wrong place: both cells are sound, but not where they are."""
    zpack = bare_zpack
    zpack.pages.fill(range(0, 150), "sized:1200")
    zpack.pages.fill(range(150, 200), "random")
    zpack.writeback()
    for one, other in [(10, 100), (160, 190)]:
        cells = [cell_of(zpack, slot) for slot in (one, other)]
        data = [read_cell(zpack.vm, BACKING, cell) for cell in cells]
        victims = {one, other}
        if one < 150:
            victims |= {found.slot for found in objects_of(data[0]) + objects_of(data[1])}
        write_cell(zpack.vm, BACKING, cells[0], data[1])
        write_cell(zpack.vm, BACKING, cells[1], data[0])
        assert set(zpack.pages.failures()) == only(victims)
        write_cell(zpack.vm, BACKING, cells[0], data[0])
        write_cell(zpack.vm, BACKING, cells[1], data[1])
        zpack.pages.check()


@pytest.mark.parametrize("kind", [pytest.param("sized:2600", marks=pytest.mark.slow), "random"])
def test_lost_write_is_noticed(bare_zpack: Device, disk: Mapping, kind: str) -> None:
    """The cell still has what was written there before, for the very same slots."""
    zpack = bare_zpack
    zpack.block_pages = 4
    old: dict[int, bytes] = {}
    for seed in (1, 2):
        zpack.pages.fill(range(20), kind, seed=seed)
        zpack.writeback()
        if seed == 1:
            old = {cell: read_cell(zpack.vm, BACKING, cell) for cell in range(4 * 10)}
            zpack.pages.discard(0, 20)
    cells = {slot: cell_of(zpack, slot) for slot in range(20)}
    reused = [slot for slot in range(20) if any(old.get(cells[slot], b""))]
    assert reused, "no cell was used again"
    for cell in {cells[slot] for slot in reused}:
        write_cell(zpack.vm, BACKING, cell, old[cell])
    assert set(zpack.pages.failures()) == only(set(reused))


def test_wiped_disk_fails_all_packed_pages_and_nothing_else(
    bare_zpack: Device, disk: Mapping
) -> None:
    zpack = bare_zpack
    zpack.pages.fill(range(400), "sized:2000")
    zpack.pages.fill(range(400, 450), "random")
    zpack.writeback()
    zpack.pages.fill(range(1000, 1100), "mixed")
    zpack.vm.run(f"dd if=/dev/zero of={BACKING} bs=1M count=64 oflag=direct status=none")
    assert set(zpack.pages.failures()) == only(set(range(450)))
    assert zpack.stat().checksum_errors == 450
    zpack.pages.fill(range(450), "text", seed=2)  # the device goes on
    zpack.writeback()
    zpack.pages.check()


def test_program_whose_page_is_lost_is_killed_and_no_other(
    bare_zpack: Device, disk: Mapping
) -> None:
    zpack = bare_zpack
    program = """
import mmap, random
memory = mmap.mmap(-1, 1000 * 4096)
for page in range(1000):
    memory[page * 4096:page * 4096 + 1500] = random.Random(page).randbytes(1500)
memory.madvise(21)  # MADV_PAGEOUT
sum(memory[page * 4096] for page in range(1000))  # what the swap cache still had, it now gives up
memory.madvise(21)
print("out", flush=True)
open("/tmp/hold").read()  # until the other end is closed
print(sum(memory[page * 4096] for page in range(1000)))
"""
    zpack.mkswap_on()
    zpack.vm.run("rm -f /tmp/hold; mkfifo /tmp/hold")
    victim = zpack.vm.spawn(["python3", "-c", program])
    victim.expect("out", timeout=60)
    zpack.writeback()
    assert zpack.stat().packed > 900
    disk.load([f"{SIZE} error"])
    zpack.vm.run(": >/tmp/hold")
    assert victim.wait(timeout=60, check=False).returncode == -7  # SIGBUS
    disk.load([linear(SIZE, BACKING)])
    zpack.swapoff()
    assert zpack.stat().stored <= 1
