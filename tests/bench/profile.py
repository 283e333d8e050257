# SPDX-License-Identifier: GPL-2.0-only
"""Where the instructions go: which functions of the guest's kernel run in a phase, and how much.

Not sampled but counted, by a plugin in QEMU (instructions.c); the names are the guest's own.
"""

import bisect
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from bench.run import Phase, command, start
from bench.systems import Sizes
from vm import VM, Kernel

SOURCE = Path(__file__).with_name("instructions.c")
KERNEL_BEGINS = 1 << 63
USER = "(the workload itself)"


@dataclass(frozen=True)
class Profile:
    """Instructions of each function, module functions as "name [module]"."""

    functions: dict[str, int]
    phase: Phase

    @property
    def total(self) -> int:
        """All instructions."""
        return sum(self.functions.values())

    def table(self, rows: int = 50) -> str:
        """The functions that run most, for a person."""
        pages = max(self.phase.pages_written, 1)
        lines = [f"{'instructions':>14} {'a page':>8} {'share':>7}  function"]
        by_count = sorted(self.functions.items(), key=lambda item: -item[1])
        for name, count in by_count[:rows]:
            lines.append(f"{count:14,} {count / pages:8.0f} {count / self.total:7.1%}  {name}")
        rest = sum(count for _, count in by_count[rows:])
        lines.append(f"{rest:14,} {rest / pages:8.0f} {rest / self.total:7.1%}  (all others)")
        lines.append(
            f"{self.total:14,} {self.total / pages:8.0f}          of {pages:,} pages written"
        )
        return "\n".join(lines)


def take(name: str, kernel: Kernel, sizes: Sizes, phases: Sequence[str]) -> Profile:
    """Run phases of the workload; all but the last one are not counted."""
    with tempfile.TemporaryDirectory() as directory:
        plugin, counted = Path(directory) / "instructions.so", Path(directory) / "counted"
        strict = ["-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"]
        subprocess.run(["gcc", "-shared", "-fPIC", *strict, "-o", plugin, SOURCE], check=True)
        arguments = ["-plugin", f"{plugin},out={counted}"]
        with VM(kernel, memory_mib=sizes.guest_mib, icount=True, qemu=arguments) as vm:
            setup = start(vm, name, sizes)
            symbols = vm.get("/proc/kallsyms", timeout=60).decode()
            words = command(setup, sizes, phases)
            output = vm.run(words, timeout=120 + 2 * sizes.mib).stdout
        phase = Phase.parse(output.splitlines()[-1])
        return Profile(_by_function(counted.read_text(), symbols), phase)


def _by_function(counted: str, symbols: str) -> dict[str, int]:
    table = []
    for line in symbols.splitlines():
        address, kind, *words = line.split()
        if kind in "tTwW":
            table.append((int(address, 16), " ".join(words)))
    table.sort()
    addresses = [address for address, _ in table]
    functions: dict[str, int] = {}
    for line in counted.splitlines():
        word, count = line.split()
        place = int(word, 16)
        name = USER
        if place >= KERNEL_BEGINS:
            name = table[bisect.bisect(addresses, place) - 1][1]
        functions[name] = functions.get(name, 0) + int(count)
    return functions
