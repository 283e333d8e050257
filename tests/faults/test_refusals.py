# SPDX-License-Identifier: GPL-2.0-only
"""Proves that zpack takes no backing device that it can't have, and says why."""

import errno

import pytest

from api import Device, Mapping
from api.plugin import BACKING, DISKSIZE, SPARE, AddDevice

pytestmark = pytest.mark.slow


def test_backing_device_that_is_not_there(bare_zpack: Device) -> None:
    with bare_zpack.refuses(errno.ENOENT, "backing_dev", "/dev/nothing", "must exist"):
        bare_zpack.backing_dev = "/dev/nothing"
    assert bare_zpack.backing_dev is None


def test_backing_device_that_is_a_file(bare_zpack: Device) -> None:
    bare_zpack.vm.run("truncate -s 64M /run/file")
    with bare_zpack.refuses(errno.ENOTBLK, "backing_dev", "/run/file", "loop device"):
        bare_zpack.backing_dev = "/run/file"
    bare_zpack.vm.run("rm /run/file")


def test_backing_device_that_is_a_character_device(bare_zpack: Device) -> None:
    with bare_zpack.refuses(errno.ENOTBLK, "backing_dev", "/dev/null"):
        bare_zpack.backing_dev = "/dev/null"


def test_backing_device_that_is_too_small(bare_zpack: Device) -> None:
    with Mapping.linear(bare_zpack.vm, "tiny", BACKING, mib=15) as tiny:
        with bare_zpack.refuses(errno.ENOSPC, "backing_dev", str(15 << 20), str(16 << 20)):
            bare_zpack.backing_dev = tiny.path
    with Mapping.linear(bare_zpack.vm, "enough", BACKING, mib=16) as enough:
        bare_zpack.backing_dev = enough.path
        bare_zpack.reset()


def test_backing_device_that_is_mounted(bare_zpack: Device) -> None:
    bare_zpack.vm.run(f"mkfs.ext4 -q -F {SPARE} && mkdir -p /mnt/spare && mount {SPARE} /mnt/spare")
    with bare_zpack.refuses(errno.EBUSY, "backing_dev", "mounted"):
        bare_zpack.backing_dev = SPARE
    bare_zpack.vm.run(f"umount /mnt/spare && e2fsck -fn {SPARE}")


def test_backing_device_that_is_swapped_on(bare_zpack: Device) -> None:
    bare_zpack.vm.run(f"mkswap {SPARE} && swapon {SPARE}")
    with bare_zpack.refuses(errno.EBUSY, "backing_dev", "swapped on"):
        bare_zpack.backing_dev = SPARE
    bare_zpack.vm.run(f"swapoff {SPARE}")


def test_backing_device_that_device_mapper_uses(bare_zpack: Device) -> None:
    """Part of a logical volume, of a RAID, of an encrypted disk."""
    with Mapping.linear(bare_zpack.vm, "volume", SPARE, mib=32) as volume:
        with bare_zpack.refuses(errno.EBUSY, "backing_dev", "otherwise in use"):
            bare_zpack.backing_dev = SPARE
        bare_zpack.backing_dev = volume.path
        bare_zpack.reset()
    bare_zpack.backing_dev = SPARE


def test_backing_device_of_another_zpack_device(zpack: Device, add_zpack: AddDevice) -> None:
    zpack.pages.fill(range(100), "text")
    zpack.writeback()
    other = add_zpack()
    with other.refuses(errno.EBUSY, "backing_dev", "in use"):
        other.backing_dev = BACKING
    zpack.pages.check()


def test_backing_device_that_is_the_device_itself(bare_zpack: Device) -> None:
    bare_zpack.disksize = DISKSIZE
    with bare_zpack.refuses(errno.EINVAL, "backing_dev", "zpack device"):
        bare_zpack.backing_dev = bare_zpack.path
    bare_zpack.pages.fill(range(10), "text")
    bare_zpack.pages.check()


def test_what_was_written_to_the_backing_device_before_does_not_come_later(
    bare_zpack: Device,
) -> None:
    """The kernel keeps what a program has written for a while, if another has the disk open."""
    vm = bare_zpack.vm
    holder = vm.spawn(f"exec 9<{SPARE}; echo open; read line", stdin="")
    vm.run(
        f"exec 9<{SPARE}; dd if=/dev/zero of={SPARE} bs=1M count=24 conv=notrunc status=none; "
        f"echo {SPARE} >{bare_zpack.attribute('backing_dev')}"
    )
    holder.kill()
    holder.wait(check=False)
    bare_zpack.disksize = DISKSIZE
    bare_zpack.pages.fill(range(4000), "text", io_pages=50)
    bare_zpack.writeback()
    vm.run("sync; echo 1 >/proc/sys/vm/drop_caches")
    bare_zpack.clean_cache_limit = 0
    bare_zpack.pages.check(io_pages=8)


def test_backing_device_in_use_by_zpack_is_nobody_elses(zpack: Device) -> None:
    refused = zpack.vm.run(["mkfs.ext4", "-q", "-F", BACKING], check=False)
    assert refused.returncode != 0 and "in use" in refused.stderr
    refused = zpack.vm.run(["swapon", BACKING], check=False)
    assert refused.returncode != 0


def test_second_backing_device_is_refused(zpack: Device) -> None:
    with zpack.refuses(errno.EBUSY, "backing_dev", "reset"):
        zpack.backing_dev = SPARE


def test_read_only_backing_device_is_refused(bare_zpack: Device) -> None:
    bare_zpack.vm.run(["blockdev", "--setro", SPARE])
    with bare_zpack.refuses(errno.EROFS, "backing_dev", "read-only"):
        bare_zpack.backing_dev = SPARE
    bare_zpack.vm.run(["blockdev", "--setrw", SPARE])
