# SPDX-License-Identifier: GPL-2.0-only
"""The operator's guide has what alerts and the doctor send people to."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/operations.md").read_text()


def anchors(text: str) -> set[str]:
    """Of the headings, as they are made on the usual sites."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(alert: str) -> str:
    """What stands below an alert's heading."""
    found = re.search(rf"^### {alert}\n(.*?)(?=^##)", GUIDE, re.MULTILINE | re.DOTALL)
    assert found, alert
    return found[1].strip()


def alerts() -> dict[str, str]:
    """Their runbooks."""
    groups = yaml.safe_load((ROOT / "deploy/prometheus/zpack-alerts.yml").read_text())["groups"]
    return {
        rule["alert"]: rule["annotations"]["runbook_url"]
        for group in groups
        for rule in group["rules"]
    }


def test_each_alert_has_a_section_and_each_section_an_alert() -> None:
    headings = set(re.findall(r"^### (Zpack\w+)$", GUIDE, re.MULTILINE))
    assert headings == set(alerts())
    for alert, runbook in alerts().items():
        path, _, anchor = runbook.partition("#")
        assert (ROOT / path).read_text() == GUIDE and anchor in anchors(GUIDE)
        assert len(section(alert)) > 60, alert


def test_each_finding_of_the_doctor_is_explained() -> None:
    source = (ROOT / "agent/lib/model/doctor.cpp").read_text()
    findings = set(re.findall(r'Severity::\w+, "([A-Z_]+)"', source))
    assert len(findings) > 9
    table = GUIDE[GUIDE.index("## Troubleshooting") :]
    assert not {finding for finding in findings if f"`{finding}`" not in table}


@pytest.mark.parametrize("name", ["operations", "comparison"])
def test_links_lead_somewhere(name: str) -> None:
    text = (ROOT / f"docs/{name}.md").read_text()
    links = re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", text)
    assert len(links) > 1
    for path, anchor in links:
        target = (ROOT / "docs" / path).resolve() if path else ROOT / f"docs/{name}.md"
        assert target.exists(), path
        if anchor:
            assert anchor[1:] in anchors(target.read_text()), (path, anchor)


def test_commands_exist() -> None:
    manual = (ROOT / "agent/man/zpackctl.1").read_text().replace("\\-", "-")
    commands = set(re.findall(r"zpackctl (?!says)([a-z]+)", GUIDE))
    assert len(commands) > 7
    for command in commands:
        assert re.search(rf'^\.(B|BI|BR) "?{command}\b', manual, re.MULTILINE), command
