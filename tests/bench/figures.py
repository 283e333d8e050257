# SPDX-License-Identifier: GPL-2.0-only
"""The figures of the benchmark: how each is computed, and what it must be for zpack."""

from dataclasses import dataclass
from typing import Callable

from bench.run import Measured, Phase, numbers
from bench.systems import PAGE, ZPACK, ZRAM, ZSWAP_DEBUG

FULL_MIB = 768  # the size that the limits are for
ZRAM_STAT = f"{ZRAM}/mm_stat"


def per(number: float, count: float) -> float:
    """A quotient, 0 when there was nothing."""
    return number / count if count else 0.0


def stat_of(phase: Phase) -> dict[str, int] | None:
    """zpack's counters after a phase; None for other systems."""
    text = phase.counters.get(f"{ZPACK}/stat")
    return numbers(text) if text else None


def object_bytes(phase: Phase) -> float:
    """The mean size of the objects that zpack wrote in the phase."""
    return per(phase.written_object_bytes, phase.pages_written)


def disk_bytes_per_page(phase: Phase) -> float:
    """Disk space that a page on disk takes."""
    stat = stat_of(phase)
    if stat is None:
        return PAGE
    return per(stat["block_bytes_live"], stat["packed"])


def ram_per_packed_page(measured: Measured) -> float:
    """Bytes of RAM for a page on disk, after evict; nan if the system does not tell."""
    phase = measured.phases["evict"]
    if stat := stat_of(phase):
        return per(stat["slot_table_bytes"], stat["packed"])
    if ZRAM_STAT in phase.counters:
        return per(measured.fixed["slot_bytes"] * measured.fixed["slots_used"], phase.pages_written)
    return float("nan")


def ram_per_pool_page(measured: Measured) -> float:
    """Bytes of RAM for a page in the pool, object included; nan if there is none."""
    for phase in (measured.phases["evict"], *measured.phases.values()):
        if stat := stat_of(phase):
            if stat["ram"]:
                memory = stat["pool_bytes"] + stat["slot_table_bytes"]
                pages = stat["ram"] + stat["packed"]
                return memory / pages + measured.fixed["entry_bytes"]
        elif ZRAM_STAT in phase.counters:
            words = [int(word) for word in phase.counters[ZRAM_STAT].split()]
            pages = words[0] // PAGE - words[5]  # orig_data_size has the same-filled ones too
            if pages > 0 and words[2]:
                return words[2] / pages + measured.fixed["slot_bytes"]
        elif stored := int(phase.counters.get(f"{ZSWAP_DEBUG}/stored_pages", 0)):
            size = int(phase.counters[f"{ZSWAP_DEBUG}/pool_total_size"])
            return size / stored + measured.fixed["entry_bytes"]
    return float("nan")


@dataclass(frozen=True)
class Facts:
    """What the limits depend on."""

    object_bytes: float
    scale: float  # 1 for the full size
    plain: Measured | None
    zram: Measured | None


@dataclass(frozen=True)
class Row:
    """A figure of a system, and what it must be for zpack."""

    title: str
    phase: str  # the one that it needs
    value: Callable[[Measured], float]
    form: str = "{:,.0f}"
    must: str = ""  # "" or how the limit is said, {limit} is the number
    limit: Callable[[Facts], float | None] = lambda facts: None
    at_least: bool = False

    def verdict(self, value: float, facts: Facts) -> str:
        """What zpack must be, and whether it is."""
        limit = self.limit(facts)
        if not self.must or limit is None:
            return ""
        met = value >= limit if self.at_least else value <= limit
        said = self.must.format(limit=self.form.format(limit))
        return f"{said}: {'met' if met else '**missed**'}"


def of(name: str, value: Callable[[Phase], float]) -> Callable[[Measured], float]:
    """A figure of one phase."""
    return lambda measured: value(measured.phases[name])


def rewritten(measured: Measured) -> float:
    """Pages that were written again though nobody had changed them."""
    phases = [measured.phases[name] for name in ("zipf", "re-evict")]
    extra = sum(phase.pages_written - phase.needed_writes for phase in phases)
    return max(extra, 0)


AT_MOST, AT_LEAST = "<= {limit}", ">= {limit}"

