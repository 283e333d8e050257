# SPDX-License-Identifier: GPL-2.0-only
"""Cleaning all the time, while processes swap, slots are freed, and blocks change their size."""

import contextlib
import errno
from typing import Iterator

import pytest

from api import Mapping
from programs.pressure import Pressure
from stress.conftest import SPARE, AddDevice, set_up
from vm import GuestOSError

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def as_far_as_there_is_room() -> Iterator[None]:
    """Few segments can't always be emptied for blocks of another size; it says so, and goes on."""
    try:
        yield
    except GuestOSError as error:
        assert error.errno == errno.ENOSPC, error


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
        # So much is paged out again that nearly all of it stays there.
        load = pressure.start(workers=2, mib=42, ops=0, evict=1, dirty=50, pageout=80, hold=1)
        load.wait_filled()

        def full() -> float:
            stat = swap.stat()
            return stat.live_bytes / stat.backing_bytes

        assert full() > 0.8
        load.go()
        for block_pages in (16, 4, 64, 1, 16):
            before = swap.stat()
            swap.block_pages = block_pages
            with as_far_as_there_is_room():
                swap.writeback(500)
            with as_far_as_there_is_room():
                swap.clean(20)
            while (swap.stat() - before).stores < 1500:
                assert load.process.running, load.process.stdout
            assert full() > 0.8
        load.stop()
        stat = swap.stat()
        assert stat.blocks_cleaned > 20, stat
        assert stat.cleaning_pages > 500, stat
        assert stat.cleaning_damaged == stat.blocks_bad == stat.blocks_pinned == 0, stat
        swap.swapoff()
        swap.reset()
        swap.remove()
