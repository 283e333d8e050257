# SPDX-License-Identifier: GPL-2.0-only
"""Options and fixtures for all tests."""

import pytest

pytest_plugins = ["vm.plugin", "api.plugin", "api.outside"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --packages."""
    parser.addoption(
        "--packages",
        action="store_true",
        help="also the tests that build packages and install them, which take half an hour",
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has not been asked for."""
    if config.getoption("--packages"):
        return
    left_out = [item for item in items if item.get_closest_marker("packages")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
