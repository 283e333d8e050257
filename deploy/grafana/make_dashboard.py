#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes zpack.json, a Grafana dashboard, from the table at the end of this file.

usage: make_dashboard.py >zpack.json

Needs nothing but Prometheus that scrapes zpackd: no recording rules, no plugins.
"""

import json
import sys
from dataclasses import dataclass, field
from typing import Any

WIDTH = 24  # of Grafana's grid
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# What every query of a device's metric selects, and of the daemon's own.
DEVICE = 'instance=~"$instance",device=~"$device"'
INSTANCE = 'instance=~"$instance"'
RATE = "[$__rate_interval]"
OK, WARNING, CRITICAL = "green", "orange", "red"


@dataclass
class Query:
    """One line, or a family of them."""

    expression: str
    legend: str = "{{instance}} {{device}}"


@dataclass
class Panel:
    """A picture with a unit, which says what it shows."""

    title: str
    description: str
    unit: str
    queries: list[Query]
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    stacked: bool = False
    minimum: float | None = 0
    maximum: float | None = None
    # (from this value on, colour)
    thresholds: list[tuple[float, str]] = field(default_factory=list)
    mappings: dict[str, tuple[str, str]] = field(default_factory=dict)  # value: text, colour
    named: bool = False  # of a stat: only the names of the series are shown


@dataclass
class Row:
    """Panels under a heading."""

    title: str
    panels: list[Panel]


def heatmap(place: str, where: str) -> Panel:
    """Of one place's load times; the histogram's buckets are the rows."""
    bucket = f'zpack_load_duration_seconds_bucket{{{DEVICE},place="{place}"}}'
    return Panel(
        f"Loads {where}: how long",
        f"How many loads of pages {where} took how long. Buckets are the module's own.",
        "s",
        [Query(f"sum by (le) (increase({bucket}{RATE}))", "{{le}}")],
        kind="heatmap",
        minimum=None,
    )


def options(panel: Panel) -> dict[str, Any]:
    """What is drawn, by the kind of panel."""
    if panel.kind == "stat":
        return {
            "colorMode": "background" if panel.thresholds or panel.mappings else "value",
            "graphMode": "none" if panel.mappings else "area",
            "justifyMode": "auto",
            "orientation": "auto",
            "percentChangeColorMode": "standard",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "showPercentChange": False,
            # The value alone says nothing where each series is a 1 of that name.
            "textMode": "name" if panel.named else "auto",
            "wideLayout": True,
        }
    if panel.kind == "heatmap":
        return {
            "calculate": False,
            "cellGap": 0,
            "color": {
                "mode": "scheme",
                "scheme": "Viridis",
                "scale": "exponential",
                "exponent": 0.5,
                "fill": "dark-orange",
                "reverse": False,
                "steps": 64,
            },
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "legend": {"show": True},
            "rowsFrame": {"layout": "le"},
            "showValue": "never",
            "tooltip": {"mode": "single", "yHistogram": False, "showColorScale": False},
            "yAxis": {"axisPlacement": "left", "unit": panel.unit},
        }
    if panel.kind == "table":
        return {"frameIndex": 0, "showHeader": True}
    return {
        "legend": {
            "calcs": [],
            "displayMode": "list",
            "placement": "bottom",
            "showLegend": True,
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def draw(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    """A panel as Grafana has it."""
    defaults: dict[str, Any] = {"unit": panel.unit}
    if panel.minimum is not None:
        defaults["min"] = panel.minimum
    if panel.maximum is not None:
        defaults["max"] = panel.maximum
    if panel.thresholds:
        steps: list[dict[str, Any]] = [{"color": OK, "value": None}]
        steps += [{"color": colour, "value": value} for value, colour in panel.thresholds]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    if panel.mappings:
        values = {
            value: {"text": text, "color": colour, "index": index}
            for index, (value, (text, colour)) in enumerate(panel.mappings.items())
        }
        defaults["mappings"] = [{"type": "value", "options": values}]
    if panel.kind == "timeseries":
        defaults["custom"] = {
            "fillOpacity": 40 if panel.stacked else 8,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if panel.thresholds else "off"},
        }
    drawn: dict[str, Any] = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": DATASOURCE,
                "expr": query.expression,
                "legendFormat": query.legend,
                "format": {"heatmap": "heatmap", "table": "table"}.get(panel.kind, "time_series"),
                "instant": panel.kind == "table",
                "range": panel.kind != "table",
            }
            for index, query in enumerate(panel.queries)
        ],
    }
    if panel.kind == "table":
        hidden = {name: True for name in ("Time", "Value", "__name__", "job")}
        drawn["transformations"] = [{"id": "organize", "options": {"excludeByName": hidden}}]
    return drawn


def layout(rows: list[Row]) -> list[dict[str, Any]]:
    """All panels, from left to right and from top to bottom."""
    drawn: list[dict[str, Any]] = []
    y = 0
    for row in rows:
        place = {"x": 0, "y": y, "w": WIDTH, "h": 1}
        drawn.append(
            {
                "id": len(drawn) + 1,
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "gridPos": place,
                "panels": [],
            }
        )
        y += 1
        x = height = 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, height = 0, y + height, 0
            drawn.append(draw(panel, len(drawn) + 1, x, y))
            x += panel.width
            height = max(height, panel.height)
        y += height
    return drawn


def variable(name: str, label: str, query: str) -> dict[str, Any]:
    """A choice of several values that Prometheus knows."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def dashboard(rows: list[Row]) -> dict[str, Any]:
    """The whole thing."""
    return {
        "uid": "zpack-overview",
        "title": "zpack",
        "description": "Compressed swap: what it holds, does and costs, from zpackd's metrics.",
        "tags": ["zpack", "swap", "memory"],
        "schemaVersion": 37,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [],
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                    "refresh": 1,
                },
                variable("instance", "Machine", "label_values(zpack_module_loaded, instance)"),
                variable(
                    "device", "Device", 'label_values(zpack_slots{instance=~"$instance"}, device)'
                ),
            ]
        },
        "panels": layout(rows),
    }


