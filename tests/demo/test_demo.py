# SPDX-License-Identifier: GPL-2.0-only
"""What the project promises of every demo, on a smaller one."""

import pytest

from demo.run import Size, run
from vm import Kernel

SMALL = Size(guest=168, data=90, pool=8, lookups=100)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_real_programs_memory_is_packed_densely_and_comes_back_right(kernel: Kernel) -> None:
    found = run(kernel, SMALL, print)
    print(found)
    assert found.verified
    assert found.pages_packed > 5_000 and found.pages_read_back > 5_000
    assert found.fill >= 0.97
    assert found.disk_bytes_written <= 1.06 * found.object_bytes
    assert found.disk_bytes_written < 2048 * found.pages_packed
    assert found.write_ios <= found.blocks_written
    # One I/O each at most; one more for a page that moved while it was read.
    assert found.read_ios <= 1.01 * found.pages_read_back
    assert "pages in" in found.status and len(found.metrics) >= 8
    assert found.read_bytes <= 1.5 * 4096 * found.pages_read_back
