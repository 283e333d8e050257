# SPDX-License-Identifier: GPL-2.0-only
"""A simulated device, for people who have no module: as an ordinary user, and labelled as what it is."""

import json
import os
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Any, Iterator

import pytest

from api.daemon import BUILD
from api.local_daemon import as_user, free_port
from api.waiting import wait_until

pytestmark = pytest.mark.slow

NOBODY = 65534


class Simulation:
    """zpackd and zpackctl of an ordinary user."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        # The folder that they were built in may be another user's.
        for name in ("zpackd", "zpackctl"):
            shutil.copy(BUILD / name, directory / name)
        os.chown(directory, NOBODY, NOBODY)
        self._log = (directory / "log").open("w")
        self.process = subprocess.Popen(
            [
                *as_user(NOBODY),
                directory / "zpackd",
                "--backend=sim",
                f"--runtime-dir={directory}/run",
                f"--metrics-listen=127.0.0.1:{self.port}",
            ],
            stderr=self._log,
        )

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.directory / "log").read_text()

    def ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run zpackctl."""
        return subprocess.run(
            [
                *as_user(NOBODY),
                *(self.directory / "zpackctl", f"--socket={self.directory}/run/admin.sock"),
                *arguments,
            ],
            check=False,
            capture_output=True,
            text=True,
        )

    def json(self, *arguments: str) -> Any:
        """What zpackctl says, as JSON."""
        done = self.ctl("-o", "json", *arguments)
        assert done.returncode == 0, (done, self.log)
        return json.loads(done.stdout)

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        status = self.process.wait(timeout=60)
        self._log.close()
        assert status == 0, self.log


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    """One that answers."""
    with tempfile.TemporaryDirectory() as directory:
        simulation = Simulation(Path(directory))
        wait_until(
            lambda: simulation.process.poll() is not None or simulation.ctl("list").returncode == 0,
            "it answers",
        )
        yield simulation
        simulation.stop()
        assert not (Path(directory) / "run/simulation").exists()


def test_ordinary_user_gets_a_device_that_is_tuned_and_labelled(simulation: Simulation) -> None:
    assert simulation.ctl("list").stdout.startswith("SIMULATION")
    assert simulation.ctl("status", "zpack0").stdout.startswith("SIMULATION")
    assert simulation.ctl("top", "--count", "1").stdout.startswith("SIMULATION")

    def packed_pages() -> int:
        return int(simulation.json("status", "zpack0")["stats"][0]["slots"]["packed_pages"])

    def live_sizes() -> set[int]:
        return {cell["value"] for cell in blocks(simulation) if cell["live_state_bytes"] != "0"}

    found: dict[str, Any] = {}

    def first_block_has_objects() -> bool:
        """The layout is told more rarely than the counters."""
        said = simulation.ctl("-o", "json", "layout", "zpack0", "--block", "0")
        if said.returncode == 0:
            found.update(json.loads(said.stdout))
        return bool(found.get("objects"))

    assert simulation.json("status", "zpack0")["simulated"] is True
    wait_until(lambda: packed_pages() > 1000, "pages are written back")
    wait_until(first_block_has_objects, "the layout has them")
    assert live_sizes() == {16}
    said = simulation.ctl("layout", "zpack0", "--block", "4096")
    assert said.returncode != 0 and "no block begins at 4096" in said.stderr, said
    taken = sum((int(one["length_bytes"]) + 12 + 3) // 4 * 4 for one in found["objects"])
    assert 0 < taken <= int(found["block"]["size_bytes"]) == 65536
    simulation.json("tune", "zpack0", "block_pages=64")
    wait_until(
        lambda: 64 in {cell["value"] for cell in blocks(simulation)}, "new blocks are of that size"
    )
    with urllib.request.urlopen(f"http://127.0.0.1:{simulation.port}/metrics") as answer:
        metrics = answer.read().decode()
    assert "\nzpack_simulated 1\n" in metrics
    assert '\nzpack_setting_block_pages{device="zpack0"} 64\n' in metrics


def blocks(simulation: Simulation) -> list[Any]:
    """Cells of the layout by the size of their blocks."""
    cells: list[Any] = simulation.json("layout", "zpack0", "--metric", "block_pages")["cells"]
    return cells


def test_simulation_says_what_it_can_not_do(simulation: Simulation) -> None:
    for arguments in (
        ("create", "1G"),
        ("delete", "zpack0"),
        ("writeback", "zpack0"),
        ("drain", "zpack0"),
        ("tune", "zpack0", "swap=true"),
        ("tune", "zpack0", "backing_path=/dev/vda"),
    ):
        refused = simulation.ctl(*arguments)
        assert refused.returncode == 1 and "this is a simulation" in refused.stderr, refused
