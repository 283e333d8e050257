# SPDX-License-Identifier: GPL-2.0-only
"""Proves the life of devices: added, given a size, reset, removed, and never taken from a user."""

import errno

import pytest

from api import Device, load_zpack
from api.module import CONTROL, is_loaded, unload_zpack
from api.plugin import BACKING, DISKSIZE, AddDevice
from vm import VM, CommandError, GuestOSError


def test_devices_are_numbered_and_a_free_number_is_used_again(add_zpack: AddDevice) -> None:
    first, second = add_zpack(), add_zpack()
    assert (first.number, second.number) == (0, 1)
    first.remove()
    assert not first.exists and second.exists
    assert add_zpack().number == 0


def test_removing_what_is_not_there_is_refused(zpack_vm: VM) -> None:
    for number, wrong in [("77", errno.ENODEV), ("-1", errno.EINVAL), ("zpack0", errno.EINVAL)]:
        mark = zpack_vm.mark()
        with pytest.raises(GuestOSError) as caught:
            zpack_vm.write(f"{CONTROL}/hot_remove", number)
        assert caught.value.errno == wrong
        said = [line.text for line in zpack_vm.log()[mark:] if "hot_remove" in line.text]
        assert len(said) == 1 and number in said[0], said


def test_device_in_use_is_neither_reset_nor_removed(zpack: Device) -> None:
    zpack.pages.fill(range(10), "text")
    user = zpack.vm.spawn(f"exec 3<{zpack.path}; echo open; sleep 1000")
    user.expect("open")
    with zpack.refuses(errno.EBUSY, "reset", "in use"):
        zpack.reset()
    mark = zpack.vm.mark()
    with pytest.raises(GuestOSError, match="EBUSY"):
        zpack.remove()
    assert "zpack0 is in use" in zpack.vm.dmesg(mark)
    user.kill()
    user.wait(check=False)
    zpack.pages.check()


def test_swap_device_is_not_taken_away(zpack: Device) -> None:
    zpack.mkswap_on()
    with zpack.refuses(errno.EBUSY, "reset", "swapped on"):
        zpack.reset()
    with pytest.raises(GuestOSError, match="EBUSY"):
        zpack.remove()
    with pytest.raises(CommandError, match="in use"):
        unload_zpack(zpack.vm)
    assert zpack.swapping
    zpack.swapoff()


def test_reset_device_starts_anew_and_keeps_its_tunables(zpack: Device) -> None:
    zpack.block_pages = 4
    zpack.pages.fill(range(100), "text")
    zpack.writeback()
    zpack.reset()
    stat = zpack.stat()
    assert (zpack.disksize, zpack.backing_dev, stat.stored) == (0, None, 0)
    assert zpack.block_pages == 4
    zpack.backing_dev = BACKING
    zpack.disksize = 1 << 20
    assert zpack.pages.failures() != []  # what was written is gone
    zpack.pages.contents.clear()
    zpack.pages.fill(range(256), "text", seed=2)
    zpack.writeback()
    zpack.pages.check()


def test_pages_of_an_earlier_life_are_empty(zpack: Device) -> None:
    zpack.pages.fill(range(100), "random")
    zpack.writeback()
    zpack.reset()
    zpack.pages.contents.clear()
    zpack.disksize = DISKSIZE
    zpack.pages.check(range(100))


@pytest.mark.parametrize("bytes_", ["4096", "1M", "3G", "16T"])
def test_disksize_is_what_was_asked_for(bare_zpack: Device, bytes_: str) -> None:
    bare_zpack.write("disksize", bytes_)
    factor = {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}.get(bytes_[-1], 1)
    asked = int(bytes_.rstrip("MGT")) * factor
    assert bare_zpack.disksize == asked
    assert bare_zpack.stat().slots == asked // 4096
    assert int(bare_zpack.vm.run(["blockdev", "--getsize64", bare_zpack.path]).stdout) == asked
    bare_zpack.pages.fill([asked // 4096 - 1], "text")
    bare_zpack.pages.check()


def test_disksize_is_rounded_up_to_whole_pages(bare_zpack: Device) -> None:
    bare_zpack.disksize = 4097
    assert bare_zpack.disksize == 8192


@pytest.mark.parametrize("bad", ["0", "", "many", "-4096", "4096 pages", "17T", "16777216T"])
def test_bad_disksize_is_refused(bare_zpack: Device, bad: str) -> None:
    with bare_zpack.refuses(errno.EINVAL, "disksize"):
        bare_zpack.write("disksize", bad or "\n")
    assert bare_zpack.disksize == 0


def test_second_disksize_is_refused(zpack: Device) -> None:
    with zpack.refuses(errno.EBUSY, "disksize", "reset"):
        zpack.disksize = 1 << 20
    assert zpack.disksize == DISKSIZE


def test_backing_device_may_come_after_the_size(bare_zpack: Device) -> None:
    bare_zpack.disksize = DISKSIZE
    bare_zpack.pages.fill(range(200), "text")
    bare_zpack.backing_dev = BACKING
    bare_zpack.writeback()
    assert bare_zpack.stat().packed == 200
    bare_zpack.pages.check()


def test_two_devices_do_not_mix_their_pages(add_zpack: AddDevice) -> None:
    first, second = add_zpack(), add_zpack()
    for device in (first, second):
        device.disksize = 1 << 20
    first.backing_dev = BACKING
    first.pages.fill(range(100), "text", seed=1)
    second.pages.fill(range(100), "text", seed=2)
    first.writeback()
    first.pages.check()
    second.pages.check()
    with second.refuses(errno.EBUSY, "backing_dev", "in use"):
        second.backing_dev = BACKING


def test_module_makes_as_many_devices_as_asked_and_unloads_with_them(zpack_vm: VM) -> None:
    for count in (0, 3):
        unload_zpack(zpack_vm)
        load_zpack(zpack_vm, f"num_devices={count}")
        devices = [Device(zpack_vm, number) for number in range(4)]
        assert [device.exists for device in devices] == [n < count for n in range(4)]
        for device in devices[:count]:
            device.disksize = 1 << 20
            device.pages.fill(range(10), "text")
    unload_zpack(zpack_vm)
    mark = zpack_vm.mark()
    with pytest.raises(CommandError):
        load_zpack(zpack_vm, "num_devices=257")
    assert "num_devices: 257 is not in 0...256" in zpack_vm.dmesg(mark)
    assert not is_loaded(zpack_vm)
    load_zpack(zpack_vm)
    assert Device(zpack_vm, 0).exists and not Device(zpack_vm, 1).exists
    Device(zpack_vm, 0).remove()