ROWS = [
    Row("evict: pages to disk", "evict", of("evict", lambda p: p.pages_written)),
    Row("evict: MiB to disk", "evict", of("evict", lambda p: p.write_bytes / (1 << 20)), "{:,.1f}"),
    Row(
        "evict: bytes to disk per page",
        "evict",
        of("evict", lambda p: per(p.write_bytes, p.pages_written)),
        must="<= 1.05 objects, {limit}",
        limit=lambda facts: 1.05 * facts.object_bytes,
    ),
    Row("evict: write I/Os", "evict", of("evict", lambda p: p.write_ios)),
    Row(
        "evict: pages per write",
        "evict",
        of("evict", lambda p: per(p.pages_written, p.write_ios)),
        "{:.1f}",
        must=AT_LEAST,
        limit=lambda facts: 36.0,
        at_least=True,
    ),
    Row("evict: bytes per write", "evict", of("evict", lambda p: per(p.write_bytes, p.write_ios))),
    Row(
        "evict: CPU per page, k-instructions",
        "evict",
        of("evict", lambda p: per(p.instructions, p.pages_written) / 1e3),
        "{:.1f}",
        must=AT_MOST,
        limit=lambda facts: 45.0,
    ),
    Row(
        "evict: guest time, s",
        "evict",
        of("evict", lambda p: p.guest_ns / 1e9),
        "{:.2f}",
        must=AT_MOST,
        limit=lambda facts: 7.5 * facts.scale,
    ),
    Row(
        "evict: disk space per page",
        "evict",
        of("evict", disk_bytes_per_page),
        must="<= 1.1 objects, {limit}",
        limit=lambda facts: 1.1 * facts.object_bytes,
    ),
    Row(
        "zipf: fault p50, us",
        "zipf",
        of("zipf", lambda p: p.p50_ns / 1e3),
        "{:.1f}",
        must=AT_MOST,
        limit=lambda facts: 99.0,
    ),
    Row(
        "zipf: fault p99, us",
        "zipf",
        of("zipf", lambda p: p.p99_ns / 1e3),
        "{:.1f}",
        must=AT_MOST,
        limit=lambda facts: 115.0,
    ),
    Row("zipf: major faults", "zipf", of("zipf", lambda p: p.major_faults)),
    Row(
        "zipf: read I/Os",
        "zipf",
        of("zipf", lambda p: p.read_ios),
        must="fewer than plain swap, {limit}",
        limit=lambda facts: facts.plain.phases["zipf"].read_ios - 1 if facts.plain else None,
    ),
    Row(
        "zipf: bytes per read",
        "zipf",
        of("zipf", lambda p: per(p.read_bytes, p.read_ios)),
        must=AT_MOST,
        limit=lambda facts: PAGE,
    ),
    Row("zipf: write I/Os", "zipf", of("zipf", lambda p: p.write_ios)),
    Row("zipf: CPU, G-instructions", "zipf", of("zipf", lambda p: p.instructions / 1e9), "{:.2f}"),
    Row(
        "zipf: guest time, s",
        "zipf",
        of("zipf", lambda p: p.guest_ns / 1e9),
        "{:.2f}",
        must=AT_MOST,
        limit=lambda facts: 5.3 * facts.scale,
    ),
    Row(
        "zipf and re-evict: pages written",
        "re-evict",
        lambda m: m.phases["zipf"].pages_written + m.phases["re-evict"].pages_written,
    ),
    Row(
        "zipf and re-evict: pages that had changed",
        "re-evict",
        lambda m: m.phases["zipf"].needed_writes + m.phases["re-evict"].needed_writes,
    ),
    Row(
        "re-evict: pages written though unchanged",
        "re-evict",
        rewritten,
        must="<= plain swap, {limit}",
        limit=lambda facts: rewritten(facts.plain) if facts.plain else None,
    ),
    Row(
        "re-evict: guest time, s", "re-evict", of("re-evict", lambda p: p.guest_ns / 1e9), "{:.2f}"
    ),
    Row(
        "seq: read I/Os",
        "seq",
        of("seq", lambda p: p.read_ios),
        must=AT_MOST,
        limit=lambda facts: 6000 * facts.scale,
    ),
    Row(
        "seq: pages per read",
        "seq",
        lambda m: per(m.phases["evict"].pages_written, m.phases["seq"].read_ios),
        "{:.1f}",
        must=AT_LEAST,
        limit=lambda facts: 30.0,
        at_least=True,
    ),
    Row("seq: bytes per read", "seq", of("seq", lambda p: per(p.read_bytes, p.read_ios))),
    Row(
        "seq: pages written while reading",
        "seq",
        of("seq", lambda p: p.pages_written),
        must="{limit}",
        limit=lambda facts: 0,
    ),
    Row("seq: fault p50, us", "seq", of("seq", lambda p: p.p50_ns / 1e3), "{:.1f}"),
    Row("seq: fault p99, us", "seq", of("seq", lambda p: p.p99_ns / 1e3), "{:.1f}"),
    Row("seq: CPU, G-instructions", "seq", of("seq", lambda p: p.instructions / 1e9), "{:.2f}"),
    Row(
        "seq: guest time, s",
        "seq",
        of("seq", lambda p: p.guest_ns / 1e9),
        "{:.2f}",
        must=AT_MOST,
        limit=lambda facts: 3.0 * facts.scale,
    ),
    Row(
        "RAM per page on disk, bytes",
        "evict",
        ram_per_packed_page,
        "{:.1f}",
    ),
]


def zram_zipf(value: Callable[[Phase], float]) -> Callable[[Facts], float | None]:
    """A limit: what zram does with its pool only."""
    return lambda facts: value(facts.zram.phases["zipf"]) if facts.zram else None


POOL_ROWS = [
    Row(
        "evict: CPU, G-instructions", "evict", of("evict", lambda p: p.instructions / 1e9), "{:.2f}"
    ),
    Row(
        "zipf: fault p50, us",
        "zipf",
        of("zipf", lambda p: p.p50_ns / 1e3),
        "{:.1f}",
        must="<= zram, {limit}",
        limit=zram_zipf(lambda p: p.p50_ns / 1e3),
    ),
    Row(
        "zipf: fault p99, us",
        "zipf",
        of("zipf", lambda p: p.p99_ns / 1e3),
        "{:.1f}",
        must="<= zram, {limit}",
        limit=zram_zipf(lambda p: p.p99_ns / 1e3),
    ),
    Row("zipf: major faults", "zipf", of("zipf", lambda p: p.major_faults)),
    Row("zipf: guest time, s", "zipf", of("zipf", lambda p: p.guest_ns / 1e9), "{:.2f}"),
    Row("seq: fault p50, us", "seq", of("seq", lambda p: p.p50_ns / 1e3), "{:.1f}"),
    Row("seq: fault p99, us", "seq", of("seq", lambda p: p.p99_ns / 1e3), "{:.1f}"),
    Row("seq: guest time, s", "seq", of("seq", lambda p: p.guest_ns / 1e9), "{:.2f}"),
    Row("RAM per page, bytes", "evict", ram_per_pool_page, "{:,.0f}"),
]
