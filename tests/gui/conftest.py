# SPDX-License-Identifier: GPL-2.0-only
"""A desktop, and a zpackd with a simulated device.

    def test_something(desktop, simulation):
        open_dashboard(desktop, f"--socket={simulation.socket}")
"""

from pathlib import Path
from typing import Iterator

import pytest

from gui.desktop import Desktop
from gui.server import Server


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Server]:
    """One that runs."""
    simulation = Server(tmp_path)
    simulation.start()
    yield simulation
    simulation.kill()


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[Desktop]:
    """An empty one."""
    with Desktop(tmp_path) as desktop:
        yield desktop
