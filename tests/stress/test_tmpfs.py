# SPDX-License-Identifier: GPL-2.0-only
"""Files on a tmpfs that is larger than memory."""

import pytest

from api import Device
from programs.pressure import Pressure

pytestmark = pytest.mark.slow

FILES, FILE_MIB = 8, 16


def test_files_larger_than_memory(swap: Device, pressure: Pressure) -> None:
    vm = swap.vm
    vm.run("mkdir -p /mnt/tmpfs && mount -t tmpfs -o size=512m tmpfs /mnt/tmpfs")
    for number in range(FILES):
        pressure.create(f"/mnt/tmpfs/{number}", FILE_MIB, seed=number)
    sums = vm.run("cd /mnt/tmpfs && sha256sum *", timeout=30).stdout
    swap.writeback()
    for number in reversed(range(FILES)):
        summary = pressure.check(f"/mnt/tmpfs/{number}", FILE_MIB, seed=number)
        assert summary.verified == FILE_MIB * 256
    assert swap.stat().loads_packed > 10000
    vm.run("cd /mnt/tmpfs && sha256sum --quiet -c -", stdin=sums, timeout=30)
    vm.run("rm /mnt/tmpfs/* && umount /mnt/tmpfs")
