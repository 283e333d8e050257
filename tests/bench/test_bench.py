# SPDX-License-Identifier: GPL-2.0-only
"""The benchmark runs, and the densities it must show do not depend on its size."""

import json
from pathlib import Path
from xml.dom import minidom

import pytest

from bench import report
from bench.__main__ import write_markdown
from bench.run import Measured, Phase, measure
from bench.svg import Curves
from bench.systems import Sizes
from vm import Kernel

MIB = 64


def phase(name: str, **figures: int) -> Phase:
    """A phase with nothing but these figures."""
    names = [field for field in Phase.__dataclass_fields__ if field not in ("name", "counters")]
    return Phase(name=name, counters={}, **{**dict.fromkeys(names, 0), **figures})


def results(**writes: int) -> report.Results:
    """Systems that wrote a thousand pages with so many I/Os."""
    systems = {}
    for name, ios in writes.items():
        evict = phase("evict", pages_written=1000, write_bytes=1000 << 12, write_ios=ios)
        systems[name] = Measured({"evict": evict}, {})
    return report.Results("7.3.4", 768, "corpus", systems, {})


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_zpack_packs_what_plain_swap_writes_in_full(kernel: Kernel) -> None:
    plain = measure("plain", kernel, Sizes.full(MIB), ["evict"]).phases["evict"]
    assert plain.write_bytes == plain.pages_written << 12
    found = measure("zpack", kernel, Sizes.full(MIB), ["evict", "seq"]).phases
    zpack = found["evict"]
    for evict in (plain, zpack):
        assert 0.88 < evict.pages_written / (MIB << 8) < 0.95
    # 1.05 is the goal, see docs/measurements/bench.md.
    assert zpack.write_bytes <= 1.06 * zpack.written_object_bytes
    assert zpack.pages_written >= 30 * zpack.write_ios
    assert found["seq"].mismatches == 0 and found["seq"].read_ios > 0


def test_a_table_says_whether_zpack_is_where_it_must_be() -> None:
    assert "| >= 36.0: met |" in report.tables(results(plain=50, zpack=25))
    assert "| >= 36.0: **missed** |" in report.tables(results(plain=50, zpack=30))


def test_runs_of_one_size_and_corpus_can_be_added() -> None:
    mine, theirs = results(zpack=25), results(plain=50, zpack=30)
    mine.add(report.Results.from_json(json.loads(json.dumps(theirs.as_json()))))
    assert mine == results(plain=50, zpack=25)
    theirs.mib = 128
    with pytest.raises(ValueError, match="another mib: 128 instead of 768"):
        mine.add(theirs)


def test_the_table_takes_its_place_in_a_document(tmp_path: Path) -> None:
    path = tmp_path / "bench.md"
    path.write_text("Above.\n<!-- bench -->\nold\n<!-- end -->\nBelow.\n")
    write_markdown(path, results(zpack=25))
    written = path.read_text()
    assert written.startswith("Above.\n") and written.endswith("Below.\n")
    assert "old" not in written and "pages per write | 40.0 |" in written
    (tmp_path / "other.md").write_text("no place for it\n")
    with pytest.raises(ValueError, match="has no lines"):
        write_markdown(tmp_path / "other.md", results(zpack=25))


def test_a_plot_is_well_formed_and_leaves_gaps() -> None:
    curves = Curves("a < b", "x", "y", [1, 2, 3, 4], {"s": [1, 2, float("nan"), 4]})
    document = minidom.parseString(curves.svg())
    assert len(document.getElementsByTagName("circle")) == 3
    (path,) = document.getElementsByTagName("path")
    assert path.getAttribute("d").count("M") == 2
