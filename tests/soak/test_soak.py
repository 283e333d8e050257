# SPDX-License-Identifier: GPL-2.0-only
"""A short soak, and that it would have noticed."""

import itertools
import re
from pathlib import Path

import pytest

from api import Device
from soak.machine import DISKS, MEMORY_MIB, Machine
from soak.plan import ACTIONS, NOT_TUNED, SETTINGS, TUNABLES, Operation, Plan
from soak.report import Report
from soak.run import soak_guest
from vm import VM
from vm.plugin import Boot


@pytest.fixture
def guest(boot_fresh: Boot) -> VM:
    """A guest as ./dev soak has it."""
    return boot_fresh(memory_mib=MEMORY_MIB, disks=DISKS)


def first(count: int, seed: int) -> list[Operation]:
    """The beginning of a plan."""
    return list(itertools.islice(Plan(seed, [*TUNABLES, *SETTINGS, *ACTIONS]), count))


def test_seed_alone_decides_on_the_operations() -> None:
    assert first(2000, seed=7) == first(2000, seed=7)
    assert first(100, seed=7) != first(100, seed=8)


def test_every_operation_and_every_value_has_its_turn() -> None:
    operations = first(5000, seed=1)
    names = {name.removeprefix("do_") for name in dir(Machine) if name.startswith("do_")}
    assert {operation.name for operation in operations} == names
    tuned = {(o.values["name"], o.values["value"]) for o in operations if o.name == "tune"}
    assert tuned == {(name, value) for name, values in TUNABLES.items() for value in values}


def test_every_attribute_that_can_be_written_is_used() -> None:
    """Add a new one to the tables of plan.py, with values that are allowed at any time."""
    text = (Path(__file__).resolve().parents[2] / "docs/ABI/sysfs-block-zpack").read_text()
    described = re.findall(r"^What:\t\t\S*/(\w+)\n(?:.+\n)*?\t\t\((?:RW|WO)\) ", text, re.MULTILINE)
    assert len(described) > 10
    assert not set(described) - set(TUNABLES) - set(SETTINGS) - ACTIONS - NOT_TUNED


def test_every_fault_is_healed() -> None:
    broken: set[str] = set()
    longest = 0
    for operation in first(5000, seed=1):
        longest = longest + 1 if broken else 0
        if operation.name == "fault":
            broken.add(operation.values["device"])
        elif operation.name == "heal":
            broken.discard(operation.values["device"])
    assert longest < 100


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_half_a_minute_of_everything(guest: VM) -> None:
    report = Report(seed=3, minutes=0.5, kernel=guest.kernel.release)
    soak_guest(guest, report, least_operations=20)
    print(report.show())
    assert report.clean, report.problems
    assert report.operations >= 20 and report.pages_verified > 20_000

    # The same guest once more, and somebody who changes pages and leaves some behind.
    report = Report(seed=0, minutes=0, kernel=guest.kernel.release)
    machine = Machine(guest, report)
    machine.do_write(0, 100, "text", 1, 1)
    stranger = Device(guest, machine.devices["direct"].number)
    stranger.pages.fill([50], "text", seed=2)
    machine.do_check(0, 100, 1, 0)
    assert report.mismatches == 1 and "page=50" in report.problems[0]
    report.problems.clear()
    machine.check_empty("direct", stranger.stat())
    assert report.leaks > 0 and "stored 100" in report.problems[0]
