# SPDX-License-Identifier: GPL-2.0-only
"""Proves that each row of docs/faults.md names a test that exists, and each fault test has a row."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
TABLE_HEAD = ["fault", "what the user sees", "what is lost", "test"]


def rows() -> list[list[str]]:
    """The cells of all rows of all tables, without the heads."""
    lines = (ROOT / "docs" / "faults.md").read_text().splitlines()
    table = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    cells = [[cell.strip() for cell in row] for row in table]
    return [row for row in cells if row != TABLE_HEAD and set(row[0]) != {"-"}]


def named() -> list[str]:
    """The tests that rows name, as FILE::FUNCTION below tests/."""
    return [name for row in rows() for name in re.findall(r"`([^`]+)`", row[3])]


def functions(file: str) -> list[str]:
    """The tests of a file, "" if there is none."""
    path = TESTS / file
    return (
        re.findall(r"^def (test_\w+)\(", path.read_text(), re.MULTILINE) if path.is_file() else []
    )


def test_every_row_is_complete() -> None:
    found = rows()
    assert len(found) > 20
    for row in found:
        assert len(row) == len(TABLE_HEAD) and all(row), row
        assert re.search(r"`[\w/]+\.py::test_\w+`", row[3]), row


def test_every_row_names_tests_that_exist() -> None:
    for name in named():
        file, _, function = name.partition("::")
        assert function in functions(file), f"there is no {name}"


def test_every_fault_test_proves_a_row() -> None:
    """One that proves the same as another, in another way, need not have a row of its own."""
    own = {
        f"faults/{path.name}::{function}"
        for path in (TESTS / "faults").glob("test_*.py")
        for function in functions(f"faults/{path.name}")
    }
    missing = own - set(named())
    assert missing == {
        "faults/test_read_errors.py::test_disk_that_is_gone_fails_packed_pages_only",
        "faults/test_refusals.py::test_backing_device_that_is_a_character_device",
        "faults/test_refusals.py::test_second_backing_device_is_refused",
        "faults/test_write_errors.py::test_bare_raw_block_that_cannot_be_written",
    }
