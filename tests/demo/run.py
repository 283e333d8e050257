# SPDX-License-Identifier: GPL-2.0-only
"""Swap a real program's memory through the module in a guest, and count what happened."""

import json
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from api import Device, DiskStat, load_zpack
from api.daemon import Daemon
from api.outside import LISTEN, Outside
from vm import VM, Disk, Kernel

DISK_MIB = 1024
JOB_SECONDS = 150.0  # for a machine with KVM; the harness knows how much slower others are


@dataclass(frozen=True)
class Size:
    """How large the demo is. MiB."""

    guest: int = 200  # of which the kernel leaves 150, and zpackd takes 24
    data: int = 140  # what the program stores; its objects take more
    pool: int = 12  # of compressed pages in RAM
    lookups: int = 300


@dataclass(frozen=True)
class Report:
    """What ./dev demo --json writes. Byte and page counts, `fill` as 0...1."""

    kernel: str
    compressor: str
    block_pages: int
    verified: bool  # every record was right, and no page failed its check
    data_bytes: int  # that the program holds, guest_bytes of memory
    guest_bytes: int
    records: int
    lookups: int
    pages_stored: int  # swapped out, repeats included
    pages_packed: int  # written to the disk, compressed
    pages_read_back: int  # read from the disk
    object_bytes: int  # of the packed pages, compressed
    disk_bytes_written: int  # by the disk's own count
    blocks_written: int
    write_ios: int  # by the disk's own count
    read_ios: int  # as the module submits them; the block layer may join neighbours
    readahead_ios: int  # of them: of several neighbours of a block; the others read 4096 bytes each
    read_bytes: int
    fill: float  # objects and their headers / bytes written
    disk_bytes_per_page: float
    bytes_over_object: float  # disk bytes / object bytes
    checksum_errors: int
    read_errors: int
    write_errors: int
    seconds: float
    status: str  # what zpackctl said, on this machine, when the program's data was complete
    metrics: list[str]  # some lines of what Prometheus would get


@dataclass(frozen=True)
class Job:
    """What the program printed, and zpackctl, outside the guest, in between."""

    result: dict[str, int | bool]
    status: str
    metrics: str


def run_job(vm: VM, outside: Outside, size: Size, say: Callable[[str], None]) -> Job:
    """Run the program to its end."""
    vm.put(Path(__file__).with_name("workload.py"), "/run/workload.py")
    job = vm.spawn(f"python3 /run/workload.py --mib {size.data} --lookups {size.lookups}")
    job.expect("filled", timeout=JOB_SECONDS)
    viewer = outside.certificate("viewer", "viewer")
    status, metrics = outside.ctl(viewer, "status", "zpack0"), outside.ctl(viewer, "metrics")
    say("the data is complete, most of it swapped out; now it is used and checked")
    lines = job.wait(timeout=2 * JOB_SECONDS).stdout.splitlines()
    return Job(json.loads(lines[-1]), status, metrics)


def configuration(size: Size) -> str:
    """What zpackd is to set up."""
    return f"""{LISTEN}
[device.demo]
size = "{3 * size.data}M"
backing = "/dev/disk-by-harness/back"

[device.demo.settings]
pool_limit_bytes = "{size.pool}M"
"""


def excerpt(metrics: str) -> list[str]:
    """The metrics that say most."""
    names = ("stored_pages", "writeback_pages_total", "writeback_bytes_total", "loads_total")
    return [
        line for line in metrics.splitlines() if line.startswith(tuple(f"zpack_{n}" for n in names))
    ]


def memory_bytes(vm: VM) -> int:
    """What the guest's kernel has for programs."""
    found = re.search(r"MemTotal: +(\d+) kB", vm.read("/proc/meminfo"))
    assert found
    return int(found[1]) << 10


def report(vm: VM, job: Job, before: DiskStat, seconds: float) -> Report:
    """Put the program's result and the counters together. The program is over."""
    device, result = Device(vm), job.result
    stat, disk = device.stat(), device.backing_stat() - before
    failures = stat.checksum_errors + stat.read_errors + stat.write_errors
    used = stat.writeback_object_bytes + stat.writeback_header_bytes
    return Report(
        kernel=vm.kernel.release,
        compressor=device.comp_algorithm,
        block_pages=device.block_pages,
        verified=bool(result["verified"]) and not failures and not vm.kernel_problems(),
        data_bytes=int(result["bytes"]),
        guest_bytes=memory_bytes(vm),
        records=int(result["records"]),
        lookups=int(result["lookups"]),
        pages_stored=stat.stores,
        pages_packed=stat.writeback_pages,
        pages_read_back=stat.loads_packed,
        object_bytes=stat.writeback_object_bytes,
        disk_bytes_written=disk.write_bytes,
        blocks_written=stat.blocks_written,
        write_ios=disk.write_ios,
        read_ios=stat.read_ios,
        readahead_ios=stat.readahead_ios,
        read_bytes=stat.read_bytes,
        fill=round(used / stat.block_bytes_written, 4),
        disk_bytes_per_page=round(disk.write_bytes / stat.writeback_pages, 1),
        bytes_over_object=round(disk.write_bytes / stat.writeback_object_bytes, 4),
        checksum_errors=stat.checksum_errors,
        read_errors=stat.read_errors,
        write_errors=stat.write_errors,
        seconds=round(seconds, 1),
        status=job.status,
        metrics=excerpt(job.metrics),
    )


def run(kernel: Kernel, size: Size, say: Callable[[str], None]) -> Report:
    """The whole demo; `say` is told what goes on."""
    say(f"booting kernel {kernel.release} with {size.guest} MiB of memory")
    with tempfile.TemporaryDirectory() as keys:
        outside = Outside(Path(keys))
        disks = (Disk("back", DISK_MIB),)
        with VM(kernel, memory_mib=size.guest, disks=disks, qemu=outside.card) as vm:
            load_zpack(vm)
            outside.connect(vm)
            daemon = Daemon(vm)
            daemon.start(configuration(size))
            device = Device(vm)
            say(f"zpackd has made {device.path} swap; a program makes {size.data} MiB of data")
            before, start = device.backing_stat(), time.monotonic()
            job = run_job(vm, outside, size, say)
            found = report(vm, job, before, time.monotonic() - start)
            daemon.ctl("drain", "zpack0", "--remove")
            return found
