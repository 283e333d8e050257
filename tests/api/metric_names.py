# SPDX-License-Identifier: GPL-2.0-only
"""The metrics that docs/metrics.md has, and whether a query names others."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SELECTOR = re.compile(r"\b([a-z_]*:?zpack_[a-z0-9_]+(?::[a-z0-9_]+)?)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
# Labels that Prometheus itself gives.
TARGET = {"job", "instance", "le"}


def documented() -> dict[str, dict[str, set[str]]]:
    """By name: the labels, each with its values as far as they are fixed."""
    metrics: dict[str, dict[str, set[str]]] = {}
    for line in (ROOT / "docs/metrics.md").read_text().splitlines():
        row = re.match(r"\| `(\w+)` \| (\w+) \| (.*?) \|", line)
        if not row:
            continue
        labels = {
            label[1]: set((label[2] or "").split(", ")) - {""}
            for label in re.finditer(r"`(\w+)`(?: \(([^)]*)\))?", row[3])
        }
        names = [row[1]]
        if row[2] == "histogram":
            names = [f"{row[1]}_bucket", f"{row[1]}_count"]  # there is no sum
        for name in names:
            metrics[name] = labels
    return metrics


def named(query: str) -> list[str]:
    """The metrics of zpack, recorded ones included, that a query names."""
    return [found[1] for found in SELECTOR.finditer(query)]


def mistakes(query: str, recorded: set[str]) -> list[str]:
    """What a query names that does not exist: metrics, labels and values of labels."""
    metrics, wrong = documented(), []
    for found in SELECTOR.finditer(query):
        name, matchers = found[1], found[2] or ""
        if name in recorded:
            continue
        if name not in metrics:
            wrong.append(f"{name} is not in docs/metrics.md")
            continue
        for label, operator, value in MATCHER.findall(matchers):
            if label in TARGET or value.startswith("$"):
                continue
            values = metrics[name].get(label)
            if values is None:
                wrong.append(f"{name} has no label {label}")
            elif values and not set(value.split("|") if "~" in operator else [value]) <= values:
                wrong.append(f"{name}: {label} is never {value}")
    return wrong
