# SPDX-License-Identifier: GPL-2.0-only
"""The guest of a soak, and how each operation of the plan is carried out in it.

Memory is short all the time: a load works on more than there is, files lie on a tmpfs, and all of
that swaps to one zpack device. Direct I/O goes to a second one. Both have a backing device behind
device-mapper, to make it fail.
"""

import errno
import re
import signal
import time
from typing import Any

from api import Device, Failure, Mapping, Stat, load_zpack
from api.device import PAGE_SIZE
from api.mapping import MIB, linear
from api.module import unload_zpack
from api.pages import EMPTY
from programs.pressure import PROGRAM, Load, Pressure, Summary
from soak.plan import DIRECT_PAGES, Operation
from soak.report import Report
from vm import VM, Disk, GuestOSError

MEMORY_MIB = 224
DISKS = [Disk("swapped", 384), Disk("direct", 64), Disk("plain", 384), Disk("spare", 32)]
DISK = "/dev/disk-by-harness/"
SWAP_BYTES = 768 << 20
CGROUPS = "/sys/fs/cgroup"
CGROUP = f"{CGROUPS}/pressure"
FILES = "/mnt/soak"
LONG = 60.0  # seconds, and more without KVM; nothing may take longer, however short memory is
LEAK_BYTES = 24 << 20  # what the kernel itself may keep
MAY_BE_REFUSED = {errno.ENOMEM}


