# SPDX-License-Identifier: GPL-2.0-only
"""Build the module for a guest's kernel and load it."""

import functools
from pathlib import Path

from vm import VM, Kernel, cache, toolchain

ROOT = Path(__file__).resolve().parents[2]
CONTROL = "/sys/class/zpack-control"


@functools.lru_cache(maxsize=None)
def build_zpack(kernel: Kernel) -> Path:
    """The module's file, built once in a test run."""
    with cache.lock(f"zpack-{kernel.name}"):
        build = toolchain.build_module(ROOT / "kmod", kernel, ROOT / "build/kmod" / kernel.name)
    (module,) = build.modules
    return module


def is_loaded(vm: VM) -> bool:
    """Whether the guest has the module."""
    return vm.run(["test", "-d", "/sys/module/zpack"], check=False).returncode == 0


def load_zpack(vm: VM, *parameters: str) -> None:
    """Load the module, after those that it needs, unless it is loaded."""
    if not is_loaded(vm):
        vm.load_module(build_zpack(vm.kernel), *parameters)


def unload_zpack(vm: VM) -> None:
    """Take the module out; CommandError if it is in use."""
    vm.run("rmmod zpack")
