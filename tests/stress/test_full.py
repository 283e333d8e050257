# SPDX-License-Identifier: GPL-2.0-only
"""Too little of something: swap slots, room on the backing disk, memory altogether."""

import pytest

from api import Device, Mapping
from programs.pressure import Pressure
from stress.conftest import SPARE, AddDevice, set_up
from vm import VM

pytestmark = pytest.mark.slow


def swap_free_kib(vm: VM) -> int:
    """SwapFree of /proc/meminfo."""
    (line,) = [line for line in vm.read("/proc/meminfo").splitlines() if "SwapFree" in line]
    return int(line.split()[1])


def test_all_slots_taken(add_device: AddDevice, pressure: Pressure) -> None:
    """Swap is full; what does not fit stays in memory, and nothing is lost."""
    swap = set_up(add_device(), disksize=12 << 20)
    load = pressure.start(workers=2, mib=44, evict=1, ops=4000, dirty=50, hold=1)
    load.wait_filled()
    assert swap_free_kib(swap.vm) < 4096, swap.stat()
    load.go()
    load.finish()
    assert swap.stat().stores > 2000


def test_backing_disk_full(add_device: AddDevice, pressure: Pressure) -> None:
    """Then writing to swap fails, the kernel keeps the pages, and nothing is lost."""
    vm = pressure.vm
    with Mapping.linear(vm, "small", SPARE, mib=16) as small:
        swap = set_up(add_device(), backing_dev=small.path, pool_limit=2 << 20)
        load = pressure.start(workers=2, mib=36, evict=1, squeeze=20, ops=3000, dirty=50, pageout=1)
        load.finish(timeout=40)
        stat = swap.stat()
        assert stat.backing_full_events > 0
        assert stat.store_pool_full > 0
        assert stat.block_bytes_written >= 16 << 20
        assert "writeback pauses, nothing is lost" in vm.dmesg()
        # There is room again, so it goes on.
        written = stat.writeback_pages
        pressure.run(mib=20, evict=1, squeeze=72, ops=100)
        assert swap.stat().writeback_pages > written
        swap.swapoff()
        swap.reset()
        swap.remove()


def test_out_of_memory(add_device: AddDevice, pressure: Pressure) -> None:
    """Processes are killed; those that live have all their pages."""
    swap = set_up(add_device(), disksize=64 << 20)
    load = pressure.start(workers=4, mib=56, ops=3000, pageout=1)
    summary = load.finish(timeout=40, may_be_killed=True)
    assert 1 <= summary.killed < 4
    assert summary.verified > 56 * 256
    assert "Killed process" in swap.vm.dmesg()
    assert swap.stat().stores > 10000


def test_stress_ng(add_device: AddDevice, pressure: Pressure) -> None:
    """Another program's verified memory, with the OOM killer at work."""
    swap = set_up(add_device(), disksize=96 << 20)
    result = swap.vm.run(
        "stress-ng --vm 2 --vm-bytes 240M --vm-keep --vm-method incdec --verify --vm-ops 12 "
        "--brk 1 --brk-ops 20000 --seed 1 --oomable --metrics-brief 2>&1",
        timeout=40,
        check=False,
    )
    assert "fail" not in result.stdout.replace("failed: 0", ""), result.stdout
    assert swap.stat().stores > 5000
    pressure.run(mib=64, evict=1, squeeze=72, ops=1000)
