# SPDX-License-Identifier: GPL-2.0-only
"""The kernels that check themselves notice what they are there for: each mistake is made once."""

from pathlib import Path

import pytest

from debug.leaks import leaks
from vm import VM, Kernel, toolchain
from vm.plugin import Boot

WRONG = Path(__file__).with_name("wrong_module")
BUILD = Path(__file__).resolve().parents[2] / "build/wrong"


def make_mistake(boot_fresh: Boot, kernel: Kernel, what: str) -> VM:
    """Load the module that makes it."""
    (module,) = toolchain.build_module(WRONG, kernel, BUILD / kernel.name).modules
    vm = boot_fresh()
    vm.load_module(module, f"what={what}")
    return vm


@pytest.mark.only_kernels("debug")
@pytest.mark.expects_kernel_problem("possible circular locking")
def test_locks_in_two_orders_are_noticed(boot_fresh: Boot, kernel: Kernel) -> None:
    make_mistake(boot_fresh, kernel, "locks")


@pytest.mark.only_kernels("debug")
@pytest.mark.expects_kernel_problem("sleeping function called from invalid|Invalid wait context")
def test_sleep_with_a_spin_lock_held_is_noticed(boot_fresh: Boot, kernel: Kernel) -> None:
    make_mistake(boot_fresh, kernel, "sleep")


@pytest.mark.only_kernels("debug")
@pytest.mark.expects_kernel_problem("KASAN: slab-out-of-bounds|page dumped because: kasan")
def test_read_beyond_an_object_is_noticed(boot_fresh: Boot, kernel: Kernel) -> None:
    make_mistake(boot_fresh, kernel, "memory")


@pytest.mark.only_kernels("debug")
@pytest.mark.expects_kernel_problem("kmemleak: .* new suspected memory leaks")
def test_lost_memory_is_noticed(boot_fresh: Boot, kernel: Kernel) -> None:
    found = leaks(make_mistake(boot_fresh, kernel, "leak"))
    assert found.count("unreferenced object") >= 5 and "insmod" in found, found


@pytest.mark.only_kernels("kcsan")
@pytest.mark.expects_kernel_problem("KCSAN: data-race in count")
def test_data_race_is_noticed(boot_fresh: Boot, kernel: Kernel) -> None:
    make_mistake(boot_fresh, kernel, "race")
