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

from bench.run import Attributes, Phase, command, start
from bench.systems import Sizes
from vm import VM, Kernel

SOURCE = Path(__file__).with_name("instructions.c")
KERNEL_BEGINS = 1 << 63
USER = "(the workload itself)"
CALLERS = 3  # to show of each function


@dataclass(frozen=True)
class Profile:
    """Instructions of each function, module functions as "name [module]"."""

    functions: dict[str, int]
    callers: dict[str, dict[str, int]]  # direct calls by function and caller
    phase: Phase

    @property
    def total(self) -> int:
        """All instructions."""
        return sum(self.functions.values())

    def table(self, rows: int = 50) -> str:
        """The functions that run most, with those that call them, for a person."""
        pages = max(self.phase.pages_written, 1)
        lines = [f"{'instructions':>14} {'a page':>8} {'share':>7}  function <- calls a page"]
        by_count = sorted(self.functions.items(), key=lambda item: -item[1])
        for name, count in by_count[:rows]:
            calls = sorted(self.callers.get(name, {}).items(), key=lambda item: -item[1])
            origin = ", ".join(
                f"{caller} {number / pages:.2f}" for caller, number in calls[:CALLERS]
            )
            lines.append(
                f"{count:14,} {count / pages:8.0f} {count / self.total:7.1%}  {name} <- {origin}"
            )
        rest = sum(count for _, count in by_count[rows:])
        lines.append(f"{rest:14,} {rest / pages:8.0f} {rest / self.total:7.1%}  (all others)")
        lines.append(
            f"{self.total:14,} {self.total / pages:8.0f}          of {pages:,} pages written"
        )
        return "\n".join(lines)


class Symbols:
    """Names of the guest's kernel by address."""

    def __init__(self, kallsyms: str) -> None:
        table = []
        for line in kallsyms.splitlines():
            address, kind, *words = line.split()
            if kind in "tTwW":
                table.append((int(address, 16), " ".join(words)))
        table.sort()
        self._addresses = [address for address, _ in table]
        self._names = [name for _, name in table]

    def name(self, address: int) -> str:
        """The function that an address is in."""
        if address < KERNEL_BEGINS:
            return USER
        return self._names[bisect.bisect(self._addresses, address) - 1]


def take(
    name: str, kernel: Kernel, sizes: Sizes, phases: Sequence[str], attributes: Attributes = ()
) -> Profile:
    """Run phases of the workload; all but the last one are not counted."""
    with tempfile.TemporaryDirectory() as directory:
        plugin, counted = Path(directory) / "instructions.so", Path(directory) / "counted"
        strict = ["-O2", "-Wall", "-Wextra", "-Werror", "-fvisibility=hidden"]
        subprocess.run(["gcc", "-shared", "-fPIC", *strict, "-o", plugin, SOURCE], check=True)
        arguments = ["-plugin", f"{plugin},out={counted}"]
        with VM(kernel, memory_mib=sizes.guest_mib, icount=True, qemu=arguments) as vm:
            setup = start(vm, name, sizes, attributes)
            symbols = vm.get("/proc/kallsyms", timeout=60).decode()
            words = command(setup, sizes, phases)
            output = vm.run(words, timeout=120 + 2 * sizes.mib).stdout
        functions, callers = _by_function(counted.read_text(), Symbols(symbols))
        return Profile(functions, callers, Phase.parse(output.splitlines()[-1]))


def _by_function(
    counted: str, symbols: Symbols
) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    functions: dict[str, int] = {}
    callers: dict[str, dict[str, int]] = {}
    for line in counted.splitlines():
        address, count, *target = line.split()
        name = symbols.name(int(address, 16))
        if target:
            calls = callers.setdefault(symbols.name(int(target[0], 16)), {})
            calls[name] = calls.get(name, 0) + int(count)
        else:
            functions[name] = functions.get(name, 0) + int(count)
    return functions, callers
