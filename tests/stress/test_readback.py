# SPDX-License-Identifier: GPL-2.0-only
"""Reading ahead, and the clean cache, while the blocks they read from are written anew."""

import pytest

from api import Device
from programs.pressure import Pressure


@pytest.mark.parametrize(
    "mode, limit, algorithm",
    [
        ("always", 256 << 10, "lz4"),
        pytest.param("always", 16 << 20, "zstd", marks=pytest.mark.slow),
        pytest.param("auto", 1 << 20, "lz4", marks=pytest.mark.slow),
    ],
)
def test_cells_in_the_cache_under_concurrent_writes(
    swap: Device, pressure: Pressure, mode: str, limit: int, algorithm: str
) -> None:
    swap.comp_algorithm = algorithm
    swap.readahead = mode
    swap.clean_cache_limit = limit
    pressure.run(
        workers=2, mib=44, ops=3000, dirty=40, pattern="sequential", evict=1, squeeze=72, pageout=20
    )
    stat = swap.stat()
    assert stat.clean_cache_hits > 2000 and stat.readahead_ios > 50
    assert stat.blocks_died > 20
    assert stat.clean_cache_bytes <= limit
    assert (stat.checksum_errors, stat.read_errors) == (0, 0)
