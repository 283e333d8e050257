# SPDX-License-Identifier: GPL-2.0-only
"""Allocations and I/Os that fail on purpose: nothing is lost, nothing leaks, and it goes on."""

import contextlib
import errno
import json
from pathlib import Path
from typing import Any, Iterator

import pytest

from api import Device
from api.module import CONTROL
from api.plugin import BACKING as SPACIOUS
from debug.leaks import leaks
from programs.pressure import Pressure
from stress.conftest import DISKS, prepare, set_up, take_apart
from vm import VM, GuestOSError
from vm.plugin import Boot

pytestmark = pytest.mark.only_kernels("debug")

DEBUG = "/sys/kernel/debug"
PROGRAM = "/run/fail_nth.py"
LONG = 60.0  # times 30, as the kernel and the emulation are slow


def each_allocation_fails(vm: VM, *arguments: str, put_back: str = "") -> list[dict[str, Any]]:
    """Run fail_nth.py; what it has found. Its last attempt had no failure and must succeed."""
    vm.put(Path(__file__).with_name("fail_nth.py"), PROGRAM)
    # Those that may wait for memory, and single pages, are to fail as well.
    for fault in ("failslab", "fail_page_alloc"):
        vm.write(f"{DEBUG}/{fault}/ignore-gfp-wait", "0")
    vm.write(f"{DEBUG}/fail_page_alloc/min-order", "0")
    result = vm.run(["python3", PROGRAM, *arguments], stdin=put_back, timeout=LONG)
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(found) > 1, "nothing was allocated"
    assert not found[-1]["failed"] and not found[-1]["errno"], found[-1]
    return found


def errors(found: list[dict[str, Any]]) -> list[int]:
    """The errnos of the attempts that were refused."""
    return [attempt["errno"] for attempt in found if attempt["errno"]]


def test_new_device_with_each_of_its_allocations_failing(zpack_vm: VM) -> None:
    remove = f'[ -z "$GOT" ] || echo "$GOT" >{CONTROL}/hot_remove'
    mark = zpack_vm.mark()
    found = each_allocation_fails(zpack_vm, "read", f"{CONTROL}/hot_add", put_back=remove)
    refused = errors(found)
    assert refused.count(errno.ENOMEM) > 20
    # The kernel's device_add() says EINVAL when there was no memory for the device's name.
    failures = zpack_vm.dmesg(mark).split("FAULT_INJECTION: forcing a failure")
    nameless = [trace for trace in failures if " dev_set_name+" in trace]
    assert refused.count(errno.EINVAL) <= len(nameless), found
    assert set(refused) <= {errno.ENOMEM, errno.EINVAL}, found
    assert not zpack_vm.run("ls /sys/block | grep zpack", check=False).stdout
    assert not leaks(zpack_vm)


@pytest.mark.parametrize(
    "name, text, before",
    [
        ("disksize", "64M", ""),
        ("disksize", "64M", SPACIOUS),
        ("backing_dev", SPACIOUS, ""),
    ],
)
def test_set_up_with_each_of_its_allocations_failing(
    bare_zpack: Device, name: str, text: str, before: str
) -> None:
    zpack = bare_zpack
    begin = f"echo 1 >{zpack.attribute('reset')}"
    if before:
        begin += f" && echo {before} >{zpack.attribute('backing_dev')}"
    zpack.vm.run(begin)
    found = each_allocation_fails(zpack.vm, "write", zpack.attribute(name), text, put_back=begin)
    assert set(errors(found)) == {errno.ENOMEM}, found
    assert not leaks(zpack.vm)


@pytest.mark.parametrize(
    "name, text, other",
    [
        ("block_pages", "256", "16"),
        ("recompress", "zstd", "off"),
        ("cgroup_policy", "1 writeback=0", "1 default"),
    ],
)
def test_setting_with_each_of_its_allocations_failing(
    zpack: Device, name: str, text: str, other: str
) -> None:
    """It is either changed or refused; the device works either way."""
    zpack.pages.fill(range(200), "mixed")
    put_back = f"echo {other} >{zpack.attribute(name)}"
    found = each_allocation_fails(zpack.vm, "write", zpack.attribute(name), text, put_back=put_back)
    assert set(errors(found)) <= {errno.ENOMEM}, found
    zpack.writeback()
    zpack.pages.check()
    assert not leaks(zpack.vm)


@contextlib.contextmanager
def failing(vm: VM, fault: str, percent: int, **settings: int) -> Iterator[None]:
    """Inside, `fault` happens in `percent` of all cases, and says nothing."""
    settings = {"verbose": 0, "interval": 1, "times": -1, "space": 0, **settings}
    for name, value in {**settings, "probability": percent}.items():
        vm.write(f"{DEBUG}/{fault}/{name.replace('_', '-')}", str(value))
    try:
        yield
    finally:
        vm.write(f"{DEBUG}/{fault}/probability", "0")


def of_the_module(vm: VM) -> dict[str, int]:
    """Settings with which only what the module's code calls fails."""
    (size,) = [
        int(line.split()[1])
        for line in vm.read("/proc/modules").splitlines()
        if line.startswith("zpack ")
    ]
    start = int(vm.read("/sys/module/zpack/sections/.text"), 16)
    return {"require_start": start, "require_end": start + size, "stacktrace_depth": 32}


@pytest.mark.parametrize("percent", [3, 60])
def test_swapping_while_allocations_fail(boot: Boot, percent: int) -> None:
    """Stores that find no memory are refused or wait; what was stored comes back."""
    vm = boot(memory_mib=192, disks=DISKS)
    prepare(vm)
    swap = set_up(Device.hot_add(vm))
    load = Pressure(vm).start(workers=2, mib=40, ops=0, evict=1, squeeze=64, pageout=4)
    load.wait_filled(LONG)
    only = of_the_module(vm)
    before = swap.stat()
    with (
        failing(vm, "failslab", percent, ignore_gfp_wait=0, **only),
        failing(vm, "fail_page_alloc", percent, ignore_gfp_wait=0, min_order=0, **only),
    ):
        while swap.stat().loads_packed - before.loads_packed < 100:
            assert load.process.running
            swap.writeback(500)
    summary = load.stop(LONG)
    assert summary.verified >= 2 * 40 * 256
    take_apart(swap)
    assert not leaks(vm)


def test_disk_that_fails_now_and_then_costs_no_page(zpack: Device) -> None:
    """Reads that fail are refused and succeed later; blocks that can't be written are retired."""
    disk = Path(zpack.vm.run(["realpath", SPACIOUS]).stdout.strip()).name
    zpack.vm.write(f"/sys/block/{disk}/make-it-fail", "1")
    refused = 0
    try:
        with failing(zpack.vm, "fail_make_request", 5):
            for start in range(0, 8000, 2000):
                zpack.pages.fill(range(start, start + 2000), "mixed", io_pages=20)
                with contextlib.suppress(GuestOSError):
                    zpack.writeback()
                failed = zpack.pages.failures(range(start, start + 2000))
                assert {failure.errno for failure in failed} <= {errno.EIO}, failed[:10]
                refused += len(failed)
                if zpack.degraded:
                    zpack.recover()
    finally:
        zpack.vm.write(f"/sys/block/{disk}/make-it-fail", "0")
    stat = zpack.stat()
    assert stat.write_errors and stat.read_errors and refused, stat
    zpack.pages.check()
