# SPDX-License-Identifier: GPL-2.0-only
"""Proves that guests do not rely on a KVM that only seems to be there."""

from pathlib import Path

import pytest

from vm import accel


@pytest.mark.parametrize(
    "flags, virtualizes",
    [
        ("fpu vme vmx ept", True),
        ("fpu vme svm npt", True),
        ("fpu vme hypervisor vmxnet", False),  # as in a guest whose host keeps VT-x to itself
    ],
)
def test_cpu_without_virtualization_gets_no_kvm(
    tmp_path: Path, flags: str, virtualizes: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    assert accel.cpu_virtualizes(str(cpuinfo)) == virtualizes


def test_kvm_is_chosen_only_where_the_cpu_has_it() -> None:
    if not accel.cpu_virtualizes():
        assert accel.best() == "tcg"