def rate(metric: str, more: str = "") -> str:
    """Of a counter of a device."""
    return f"rate({metric}{{{DEVICE}{more}}}{RATE})"


def value(metric: str, more: str = "") -> str:
    """Of a gauge of a device."""
    return f"{metric}{{{DEVICE}{more}}}"


def all_places(metric: str) -> str:
    """Sum over the places where pages are."""
    return f"sum without (place) ({value(metric)})"


def state(title: str, metric: str, bad: str, description: str, colour: str = CRITICAL) -> Panel:
    """A flag: 1 is bad."""
    return Panel(
        title,
        description,
        "none",
        [Query(value(metric))],
        kind="stat",
        width=4,
        height=4,
        mappings={"0": ("no", OK), "1": (bad, colour)},
    )


def share(title: str, expression: str, description: str, *steps: tuple[float, str]) -> Panel:
    """A part of what there is, now."""
    return Panel(
        title,
        description,
        "percentunit",
        [Query(expression)],
        kind="stat",
        width=4,
        height=4,
        maximum=1,
        thresholds=list(steps),
    )


# By where a page was read from: one of a block that was read ahead is not read from the disk.
COUNTED = "zpack_load_duration_seconds_count"
POOL_USED = f"{value('zpack_pool_bytes')} / ({value('zpack_setting_pool_limit_bytes')} > 0)"
BACKING_USED = f"{value('zpack_live_bytes')} / ({value('zpack_backing_bytes')} > 0)"
PLACE = "{{device}} {{place}}"
REASON = "{{device}} {{reason}}"

