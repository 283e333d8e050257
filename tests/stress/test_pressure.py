# SPDX-License-Identifier: GPL-2.0-only
"""More memory than RAM, in all the ways that programs use it; every page is verified."""

import pytest

from api import Device
from programs.pressure import Pressure
from stress.conftest import AddDevice, set_up


@pytest.mark.parametrize("pattern", [pytest.param("zipf", marks=pytest.mark.slow), "sequential"])
def test_processes_use_more_memory_than_there_is(
    swap: Device, pressure: Pressure, pattern: str
) -> None:
    summary = pressure.run(workers=3, mib=56, ops=3000, pattern=pattern)
    assert summary.verified == 3 * (56 * 256 + 3000)
    stat = swap.stat()
    assert stat.writeback_pages > 15000
    assert stat.loads_packed > 15000
    assert stat.loads_same > 100
    assert stat.packed_raw + stat.ram_raw <= stat.stored


@pytest.mark.slow
def test_fork_copy_on_write(swap: Device, pressure: Pressure) -> None:
    summary = pressure.run(workers=2, mib=48, ops=4000, dirty=60, cow=1, evict=1, squeeze=72)
    assert summary.workers == 4
    assert summary.verified == 4 * (48 * 256 + 4000)
    assert swap.stat().loads_packed > 15000


@pytest.mark.slow
def test_locked_memory_stays(swap: Device, pressure: Pressure) -> None:
    load = pressure.start(workers=2, mib=72, mlock=30, ops=3000, hold=1)
    load.wait_filled()
    locked_kib = sum(
        int(line.split()[1])
        for line in swap.vm.read("/proc/meminfo").splitlines()
        if line.startswith("Mlocked")
    )
    assert locked_kib >= 2 * 72 * 1024 * 30 // 100 - 1024
    load.go()
    load.finish()
    assert swap.stat().loads_packed > 5000


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["shared", "file", "private"])
def test_mappings(swap: Device, pressure: Pressure, kind: str) -> None:
    """Shared memory; a file on tmpfs, mapped; copies of a file's pages that were written."""
    path = "/var/tmp" if kind == "private" else "/dev/shm"
    pressure.vm.run("mount -o remount,size=200% /dev/shm")
    pressure.run(workers=2, mib=64, ops=4000, kind=kind, path=path, evict=1, squeeze=72, dontneed=1)
    assert swap.stat().loads_packed > 5000


@pytest.mark.slow
def test_freed_and_paged_out_at_random(swap: Device, pressure: Pressure) -> None:
    """Slots die in the pool, on their way to the disk, and on the disk."""
    summary = pressure.run(
        workers=3, mib=40, ops=4000, dirty=50, dontneed=4, pageout=12, evict=1, squeeze=72
    )
    assert summary.freed > 10000 and summary.paged_out > 30000
    stat = swap.stat()
    assert stat.blocks_died > 100
    assert stat.frees > 20000
    assert stat.writeback_pages > 10000


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["zstd", "lzo-rle"])
def test_compressors(add_device: AddDevice, pressure: Pressure, algorithm: str) -> None:
    swap = set_up(add_device(), comp_algorithm=algorithm)
    pressure.run(workers=2, mib=56, ops=3000, evict=1, squeeze=72)
    stat = swap.stat()
    assert stat.writeback_pages > 10000 and stat.loads_packed > 10000
    assert 0 < stat.writeback_object_bytes < stat.writeback_pages * 2048


@pytest.mark.slow
def test_blocks_of_one_page_and_of_256(add_device: AddDevice, pressure: Pressure) -> None:
    """What was written with one block size is read when another one is in use."""
    swap = set_up(add_device(), block_pages=1)
    load = pressure.start(workers=2, mib=48, ops=3000, evict=1, squeeze=72, hold=1)
    load.wait_filled()
    swap.writeback()
    assert swap.stat().ram == 0
    swap.block_pages = 256
    load.go()
    load.finish()
    assert swap.stat().loads_packed > 10000
