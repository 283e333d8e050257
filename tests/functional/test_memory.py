# SPDX-License-Identifier: GPL-2.0-only
"""Proves what a device, a page in the pool and a packed page cost in memory."""

from typing import Iterator

import pytest

from api import Device, Stat
from vm import VM

TIB = 1 << 40
SEGMENT = 4 << 20
RESERVES = (32 + 32 + 8) * 4096  # reads and their cells, leaves: more than they take


@pytest.fixture
def tib_disk(zpack_vm: VM) -> Iterator[str]:
    """A sparse disk of 1 TiB."""
    zpack_vm.run("mkdir -p /run/tib && mount -t tmpfs tmpfs /run/tib && modprobe loop")
    zpack_vm.run("truncate -s 1T /run/tib/disk")
    path = zpack_vm.run("losetup --show -f /run/tib/disk").stdout.strip()
    yield path
    zpack_vm.run(f"losetup -d {path} && umount /run/tib")


def overhead(stat: Stat) -> int:
    """All that is not the pool."""
    return (
        stat.slot_table_bytes
        + stat.slot_root_bytes
        + stat.entry_bytes
        + stat.group_bytes
        + stat.bounce_bytes
        + stat.cleaning_bytes
        + stat.map_bytes
    )


@pytest.mark.parametrize("block_pages", [16, 256])
def test_empty_device_of_1_tib_costs_less_than_5_mib(
    bare_zpack: Device, tib_disk: str, block_pages: int
) -> None:
    zpack = bare_zpack
    zpack.block_pages = block_pages
    zpack.backing_dev = tib_disk
    zpack.disksize = TIB
    stat = zpack.stat()
    assert (stat.slots, stat.backing_bytes) == (TIB // 4096, TIB)
    assert overhead(stat) + RESERVES < 5 << 20
    # Far away from each other: a root and a leaf each.
    places = [0, TIB // 8192, TIB // 4096 - 1]
    zpack.pages.fill(places, "text")
    zpack.writeback()
    zpack.pages.check()
    stat = zpack.stat()
    assert stat.slot_table_bytes == 3 * 4096
    assert stat.slot_root_bytes == 3 * 4096 + 1024 * 8
    assert overhead(stat) + RESERVES < 5 << 20
    zpack.discard_all()
    assert zpack.stat().slot_table_bytes == 0
    zpack.pages.check()
    zpack.reset()


def test_page_in_the_pool_costs_48_bytes_at_most(zpack: Device) -> None:
    before = zpack.stat()
    zpack.pages.fill(range(4096), "text", io_pages=64)
    stat = zpack.stat()
    assert (stat.ram, before.entry_bytes) == (4096, 0)
    assert 32 * 4096 <= stat.entry_bytes <= 48 * 4096
    zpack.pages.discard(0, 4096)
    assert zpack.stat().entry_bytes == 0


def test_packed_page_costs_8_bytes_and_the_map_a_fiftieth_of_a_percent(zpack: Device) -> None:
    empty = zpack.stat()
    zpack.pages.fill(range(16384), "sized:2000", io_pages=64)
    zpack.writeback()
    stat = zpack.stat()
    assert (stat.packed, stat.entry_bytes) == (16384, 0)
    zpack.wait_until_pool_is_empty()
    assert stat.slot_table_bytes == 8 * 16384
    # Of what is in use, and of a whole disk: 4 KiB of descriptors are for 128 segments.
    in_use = stat.segments - stat.segments_free
    assert in_use >= 8
    grown = stat.map_bytes - empty.map_bytes - 4096
    assert 0 < grown / in_use + 4096 / 128 <= 0.0002 * SEGMENT
    zpack.pages.check(io_pages=64)
