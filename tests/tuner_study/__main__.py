# SPDX-License-Identifier: GPL-2.0-only
"""The tuner of zpackd against the module's defaults, in a guest, in counts of the same accesses: they
depend much less than times on how busy the machine is.

Two workloads, each in pairs of runs with a new device, one without the tuner and one with it, of the
same seed; which comes first changes from pair to pair. A run is that many accesses of each of two
programs, which then compare all their pages. How far the pairs' differences are from each other is
the measurement's uncertainty. Run as

    PYTHONPATH=tests python3 -m tuner_study [--pairs N] [--accesses N] [--kernel K]
"""

import argparse
import dataclasses
import json
import math
import statistics
import sys
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
SECONDS = 1800.0  # for a run, at most
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
    kib: float  # read and written


def measure(vm: VM, workload: str, mode: str, ops: int, seed: int) -> tuple[Counts, list[str]]:
    """One run with a new device; what it cost, and the tuner's decisions."""
    disk = vm.run(["readlink", "-f", BACKING]).stdout.strip().removeprefix("/dev/")

    def counters() -> DiskStat:
        return DiskStat.parse(vm.read(f"/sys/block/{disk}/stat"))

    daemon = Daemon(vm)
    daemon.start(CONFIGURATION.replace("MODE", mode))
    device = Device(vm)
    load = Pressure(vm).start(evict=1, hold=1, ops=ops, seed=seed, **WORKLOADS[workload])
    load.wait_filled(SECONDS)
    before, loads = counters(), device.stat().loads_packed
    load.go()
    summary = load.finish(SECONDS)
    after, loads_after = counters(), device.stat().loads_packed
    decisions = [line for line in daemon.log.splitlines() if "tuner set" in line]
    accesses = summary.verified / 1000
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
            (change.read_bytes + change.write_bytes) / 1024 / accesses,
        ),
        decisions,
    )


def difference(pairs: list[tuple[Counts, Counts]], name: str) -> tuple[float, float]:
    """How much more it is with the tuner, in percent of what it is without: mean of the pairs, and
    the mean's standard error."""
    each = [100 * (getattr(on, name) / getattr(off, name) - 1) for off, on in pairs]
    error = statistics.stdev(each) / math.sqrt(len(each)) if len(each) > 1 else math.nan
    return statistics.mean(each), error


def show(workload: str, pairs: list[tuple[Counts, Counts]]) -> None:
    """A table for a person."""
    names = [field.name for field in dataclasses.fields(Counts)]
    print(f"\n{workload}, for 1000 accesses, means of {len(pairs)} pairs:\n")
    print("| tuner | reads | KiB read | refaults | writes | KiB written | KiB in all |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for mode, runs in (("off", [off for off, _ in pairs]), ("on", [on for _, on in pairs])):
        means = [statistics.mean(getattr(run, name) for run in runs) for name in names]
        print(f"| {mode} | " + " | ".join(f"{mean:.1f}" for mean in means) + " |")
    changes = [difference(pairs, name) for name in names]
    cells = [f"{mean:+.1f} ± {error:.1f} %" for mean, error in changes]
    print("| difference | " + " | ".join(cells) + " |", flush=True)


def main() -> int:
    """Measure all, print a table for each workload."""
    parser = argparse.ArgumentParser(prog="tuner_study", description=__doc__)
    parser.add_argument("--kernel", default="7.3", help="6.1, 6.12 or 7.3 (default)")
    parser.add_argument("--accesses", type=int, default=50000, help="of each program in a run")
    parser.add_argument("--pairs", type=int, default=5, help="of runs, for each workload")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also add the figures there")
    arguments = parser.parse_args()
    build()
    with VM(kernels.get(arguments.kernel), memory_mib=MEMORY_MIB, disks=DISKS) as vm:
        load_zpack(vm, "num_devices=0")
        for workload in WORKLOADS:
            pairs = []
            for seed in range(arguments.pairs):
                found = {}
                for mode in ("off", "on") if seed % 2 == 0 else ("on", "off"):
                    counts, decisions = measure(vm, workload, mode, arguments.accesses, seed + 1)
                    found[mode] = counts
                    print(workload, mode, counts, *decisions, sep="\n  ", flush=True)
                    if arguments.json:
                        row = {"workload": workload, "mode": mode, "seed": seed + 1, **vars(counts)}
                        with arguments.json.open("a") as file:
                            file.write(json.dumps({**row, "decisions": decisions}) + "\n")
                pairs.append((found["off"], found["on"]))
            show(workload, pairs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
