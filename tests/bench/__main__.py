# SPDX-License-Identifier: GPL-2.0-only
"""Compares zpack with plain swap, zswap and zram: one kernel, one disk, one workload, in phases.

The full benchmark takes about 40 minutes. --systems zpack,plain --phases evict --mib 128 takes a
minute or two.
"""

import argparse
import json
import sys
import time
from pathlib import Path

from bench import profile, report
from bench.corpus import corpus
from bench.run import PHASES, Attributes, measure
from bench.systems import SYSTEMS, Sizes
from vm import Kernel, VMError, cache, kernels

POOL = "pool"  # what is run with the pool only
BEGIN, END = "<!-- bench -->", "<!-- end -->"


def names(text: str, allowed: tuple[str, ...]) -> list[str]:
    """A list with commas; argparse.ArgumentTypeError if there is another word."""
    words = text.split(",") if text != "none" else []
    for word in words:
        if word not in allowed:
            raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(allowed)}")
    return [word for word in allowed if word in words]


def assignment(text: str) -> tuple[str, str]:
    """NAME=VALUE; argparse.ArgumentTypeError if it is not that."""
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="./dev bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    systems, phases = tuple(SYSTEMS), (*PHASES, POOL)
    parser.add_argument("--kernel", default="7.3", help="6.1, 6.12 or 7.3 (default)")
    parser.add_argument(
        "--mib", type=int, default=768, help="the workload's memory (default 768, at least 64)"
    )
    parser.add_argument(
        "--systems",
        type=lambda text: names(text, systems),
        default=list(systems),
        metavar="A,B",
        help=f"of {', '.join(systems)} (default all);\nnone: only what --add has",
    )
    parser.add_argument(
        "--phases",
        type=lambda text: names(text, phases),
        default=list(phases),
        metavar="A,B",
        help=f"of {', '.join(phases)} (default all); evict always runs",
    )
    parser.add_argument(
        "--set",
        type=assignment,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="give an attribute of zpack that value; repeatable, not with --markdown",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument(
        "--add",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="take over other systems' figures from what --json wrote; repeatable",
    )
    parser.add_argument(
        "--markdown",
        type=Path,
        metavar="FILE",
        help="write the tables there between its lines <!-- bench --> and <!-- end -->, or as a\n"
        "new file, and the plots beside it",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="instead count the guest's instructions by function, in the last of --phases\n"
        "and of the first of --systems (default zpack, evict)",
    )
    options = parser.parse_args()
    if options.set and options.markdown:
        parser.error("--markdown is for zpack as it is by default, --set makes it another")
    return options


def show_profile(
    system: str, kernel: Kernel, mib: int, phases: list[str], attributes: Attributes
) -> None:
    """Print where the instructions go."""
    found = profile.take(system, kernel, Sizes.full(mib), phases, attributes)
    print(f"{SYSTEMS[system].title}, {phases[-1]}, {mib} MiB:\n{found.table()}")


def run(
    kernel: Kernel, mib: int, systems: list[str], phases: list[str], attributes: Attributes
) -> tuple[report.Results, bool]:
    """All that is asked for, one guest after the other; and whether none of them failed."""
    begin, complete = time.monotonic(), True
    results = report.Results(kernel.release, mib, cache.digest(corpus().read_bytes()), {}, {})
    with_disk = [phase for phase in PHASES if phase in phases or phase == PHASES[0]]
    for name in systems:
        try:
            if phases != [POOL]:
                results.systems[name] = measure(
                    name, kernel, Sizes.full(mib), with_disk, attributes
                )
            if POOL in phases and not SYSTEMS[name].needs_disk:
                sizes = Sizes.pool_only(mib)
                results.pool_only[name] = measure(name, kernel, sizes, PHASES, attributes)
        except VMError as error:
            print(f"bench of {SYSTEMS[name].title} failed: {error}", file=sys.stderr)
            complete = False
        print(f"[{time.monotonic() - begin:5.0f} s] {SYSTEMS[name].title}", file=sys.stderr)
    return results, complete


def write_markdown(path: Path, results: report.Results) -> None:
    """Put the tables into a document, the plots beside it."""
    found = "\n" + report.tables(results) + "\n"
    for name, plot in report.plots(results).items():
        (path.parent / name).write_text(plot)
        found += f"![{name.removesuffix('.svg')}]({name})\n"
    document = path.read_text() if path.exists() else f"{BEGIN}{END}\n"
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path} has no lines {BEGIN} and {END}")
    path.write_text(f"{before}{begin}\n{found}\n{end}{after}")


def main() -> int:
    """Measure and report; 0 if every page was right."""
    options = arguments()
    if options.mib < 64:
        print("bench: --mib is less than 64", file=sys.stderr)
        return 2
    try:
        kernel = kernels.get(options.kernel)
        if options.profile:
            system = "zpack" if options.systems == list(SYSTEMS) else options.systems[0]
            chosen = [] if POOL in options.phases else options.phases
            phases = [phase for phase in PHASES if phase == PHASES[0] or phase in chosen]
            show_profile(system, kernel, options.mib, phases, options.set)
            return 0
        results, complete = run(kernel, options.mib, options.systems, options.phases, options.set)
        for path in options.add:
            results.add(report.Results.from_json(json.loads(path.read_text())))
    except (VMError, ValueError) as error:
        print(f"bench failed: {error}", file=sys.stderr)
        return 1
    print(report.tables(results))
    if options.json:
        options.json.write_text(json.dumps(results.as_json(), indent=1) + "\n")
    if options.markdown:
        write_markdown(options.markdown, results)
    return 0 if results.verified and complete else 1


if __name__ == "__main__":
    sys.exit(main())
