# SPDX-License-Identifier: GPL-2.0-only
"""Prometheus' rules and alerts: what they name exists, and each fires when it must and only then."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

from api.metric_names import documented, mistakes, named

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/prometheus"
FILES = ("zpack-rules.yml", "zpack-alerts.yml")


def rules(name: str) -> list[dict[str, Any]]:
    """Those of a file."""
    groups = yaml.safe_load((FOLDER / name).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


RECORDED = {rule["record"] for rule in rules("zpack-rules.yml")}
ALERTS = {rule["alert"]: rule for rule in rules("zpack-alerts.yml")}


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it."""
    return subprocess.run(
        ["promtool", *arguments], check=False, capture_output=True, text=True, timeout=120
    )


def test_promtool_takes_all_rules() -> None:
    done = promtool("check", "rules", *(FOLDER / name for name in FILES))
    assert done.returncode == 0, done


def test_alerts_fire_when_they_must_and_only_then() -> None:
    done = promtool("test", "rules", FOLDER / "zpack-tests.yml")
    assert done.returncode == 0, done


def test_every_alert_is_shown_to_fire_and_not_to() -> None:
    fires, quiet = set(), set()
    for group in yaml.safe_load((FOLDER / "zpack-tests.yml").read_text())["tests"]:
        for check in group["promql_expr_test"] if "promql_expr_test" in group else []:
            if not check["expr"].startswith("ALERTS"):
                continue
            if not check["exp_samples"]:
                quiet.add(group["name"])
            for sample in check["exp_samples"]:
                fires |= set(re.findall(r'alertname="(\w+)"', sample["labels"]))
    assert fires == set(ALERTS)
    assert quiet == fires | {"healthy"}


def checks_that_fail(directory: Path, instead: str) -> set[str]:
    """The alerts of which a check fails when all of them have this expression."""
    shutil.copytree(FOLDER, directory, dirs_exist_ok=True)
    changed = yaml.safe_load((FOLDER / "zpack-alerts.yml").read_text())
    for rule in changed["groups"][0]["rules"]:
        rule["expr"] = instead
    (directory / "zpack-alerts.yml").write_text(yaml.safe_dump(changed))
    done = promtool("test", "rules", directory / "zpack-tests.yml")
    assert done.returncode == 1, done
    return set(re.findall(r'alertname="(\w+)"', done.stdout + done.stderr))


def test_checks_notice_alerts_that_never_fire(tmp_path: Path) -> None:
    assert checks_that_fail(tmp_path, "vector(0) > 1") == set(ALERTS)


def test_checks_notice_alerts_that_always_fire(tmp_path: Path) -> None:
    assert checks_that_fail(tmp_path, "vector(1)") == set(ALERTS)


def test_rules_name_metrics_that_exist() -> None:
    found = [rule["expr"] for name in FILES for rule in rules(name)]
    wrong = [mistake for query in found for mistake in mistakes(query, RECORDED)]
    assert not wrong
    assert len({name for query in found for name in named(query)} & set(documented())) > 20


def test_names_that_do_not_exist_are_noticed() -> None:
    assert mistakes('rate(zpack_loads_total{place="disk"}[5m])', set()) == []
    for query in (
        "zpack_nothing",
        'zpack_loads_total{plaice="disk"}',
        'zpack_loads_total{place="disc"}',
        'zpack_loads_total{place=~"disk|disc"}',
        "device:zpack_pool_used:ratio",
        "zpack_load_duration_seconds_sum",
    ):
        assert len(mistakes(query, set())) == 1, query


def test_every_alert_says_what_people_need() -> None:
    for name, rule in ALERTS.items():
        assert rule["labels"]["severity"] in ("info", "warning", "critical"), name
        assert {"summary", "description", "runbook_url"} == set(rule["annotations"]), name
        assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"


def test_every_recorded_rule_is_computed_in_a_test() -> None:
    text = (FOLDER / "zpack-tests.yml").read_text()
    computed = set(re.findall(r"expr: 'round\(([\w:]+)", text))
    assert computed == RECORDED
