# SPDX-License-Identifier: GPL-2.0-only
"""Runs the workload on one system in a guest of its own, and says what each phase did.

One virtual CPU that runs one instruction in a nanosecond of the guest's time, and a null_blk disk
that answers each request after 80 us, any number at a time: counts, times and latencies repeat,
however busy the host is. The disk's memory is the guest's; the part that will be used is written
before, so that what a system stores there leaves as much memory as it found.
"""

import functools
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Sequence

from api.stat import DiskStat
from bench.corpus import corpus
from bench.systems import DISK_STAT, PAGE, SYSTEMS, ZPACK, Setup, Sizes, add_disk
from vm import VM, Kernel

Attributes = Sequence[tuple[str, str]]  # of zpack, with their values

PHASES = ("evict", "zipf", "re-evict", "seq")
SOURCE = Path(__file__).parents[1] / "programs/phases.c"
PROGRAM = "/run/phases"
CORPUS = "/dev/shm/corpus"
CGROUP = "/sys/fs/cgroup/bench"
PREPARE = f"""
set -e
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir {CGROUP}
echo 0 >/proc/sys/kernel/watchdog
"""


def numbers(text: str) -> dict[str, int]:
    """Lines of a key and a number."""
    return {key: int(value) for key, value in (line.split() for line in text.splitlines())}


@dataclass(frozen=True)
class Phase:
    """What one phase did. Nanoseconds of the guest, of which each is an instruction or idle."""

    name: str
    guest_ns: int
    instructions: int
    write_bytes: int  # by the disk's own count, as the next three
    write_ios: int
    read_bytes: int
    read_ios: int
    pages_written: int
    written_object_bytes: int  # of these pages, compressed; 4096 each where they are not
    needed_writes: int  # pages that had been changed since they were written last
    major_faults: int  # of which the program saw the latencies
    minor_faults: int
    p50_ns: int
    p99_ns: int
    max_ns: int
    mismatches: int  # up to here
    counters: dict[str, str]  # files of the system, after the phase

    @classmethod
    def parse(cls, line: str) -> "Phase":
        """Read the workload's line of JSON."""
        raw: dict[str, Any] = json.loads(line)
        before, after = raw["before"], raw["after"]
        disk = DiskStat(0, 0, 0, 0)
        if DISK_STAT in after:
            disk = DiskStat.parse(after.pop(DISK_STAT)) - DiskStat.parse(before.pop(DISK_STAT))
        pages, size = disk.write_bytes // PAGE, disk.write_bytes
        if text := after.get(f"{ZPACK}/stat"):
            stat, earlier = numbers(text), numbers(before[f"{ZPACK}/stat"])
            pages, size = (
                stat[key] - earlier[key] for key in ("writeback_pages", "writeback_object_bytes")
            )
        return cls(
            name=raw["phase"],
            guest_ns=raw["ns"],
            instructions=raw["ns"] - raw["idle_ns"],
            **vars(disk),
            pages_written=pages,
            written_object_bytes=size,
            **{
                key: raw[key]
                for key in (
                    *("needed_writes", "major_faults", "minor_faults"),
                    *("p50_ns", "p99_ns", "max_ns", "mismatches"),
                )
            },
            counters=after,
        )


@dataclass(frozen=True)
class Measured:
    """What one system did."""

    phases: dict[str, Phase]
    fixed: dict[str, int]  # see Setup

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Measured":
        """What dataclasses.asdict() made of it."""
        phases = {name: Phase(**phase) for name, phase in data["phases"].items()}
        return cls(phases, data["fixed"])


@functools.lru_cache(maxsize=None)
def build() -> bytes:
    """The workload for a guest."""
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "phases"
        strict = ["-O2", "-Wall", "-Wextra", "-Werror"]
        libraries = ["-lm"]
        subprocess.run(
            ["gcc", "-static", "-s", *strict, "-o", program, SOURCE, *libraries], check=True
        )
        return program.read_bytes()


def command(setup: Setup, sizes: Sizes, phases: Sequence[str]) -> list[str]:
    """The workload's command line."""
    counters = [DISK_STAT, *setup.counters] if sizes.disk_mib else setup.counters
    words = [
        *(PROGRAM, "--mib", str(sizes.mib), "--accesses", str(sizes.accesses)),
        *("--free-mib", str(sizes.free_mib), "--corpus", CORPUS, "--cgroup", CGROUP),
        *("--phases", ",".join(phases)),
    ]
    for option, values in (
        ("--snapshot", counters),
        ("--drain", setup.drain),
        ("--restore", setup.restore),
        ("--drained", [setup.drained]),
        ("--keep", [setup.keep]),
    ):
        words += [word for value in values if value for word in (option, value)]
    return words


def start(vm: VM, name: str, sizes: Sizes, attributes: Attributes = ()) -> Setup:
    """Bring disk, system and workload into a guest; give zpack's attributes their values."""
    if sizes.disk_mib:
        add_disk(vm, sizes)
    vm.run(PREPARE)
    setup = SYSTEMS[name].set_up(vm, sizes)
    for attribute, value in attributes if name == "zpack" else ():
        vm.write(f"{ZPACK}/{attribute}", value)
    vm.put(build(), PROGRAM, mode=0o755)
    vm.put(corpus(), CORPUS)
    return setup


def measure(
    name: str, kernel: Kernel, sizes: Sizes, phases: Sequence[str], attributes: Attributes = ()
) -> Measured:
    """Boot a guest, run the workload on one system."""
    with VM(kernel, memory_mib=sizes.guest_mib, icount=True) as vm:
        setup = start(vm, name, sizes, attributes)
        words = command(setup, sizes, phases)
        output = vm.run(words, timeout=60 + 4 * sizes.mib).stdout
        found = [Phase.parse(line) for line in output.splitlines()]
        return Measured({phase.name: phase for phase in found}, setup.fixed)