class Machine:
    """The guest, its devices, and what is known about their contents."""

    def __init__(self, vm: VM, report: Report) -> None:
        self.vm = vm
        self.report = report
        self._free_before = self._free_bytes()
        self._mappings = {
            name: Mapping.linear(vm, name, f"{DISK}{name}", mib=disk.size_mib)
            for name, disk in [("swapped", DISKS[0]), ("direct", DISKS[1])]
        }
        self._faults: dict[str, str] = {}
        self._errors_allowed: set[str] = set()  # devices whose writeback may report a past fault
        self._load: Load | None = None
        self._files: dict[int, int] = {}
        vm.write("/proc/sys/vm/min_free_kbytes", "6000")
        vm.run("modprobe dm-flakey && modprobe dm-delay")
        vm.run(f"mount -o remount,size=200% /dev/shm && mkdir -p {FILES}")
        vm.run(f"mount -t tmpfs -o size=200% tmpfs {FILES} && mkswap {DISK}plain")
        vm.run(f"echo +memory >{CGROUPS}/cgroup.subtree_control && mkdir {CGROUP}{{0,1,2}}")
        load_zpack(vm, "num_devices=0")
        self.devices = {name: Device.hot_add(vm) for name in ("swap", "direct")}
        self._set_up_swap({"pool_limit": "16M"})
        self._set_up_direct({"pool_limit": "8M"})
        self._pressure = Pressure(vm)

    @property
    def attributes(self) -> list[str]:
        """What can be written of a device."""
        listed = self.vm.run(
            f"cd {self.devices['swap'].attribute('.')} && find . -type f -perm -200"
        ).stdout
        return sorted(name.removeprefix("./") for name in listed.split())

    def carry_out(self, operation: Operation) -> None:
        """Do it; what is wrong is noted in the report."""
        self.report.operations += 1
        self.report.done[operation.name] += 1
        getattr(self, f"do_{operation.name}")(**operation.values)

    # ---- the devices ----

    def _set_up_swap(self, settings: dict[str, str]) -> None:
        device = self.devices["swap"]
        for name, value in settings.items():
            device.write(name, value)
        device.backing_dev = self._mappings["swapped"].path
        device.disksize = SWAP_BYTES
        device.mkswap_on("-p", "10")

    def _set_up_direct(self, settings: dict[str, str]) -> None:
        device = self.devices["direct"]
        for name, value in settings.items():
            device.write(name, value)
        device.backing_dev = self._mappings["direct"].path
        device.disksize = DIRECT_PAGES * PAGE_SIZE

    def _write(self, device: str, name: str, value: str, may_be: set[int]) -> bool:
        """Write an attribute, which may be refused; False if it was."""
        try:
            self.devices[device].write(name, value, timeout=LONG)
        except GuestOSError as error:
            if error.errno not in may_be | MAY_BE_REFUSED:
                raise
            self.report.refused[error.errno_name] += 1
            return False
        return True

    def do_tune(self, device: str, name: str, value: str) -> None:
        """Set a tunable."""
        self._write(device, name, value, set())

    def do_writeback(self, device: str, pages: int | str) -> None:
        """Ask for writeback and wait for it."""
        self._ask(device, "writeback", str(pages))

    def do_clean(self, device: str, blocks: int | str) -> None:
        """Ask for cleaning and wait for it."""
        self._ask(device, "clean", str(blocks))

    def _ask(self, device: str, action: str, how_much: str) -> None:
        may_be = {errno.ENOSPC, errno.EDQUOT}
        if device in self._faults or device in self._errors_allowed:
            may_be.add(errno.EIO)
        if self._write(device, action, how_much, may_be):
            self._errors_allowed.discard(device)

    def do_reports(self, device: str) -> None:
        """Read all that can be read."""
        zpack = self.devices[device]
        stat = zpack.stat()
        zpack.layout(), zpack.classes(), zpack.ages(), zpack.object_sizes()
        if device == "swap" and (stat.read_errors or stat.checksum_errors):
            raise AssertionError(f"pages were lost: {stat}")

    def do_refused(self, what: str) -> None:
        """Something that can't be done now."""
        swap = self.devices["swap"]
        try:
            if what == "reset":
                swap.reset()
            elif what == "remove":
                swap.remove()
            else:
                swap.disksize = 1 << 20
        except GuestOSError as error:
            assert error.errno == errno.EBUSY, error
        else:
            raise AssertionError(f"{what} of a device that is in use was not refused")

    # ---- direct I/O ----

    @property
    def _direct(self) -> Device:
        return self.devices["direct"]

    def do_write(self, first: int, count: int, kind: str, seed: int, io_pages: int) -> None:
        """Write pages; the pool may be full, or memory short."""
        pages = self._direct.pages
        failed = pages.write(range(first, first + count), kind, seed=seed, io_pages=io_pages)
        for failure in failed:
            assert failure.errno in (errno.ENOSPC, errno.ENOMEM, errno.EIO), failure
            self.report.refused[errno.errorcode[failure.errno]] += 1
            if io_pages > 1:  # some may have been written
                for page in range(failure.page, min(failure.page + io_pages, first + count)):
                    pages.contents.pop(page, None)

    def do_check(self, first: int, count: int, io_pages: int, shuffle: int) -> None:
        """Read pages and compare."""
        known = self._direct.pages.contents
        pages = [page for page in range(first, first + count) if page in known]
        self._compare(self._direct.pages.failures(pages, io_pages=io_pages, shuffle=shuffle))
        self.report.pages_verified += len(pages)

    def _compare(self, failed: list[Failure]) -> None:
        """What was read: only a device that is failing may fail, and nothing may be wrong."""
        failing = "direct" in self._faults
        bad = [failure for failure in failed if failure.errno != errno.EIO or not failing]
        self.report.refused["EIO"] += len(failed) - len(bad)
        if bad:
            self.report.mismatch(len(bad), f"read directly: {bad[:5]}, {self._direct.stat()}")

    def _compare_all(self) -> None:
        self.do_check(0, DIRECT_PAGES, 8, 0)

    def do_discard(self, first: int, count: int, zeroout: bool) -> None:
        """Discard pages."""
        self._direct.pages.discard(first, count, zeroout=zeroout)
        contents = self._direct.pages.contents
        for page in range(first, first + count):
            contents[page] = EMPTY

    def do_remake_direct(self, settings: dict[str, str]) -> None:
        """Empty the device for direct I/O, look for what is left, set it up anew."""
        self.do_heal("direct")
        self._compare_all()
        self._empty_and_reset("direct")
        self._set_up_direct(settings)

    def _empty_and_reset(self, name: str) -> None:
        device = self.devices[name]
        device.discard_all()
        device.wait_until_nothing_is_in_flight()
        stat = device.stat()
        # Free segments that are being discarded on the disk come back, and so do pages of
        # the pool that compaction held when their last object went (zsmalloc frees them later).
        end = time.monotonic() + LONG
        while time.monotonic() < end and (
            stat.pool_bytes or not stat.blocks_bad and stat.segments_free != stat.segments
        ):
            stat = device.stat()
        self.check_empty(name, stat)
        device.reset()
        stat = device.stat()
        for key in (
            "slots",
            "stored",
            "stores",
            "ram_object_bytes",
            "segments",
            "clean_cache_bytes",
        ):
            if getattr(stat, key):
                self.report.leak(f"{name} after reset: {key} {getattr(stat, key)}")

    def check_empty(self, name: str, stat: Stat) -> None:
        """All has been discarded."""
        keys = ["stored", "same", "ram", "packed", "ram_object_bytes", "packed_object_bytes"]
        keys += ["live_bytes", "blocks_live", "blocks_writing", "slot_table_bytes", "pool_bytes"]
        for key in keys:
            if getattr(stat, key):
                self.report.leak(f"{name}, empty: {key} {getattr(stat, key)}")
        if not stat.blocks_bad and stat.segments_free != stat.segments:
            self.report.leak(
                f"{name}, empty: {stat.segments_free} of {stat.segments} segments free"
            )

    # ---- faults ----

    def _disk(self, device: str) -> tuple[str, str, int]:
        """Name of the mapping, path of the disk, and its sectors."""
        name, disk = ("swapped", DISKS[0]) if device == "swap" else ("direct", DISKS[1])
        return name, DISK + name, disk.size_mib * MIB

    def do_fault(self, device: str, kind: str) -> None:
        """The backing device begins to fail."""
        mapping, disk, sectors = self._disk(device)
        if kind == "stalls":
            self._stall()
            return
        table = {
            "write errors": f"flakey {disk} 0 0 3600 1 error_writes",
            "write errors now and then": f"flakey {disk} 0 1 1 1 error_writes",
            "errors now and then": f"flakey {disk} 0 1 1",
            "damaged reads": f"flakey {disk} 0 0 3600 6 corrupt_bio_byte 300 r 85 0 error_writes",
            "gone": "error",
            "slow": f"delay {disk} 0 5 {disk} 0 100",
        }[kind]
        self._faults[device] = kind
        self._mappings[mapping].load([f"{sectors} {table}"])

    def do_heal(self, device: str) -> None:
        """The backing device works again, and writeback is told so."""
        if device not in self._faults:
            return
        mapping, disk, sectors = self._disk(device)
        self._mappings[mapping].load([linear(sectors, disk)])
        self.devices[device].recover()
        del self._faults[device]
        self._errors_allowed.add(device)
        if device == "direct":
            self._compare_all()

    def _stall(self) -> None:
        """The backing device does not answer for a while; the reports do, and nothing is lost."""
        if not self._direct.pages.contents:
            return
        with self._mappings["direct"].suspended():
            reader = self._direct.pages.spawn_check(io_pages=4)
            self._direct.stat(), self._direct.layout()
        self._compare(self._direct.pages.finish_failures(reader, timeout=LONG))
        self.report.pages_verified += len(self._direct.pages.contents)

    # ---- memory ----

    def do_load(self, cgroups: bool, options: dict[str, int | str]) -> None:
        """Verify the memory of the load that is running, and start another one."""
        self._stop_load()
        if cgroups:
            options = {**options, "cgroup": CGROUP}
        path = "/dev/shm" if options["kind"] == "file" else "/var/tmp"
        self._load = self._pressure.start(**options, ops=0, path=path)
        self._load.wait_filled(LONG)

    def _stop_load(self) -> None:
        if not self._load:
            return
        process = self._load.process
        process.expect("working", LONG)
        process.kill(signal.SIGUSR1)
        result = process.wait(timeout=LONG, check=False)
        self._load = None
        if result.returncode not in (0, 1, 3):
            raise AssertionError(f"the load failed: {result}")
        self._take(Summary.parse(result.stdout), "memory")

    def _take(self, summary: Summary, where: str) -> None:
        """Add a summary to the report."""
        self.report.pages_verified += summary.verified
        self.report.workers_killed += summary.killed
        if summary.mismatches:
            self.report.mismatch(summary.mismatches, f"{where}: {summary.first}")
        stat = self.devices["swap"].stat()
        if stat.read_errors or stat.checksum_errors:
            raise AssertionError(f"swapped pages were lost: {stat}")

    def do_limit_cgroup(self, number: int, limit: str) -> None:
        """Change how much memory one of the load's cgroups may use.

        Not memory.high: while stores fail (a pool limit of 0, say, and a policy against writeback)
        it slows the load down to a few pages a second, and ends nothing.
        """
        self.vm.write(f"{CGROUP}{number}/memory.max", limit, timeout=LONG)

    def do_cgroup_policy(self, number: int, policy: str) -> None:
        """Change what writeback may do with the pages of one of the load's cgroups."""
        inode = self.vm.run(f"stat -c %i {CGROUP}{number}").stdout.strip()
        self._write("swap", "cgroup_policy", f"{inode} {policy}", set())

    def do_make_file(self, number: int, mib: int) -> None:
        """A file in memory."""
        self.vm.run([PROGRAM, "create", f"{FILES}/{number}", str(mib), str(number)], timeout=LONG)
        self._files[number] = mib

    def do_check_file(self, number: int, remove: bool) -> None:
        """Read a file and compare."""
        path = f"{FILES}/{number}"
        result = self.vm.run(
            [PROGRAM, "check", path, str(self._files[number]), str(number)],
            timeout=LONG,
            check=False,
        )
        self._take(Summary.parse(result.stdout), path)
        if remove:
            del self._files[number]
            self.vm.run(["rm", path])

    # ---- devices come and go ----

    def do_hot_add_and_remove(self, backing: bool, algorithm: str, pages: int, seed: int) -> None:
        """A device of a short life, removed with all it has."""
        device = Device.hot_add(self.vm)
        device.comp_algorithm = algorithm
        if backing:
            device.backing_dev = f"{DISK}spare"
        device.disksize = 32 << 20
        failed = device.pages.write(range(pages), "mixed", seed=seed)
        assert all(failure.errno in (errno.ENOMEM, errno.ENOSPC) for failure in failed), failed
        if backing:
            device.writeback()
        bad = device.pages.failures()
        if bad:
            self.report.mismatch(len(bad), f"on a device added later: {bad[:5]}")
        self.report.pages_verified += len(device.pages.contents)
        device.remove()
        assert not device.exists

    def do_cycle_swap(self, reset: bool, discard: bool, settings: dict[str, str]) -> None:
        """All that is swapped out goes to another swap device, and then comes back."""
        self.do_heal("swap")
        device = self.devices["swap"]
        if f"{DISK}plain" not in self._swaps():
            self.vm.run(["swapon", "-p", "1", f"{DISK}plain"])
        if not self._swapoff(device.path):
            return
        self._check_home()
        if reset:
            self._empty_and_reset("swap")
            self._set_up_swap(settings)
        else:
            device.swapon("-p", "10", *(["-d"] if discard else []))
        self._swapoff(f"{DISK}plain")

    def _swaps(self) -> str:
        """The swap devices, by the names of the harness."""
        real = self.vm.run(f"realpath {DISK}plain").stdout.strip()
        return self.vm.read("/proc/swaps").replace(real + " ", f"{DISK}plain ")

    def _swapoff(self, path: str) -> bool:
        """False if there was not enough memory for that."""
        result = self.vm.run(["swapoff", path], timeout=2 * LONG, check=False)
        if result.returncode:
            assert "Cannot allocate memory" in result.stderr or result.returncode == -9, result
            self.report.refused["swapoff ENOMEM"] += 1
        return not result.returncode

    def _check_home(self) -> None:
        """After swapoff nothing is left but the page that mkswap has written."""
        device = self.devices["swap"]
        device.wait_until_nothing_is_in_flight()
        stat = device.stat()
        limits = {"stored": 1, "live_bytes": PAGE_SIZE, "blocks_live": 1, "read_errors": 0}
        for key, limit in {**limits, "checksum_errors": 0, "blocks_writing": 0}.items():
            if getattr(stat, key) > limit:
                self.report.leak(f"swap after swapoff: {key} {getattr(stat, key)}")

    # ---- the end ----

    def end(self) -> None:
        """Verify everything, take everything apart, and look for what is left."""
        for name in list(self._faults):
            self.do_heal(name)
        self._stop_load()
        for number in list(self._files):
            self.do_check_file(number, remove=True)
        self._compare_all()
        self.vm.run(f"umount {FILES} && rmdir {CGROUP}{{0,1,2}}")
        if f"{DISK}plain" in self._swaps():
            self.vm.run(["swapoff", f"{DISK}plain"], timeout=2 * LONG)
        self.devices["swap"].swapoff(timeout=2 * LONG)
        self._check_home()
        for name, device in self.devices.items():
            self._empty_and_reset(name)
            device.remove()
        for mapping in self._mappings.values():
            mapping.remove()
        unload_zpack(self.vm)
        left = re.findall(r"^\S*zpack\S*", self.vm.read("/proc/slabinfo"), re.MULTILINE)
        if left:
            self.report.leak(f"slab caches {left}")
        lost = self._free_before - self._free_bytes()
        if lost > LEAK_BYTES:
            self.report.leak(f"{lost >> 10} KiB of memory")

    def _free_bytes(self) -> int:
        """Memory that nobody uses, but for what can be given back at once."""
        self.vm.run("sync; echo 3 >/proc/sys/vm/drop_caches")
        info = dict(re.findall(r"^(\w+): +(\d+)", self.vm.read("/proc/meminfo"), re.MULTILINE))
        kib = sum(int(info[name]) for name in ("MemFree", "Cached", "Buffers", "SReclaimable"))
        return (kib - int(info["Shmem"])) << 10

    def close_values(self) -> dict[str, Any]:
        """What may explain a problem."""
        return {name: device.stat() for name, device in self.devices.items()}
