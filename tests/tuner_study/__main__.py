# SPDX-License-Identifier: GPL-2.0-only
"""The tuner of zpackd against the module's defaults, in a guest, in counts: they depend much less than
times on how busy the machine is.

Two workloads, each with a new device without the tuner, with it, and without it again: how far the
two without differ is the measurement's uncertainty. Run as

    PYTHONPATH=tests python3 -m tuner_study [--seconds N] [--kernel K]
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from api import Device
from api.daemon import Daemon, build
from api.module import load_zpack
from api.plugin import BACKING, DISKS, MEMORY_MIB
from api.stat import DiskStat
from programs.pressure import Pressure
from vm import VM, kernels

WORKLOADS: dict[str, dict[str, int | str]] = {
    "favourites": {"workers": 2, "mib": 64, "pattern": "zipf", "dirty": 10, "pageout": 15},
    "writes": {"workers": 2, "mib": 64, "pattern": "random", "dirty": 60, "pageout": 30},
}
CONFIGURATION = f"""
[tuner]
mode = "MODE"
interval_ms = 1000

[device.main]
size = "200%"
backing = "{BACKING}"
force = true

[device.main.settings]
pool_limit_bytes = "12M"
"""


@dataclass(frozen=True)
class Counts:
    """Of the backing device, for 1000 accesses of the programs."""

    reads: float
    read_kib: float
    refaults: float  # pages that were read back for a program
    writes: float
    write_kib: float


def measure(vm: VM, workload: str, mode: str, seconds: int) -> tuple[Counts, list[str]]:
    """One run with a new device; what it cost, and the tuner's decisions."""
    disk = vm.run(["readlink", "-f", BACKING]).stdout.strip().removeprefix("/dev/")

    def counters() -> DiskStat:
        return DiskStat.parse(vm.read(f"/sys/block/{disk}/stat"))

    daemon = Daemon(vm)
    daemon.start(CONFIGURATION.replace("MODE", mode))
    device = Device(vm)
    load = Pressure(vm).start(evict=1, ops=0, seed=7, **WORKLOADS[workload])
    load.wait_filled()
    before, loads = counters(), device.stat().loads_packed
    time.sleep(seconds)
    after, loads_after = counters(), device.stat().loads_packed
    decisions = [line for line in daemon.log.splitlines() if "tuner" in line and "->" in line]
    # The programs compare all their pages at the end, which is not part of it.
    summary = load.stop(timeout=120)
    accesses = (summary.verified - summary.pages) / 1000
    daemon.ctl("drain", "zpack0", "--remove")
    daemon.stop()
    vm.run("rm -rf /run/zpackd /var/lib/zpackd")
    change = after - before
    return (
        Counts(
            change.read_ios / accesses,
            change.read_bytes / 1024 / accesses,
            (loads_after - loads) / accesses,
            change.write_ios / accesses,
            change.write_bytes / 1024 / accesses,
        ),
        decisions,
    )


def main() -> int:
    """Measure all, print a table for each workload."""
    parser = argparse.ArgumentParser(prog="tuner_study", description=__doc__)
    parser.add_argument("--kernel", default="7.3", help="6.1, 6.12 or 7.3 (default)")
    parser.add_argument("--seconds", type=int, default=60, help="of each run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also add the figures there")
    arguments = parser.parse_args()
    build()
    with VM(kernels.get(arguments.kernel), memory_mib=MEMORY_MIB, disks=DISKS) as vm:
        load_zpack(vm, "num_devices=0")
        for workload in WORKLOADS:
            print(f"\n{workload}, for 1000 accesses:\n")
            print("| tuner | reads | KiB read | refaults | writes | KiB written |")
            print("|---|---:|---:|---:|---:|---:|")
            for mode in ("off", "on", "off"):
                counts, decisions = measure(vm, workload, mode, arguments.seconds)
                values = list(vars(counts).values())
                print(f"| {mode} | " + " | ".join(f"{one:.1f}" for one in values) + " |")
                print(*decisions, sep="\n", flush=True)
                if arguments.json:
                    row = {"workload": workload, "mode": mode, **vars(counts)}
                    with arguments.json.open("a") as file:
                        file.write(json.dumps({**row, "decisions": decisions}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
