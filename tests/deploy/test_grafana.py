# SPDX-License-Identifier: GPL-2.0-only
"""The dashboard: it is what its generator makes, Grafana can read it, every query finds something."""

import contextlib
import dataclasses
import itertools
import json
import re
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Iterator

import jsonschema
import pytest

from api.daemon import BUILD
from api.local_daemon import LocalDaemon, compile_protos, free_port
from api.metric_names import documented, mistakes, named
from api.prometheus import Prometheus
from api.stat import Stat
from api.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/grafana"
DASHBOARD = json.loads((FOLDER / "zpack.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
# Grafana's own, see schemas/make_grafana.py.
SCHEMAS = json.loads((Path(__file__).parent / "schemas/grafana.json").read_text())
VARIABLES = {one["name"]: one for one in DASHBOARD["templating"]["list"]}

# Of Grafana's list of units (packages/grafana-data, valueFormats).
UNITS = {"none", "short", "percentunit", "bytes", "Bps", "ops", "iops", "s"}
KINDS = {"timeseries", "stat", "heatmap", "table"}

# What a simulation has not: it has no faults, no budget, no readahead and no cgroups.
NOT_SIMULATED = {
    "zpack_backing_full",
    "zpack_budget_spent",
    "zpack_cleaning_failures_total",
    "zpack_degraded",
    "zpack_incompressible_pages",
    "zpack_lost_pages_total",
    "zpack_memory_bytes",
    "zpack_readahead_bytes_total",
    "zpack_readahead_used_bytes_total",
    "zpack_shrinker_pages_total",
    "zpack_store_failures_total",
    "zpack_write_budget_interval_bytes",
    "zpack_write_budget_left_bytes",
    "zpack_writeback_errors_total",
    "zpack_writeback_possible",
}
# There is none before the first decision; a simulation begins to clean when its disk is full.
NOT_DECIDED = {"zpack_tuner_decisions_total"}
NOT_CLEANED = {
    "zpack_cleaning_bytes_total",
    "zpack_cleaned_blocks_total",
    "zpack_blocks_died_total",
}


def targets() -> list[tuple[str, str]]:
    """All queries, with their panels' titles."""
    return [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]


def test_it_is_what_the_generator_makes() -> None:
    made = subprocess.run(
        ["/usr/bin/python3", FOLDER / "make_dashboard.py"], check=True, capture_output=True
    ).stdout
    assert made == (FOLDER / "zpack.json").read_bytes(), "run make_dashboard.py >zpack.json"


def test_it_is_a_dashboard() -> None:
    assert DASHBOARD["uid"] and DASHBOARD["title"] and DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD  # which would overwrite another one
    assert set(VARIABLES) == {"datasource", "instance", "device"}
    assert VARIABLES["datasource"]["type"] == "datasource"
    for name in ("instance", "device"):
        assert VARIABLES[name]["multi"] and VARIABLES[name]["includeAll"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def refused(dashboard: dict[str, Any]) -> list[str]:
    """What of a dashboard does not fit Grafana's types."""
    parts: list[tuple[str, Any]] = [("dashboard", {**dashboard, "panels": []})]
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            parts.append(("row", panel))
            continue
        parts.append(("panel", panel))
        parts.append((f"{panel['type']} Options", panel["options"]))
        if "custom" in panel["fieldConfig"]["defaults"]:
            custom = panel["fieldConfig"]["defaults"]["custom"]
            parts.append((f"{panel['type']} FieldConfig", custom))
    return [
        f"{name}: {error.message}"
        for name, value in parts
        for error in jsonschema.Draft7Validator(SCHEMAS[name]).iter_errors(value)
    ]


def test_it_fits_the_types_of_grafana() -> None:
    assert not refused(DASHBOARD)


@pytest.mark.parametrize(
    "path, value",
    [
        (("refresh",), 30),
        (("tittle",), "zpack"),
        (("templating", "list", 1, "refresh"), 7),
        (("panels", 0, "collapsed"), "no"),
        (("panels", 1, "gridPos", "width"), 4),
        (("panels", 1, "fieldConfig", "defaults", "mappings"), [{"type": "text"}]),
        (("panels", 1, "fieldConfig", "defaults", "thresholds", "mode"), "relative"),
        (("panels", 1, "options", "graphMode"), "bars"),
    ],
)
def test_what_grafana_does_not_know_is_noticed(path: tuple[Any, ...], value: Any) -> None:
    changed = json.loads(json.dumps(DASHBOARD))
    part = changed
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert len(refused(changed)) == 1


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_options_of_each_kind_of_panel_are_checked(kind: str) -> None:
    panel = next(panel for panel in PANELS if panel["type"] == kind)
    changed = {**panel, "options": {**panel["options"], "colour": "red"}}
    assert len(refused({**DASHBOARD, "panels": [changed]})) == 1


def test_panels_fill_the_grid_without_covering_each_other() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["type"] in KINDS
    assert panel["title"] and panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]
        assert 'instance=~"$instance"' in target["expr"]
        assert (target["format"] == "heatmap") == (panel["type"] == "heatmap")


def test_histograms_are_heat_maps() -> None:
    maps = [panel for panel in PANELS if panel["type"] == "heatmap"]
    assert len(maps) >= 2
    for panel in maps:
        (target,) = panel["targets"]
        assert "_bucket" in target["expr"] and "by (le)" in target["expr"]
        assert target["legendFormat"] == "{{le}}"
        assert panel["options"]["calculate"] is False and panel["options"]["yAxis"]["unit"] == "s"


def test_queries_name_metrics_that_exist() -> None:
    wrong = [mistake for _, query in targets() for mistake in mistakes(query, set())]
    assert not wrong
    shown = {name.removesuffix("_bucket") for _, query in targets() for name in named(query)}
    every = {name.removesuffix("_bucket").removesuffix("_count") for name in documented()}
    # Those are settings that nobody watches, or what others show more plainly.
    assert {name for name in every - shown if "_setting_" not in name} == {
        "zpack_backing_full_total",
        "zpack_clean_cache_hits_total",
        "zpack_cleaning_pages_total",
        "zpack_discard_bytes_total",
        "zpack_discards_total",
        "zpack_policy_full_total",
        "zpack_recompress_pages_total",
        "zpack_recompress_saved_bytes_total",
        "zpack_write_budget_bytes_total",
        "zpack_write_budget_interval_seconds",
        "zpack_write_budget_pauses_total",
        "zpack_writeback_blocks_total",
    }


def as_grafana_asks(query: str) -> str:
    """With all machines and devices, over the last seconds."""
    filled = query.replace("$__rate_interval", "10s")
    filled = filled.replace("$instance", ".*").replace("$device", ".*")
    assert "$" not in filled
    return filled


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes a simulation."""
    directory = tmp_path_factory.mktemp("simulated")
    port = free_port()
    command = [str(BUILD / "zpackd"), "--backend=sim", f"--runtime-dir={directory}/run"]
    with (directory / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--metrics-listen=127.0.0.1:{port}"], stderr=log, cwd=directory
        )
    try:
        with Prometheus(directory, port) as prometheus:
            moved = 'min(increase(zpack_loads_total{place="disk"}[10s])) > 0'
            wait_until(lambda: bool(prometheus.series(moved)), "it reads what it has written")
            yield prometheus
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0, (directory / "log").read_text()


@contextlib.contextmanager
def every_second(write: Callable[[int], None]) -> Iterator[None]:
    """Counters go up for as long as rates of them are asked for."""
    ends = threading.Event()

    def count() -> None:
        for number in itertools.count(1):
            write(1000 * number)
            if ends.wait(1.0):
                return

    thread = threading.Thread(target=count)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that scrapes zpackd over a directory with every file that the module has."""
    compile_protos(tmp_path_factory.mktemp("protos"))
    directory = tmp_path_factory.mktemp("full")
    port = free_port()
    with LocalDaemon(directory, f'metrics_listen = "127.0.0.1:{port}"\n') as daemon:
        device = daemon.machine.root / "sys/block/zpack0/zpack"
        for name, text in (
            ("pool_limit", "1073741824"),
            ("writeback_high", "90"),
            ("writeback_low", "80"),
            ("min_age_ms", "0"),
            ("write_budget", "53687091200 86400 53687091200"),
            ("write_budget_left", "1073741824"),
            ("write_budget_used", "1073741824"),
        ):
            (device / name).write_text(f"{text}\n")
        # A counter for each key.
        for_rates = [field.name for field in dataclasses.fields(Stat)]

        def write(number: int) -> None:
            keys = "".join(f"{name} {number}\n" for name in for_rates)
            loads = f"{number} {number} {number} {number}\n"
            histogram = "".join(f"{1000 << i} {loads}" for i in range(10)) + "inf 0 0 0 1\n"
            for name, text in (("stat", keys), ("load_latency_histogram", histogram)):
                (device / "new").write_text(text)
                (device / "new").rename(device / name)

        with every_second(write), Prometheus(directory, port) as prometheus:
            moved = " and ".join(
                f"max(increase({counter}[10s])) > 0"  # of either file
                for counter in ("zpack_stores_total", "zpack_load_duration_seconds_count")
            )
            wait_until(lambda: bool(prometheus.series(moved)), "the counters go up")
            yield prometheus


def without_data(prometheus: Prometheus) -> list[tuple[str, str]]:
    """Queries of the dashboard that find nothing."""
    return [
        (title, query)
        for title, query in targets()
        if not prometheus.series(as_grafana_asks(query))
    ]


@pytest.mark.slow
def test_queries_find_a_simulation(simulated: Prometheus) -> None:
    known = {name for name in documented() if simulated.series(name)}
    assert NOT_SIMULATED.isdisjoint(known)
    for title, query in without_data(simulated):
        assert set(named(query)) & (NOT_SIMULATED | NOT_DECIDED | NOT_CLEANED), (title, query)
    for name, place in (("instance", "zpack_module_loaded"), ("device", "zpack_slots")):
        assert place in VARIABLES[name]["query"]["query"]
        assert simulated.series(place)[0]["metric"][name]


@pytest.mark.slow
def test_queries_find_every_file_of_the_module(full: Prometheus) -> None:
    missing = without_data(full)
    assert {name for _, query in missing for name in named(query)} == NOT_DECIDED
    # All of them are understood: one that is not would be an error, and find nothing.
    assert len(targets()) - len(missing) > 60


@pytest.mark.slow
def test_heat_maps_have_rows_that_count(simulated: Prometheus) -> None:
    for panel in (panel for panel in PANELS if panel["type"] == "heatmap"):
        found = simulated.series(as_grafana_asks(panel["targets"][0]["expr"]))
        bounds = [float(series["metric"]["le"]) for series in found]
        assert len(set(bounds)) == len(bounds) > 5, panel["title"]
    (disk,) = (
        panel
        for panel in PANELS
        if re.search(r'place="disk"', panel["targets"][0]["expr"]) and panel["type"] == "heatmap"
    )
    found = simulated.series(as_grafana_asks(disk["targets"][0]["expr"]))
    assert any(float(series["value"][1]) > 0 for series in found)
