# SPDX-License-Identifier: GPL-2.0-only
"""Cleaning all the time, while processes swap, slots are freed, and blocks change their size."""

import pytest

from api import Mapping
from api.waiting import wait_until
from programs.pressure import Pressure
from stress.conftest import SPARE, AddDevice, set_up

pytestmark = pytest.mark.slow


def test_everything_at_once_on_a_disk_that_is_nearly_full(
    add_device: AddDevice, pressure: Pressure
) -> None:
    with Mapping.linear(pressure.vm, "small", SPARE, mib=32) as small:
        swap = set_up(
            add_device(),
            backing_dev=small.path,
            pool_limit=2 << 20,
            cleaning_rate="max",
            discard="batched",
        )
        swap.cleaning_high = 300
        swap.cleaning_low = 200
        load = pressure.start(workers=2, mib=40, ops=0, evict=1, dirty=50, pageout=5, dontneed=3)
        load.wait_filled()
        # Now and then some pages more are in memory, or have just been dropped.
        full = 0.8 * swap.stat().backing_bytes
        wait_until(lambda: swap.stat().live_bytes > full, "the disk is nearly full")
        for block_pages in (16, 4, 64, 1, 16):
            before = swap.stat()
            swap.block_pages = block_pages
            swap.writeback(500)
            swap.clean(20)
            while (swap.stat() - before).stores < 1500:
                assert load.process.running, load.process.stdout
        load.stop()
        stat = swap.stat()
        assert stat.blocks_cleaned > 20, stat
        assert stat.cleaning_pages > 500, stat
        assert stat.cleaning_damaged == stat.blocks_bad == stat.blocks_pinned == 0, stat
        swap.swapoff()
        swap.reset()
        swap.remove()
