# SPDX-License-Identifier: GPL-2.0-only
"""Boots a guest with the module, swaps a real program's memory through it, and reports."""

import argparse
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from api import Device, DiskStat, Stat, load_zpack
from vm import VM, Disk, GuestDied, VMError, kernels

GUEST_MIB = 160
DATA_MIB = 150
DISK_MIB = 1024
POOL_MIB = 12
LOOKUPS = 500
JOB_SECONDS = 150.0  # for a machine with KVM; the harness knows how much slower others are
PAGE = 4096


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
    read_bytes: int
    fill: float  # objects and their headers / bytes written
    disk_bytes_per_page: float
    bytes_over_object: float  # disk bytes / object bytes
    checksum_errors: int
    read_errors: int
    write_errors: int
    seconds: float


def run_job(vm: VM, progress: "Progress") -> dict[str, int | bool]:
    """Run the program to its end; what it printed."""
    vm.put(Path(__file__).with_name("workload.py"), "/root/workload.py")
    job = vm.spawn(f"python3 /root/workload.py --mib {DATA_MIB} --lookups {LOOKUPS}")
    job.expect("filled", timeout=JOB_SECONDS)
    progress.say("the data is complete, most of it swapped out; now it is used and checked")
    lines = job.wait(timeout=2 * JOB_SECONDS).stdout.splitlines()
    result: dict[str, int | bool] = json.loads(lines[-1])
    return result


def fresh_device(vm: VM) -> Device:
    """Load the module and swap to its first device."""
    load_zpack(vm)
    device = Device(vm)
    device.backing_dev = "/dev/disk-by-harness/back"
    device.pool_limit = POOL_MIB << 20
    device.disksize = 3 * DATA_MIB << 20
    device.mkswap_on()
    return device


def memory_bytes(vm: VM) -> int:
    """What the guest's kernel has for programs."""
    found = re.search(r"MemTotal: +(\d+) kB", vm.read("/proc/meminfo"))
    assert found
    return int(found[1]) << 10


def report(
    vm: VM, device: Device, job: dict[str, int | bool], before: DiskStat, seconds: float
) -> Report:
    """Put the program's result and the counters together. The program is over."""
    stat, disk = device.stat(), device.backing_stat() - before
    failures = stat.checksum_errors + stat.read_errors + stat.write_errors
    used = stat.writeback_object_bytes + stat.writeback_header_bytes
    return Report(
        kernel=vm.kernel.release,
        compressor=device.comp_algorithm,
        block_pages=device.block_pages,
        verified=bool(job["verified"]) and not failures and not vm.kernel_problems(),
        data_bytes=int(job["bytes"]),
        guest_bytes=memory_bytes(vm),
        records=int(job["records"]),
        lookups=int(job["lookups"]),
        pages_stored=stat.stores,
        pages_packed=stat.writeback_pages,
        pages_read_back=stat.loads_packed,
        object_bytes=stat.writeback_object_bytes,
        disk_bytes_written=disk.write_bytes,
        blocks_written=stat.blocks_written,
        write_ios=disk.write_ios,
        read_ios=stat.read_ios,
        read_bytes=stat.read_bytes,
        fill=round(used / stat.block_bytes_written, 4),
        disk_bytes_per_page=round(disk.write_bytes / stat.writeback_pages, 1),
        bytes_over_object=round(disk.write_bytes / stat.writeback_object_bytes, 4),
        checksum_errors=stat.checksum_errors,
        read_errors=stat.read_errors,
        write_errors=stat.write_errors,
        seconds=round(seconds, 1),
    )


class Progress:
    """Tells a person what is going on, with the time that has passed."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def say(self, text: str) -> None:
        """Print one line."""
        print(f"[{time.monotonic() - self.start:5.0f} s] {text}", file=sys.stderr, flush=True)


def show(found: Report) -> str:
    """The report for a person."""
    mib = 1 << 20
    plain = found.pages_packed * PAGE
    return f"""
zpack demo: kernel {found.kernel}, {found.compressor}, blocks of {found.block_pages} pages

  program         {found.records:,} records, {found.data_bytes / mib:.0f} MiB of data in SQLite and \
Python, {found.guest_bytes / mib:.0f} MiB of memory
  result          {"right: every record verified" if found.verified else "WRONG"}
  swapped out     {found.pages_stored:,} pages
  packed to disk  {found.pages_packed:,} pages, {found.object_bytes / found.pages_packed:,.0f} bytes \
each when compressed
  bytes written   {found.disk_bytes_written / mib:.1f} MiB; 4 KiB a page would have been \
{plain / mib:.1f} MiB: {100 * found.disk_bytes_written / plain:.0f} %
                  {found.disk_bytes_per_page:,.0f} bytes a page, {found.bytes_over_object:.3f} \
times the compressed object
  write I/Os      {found.write_ios:,} for {found.blocks_written:,} blocks, \
{found.pages_packed / found.write_ios:.1f} pages each
  block fill      {100 * found.fill:.1f} % objects and their headers
  read back       {found.pages_read_back:,} pages with {found.read_ios:,} I/Os, \
{found.read_bytes / max(found.read_ios, 1):,.0f} bytes each
  errors          {found.checksum_errors} checksum, {found.read_errors} read, {found.write_errors} write
"""


def main() -> int:
    """Run the demo; 0 if everything was verified."""
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--kernel", default="7.3", help="6.1, 6.12 or 7.3 (default)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    arguments = parser.parse_args()
    progress = Progress()
    disks = (Disk("back", DISK_MIB),)
    try:
        kernel = kernels.get(arguments.kernel)
        progress.say(f"booting kernel {kernel.release} with {GUEST_MIB} MiB of memory")
        with VM(kernel, memory_mib=GUEST_MIB, disks=disks) as vm:
            device = fresh_device(vm)
            progress.say(f"swapping to {device.path}; a program makes {DATA_MIB} MiB of data")
            before, start = device.backing_stat(), time.monotonic()
            job = run_job(vm, progress)
            found = report(vm, device, job, before, time.monotonic() - start)
            device.swapoff()
    except (VMError, GuestDied) as error:
        print(f"demo failed: {error}", file=sys.stderr)
        return 1
    print(show(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(found), indent=1) + "\n")
    return 0 if found.verified else 1


if __name__ == "__main__":
    sys.exit(main())
