# SPDX-License-Identifier: GPL-2.0-only
"""Proves that stores need no free memory: all of it is taken, the reserves of reclaim too."""

import functools
from pathlib import Path
from typing import Iterator

import pytest

from api import Device
from stress.conftest import AddDevice
from vm import VM, Kernel, cache, toolchain

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "tests/programs/exhaust_module"
PAGES = 2000
COPIES = 300  # stored without memory
TO = 20000  # where the copies go: far enough for leaves of their own
KIND = "sized:2500"


@functools.lru_cache(maxsize=None)
def build_exhaust(kernel: Kernel) -> Path:
    """The module that takes all memory and writes then."""
    with cache.lock(f"exhaust-{kernel.name}"):
        build = toolchain.build_module(SOURCE, kernel, ROOT / "build/exhaust" / kernel.name)
    (module,) = build.modules
    return module


@pytest.fixture
def ram_disk(stress_vm: VM) -> Iterator[str]:
    """A disk that has all its memory already, so that writing to it takes none."""
    stress_vm.run("modprobe brd rd_nr=1 rd_size=32768")
    stress_vm.run("dd if=/dev/zero of=/dev/ram0 bs=1M count=32 oflag=direct status=none")
    yield "/dev/ram0"
    stress_vm.run("rmmod brd")


# The OOM killer finds these, not insmod: a kernel thread may ask for memory meanwhile.
VICTIMS = "for i in 1 2 3; do (echo 1000 >/proc/self/oom_score_adj; exec setsid sleep 600) & done"


def store_without_memory(device: Device) -> dict[str, int]:
    """Store copies of the first pages; what the module tells."""
    vm = device.vm
    where = f"device={device.path} from=0 to={TO} count={COPIES} batch=25"
    vm.put(build_exhaust(vm.kernel), "/run/exhaust.ko")
    # DAMON allocates all the time.
    vm.run("for f in /sys/module/damon_*/parameters/enabled; do [ ! -e $f ] || echo N >$f; done")
    vm.run(f"({VICTIMS}) >/dev/null 2>&1")
    vm.write("/proc/sys/vm/drop_caches", "3")  # or reclaim would find some there
    # A page that writeback frees is free for its own CPU only, as long as it is not one of many.
    vm.run(f"pgrep -x zpack_wb/{device.number} | xargs -rn1 taskset -pc 0")
    vm.run(
        f"echo -1000 >/proc/self/oom_score_adj && taskset -c 0 insmod /run/exhaust.ko {where} && "
        f"rm /run/exhaust.ko",
        timeout=90.0,
    )
    vm.run("kill $(pidof sleep)", check=False)
    folder = "/sys/module/exhaust/parameters"
    result = {name: int(vm.read(f"{folder}/{name}")) for name in ("failed", "taken", "most_free")}
    vm.run("rmmod exhaust")
    assert result["taken"] > 5000, result  # 20 MiB
    assert result["most_free"] < 512, result  # what is nobody's to take
    return result


def wrong_copies(device: Device) -> int:
    """How many of them are not what they are copies of."""
    program = (
        f"f = open('{device.path}', 'rb'); n = {COPIES} * 4096; a = f.read(n); "
        f"f.seek({TO} * 4096); b = f.read(n); "
        f"print(sum(a[i:i + 4096] != b[i:i + 4096] for i in range(0, n, 4096)))"
    )
    return int(device.vm.run(["python3", "-c", program]).stdout)


def test_stores_go_on_when_no_memory_is_left(ram_disk: str, add_device: AddDevice) -> None:
    """They get theirs from what writeback frees, and it needs none."""
    device = add_device()
    device.write("pool_limit", "max")
    device.backing_dev = ram_disk
    device.disksize = 128 << 20
    device.pages.fill(range(PAGES), KIND, io_pages=10)
    before = device.stat()
    result = store_without_memory(device)
    change = device.stat() - before
    assert (result["failed"], change.stores, change.store_no_memory) == (0, COPIES, 0)
    assert change.writeback_pages > COPIES // 2
    assert wrong_copies(device) == 0
    device.pages.check()


@pytest.mark.slow
def test_stores_without_memory_fail_without_backing_device(add_device: AddDevice) -> None:
    """At once, and what was stored before stays."""
    device = add_device()
    device.write("pool_limit", "max")
    device.disksize = 128 << 20
    device.pages.fill(range(PAGES), KIND, io_pages=10)
    before = device.stat()
    result = store_without_memory(device)
    change = device.stat() - before
    assert result["failed"] == change.store_no_memory == wrong_copies(device) > COPIES // 2
    device.pages.check()
