# SPDX-License-Identifier: GPL-2.0-only
"""What is compared: how each system is set up in the guest, drained, and asked what it did."""

from dataclasses import dataclass, field
from typing import Callable

from api import Device, load_zpack
from vm import VM

DISK = "/dev/nullb0"
DISK_STAT = "/sys/block/nullb0/stat"
ZSWAP = "/sys/module/zswap/parameters"
ZSWAP_DEBUG = "/sys/kernel/debug/zswap"
ZRAM = "/sys/block/zram0"
ZPACK = "/sys/block/zpack0/zpack"
PAGE = 4096
NULL_BLK = """
set -e
modprobe null_blk nr_devices=0
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
cd /sys/kernel/config/nullb && mkdir nullb0 && cd nullb0
echo 1 >memory_backed; echo 2 >irqmode; echo 80000 >completion_nsec
echo 4096 >blocksize; echo 1 >submit_queues; echo %d >size; echo 1 >power
dd if=/dev/zero of=/dev/nullb0 bs=1M count=%d oflag=direct status=none
"""


@dataclass(frozen=True)
class Sizes:
    """How large everything is, in proportion to the workload's memory. MiB, pool: bytes.

    The full benchmark has 768 MiB of memory, of which 160 fit into the guest, and a pool of 58.
    """

    mib: int
    accesses: int
    free_mib: int
    pool_bytes: int
    swap_mib: int  # more than twice of what is used, or the kernel frees the slots of what it reads
    disk_mib: int  # written before, so that its memory is there; 0: no disk, the pool has no limit

    @classmethod
    def full(cls, mib: int) -> "Sizes":
        """Memory, pool and disk."""
        return cls(
            mib=mib,
            accesses=200_000 * mib // 768,
            free_mib=160 * mib // 768,
            pool_bytes=(58 << 20) * mib // 768,
            swap_mib=mib * 9 // 4,
            disk_mib=mib * 5 // 4,
        )

    @classmethod
    def pool_only(cls, mib: int) -> "Sizes":
        """Half the memory and nothing but the pool, for which there is as much memory more."""
        half = mib // 2
        return cls(
            mib=half,
            accesses=200_000 * half // 768,
            free_mib=160 * half // 768 + half * 45 // 100,
            pool_bytes=0,
            swap_mib=half * 9 // 4,
            disk_mib=0,
        )

    @property
    def guest_mib(self) -> int:
        """The guest's memory; what is too much of it the workload locks."""
        return self.free_mib + self.disk_mib + self.disk_mib // 50 + self.mib // 16 + 144


@dataclass(frozen=True)
class Setup:
    """What a set-up system wants of the workload."""

    counters: list[str] = field(default_factory=list)  # files to read before and after each phase
    drain: list[str] = field(default_factory=list)  # FILE=TEXT
    drained: str = ""
    restore: list[str] = field(default_factory=list)
    keep: str = ""  # FILE:FIELD:BYTES
    # Memory that the counters do not have: "slot_bytes" of each slot, of which the
    # workload uses "slots_used"; "entry_bytes" of each page in the pool.
    fixed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """One of the things to compare."""

    title: str
    set_up: Callable[[VM, Sizes], Setup]
    needs_disk: bool = False  # makes no sense with a pool only


def add_disk(vm: VM, sizes: Sizes) -> None:
    """Make DISK."""
    vm.run(NULL_BLK % (sizes.swap_mib, sizes.disk_mib), timeout=120)


def _slab_bytes(vm: VM, name: str) -> int:
    """What an object of a slab cache takes."""
    return int(vm.read(f"/sys/kernel/slab/{name}/slab_size"))


def _plain(vm: VM, sizes: Sizes) -> Setup:
    vm.run(f"mkswap {DISK} && swapon {DISK}")
    return Setup()


def _zpack(vm: VM, sizes: Sizes) -> Setup:
    load_zpack(vm)
    device = Device(vm)
    device.comp_algorithm = "lz4"
    device.pool_limit = sizes.pool_bytes or None
    if sizes.disk_mib:
        device.backing_dev = DISK
    device.disksize = sizes.swap_mib << 20
    device.mkswap_on()
    drain = [f"{ZPACK}/writeback=all"] if sizes.disk_mib else []
    return Setup(
        counters=[f"{ZPACK}/stat"],
        drain=drain,
        fixed={"entry_bytes": _slab_bytes(vm, "zpack_entry")},
    )


def _zswap(vm: VM, sizes: Sizes) -> Setup:
    total = int(vm.run("awk '/MemTotal/ {print $2}' /proc/meminfo").stdout) << 10
    percent = max(round(100 * sizes.pool_bytes / total), 1) if sizes.disk_mib else 90
    for name, value in (
        ("compressor", "lz4"),
        ("max_pool_percent", str(percent)),
        ("shrinker_enabled", "1" if sizes.disk_mib else "0"),
        ("enabled", "1"),
    ):
        vm.write(f"{ZSWAP}/{name}", value)
    if not sizes.disk_mib:
        add_disk(vm, sizes)  # zswap is a cache of a disk
    vm.run(f"mkswap {DISK} && swapon {DISK}")
    counters = ("pool_total_size", "stored_pages", "written_back_pages", "pool_limit_hit")
    fixed = {"entry_bytes": _slab_bytes(vm, "zswap_entry")}
    if not sizes.disk_mib:
        return Setup(counters=[f"{ZSWAP_DEBUG}/{name}" for name in counters], fixed=fixed)
    return Setup(
        counters=[f"{ZSWAP_DEBUG}/{name}" for name in counters],
        drain=[f"{ZSWAP}/max_pool_percent=0"],
        drained=f"{ZSWAP_DEBUG}/stored_pages",
        restore=[f"{ZSWAP}/max_pool_percent={percent}"],
        fixed=fixed,
    )


def _zram(vm: VM, sizes: Sizes, compressed: bool = False) -> Setup:
    vm.run("modprobe zram")
    vm.write(f"{ZRAM}/comp_algorithm", "lz4")
    if sizes.disk_mib:
        vm.write(f"{ZRAM}/backing_dev", DISK)
        vm.write(f"{ZRAM}/compressed_writeback", "1" if compressed else "0")
    vm.write(f"{ZRAM}/disksize", str(sizes.swap_mib << 20))
    vm.run("mkswap /dev/zram0 && swapon /dev/zram0")
    counters = [f"{ZRAM}/mm_stat"]
    table = int(vm.run("awk '/zram/ {sum += $2} END {print sum}' /proc/vmallocinfo").stdout)
    fixed = {"slot_bytes": table * PAGE // (sizes.swap_mib << 20), "slots_used": sizes.mib << 8}
    if not sizes.disk_mib:
        return Setup(counters=counters, fixed=fixed)
    vm.write(f"{ZRAM}/mem_limit", str(sizes.pool_bytes))
    return Setup(
        counters=[*counters, f"{ZRAM}/bd_stat"],
        drain=[f"{ZRAM}/idle=all", f"{ZRAM}/writeback=idle"],
        keep=f"{ZRAM}/mm_stat:3:{sizes.pool_bytes // 2}",
        fixed=fixed,
    )


def _zram_compressed(vm: VM, sizes: Sizes) -> Setup:
    return _zram(vm, sizes, compressed=True)


SYSTEMS = {
    "plain": System("plain swap", _plain, needs_disk=True),
    "zswap": System("zswap + disk", _zswap),
    "zram": System("zram + writeback", _zram),
    "zram-compressed": System("zram, compressed writeback", _zram_compressed, needs_disk=True),
    "zpack": System("zpack", _zpack),
}
