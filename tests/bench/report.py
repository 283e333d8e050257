# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark's tables and plots: what each system did, and whether zpack is where it must be."""

from dataclasses import asdict, dataclass
from typing import Any, Callable

from bench.figures import FULL_MIB, POOL_ROWS, ROWS, Facts, Row, object_bytes, of
from bench.run import Measured
from bench.svg import Bars
from bench.systems import SYSTEMS


@dataclass
class Results:
    """What was measured: by system, with a disk and with the pool only."""

    kernel: str
    mib: int
    corpus: str  # digest
    systems: dict[str, Measured]
    pool_only: dict[str, Measured]

    @property
    def verified(self) -> bool:
        """Whether each page was right."""
        return not any(
            phase.mismatches
            for measured in (*self.systems.values(), *self.pool_only.values())
            for phase in measured.phases.values()
        )

    def as_json(self) -> dict[str, Any]:
        """For --json."""
        return {**asdict(self), "verified": self.verified}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Results":
        """What --json wrote."""
        systems, pool_only = (
            {name: Measured.from_json(value) for name, value in data[key].items()}
            for key in ("systems", "pool_only")
        )
        return cls(data["kernel"], data["mib"], data["corpus"], systems, pool_only)

    def add(self, other: "Results") -> None:
        """Take over the systems of another run; ValueError if it is not comparable."""
        for name in ("kernel", "mib", "corpus"):
            mine, theirs = getattr(self, name), getattr(other, name)
            if mine != theirs:
                raise ValueError(f"another {name}: {theirs} instead of {mine}")
        for own, others in (
            (self.systems, other.systems),
            (self.pool_only, other.pool_only),
        ):
            merged = {**others, **own}
            own.clear()
            own.update({name: merged[name] for name in SYSTEMS if name in merged})


def facts_of(results: Results) -> Facts:
    """The limits depend on what others did."""
    zpack = results.systems.get("zpack")
    return Facts(
        object_bytes=object_bytes(zpack.phases["evict"]) if zpack else 0,
        scale=results.mib / FULL_MIB,
        plain=results.systems.get("plain"),
        zram=results.pool_only.get("zram"),
    )


def table(rows: list[Row], measured: dict[str, Measured], facts: Facts) -> str:
    """A column for each system and one for what zpack must be, a row for each figure."""
    titles = [SYSTEMS[name].title for name in measured]
    lines = ["| | " + " | ".join(titles) + " | zpack must |"]
    lines.append("|---|" + "---:|" * len(titles) + "---|")
    for row in rows:
        if any(row.phase not in one.phases for one in measured.values()):
            continue
        values = {name: row.value(one) for name, one in measured.items()}
        cells = [row.form.format(value) if value == value else "" for value in values.values()]
        verdict = row.verdict(values["zpack"], facts) if "zpack" in values else ""
        lines.append(f"| {row.title} | " + " | ".join(cells) + f" | {verdict} |")
    return "\n".join(lines) + "\n"


def tables(results: Results) -> str:
    """All of them."""
    facts = facts_of(results)
    parts = [
        f"Kernel {results.kernel}, {results.mib} MiB of memory, lz4, pages of corpus"
        f" {results.corpus}; mean object {facts.object_bytes:,.0f} bytes;"
        f" every page verified: {'yes' if results.verified else '**NO**'}.\n"
    ]
    if results.systems:
        parts.append(table(ROWS, results.systems, facts))
    if results.pool_only:
        parts.append("Pool only, half the memory, no disk:\n")
        parts.append(table(POOL_ROWS, results.pool_only, facts))
    return "\n".join(parts)


def plots(results: Results) -> dict[str, str]:
    """SVG by file name, of systems that have run all phases."""
    whole = {name: one for name, one in results.systems.items() if "seq" in one.phases}
    if not whole:
        return {}
    titles = {name: SYSTEMS[name].title for name in whole}

    def bars(title: str, unit: str, figures: dict[str, Callable[[Measured], float]]) -> str:
        series = {
            titles[name]: [figure(one) for figure in figures.values()]
            for name, one in whole.items()
        }
        return Bars(title, unit, list(figures), series).svg()

    def latency(phase: str, key: str) -> Callable[[Measured], float]:
        return of(phase, lambda p: float(getattr(p, key)) / 1e3)

    return {
        "bench-time.svg": bars(
            "Time of the guest",
            "s",
            {name: of(name, lambda p: p.guest_ns / 1e9) for name in ("evict", "zipf", "seq")},
        ),
        "bench-cpu.svg": bars(
            "Instructions",
            "G",
            {name: of(name, lambda p: p.instructions / 1e9) for name in ("evict", "zipf", "seq")},
        ),
        "bench-bytes.svg": bars(
            "Bytes to and from the disk",
            "MiB",
            {
                "written, evict": of("evict", lambda p: p.write_bytes / (1 << 20)),
                "read, zipf": of("zipf", lambda p: p.read_bytes / (1 << 20)),
                "read, seq": of("seq", lambda p: p.read_bytes / (1 << 20)),
                "written, seq": of("seq", lambda p: p.write_bytes / (1 << 20)),
            },
        ),
        "bench-ios.svg": bars(
            "I/Os",
            "thousand",
            {
                "writes, evict": of("evict", lambda p: p.write_ios / 1e3),
                "reads, zipf": of("zipf", lambda p: p.read_ios / 1e3),
                "reads, seq": of("seq", lambda p: p.read_ios / 1e3),
                "writes, seq": of("seq", lambda p: p.write_ios / 1e3),
            },
        ),
        "bench-faults.svg": bars(
            "Latency of major faults, zipf",
            "us",
            {"p50": latency("zipf", "p50_ns"), "p99": latency("zipf", "p99_ns")},
        ),
    }
