# SPDX-License-Identifier: GPL-2.0-only
"""zpackd goes on, whatever it is given: pipes for disks, bytes that are no text, a log that nobody reads."""

import os
import subprocess
import tempfile
from pathlib import Path

import grpc
import pytest

from api.daemon import BUILD
from api.local_daemon import LocalDaemon, Remote, as_user
from api.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("protos")]


def files_of(daemon: LocalDaemon) -> Path:
    """The module's files of its device."""
    return daemon.machine.root / "sys/block/zpack0/zpack"


def test_pipe_as_a_backing_device_is_refused_and_holds_nobody_up(
    daemon: LocalDaemon, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for command in (
        ["create", "1G", "--backing", str(pipe)],
        ["create", "1G", "--backing", str(pipe), "--force", "--encrypt"],
        ["tune", "zpack0", f"backing_path={pipe}"],
        ["tune", "zpack0", "--force", f"backing_path={tmp_path}"],
    ):
        said = daemon.ctl(*command)
        assert said.returncode == 1, (command, said)
        assert "is neither a block device nor a file" in said.stderr, (command, said)
    assert daemon.ctl("tune", "zpack0", "block_pages=32").returncode == 0


def test_what_the_module_quotes_may_be_any_bytes(daemon: LocalDaemon) -> None:
    (files_of(daemon) / "last_error").write_bytes(b'block_pages: "\xff\xc3" is not allowed\n')
    (files_of(daemon) / "backing_dev").write_bytes(b"/dev/caf\xe9\n")

    def listed() -> str:
        said = daemon.ctl("-o", "json", "list")
        assert said.returncode == 0, said
        return said.stdout

    wait_until(lambda: '"??\\" is not allowed' in listed(), "the refusal is shown")
    assert "/dev/caf?" in listed()
    said = daemon.ctl("-o", "json", "tune", "zpack0", "block_pages=64")
    assert said.returncode == 0 and "/dev/caf?" in said.stdout, said


def test_log_that_nobody_reads_any_more_does_not_end_the_daemon(tmp_path: Path) -> None:
    with subprocess.Popen(
        [BUILD / "zpackd", "--backend=sim", f"--runtime-dir={tmp_path}", f"--state-dir={tmp_path}"],
        stderr=subprocess.PIPE,
    ) as process:
        ctl: list[str | Path] = [BUILD / "zpackctl", f"--socket={tmp_path}/admin.sock"]

        def answers() -> bool:
            return subprocess.run([*ctl, "list"], capture_output=True, check=False).returncode == 0

        wait_until(answers, "zpackd answers")
        assert process.stderr
        process.stderr.close()
        for pages in (32, 64):  # each a line in the log
            subprocess.run([*ctl, "tune", "zpack0", f"block_pages={pages}"], check=True)
        assert answers() and process.poll() is None
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_interval_out_of_range_is_refused(daemon: LocalDaemon) -> None:
    client = daemon.client("read")
    request = client.message("TelemetryService", "WatchStatsRequest")
    for seconds in (0, -1, 3601, 18446744073709552, 2**63 - 1, -(2**63)):
        watch = client.method("TelemetryService", "WatchStats", stream=True)
        with pytest.raises(grpc.RpcError) as refused:
            next(iter(watch(request(interval={"seconds": seconds}), timeout=30)))
        assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT, seconds
    client.close()


def test_module_that_is_loaded_anew_between_two_readings_is_noticed(tmp_path: Path) -> None:
    with LocalDaemon(tmp_path, '[device.main]\nsize = "1G"\n') as daemon:
        # These files make no device, so each attempt is a line.
        assert daemon.log.count("device.main: ") == 1, daemon.log
        anew = tmp_path / "anew"
        anew.mkdir()
        # Replaced at once: at no time is it missing.
        anew.rename(daemon.machine.root / "sys/class/zpack-control")
        wait_until(lambda: daemon.log.count("device.main: ") == 2, "it tries again")


def test_client_that_waits_long_for_an_answer_keeps_its_connection(tmp_path: Path) -> None:
    remote = Remote(tmp_path / "tls")
    with LocalDaemon(tmp_path, remote.config) as daemon:
        client = remote.client(
            *(daemon, "viewer", "URI:urn:zpack:role:viewer"),
            [("grpc.keepalive_time_ms", 11_000), ("grpc.http2.max_pings_without_data", 0)],
        )
        request = client.message("TelemetryService", "WatchStatsRequest")(interval={"seconds": 50})
        watch = client.method("TelemetryService", "WatchStats", stream=True)
        # One at once, the other after four pings: by default a server takes three.
        readings = watch(request, timeout=90)
        for _ in range(2):
            next(readings)
        client.close()


def test_trace_that_can_not_be_recorded_leaves_no_file() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o777)
        said = subprocess.run(
            [*as_user(65534), BUILD / "zpackctl", "trace", "record", "zpack0", directory / "trace"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert said.returncode != 0 and said.stderr.startswith("zpackctl: "), said
        assert not list(directory.iterdir())
