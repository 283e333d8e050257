# SPDX-License-Identifier: GPL-2.0-only
"""The module goes and comes back; and a kernel that looks for misuse of memory."""

import pytest

from api import Device, load_zpack
from api.module import unload_zpack
from programs.pressure import Pressure
from stress.conftest import DISKS, prepare, set_up, take_apart
from vm import VM
from vm.plugin import Boot

pytestmark = pytest.mark.slow


def test_unload_and_load_again(stress_vm: VM, pressure: Pressure) -> None:
    for round_number in range(2):
        swap = set_up(Device.hot_add(stress_vm))
        pressure.run(workers=2, mib=48, ops=1000, evict=1, squeeze=72, seed=round_number)
        busy = stress_vm.run("rmmod zpack", check=False)
        assert busy.returncode != 0 and "in use" in busy.stderr
        assert swap.stat().writeback_pages > 5000
        swap.swapoff()
        # With the device still set up.
        unload_zpack(stress_vm)
        assert not swap.exists
        assert "zpack" not in stress_vm.read("/proc/slabinfo")
        load_zpack(stress_vm, "num_devices=0")


def test_with_checks_of_memory_use(boot: Boot) -> None:
    """Red zones, poison, and guard pages around some objects."""
    vm = boot(memory_mib=256, disks=DISKS, append="kfence.sample_interval=50 slub_debug=FZPU")
    prepare(vm)
    swap = set_up(Device.hot_add(vm), pool_limit=4 << 20)
    load = Pressure(vm).start(
        workers=2, mib=40, ops=2000, evict=1, squeeze=136, pageout=4, dontneed=2, cow=1, hold=1
    )
    load.wait_filled(timeout=40)
    swap.comp_algorithm = "zstd"
    load.go()
    swap.block_pages = 64
    swap.block_pages = 4
    load.finish(timeout=40)
    assert swap.stat().loads_packed > 5000
    take_apart(swap)