ROWS = [
    Row(
        "Overview",
        [
            share(
                "Swap used",
                f"{all_places('zpack_stored_pages')} / {value('zpack_slots')}",
                "Slots of the device that have a page.",
                (0.8, WARNING),
                (0.9, CRITICAL),
            ),
            share(
                "Pool used",
                POOL_USED,
                "Of its limit. Writeback keeps it between its watermarks, by default 80 % and 90 %.",
                (0.95, WARNING),
                (0.97, CRITICAL),
            ),
            share(
                "Backing device used",
                BACKING_USED,
                "Live bytes of its size. It holds about 92 %; from 85 % on cleaning is expensive.",
                (0.8, WARNING),
                (0.85, CRITICAL),
            ),
            Panel(
                "Memory saved",
                "What the pages in it would take as they were, less what the device takes in RAM.",
                "bytes",
                [
                    Query(
                        f"{all_places('zpack_stored_pages')} * 4096 - {value('zpack_pool_bytes')}"
                        f" - (sum without (use) ({value('zpack_memory_bytes')})"
                        f" or {value('zpack_pool_bytes')} * 0)"
                    )
                ],
                kind="stat",
                width=4,
                height=4,
                minimum=None,
            ),
            Panel(
                "Module",
                "Whether the kernel module is loaded.",
                "none",
                [Query(f"zpack_module_loaded{{{INSTANCE}}}", "{{instance}}")],
                kind="stat",
                width=4,
                height=4,
                mappings={"1": ("loaded", OK), "0": ("missing", CRITICAL)},
            ),
            Panel(
                "Real",
                "A simulation (zpackd --backend=sim) shows nothing of real memory.",
                "none",
                [Query(f"zpack_simulated{{{INSTANCE}}}", "{{instance}}")],
                kind="stat",
                width=4,
                height=4,
                mappings={"0": ("real", OK), "1": ("simulated", WARNING)},
            ),
            state(
                "Degraded",
                "zpack_degraded",
                "degraded",
                "Nothing more is written to the backing device, as writes fail.",
            ),
            state(
                "Backing device full",
                "zpack_backing_full",
                "full",
                "There is no free block: writeback pauses.",
            ),
            state(
                "Budget spent",
                "zpack_budget_spent",
                "spent",
                "Writeback pauses because the write budget is used up.",
                WARNING,
            ),
            Panel(
                "Writeback possible",
                "Whether pages can be written to a backing device at this moment.",
                "none",
                [Query(value("zpack_writeback_possible"))],
                kind="stat",
                width=4,
                height=4,
                mappings={"1": ("yes", OK), "0": ("no", WARNING)},
            ),
            Panel(
                "Pages lost, ever",
                "Pages that could not be read back since the device was set up.",
                "short",
                [Query(f"sum without (reason) ({value('zpack_lost_pages_total')})")],
                kind="stat",
                width=4,
                height=4,
                thresholds=[(1, CRITICAL)],
            ),
            Panel(
                "Written, ever",
                "Bytes ever written to the backing device, resets included.",
                "bytes",
                [Query(value("zpack_backing_written_bytes_total"))],
                kind="stat",
                width=4,
                height=4,
            ),
        ],
    ),
    Row(
        "What it holds",
        [
            Panel(
                "Pages by place",
                "In RAM, on the backing device, or of one repeated word (same), as 4 KiB each.",
                "bytes",
                [Query(f"{value('zpack_stored_pages')} * 4096", PLACE)],
                stacked=True,
            ),
            Panel(
                "Pool, its limit and watermarks",
                "Writeback begins at the high watermark and ends at the low one.",
                "bytes",
                [
                    Query(value("zpack_pool_bytes"), "{{device}} pool"),
                    Query(value("zpack_setting_pool_limit_bytes"), "{{device}} limit"),
                    Query(
                        f"{value('zpack_setting_pool_limit_bytes')}"
                        f" * {value('zpack_setting_writeback_high_percent')} / 100",
                        "{{device}} high",
                    ),
                    Query(
                        f"{value('zpack_setting_pool_limit_bytes')}"
                        f" * {value('zpack_setting_writeback_low_percent')} / 100",
                        "{{device}} low",
                    ),
                ],
            ),
            Panel(
                "Memory beside the pool",
                "What the device needs for itself, by use.",
                "bytes",
                [Query(value("zpack_memory_bytes"), "{{device}} {{use}}")],
                stacked=True,
            ),
            Panel(
                "Size of a compressed page",
                "Mean, by where it is.",
                "bytes",
                [
                    Query(
                        f"{value('zpack_object_bytes')}"
                        f""" / ({value('zpack_stored_pages', ',place!="same"')} > 0)""",
                        PLACE,
                    )
                ],
                maximum=4096,
            ),
            Panel(
                "Incompressible pages",
                "Kept as they are, of those in the same place.",
                "percentunit",
                [
                    Query(
                        f"{value('zpack_incompressible_pages')}"
                        f""" / ({value('zpack_stored_pages', ',place!="same"')} > 0)""",
                        PLACE,
                    )
                ],
                maximum=1,
            ),
            Panel(
                "Backing device",
                "Live bytes of its size.",
                "percentunit",
                [Query(BACKING_USED)],
                maximum=1,
                thresholds=[(0.85, WARNING), (0.92, CRITICAL)],
            ),
        ],
    ),
    Row(
        "What swap does",
        [
            Panel(
                "Pages stored and given up",
                "Stores, and slots that swap needs no more.",
                "ops",
                [
                    Query(rate("zpack_stores_total"), "{{device}} stored"),
                    Query(rate("zpack_frees_total"), "{{device}} freed"),
                ],
            ),
            Panel(
                "Pages loaded",
                "By where they were.",
                "ops",
                [Query(rate("zpack_loads_total"), PLACE)],
                stacked=True,
            ),
            Panel(
                "Loads that read the disk",
                "Share of all loads. The tuner's goal is 20 % at most.",
                "percentunit",
                [
                    Query(
                        f"""sum without (place) ({rate(COUNTED, ',place="disk"')})"""
                        f" / (sum without (place) ({rate(COUNTED)}) > 0)"
                    )
                ],
                maximum=1,
                thresholds=[(0.2, WARNING)],
            ),
            Panel(
                "Stores that waited",
                "For room in the pool: a program waits meanwhile.",
                "ops",
                [Query(rate("zpack_store_waits_total"))],
            ),
            Panel(
                "Stores refused",
                "By reason. Swap keeps the page, or uses another swap device.",
                "ops",
                [Query(rate("zpack_store_failures_total"), REASON)],
            ),
            Panel(
                "Pages passed over and asked for",
                "A second chance for those that were read; by the kernel's shrinker.",
                "ops",
                [
                    Query(rate("zpack_second_chances_total"), "{{device}} second chance"),
                    Query(rate("zpack_shrinker_pages_total"), "{{device}} shrinker"),
                ],
            ),
        ],
    ),
    Row(
        "How long loads take",
        [
            Panel(
                "Median",
                "Half of the loads take less. By where the page was.",
                "s",
                [
                    Query(
                        f"histogram_quantile(0.5, {rate('zpack_load_duration_seconds_bucket')})",
                        PLACE,
                    )
                ],
                width=12,
            ),
            Panel(
                "99 %",
                "One of a hundred loads takes longer.",
                "s",
                [
                    Query(
                        f"histogram_quantile(0.99, {rate('zpack_load_duration_seconds_bucket')})",
                        PLACE,
                    )
                ],
                width=12,
            ),
            heatmap("ram", "from RAM"),
            heatmap("disk", "from the disk"),
            heatmap("clean_cache", "from the clean cache"),
        ],
    ),
    Row(
        "Backing device",
        [
            Panel(
                "Bytes written",
                "By writeback, and by cleaning, which makes room.",
                "Bps",
                [
                    Query(rate("zpack_writeback_bytes_total"), "{{device}} writeback"),
                    Query(
                        rate("zpack_cleaning_bytes_total", ',direction="write"'),
                        "{{device}} cleaning",
                    ),
                ],
                stacked=True,
            ),
            Panel(
                "Bytes read",
                "For loads (readahead included), and by cleaning.",
                "Bps",
                [
                    Query(rate("zpack_readback_bytes_total"), "{{device}} loads"),
                    Query(
                        rate("zpack_cleaning_bytes_total", ',direction="read"'),
                        "{{device}} cleaning",
                    ),
                ],
                stacked=True,
            ),
            Panel(
                "I/Os",
                "Without those of cleaning.",
                "iops",
                [
                    Query(rate("zpack_writeback_ios_total"), "{{device}} writes"),
                    Query(rate("zpack_readback_ios_total"), "{{device}} reads"),
                ],
            ),
            Panel(
                "Pages with each write",
                "The more, the fewer I/Os.",
                "short",
                [
                    Query(
                        f"{rate('zpack_writeback_pages_total')}"
                        f" / ({rate('zpack_writeback_ios_total')} > 0)"
                    )
                ],
            ),
            Panel(
                "Bytes written for each page",
                "And the compressed pages alone: the rest is what packing costs.",
                "bytes",
                [
                    Query(
                        f"{rate('zpack_writeback_bytes_total')}"
                        f" / ({rate('zpack_writeback_pages_total')} > 0)",
                        "{{device}} written",
                    ),
                    Query(
                        f"{rate('zpack_writeback_object_bytes_total')}"
                        f" / ({rate('zpack_writeback_pages_total')} > 0)",
                        "{{device}} compressed",
                    ),
                ],
                maximum=4096,
            ),
            Panel(
                "Write amplification",
                "Bytes written for each byte of writeback; above 1 because of cleaning.",
                "short",
                [
                    Query(
                        "1 + sum without (direction)"
                        f""" ({rate('zpack_cleaning_bytes_total', ',direction="write"')})"""
                        f" / ({rate('zpack_writeback_bytes_total')} > 0)"
                    )
                ],
                minimum=1,
                thresholds=[(1.5, WARNING)],
            ),
            Panel(
                "Blocks by state",
                "Live ones have pages; bad and pinned ones are out of use.",
                "short",
                [Query(value("zpack_blocks"), "{{device}} {{state}}")],
                stacked=True,
            ),
            Panel(
                "Free segments",
                "Of 4 MiB each, and all of them.",
                "short",
                [
                    Query(value("zpack_free_segments"), "{{device}} free"),
                    Query(value("zpack_segments"), "{{device}} all"),
                ],
            ),
            Panel(
                "Blocks made free",
                "Died: their last page went, without I/O. Cleaned: what lived there was moved.",
                "ops",
                [
                    Query(rate("zpack_blocks_died_total"), "{{device}} died"),
                    Query(rate("zpack_cleaned_blocks_total"), "{{device}} cleaned"),
                ],
            ),
            Panel(
                "Read ahead and used",
                "Bytes that nobody had asked for, and those of them that were used.",
                "Bps",
                [
                    Query(rate("zpack_readahead_bytes_total"), "{{device}} read ahead"),
                    Query(rate("zpack_readahead_used_bytes_total"), "{{device}} used"),
                ],
            ),
            Panel(
                "Write budget",
                "What may be written now, and what each interval gives.",
                "bytes",
                [
                    Query(value("zpack_write_budget_left_bytes"), "{{device}} left"),
                    Query(value("zpack_write_budget_interval_bytes"), "{{device}} interval"),
                ],
            ),
            Panel(
                "Faults",
                "Blocks that could not be written, pages that could not be read, by reason.",
                "ops",
                [
                    Query(rate("zpack_writeback_errors_total"), "{{device}} write"),
                    Query(rate("zpack_lost_pages_total"), "{{device}} lost: {{reason}}"),
                    Query(rate("zpack_cleaning_failures_total"), "{{device}} cleaning: {{reason}}"),
                ],
            ),
        ],
    ),
    Row(
        "Tuner and daemon",
        [
            Panel(
                "Mode of the tuner",
                "off, advise, or on.",
                "none",
                [Query(f"zpack_tuner_mode{{{INSTANCE}}} == 1", "{{instance}} {{mode}}")],
                kind="stat",
                width=4,
                minimum=None,
                named=True,
            ),
            Panel(
                "Decisions of the tuner",
                "By setting, and whether they were carried out; none until the first one.",
                "short",
                [
                    Query(
                        f"increase(zpack_tuner_decisions_total{{{DEVICE}}}{RATE})",
                        "{{device}} {{setting}} {{applied}}",
                    )
                ],
                width=10,
            ),
            Panel(
                "Settings that the tuner changes",
                "Block size in pages, watermarks in percent, age in seconds.",
                "short",
                [
                    Query(value("zpack_setting_block_pages"), "{{device}} block_pages"),
                    Query(value("zpack_setting_writeback_high_percent"), "{{device}} high"),
                    Query(value("zpack_setting_writeback_low_percent"), "{{device}} low"),
                    Query(value("zpack_setting_min_age_seconds"), "{{device}} min_age"),
                ],
                width=10,
            ),
            Panel(
                "Age of the figures",
                "Time since zpackd has read the kernel's files.",
                "s",
                [Query(f"time() - zpack_snapshot_timestamp_seconds{{{INSTANCE}}}", "{{instance}}")],
                width=8,
                minimum=None,
            ),
            Panel(
                "Reading the kernel's files",
                "How long it took.",
                "s",
                [Query(f"zpack_scrape_duration_seconds{{{INSTANCE}}}", "{{instance}}")],
                width=8,
            ),
            Panel(
                "Versions",
                "Of the daemon and of the module.",
                "none",
                [Query(f"zpack_build_info{{{INSTANCE}}}")],
                kind="table",
                width=8,
            ),
        ],
    ),
]


def main() -> None:
    """Write it."""
    json.dump(dashboard(ROWS), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
