# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark's tables: what each system did in each phase, and where zpack must be."""

from dataclasses import asdict, dataclass
from typing import Any, Callable

from api.stat import Stat
from bench.run import Phase
from bench.systems import PAGE, SYSTEMS, ZPACK


@dataclass
class Results:
    """What was measured: phases by system, with a disk and with the pool only."""

    kernel: str
    mib: int
    systems: dict[str, list[Phase]]
    pool_only: dict[str, list[Phase]]

    @property
    def verified(self) -> bool:
        """Whether each page was right."""
        everything = [*self.systems.values(), *self.pool_only.values()]
        return not any(phase.mismatches for phases in everything for phase in phases)

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        return {**asdict(self), "verified": self.verified}


def per(number: float, count: float) -> float:
    """A quotient, 0 when there was nothing."""
    return number / count if count else 0.0


@dataclass(frozen=True)
class Row:
    """A figure of a phase, and how to show it."""

    phase: str
    title: str
    value: Callable[[Phase], float]
    form: str = "{:,.0f}"


ROWS = [
    Row("evict", "pages to disk", lambda p: p.pages_written),
    Row("evict", "bytes to disk per page", lambda p: per(p.write_bytes, p.pages_written)),
    Row("evict", "write I/Os", lambda p: p.write_ios),
    Row("evict", "pages per write", lambda p: per(p.pages_written, p.write_ios), "{:.1f}"),
    Row("evict", "bytes per write", lambda p: per(p.write_bytes, p.write_ios)),
    Row(
        "evict",
        "CPU per page, k-instructions",
        lambda p: per(p.instructions, p.pages_written) / 1e3,
        "{:.1f}",
    ),
    Row("evict", "guest time, s", lambda p: p.guest_ns / 1e9, "{:.2f}"),
    Row("zipf", "fault p50, us", lambda p: p.p50_ns / 1e3, "{:.1f}"),
    Row("zipf", "fault p99, us", lambda p: p.p99_ns / 1e3, "{:.1f}"),
    Row("zipf", "major faults", lambda p: p.major_faults),
    Row("zipf", "read I/Os", lambda p: p.read_ios),
    Row("zipf", "bytes per read", lambda p: per(p.read_bytes, p.read_ios)),
    Row("zipf", "CPU, G-instructions", lambda p: p.instructions / 1e9, "{:.2f}"),
    Row("zipf", "guest time, s", lambda p: p.guest_ns / 1e9, "{:.2f}"),
    Row("seq", "read I/Os", lambda p: p.read_ios),
    Row("seq", "bytes per read", lambda p: per(p.read_bytes, p.read_ios)),
    Row("seq", "pages written", lambda p: p.pages_written),
    Row("seq", "fault p50, us", lambda p: p.p50_ns / 1e3, "{:.1f}"),
    Row("seq", "fault p99, us", lambda p: p.p99_ns / 1e3, "{:.1f}"),
    Row("seq", "CPU, G-instructions", lambda p: p.instructions / 1e9, "{:.2f}"),
    Row("seq", "guest time, s", lambda p: p.guest_ns / 1e9, "{:.2f}"),
]


def table(results: dict[str, list[Phase]]) -> str:
    """A column for each system, a row for each figure."""
    head = ["", *(SYSTEMS[name].title for name in results)]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * len(results)]
    for row in ROWS:
        cells = []
        for phases in results.values():
            found = [phase for phase in phases if phase.name == row.phase]
            cells.append(row.form.format(row.value(found[0])) if found else "")
        if any(cells):
            lines.append(f"| {row.phase}: {row.title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def tables(results: Results) -> str:
    """All of them."""
    parts = []
    if results.systems:
        parts.append(table(results.systems))
    if results.pool_only:
        parts.append("Pool only:\n\n" + table(results.pool_only))
    return "\n".join(parts)
