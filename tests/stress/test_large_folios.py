# SPDX-License-Identifier: GPL-2.0-only
"""Folios of several pages, swapped out and in as a whole."""

from typing import Iterator

import pytest

from api import Device
from programs.pressure import Pressure
from stress.conftest import DISKS, prepare, set_up, take_apart
from vm import VM
from vm.plugin import FAILED, Boot

MEMORY_MIB = 640  # with less than 512 the kernel turns transparent huge pages off
HUGE_PAGE = "/sys/kernel/mm/transparent_hugepage"


@pytest.fixture
def large_vm(boot: Boot) -> VM:
    """A guest that has transparent huge pages."""
    vm = boot(memory_mib=MEMORY_MIB, disks=DISKS)
    prepare(vm)
    return vm


@pytest.fixture
def large_swap(large_vm: VM, request: pytest.FixtureRequest) -> Iterator[Device]:
    """A device that is swapped on."""
    device = set_up(Device.hot_add(large_vm))
    yield device
    if not request.node.stash.get(FAILED, False):
        take_apart(device)


def counter(vm: VM, name: str) -> int:
    """One line of /proc/vmstat; 0 if the kernel does not have it."""
    found = [line.split() for line in vm.read("/proc/vmstat").splitlines()]
    return sum(int(value) for key, value in found if key == name)


def test_transparent_huge_pages(large_swap: Device) -> None:
    vm = large_swap.vm
    assert "[never]" not in vm.read(f"{HUGE_PAGE}/enabled")
    before = counter(vm, "thp_swpout")
    Pressure(vm).run(mib=96, huge=1, evict=1, squeeze=440, ops=2000, cow=1, pageout=1)
    assert counter(vm, "thp_swpout") - before >= 24
    stat = large_swap.stat()
    assert stat.stores > 20000 and stat.loads_packed > 5000


def test_folios_of_64_kib(large_swap: Device) -> None:
    vm = large_swap.vm
    size = f"{HUGE_PAGE}/hugepages-64kB"
    if vm.run(["test", "-d", size], check=False).returncode != 0:
        pytest.skip(f"kernel {vm.kernel.name} has no folios of 64 KiB")
    vm.run(f"echo always >{size}/enabled")
    vm.run(f"echo never >{HUGE_PAGE}/hugepages-2048kB/enabled")

    def swapped() -> int:
        names = ["swpout", "anon_swpout"]
        return int(vm.run(f"cd {size}/stats; cat {' '.join(names)} 2>/dev/null | head -1").stdout)

    before = swapped()
    Pressure(vm).run(workers=2, mib=56, evict=1, squeeze=440, ops=2000, pageout=2, dontneed=1)
    assert swapped() - before >= 1000
    stat = large_swap.stat()
    assert stat.stores > 20000 and stat.loads_packed > 5000
    vm.run(f"echo inherit >{HUGE_PAGE}/hugepages-2048kB/enabled; echo never >{size}/enabled")
