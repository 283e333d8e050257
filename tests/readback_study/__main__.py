# SPDX-License-Identifier: GPL-2.0-only
"""Read swapped memory back in several patterns: I/Os, bytes, fault latencies, instructions.

One virtual CPU that runs one instruction in a nanosecond of the guest's time, and a null_blk disk
that answers after 80 us: the figures repeat, however busy the machine is. Run as

    PYTHONPATH=tests python3 -m readback_study [--mib N] [--patterns P,...] SYSTEM...

SYSTEM: plain (plain swap on the same disk), zpack, or zpack with attributes, as in
"zpack,readahead=off,synchronous=1"; "ram" in the place of zpack: no backing device.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from api import Device, load_zpack
from api.stat import DiskStat, Stat
from vm import VM, kernels

DISK = "/dev/nullb0"
NULL_BLK = """
set -e
modprobe null_blk nr_devices=0
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
cd /sys/kernel/config/nullb && mkdir nullb0 && cd nullb0
echo 1 >memory_backed; echo 2 >irqmode; echo 80000 >completion_nsec
echo 4096 >blocksize; echo 1 >submit_queues; echo 512 >size; echo 1 >power
"""
PROGRAM = "/tmp/refault"
SOURCE = Path(__file__).with_name("refault.c")
COLUMNS = (
    "system pattern faults p50_us p99_us read_ios kib_per_io bytes_per_fault write_kib rewrite_kib "
    "seconds busy_seconds hits waits ahead_used"
).split()


def build() -> bytes:
    """The program for a guest."""
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "refault"
        options = ["-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s"]
        subprocess.run(["gcc", *options, "-o", program, SOURCE, "-lm"], check=True)
        return program.read_bytes()


def measure(
    kernel: kernels.Kernel, system: str, mib: int, guest_mib: int, patterns: str
) -> list[dict[str, object]]:
    """Boot a guest and run all patterns; a row for each."""
    name, *settings = system.split(",")
    with VM(kernel, memory_mib=guest_mib, icount=True) as vm:
        vm.put(build(), PROGRAM, mode=0o755)
        vm.run(NULL_BLK)
        arguments = [str(mib), patterns, f"/sys/block/{Path(DISK).name}/stat"]
        if name == "plain":
            vm.run(f"mkswap {DISK} && swapon {DISK}")
        else:
            load_zpack(vm)
            device = Device(vm)
            for setting in settings:
                attribute, value = setting.split("=")
                device.write(attribute, value)
            if name == "zpack":
                device.backing_dev = DISK
            device.disksize = 1 << 30
            device.mkswap_on()
            writeback = device.attribute("writeback") if name == "zpack" else "/dev/null"
            arguments += [device.attribute("stat"), writeback]
        rows = []
        for line in vm.run([PROGRAM, *arguments], timeout=900).stdout.splitlines():
            found = json.loads(line)
            assert not found["wrong"], found
            disk = DiskStat.parse(found["disk_after"]) - DiskStat.parse(found["disk_before"])
            again = DiskStat.parse(found["disk_evicted"]) - DiskStat.parse(found["disk_after"])
            change = None
            if found["after"]:
                change = Stat.parse(found["after"]) - Stat.parse(found["before"])
            faults = max(found["faults"], 1)
            rows.append(
                {
                    "system": system,
                    "pattern": found["pattern"],
                    "faults": found["faults"],
                    "p50_us": round(found["p50_ns"] / 1000, 1),
                    "p99_us": round(found["p99_ns"] / 1000, 1),
                    "read_ios": disk.read_ios,
                    "kib_per_io": round(disk.read_bytes / 1024 / max(disk.read_ios, 1), 1),
                    "bytes_per_fault": round(disk.read_bytes / faults),
                    "write_kib": disk.write_bytes // 1024,
                    "rewrite_kib": again.write_bytes // 1024,
                    "seconds": round(found["ns"] / 1e9, 2),
                    "busy_seconds": round(found["ns"] / 1e9 - found["idle_s"], 2),
                    "hits": change.clean_cache_hits if change else None,
                    "waits": change.clean_cache_waits if change else None,
                    "ahead_used": (
                        round(change.readahead_used_bytes / change.readahead_bytes, 2)
                        if change and change.readahead_bytes
                        else None
                    ),
                }
            )
        return rows


def main() -> int:
    """Measure all, print a table."""
    parser = argparse.ArgumentParser(prog="readback_study", description=__doc__)
    parser.add_argument("--kernel", default="7.3", help="6.1, 6.12 or 7.3 (default)")
    parser.add_argument("--mib", type=int, default=96, help="memory that is swapped out")
    parser.add_argument("--guest-mib", type=int, default=320, help="memory of the guest")
    parser.add_argument("--patterns", default="sequential,random,zipf,resume")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also add the figures there")
    parser.add_argument("systems", nargs="+", metavar="SYSTEM")
    arguments = parser.parse_args()
    print("| " + " | ".join(COLUMNS) + " |\n|---|---|" + "---:|" * (len(COLUMNS) - 2))
    for system in arguments.systems:
        rows = measure(
            kernels.get(arguments.kernel),
            system,
            arguments.mib,
            arguments.guest_mib,
            arguments.patterns,
        )
        for row in rows:
            print("| " + " | ".join(str(row[name]) for name in COLUMNS) + " |", flush=True)
        if arguments.json:
            with arguments.json.open("a") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
