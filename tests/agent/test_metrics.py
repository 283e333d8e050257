# SPDX-License-Identifier: GPL-2.0-only
"""What Prometheus gets. No guest, no module."""

import subprocess
import urllib.request
from pathlib import Path
from typing import Iterator

import pytest

from api.daemon import BUILD
from api.local_daemon import LocalDaemon, free_port
from api.prometheus import Prometheus
from api.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("protos")]


@pytest.fixture
def port() -> int:
    """Of the metrics."""
    return free_port()


@pytest.fixture
def daemon(tmp_path: Path, port: int) -> Iterator[LocalDaemon]:
    """One that serves metrics, of a device with load latencies."""
    with LocalDaemon(tmp_path, f'metrics_listen = "127.0.0.1:{port}"\n') as daemon:
        device = daemon.machine.root / "sys/block/zpack0/zpack"
        (device / "load_latency_histogram").write_text("1000 1 2 3 4\n2000 1 2 3 4\ninf 0 0 0 1\n")
        wait_until(lambda: "load_duration_seconds" in scrape(port), "it is read")
        yield daemon


def scrape(port: int) -> str:
    """What the port says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def test_names_types_and_help_pass_promtool(daemon: LocalDaemon, port: int) -> None:
    text = scrape(port)
    assert "zpack_module_loaded 1" in text
    # The library's own metrics are not ours to name.
    own = "\n".join(line for line in text.splitlines() if "exposer" not in line) + "\n"
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=own, check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked
    assert 'zpack_load_duration_seconds_bucket{device="zpack0",place="disk",le="2e-06"} 8' in text


def test_textfile_is_what_a_scrape_has(daemon: LocalDaemon, port: int, tmp_path: Path) -> None:
    path = tmp_path / "zpack.prom"
    zpackctl = [str(BUILD / "zpackctl"), "--socket", f"{daemon.directory}/run/read.sock"]
    subprocess.run([*zpackctl, "metrics", "--textfile", path], check=True)
    assert path.stat().st_mode & 0o777 == 0o644

    def steady(text: str) -> list[str]:
        """Without what differs each time, and without the library's own."""
        changing = ("exposer", "zpack_scrape_duration", "zpack_snapshot_timestamp")
        return [l for l in text.splitlines() if not any(word in l for word in changing)]

    assert steady(path.read_text()) == steady(scrape(port))
    assert [p.name for p in tmp_path.glob("zpack.prom*")] == ["zpack.prom"]
    wrong = subprocess.run(
        [*zpackctl, "metrics", "--textfile", tmp_path / "zpack.txt"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert wrong.returncode == 2 and ".prom" in wrong.stderr


def test_prometheus_scrapes_it(daemon: LocalDaemon, port: int, tmp_path: Path) -> None:
    with Prometheus(tmp_path, port) as prometheus:
        wait_until(lambda: bool(prometheus.series("zpack_slots")), "the series is there")
        (found,) = prometheus.series("zpack_slots")
        assert found["metric"]["device"] == "zpack0" and found["value"][1] == "262144"
