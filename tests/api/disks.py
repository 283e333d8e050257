# SPDX-License-Identifier: GPL-2.0-only
"""Disks of a guest that can do more than virtio's: go away, and have bad sectors."""

import contextlib
from typing import Iterator

from vm import VM

CONFIG = "/sys/kernel/config/nullb/nullb0"  # newer kernels name the disk so too


class NullBlk:
    """A null_blk disk that keeps its data in the guest's memory."""

    def __init__(self, vm: VM) -> None:
        self.vm = vm
        self.path = "/dev/nullb0"

    def bad_sectors(self, first: int, count: int) -> None:
        """I/O to these fails from now on."""
        self.vm.write(f"{CONFIG}/badblocks", f"+{first}-{first + count - 1}")

    def good_sectors(self, first: int, count: int) -> None:
        """I/O to these works again."""
        self.vm.write(f"{CONFIG}/badblocks", f"-{first}-{first + count - 1}")

    def pull_out(self) -> None:
        """The disk is gone, whoever uses it."""
        self.vm.write(f"{CONFIG}/power", "0")


@contextlib.contextmanager
def null_blk(vm: VM, mib: int) -> Iterator[NullBlk]:
    """A disk of this size, for as long as the context lasts."""
    vm.run(
        "modprobe null_blk nr_devices=0; mountpoint -q /sys/kernel/config || "
        f"mount -t configfs configfs /sys/kernel/config; mkdir {CONFIG} && cd {CONFIG} && "
        f"echo 1 >memory_backed && echo 4096 >blocksize && echo {mib} >size && echo 1 >power"
    )
    yield NullBlk(vm)
    vm.run(f"rmdir {CONFIG}; rmmod null_blk")


class ScsiDisk:
    """A disk of scsi_debug, which keeps its data in the guest's memory."""

    def __init__(self, vm: VM) -> None:
        self.vm = vm
        block = "/sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block"
        self.name = vm.run(f"ls {block}").stdout.split()[-1]
        self.path = f"/dev/{self.name}"

    def pull_out(self) -> None:
        """The disk is gone, whoever uses it."""
        self.vm.write(f"/sys/block/{self.name}/device/delete", "1")


@contextlib.contextmanager
def scsi_disk(vm: VM, mib: int) -> Iterator[ScsiDisk]:
    """A disk of this size, for as long as the context lasts."""
    vm.run(f"modprobe sd_mod; modprobe scsi_debug dev_size_mb={mib} sector_size=4096 delay=0")
    yield ScsiDisk(vm)
    vm.run("rmmod scsi_debug")
