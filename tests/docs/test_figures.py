# SPDX-License-Identifier: GPL-2.0-only
"""The figures that documents compare zpack with others by are those of docs/measurements/bench.json."""

import json
import re
from pathlib import Path

import pytest

from bench.figures import POOL_ROWS, ROWS, Row, object_bytes
from bench.report import Results

ROOT = Path(__file__).resolve().parents[2]
MEASURED = Results.from_json(json.loads((ROOT / "docs/measurements/bench.json").read_text()))

# The columns and rows of the documents' tables, by the names that they have in the benchmark.
SYSTEMS = {
    "plain swap": "plain",
    "zswap": "zswap",
    "zram, writeback": "zram",
    "zram, compressed writeback": "zram-compressed",
    "zram": "zram",
    "zpack": "zpack",
}
FIGURES = {
    "bytes to disk for a page": "evict: bytes to disk per page",
    "write I/Os": "evict: write I/Os",
    "pages with each write": "evict: pages per write",
    "instructions to push a page out, thousands": "evict: CPU per page, k-instructions",
    "random read (zipf), p50, us": "zipf: fault p50, us",
    "random read (zipf), p99, us": "zipf: fault p99, us",
    "pages written again though unchanged": "re-evict: pages written though unchanged",
    "scan: read I/Os": "seq: read I/Os",
    "scan: seconds": "seq: guest time, s",
    "RAM for a page on disk, bytes": "RAM per page on disk, bytes",
}
POOL_FIGURES = {
    "read p50, us": "zipf: fault p50, us",
    "read p99, us": "zipf: fault p99, us",
    "instructions to push all out, G": "evict: CPU, G-instructions",
    "scan: seconds": "seq: guest time, s",
    "RAM for a page, bytes": "RAM per page, bytes",
}
LARGER_IS_BETTER = {"pages with each write"}


def figure(rows: list[Row], title: str) -> Row:
    """One of the benchmark's."""
    (found,) = [row for row in rows if row.title == title]
    return found


def line(label: str, columns: list[str], pool: bool) -> str:
    """A table's row as it must be, with the best value in bold type."""
    row = figure(POOL_ROWS, POOL_FIGURES[label]) if pool else figure(ROWS, FIGURES[label])
    measured = MEASURED.pool_only if pool else MEASURED.systems
    values = [row.value(measured[SYSTEMS[column]]) for column in columns]
    texts = [row.form.format(value) if value == value else "" for value in values]
    best = (max if label in LARGER_IS_BETTER else min)(value for value in values if value == value)
    cells = [f" **{text}**" if text == row.form.format(best) else f" {text}" for text in texts]
    return f"| {label} |" + " |".join(cell.rstrip() for cell in cells) + " |"


def tables(text: str) -> list[tuple[list[str], list[str]]]:
    """Those that have a column for each of some systems: these, and the rows with figures."""
    found = []
    for header, body in re.findall(r"^\| \|(.*)\|\n\|[-:|]+\|\n((?:\|.*\n)+)", text, re.M):
        columns = [column.strip() for column in header.split("|")]
        if set(columns) <= set(SYSTEMS):
            found.append((columns, body.splitlines()))
    return found


@pytest.mark.parametrize("name, count", [("README.md", 1), ("docs/comparison.md", 2)])
def test_tables_are_what_was_measured(name: str, count: int) -> None:
    found = tables((ROOT / name).read_text())
    assert len(found) == count
    for columns, rows in found:
        labels = [row.split("|")[1].strip() for row in rows]
        assert rows == [line(label, columns, "zram" in columns) for label in labels]


def test_figures_in_sentences_are_what_was_measured() -> None:
    plain, zpack = MEASURED.systems["plain"].phases, MEASURED.systems["zpack"].phases
    row = {label: figure(ROWS, title) for label, title in FIGURES.items()}

    def rounded(label: str, system: str) -> str:
        return f"{row[label].value(MEASURED.systems[system]):.0f}"

    p50 = "random read (zipf), p50, us"
    pool = figure(POOL_ROWS, "RAM per page, bytes").value(MEASURED.pool_only["zpack"])
    per_read = figure(ROWS, "seq: pages per read").value(MEASURED.systems["zpack"])
    share = zpack["evict"].write_bytes / plain["evict"].write_bytes
    comparison = " ".join((ROOT / "docs/comparison.md").read_text().split())
    guide = " ".join((ROOT / "docs/operations.md").read_text().split())
    for text, sentence in (
        (
            comparison,
            f"half of its random reads take {rounded(p50, 'plain')} us, "
            f"with zpack {rounded(p50, 'zpack')} us",
        ),
        (comparison, f"{share:.0%}".replace("%", " % of the bytes")),
        (
            comparison,
            f"{rounded('pages with each write', 'zpack')} pages with each write, "
            f"{per_read:.0f} with each read of a scan",
        ),
        (
            guide,
            f"{object_bytes(zpack['evict']):.0f} bytes for a compressed page in the mean, "
            f"{rounded('bytes to disk for a page', 'zpack')} bytes on disk, "
            f"{pool:.0f} bytes of RAM in the pool",
        ),
    ):
        assert sentence in text
