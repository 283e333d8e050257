# SPDX-License-Identifier: GPL-2.0-only
"""docs/walkthrough.md does what it says: its commands are typed into a guest, in their order.

A real Prometheus, outside the guest, scrapes the daemon meanwhile.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import pytest

from api import Device
from api.daemon import ROOT, Daemon
from api.plugin import BACKING, check_and_remove
from api.prometheus import Prometheus, Relay
from api.waiting import wait_until
from programs.pressure import Load, Pressure
from vm import VM
from vm.plugin import FAILED

DOCUMENT = ROOT / "docs/walkthrough.md"
CONFIG = "/etc/zpackd/zpackd.toml"

pytestmark = pytest.mark.slow


@dataclass
class Step:
    """A command and what it must say, or what the test has to do by itself."""

    command: str
    expected: list[str]


def steps() -> Iterator[Step]:
    """Of the document."""
    step: Step | None = None
    console = False
    for line in DOCUMENT.read_text().splitlines():
        if line.startswith("<!-- test: "):
            yield Step(line, [])
        elif line.startswith("```"):
            if step:
                yield step
            step, console = None, line == "```console"
        elif console and line.startswith("# "):
            if step:
                yield step
            step = Step(line.removeprefix("# "), [])
        elif console and step:
            step.expected.append(line)


def matches(said: str, expected: list[str]) -> bool:
    """Line by line; "…" is any text, and as a whole line any lines."""
    patterns = []
    for line in expected:
        if line == "…":
            patterns.append(r"(?:.*\n)*")
            continue
        words = [re.escape(part).replace(r"\ ", " ") for part in line.split("…")]
        patterns.append(re.sub(" {2,}", " +", ".*".join(words)) + r" *\n")
    return re.fullmatch("".join(patterns), said) is not None


@pytest.fixture
def daemon(zpack_vm: VM, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """Programs in a guest without devices."""
    daemon = Daemon(zpack_vm)
    disk = zpack_vm.run(["readlink", "-f", BACKING]).stdout.strip()
    zpack_vm.run(f"mkdir -p /etc/zpackd && wipefs -qa {BACKING}")
    text = next(step for step in steps() if step.command.startswith("cat "))
    config = "\n".join(text.expected) + "\n"
    zpack_vm.put(config.replace("/dev/vdb", disk).encode(), CONFIG)
    yield daemon
    daemon.stop()
    if not request.node.stash.get(FAILED, False):
        check_and_remove(Device(zpack_vm))
        zpack_vm.run("rm -rf /run/zpackd /etc/zpackd /run/trace")


def test_walk_through_in_the_documentation_works(daemon: Daemon, tmp_path: Path) -> None:
    vm = daemon.vm
    disk = vm.run(["readlink", "-f", BACKING]).stdout.strip()
    load: Load | None = None
    with Relay(vm) as relay, Prometheus(tmp_path, relay.port) as prometheus:
        for step in steps():
            if "a workload" in step.command:
                load = Pressure(vm).start(workers=2, mib=24, evict=1, ops=0, dirty=10, pageout=20)
                load.wait_filled()
                wait_until(lambda: Device(vm).stat().packed > 1000, "pages are on disk")
            elif "the workload ends" in step.command:
                relay.fetch()
                wait_until(
                    lambda: prometheus.value('zpack_stored_pages{place="disk"}') > 1000,
                    "Prometheus has the series",
                )
                assert prometheus.value("zpack_setting_block_pages") == 64
                assert load
                load.stop()
            elif step.command == "systemctl start zpackd":
                daemon.start_installed()
            else:
                result = vm.run(step.command, check=False, timeout=60)
                said = (result.stdout + result.stderr).replace(disk, "/dev/vdb")
                assert matches(said, step.expected), f"{step.command}:\n{said}"
            if daemon.process:
                relay.fetch()
