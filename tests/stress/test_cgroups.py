# SPDX-License-Identifier: GPL-2.0-only
"""Limits of cgroups make them swap; a block holds pages of one cgroup."""

import struct
from collections import Counter
from typing import Iterator

import pytest

from api import BlockState, Device, LayoutRecord
from programs.pressure import Pressure
from stress.conftest import BACKING, AddDevice, set_up
from vm import VM
from vm.plugin import FAILED

ROOT = "/sys/fs/cgroup"
PREFIX = f"{ROOT}/pressure"
CELL = 4096
BLOCKS_LOOKED_AT = 24


@pytest.fixture
def cgroups(stress_vm: VM, request: pytest.FixtureRequest) -> Iterator[list[int]]:
    """Inode numbers of three cgroups that may use 24 MiB each; the last one has a soft limit."""
    stress_vm.run(
        f"echo +memory >{ROOT}/cgroup.subtree_control && mkdir {PREFIX}0 {PREFIX}1 {PREFIX}2 && "
        f"echo 24M | tee {PREFIX}0/memory.max {PREFIX}1/memory.max >{PREFIX}2/memory.high"
    )
    yield [int(word) for word in stress_vm.run(f"stat -c %i {PREFIX}?").stdout.split()]
    if not request.node.stash.get(FAILED, False):
        stress_vm.run(f"rmdir {PREFIX}0 {PREFIX}1 {PREFIX}2")


def owners_on_disk(vm: VM, record: LayoutRecord) -> Counter[int]:
    """The owners that the objects of a block name, as docs/block-format.md says."""
    command = f"dd if={BACKING} bs={CELL} skip={record.first_cell} count={record.block_pages}"
    vm.run(f"{command} iflag=direct of=/run/block status=none")
    data = vm.get("/run/block")
    magic, generation, used, raw = struct.unpack_from("<4s2xH16xHH", data)
    assert (magic, generation) == (b"ZPKB", record.generation), record
    owners: Counter[int] = Counter()
    raw_cells = set()
    for index in range(raw):
        _slot, _check, cell, owner = struct.unpack_from("<IIHH", data, 32 + 12 * index)
        owners[owner] += 1
        raw_cells.add(cell)
    for cell in set(range(used)) - raw_cells:
        offset = 32 + 12 * raw if cell == 0 else 0
        while offset + 12 <= CELL:
            _slot, length_codec, owner, _check = struct.unpack_from(
                "<IHHI", data, cell * CELL + offset
            )
            length = length_codec & 0xFFF
            if length == 0:
                break
            owners[owner] += 1
            offset += (12 + length + 3) & ~3
    return owners


def test_each_cgroup_has_blocks_of_its_own(
    swap: Device, pressure: Pressure, cgroups: list[int]
) -> None:
    load = pressure.start(workers=3, mib=48, cgroup=PREFIX, ops=1000, hold=1)
    load.wait_filled()
    swap.writeback()
    live = [record for record in swap.layout() if record.state == BlockState.LIVE]
    by_cgroup = Counter[int]()
    for record in live:
        by_cgroup[record.cgroup] += record.live_bytes
    for inode in cgroups:
        assert by_cgroup[inode] > 4 << 20, by_cgroup
    # Not of these: the rests that do not fill a block (0), the harness and the parent (1).
    assert set(by_cgroup) - set(cgroups) <= {0, 1}, by_cgroup
    assert by_cgroup[0] + by_cgroup[1] < 4 << 20, by_cgroup

    owner_of: dict[int, int] = {}
    pure = [record for record in live if record.cgroup in cgroups]
    for record in pure[:: max(1, len(pure) // BLOCKS_LOOKED_AT)]:
        owners = owners_on_disk(swap.vm, record)
        assert len(owners) == 1, f"{record}: owners {owners}"
        (owner,) = owners
        assert owner_of.setdefault(record.cgroup, owner) == owner
    assert len(set(owner_of.values())) == len(cgroups)

    load.go()
    summary = load.finish()
    assert summary.verified == 3 * (48 * 256 + 1000)
    assert swap.stat().loads_packed > 10000


@pytest.mark.slow
def test_protected_cgroup_stays_in_ram_under_pressure(
    add_device: AddDevice, pressure: Pressure, cgroups: list[int]
) -> None:
    """Three programs that need more memory than they may have; one must not be written back."""
    swap = set_up(add_device(), pool_limit=32 << 20)
    protected, *others = cgroups
    swap.write("cgroup_policy", f"{protected} writeback=0")
    swap.min_age_ms = 200
    load = pressure.start(workers=3, mib=48, cgroup=PREFIX, ops=1000, hold=1)
    load.wait_filled()
    swap.writeback()
    swap.vm.write("/proc/sys/vm/drop_caches", "3")
    records = swap.cgroups()
    kept = records[protected]
    assert (kept.writebacks, kept.packed_objects, kept.blocks) == (0, 0, 0)
    assert kept.pool_objects > 3000
    for other in others:
        assert records[other].writebacks > 3000, records

    # Not in blocks of others either, nor in those that several share.
    index = list(records).index(protected)
    live = [record for record in swap.layout() if record.state == BlockState.LIVE]
    shared = [record for record in live if record.cgroup == 0]
    rest = [record for record in live if record.cgroup != 0]
    for record in shared[:BLOCKS_LOOKED_AT] + rest[:: max(1, len(rest) // BLOCKS_LOOKED_AT)]:
        assert owners_on_disk(swap.vm, record)[index] == 0, record

    load.go()
    summary = load.finish()
    assert summary.verified == 3 * (48 * 256 + 1000)
    kept = swap.cgroups()[protected]
    assert (kept.writebacks, kept.packed_objects, kept.refaults) == (0, 0, 0)
    assert swap.stat().loads_packed > 5000


@pytest.mark.slow
def test_cgroups_that_come_and_go(swap: Device, pressure: Pressure) -> None:
    """Pages of a removed cgroup stay readable; its place is taken by others."""
    vm = swap.vm
    for round_number in range(4):
        vm.run(f"mkdir {PREFIX}0 && echo 8M >{PREFIX}0/memory.high")
        vm.run(
            f"echo $$ >{PREFIX}0/cgroup.procs && mkdir -p /mnt/{round_number} && "
            f"mount -t tmpfs tmpfs /mnt/{round_number} && "
            f"/run/pressure create /mnt/{round_number}/file 20 {round_number}"
        )
        vm.run(f"rmdir {PREFIX}0")
    swap.writeback()
    assert swap.stat().packed > 4 * 2000
    for round_number in range(4):
        pressure.check(f"/mnt/{round_number}/file", 20, round_number)
        vm.run(f"umount /mnt/{round_number}")
