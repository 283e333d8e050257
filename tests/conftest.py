# SPDX-License-Identifier: GPL-2.0-only
"""Options and fixtures for all tests."""

pytest_plugins = ["vm.plugin", "api.plugin"]
