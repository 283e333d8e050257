# SPDX-License-Identifier: GPL-2.0-only
"""Counts I/Os, bytes and instructions of swapping out, for plain swap and for zpack.

One virtual CPU that runs one instruction in a nanosecond of the guest's time, and a null_blk disk
that answers after 80 us: the figures repeat, however busy the machine is. The memory is that of
tests/programs/pressure.c, made, pushed out with MADV_PAGEOUT and written to the disk to the end;
every page is verified afterwards.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from api import Device, load_zpack
from api.device import disk_stat
from programs.pressure import PROGRAM, build
from vm import VM, VMError, kernels

MIB = 64
DISK = "/dev/nullb0"
NULL_BLK = """
set -e
modprobe null_blk nr_devices=0
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
cd /sys/kernel/config/nullb && mkdir nullb0 && cd nullb0
echo 1 >memory_backed; echo 2 >irqmode; echo 80000 >completion_nsec
echo 4096 >blocksize; echo 1 >submit_queues; echo 512 >size; echo 1 >power
"""
# The seconds that the CPU was busy, between two readings of /proc/uptime.
EVICT = """
cat /proc/uptime
mkfifo /tmp/said
%s run --mib %d --ops 0 --evict 1 --hold 1 >/tmp/said &
exec 3</tmp/said
read filled <&3
%s
cat /proc/uptime
kill -USR1 $!; read working <&3; kill -USR1 $!
cat <&3
"""


@dataclass(frozen=True)
class Row:
    """One system. `instructions` are those of filling and pushing out, per page written."""

    system: str
    pages_written: int
    bytes_per_page: float
    write_ios: int
    pages_per_write: float
    instructions_per_page: int
    verified: bool


def measure(system: str, kernel: kernels.Kernel) -> Row:
    """Boot a guest and run the workload once."""
    with VM(kernel, memory_mib=400, icount=True) as vm:
        vm.put(build(), PROGRAM, mode=0o755)
        vm.run(NULL_BLK)
        drain = "sync"
        device = None
        if system == "zpack":
            load_zpack(vm)
            device = Device(vm)
            device.backing_dev = DISK
            device.pool_limit = 8 << 20
            device.disksize = 512 << 20
            device.mkswap_on()
            drain = f"echo all >{device.attribute('writeback')}"
        else:
            vm.run(f"mkswap {DISK} && swapon {DISK}")
        before = disk_stat(vm, DISK)
        lines = vm.run(EVICT % (PROGRAM, MIB, drain), timeout=60).stdout.splitlines()
        disk = disk_stat(vm, DISK) - before
        start, end = ([float(word) for word in line.split()] for line in lines[:2])
        busy = (end[0] - start[0]) - (end[1] - start[1])
        pages = device.stat().writeback_pages if device else disk.write_bytes // 4096
        return Row(
            system=system,
            pages_written=pages,
            bytes_per_page=round(disk.write_bytes / pages, 1),
            write_ios=disk.write_ios,
            pages_per_write=round(pages / disk.write_ios, 1),
            instructions_per_page=round(busy * 1e9 / pages),
            verified=json.loads(lines[-1])["mismatches"] == 0,
        )


def main() -> int:
    """Measure both, print a table."""
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("--kernel", default="7.3", help="6.1, 6.12 or 7.3 (default)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    arguments = parser.parse_args()
    try:
        rows = [measure(system, kernels.get(arguments.kernel)) for system in ("plain", "zpack")]
    except VMError as error:
        print(f"bench failed: {error}", file=sys.stderr)
        return 1
    print("| | " + " | ".join(row.system for row in rows) + " |\n|---|" + "---:|" * len(rows))
    for name in asdict(rows[0]):
        if name != "system":
            print(f"| {name} | " + " | ".join(str(asdict(row)[name]) for row in rows) + " |")
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    return 0 if all(row.verified for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
