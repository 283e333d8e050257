# SPDX-License-Identifier: GPL-2.0-only
"""Measures what recompression at writeback saves and costs, by level.

Run as `PYTHONPATH=tests /usr/bin/python3 -m bench.recompression`. The workload is that of
`./dev bench`, its first phase: memory with pages of real processes is made, pushed out and written
to the disk to the end. Instructions are all that the guest runs in it, for each page written; the
difference between the rows is recompression.
"""

import argparse
import sys

from bench import systems
from bench.run import Phase, measure
from bench.systems import Setup, Sizes, System
from vm import VM, kernels

PHASE = "evict"


def add_system(level: int) -> str:
    """Make known to the benchmark: zpack that recompresses with that level, 0: not at all."""
    name = f"zpack, zstd {level}" if level else "zpack, off"
    plain = systems.SYSTEMS["zpack"].set_up

    def set_up(vm: VM, sizes: Sizes) -> Setup:
        setup = plain(vm, sizes)
        if level:
            vm.write(f"{systems.ZPACK}/recompress_level", str(level))
            vm.write(f"{systems.ZPACK}/recompress", "zstd")
        return setup

    systems.SYSTEMS[name] = System(name, set_up)
    return name


def row(level: int, phase: Phase) -> str:
    """A line of the table."""
    pages = phase.pages_written
    figures = [
        f"zstd {level}" if level else "off",
        str(pages),
        f"{phase.written_object_bytes / pages:.0f}",
        f"{phase.write_bytes / pages:.0f}",
        f"{pages / phase.write_ios:.1f}",
        f"{phase.instructions / pages:.0f}",
    ]
    return "| " + " | ".join(figures) + " |"


def main() -> int:
    """Measure each level, print a table."""
    parser = argparse.ArgumentParser(prog="bench.recompression", description=__doc__)
    parser.add_argument("--kernel", default="7.3", help="6.1, 6.12 or 7.3 (default)")
    parser.add_argument("--mib", type=int, default=96, help="memory of the workload, default 96")
    parser.add_argument("--levels", default="0,1,3,9,19", help="levels of zstd, 0: off")
    options = parser.parse_args()
    print("| recompress | pages written | object bytes | bytes to disk | pages | instructions |")
    print("|---|---:|---:|---:|---:|---:|")
    wrong = 0
    for level in map(int, options.levels.split(",")):
        name = add_system(level)
        sizes = Sizes.full(options.mib)
        phase = measure(name, kernels.get(options.kernel), sizes, [PHASE]).phases[PHASE]
        wrong += phase.mismatches
        print(row(level, phase), flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
