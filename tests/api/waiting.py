# SPDX-License-Identifier: GPL-2.0-only
"""Wait for what happens in the guest without anybody telling."""

import time
from typing import Callable

SECONDS = 300.0
PAUSE = 0.05  # between two looks: what is waited for needs the processor


def wait_until(happened: Callable[[], bool], what: str) -> None:
    """Look again and again until it has happened."""
    end = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < end, f"has not happened: {what}"
        time.sleep(PAUSE)
