# SPDX-License-Identifier: GPL-2.0-only
"""Proves that modules are built for the right kernel, and that no warning goes unnoticed."""

import shutil
from pathlib import Path

import pytest

from vm import VM, Kernel, toolchain

HELLO = Path(__file__).parent / "hello_module"


def test_built_module_loads(vm: VM, kernel: Kernel, tmp_path: Path) -> None:
    (module,) = toolchain.build_module(HELLO, kernel, tmp_path / "out").modules
    vm.load_module(module)
    assert "hello from a module" in vm.dmesg()
    vm.run("rmmod hello")


def test_warning_is_an_error_each_time(kernel: Kernel, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(HELLO, source)
    with open(source / "hello.c", "a") as file:
        file.write("static int unused;\n")
    for _ in range(2):
        with pytest.raises(toolchain.BuildFailed, match="unused"):
            toolchain.build_module(source, kernel, tmp_path / "out")
    assert sorted(path.name for path in source.iterdir()) == ["Kbuild", "hello.c"]
