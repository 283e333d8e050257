# SPDX-License-Identifier: GPL-2.0-only
"""Wait for what happens in the guest without anybody telling."""

import time
from typing import Callable

SECONDS = 120.0


def wait_until(happened: Callable[[], bool], what: str) -> None:
    """Look again and again until it has happened; each look takes the guest a while."""
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, f"has not happened: {what}"
