# SPDX-License-Identifier: GPL-2.0-only
"""Who may do what with zpackd, and what a hostile client can do to it. No guest, no module."""

import json
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import grpc
import pytest

from api.daemon import SANITIZED
from api.local_daemon import (
    Authority,
    Client,
    LocalDaemon,
    Remote,
    as_user,
    server_certificate,
    streams,
    tls_client,
)
from api.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("protos")]

NOBODY = 65534
LIMITS = "[limits]\ncalls_per_second = 20\ncalls_burst = 40\n"
# A user who calls as often as can be until its input ends, then tells what it was answered.
LOOPER = """
import collections, grpc, json, select, sys, time
channel = grpc.insecure_channel("unix:" + sys.argv[1])
call = channel.unary_unary(sys.argv[2], request_serializer=bytes, response_deserializer=bytes)
answers, text, pushback, start = collections.Counter(), "", 0, time.monotonic()
while not select.select([sys.stdin], [], [], 0)[0]:
    for one in [call.future(b"") for _ in range(50)]:
        answers[one.code().name] += 1
        if "too many calls" in one.details():
            if not text:
                print("refused", flush=True)
            text = one.details()
            pushback = int(dict(one.trailing_metadata())["grpc-retry-pushback-ms"])
print(json.dumps(dict(answers=answers, text=text, pushback=pushback, took=time.monotonic() - start)))
"""
# A user who opens connections, and keeps those that it gets.
CONNECTOR = """
import socket, sys
kept = []
for _ in range(int(sys.argv[2])):
    one = socket.socket(socket.AF_UNIX)
    one.connect(sys.argv[1])
    kept.append(one)
open_ones = 0
for one in kept:
    try:
        one.settimeout(30)
        open_ones += one.recv(1) != b""  # the server speaks first
    except ConnectionResetError:
        pass
print(open_ones, flush=True)
sys.stdin.read()
"""
ROLE = "URI:urn:zpack:role:"


@pytest.fixture
def limited() -> Iterator[LocalDaemon]:
    """One with low limits, where every user may come in."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        with LocalDaemon(Path(directory), LIMITS) as daemon:
            yield daemon


class Hostile:
    """A program of another user, which ends with its input."""

    def __init__(self, program: str, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            [*as_user(NOBODY), "/usr/bin/python3", "-c", program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        """The next one that it prints."""
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self) -> str:
        """What it prints at its end."""
        said, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0
        return str(said)


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    """Keys and a port."""
    return Remote(tmp_path / "tls")


def most_memory(mib: int) -> int:
    """In KiB; sanitizers need several times as much, and keep for a while what was given back."""
    return mib * 1024 * (10 if SANITIZED else 1)


def refusal(client: Client, service: str, method: str) -> grpc.StatusCode:
    """Why a call is refused."""
    with pytest.raises(grpc.RpcError) as raised:
        client.call(service, method)
    code: grpc.StatusCode = raised.value.code()
    return code


def told_once_a_minute(daemon: LocalDaemon, note: str, since: float) -> bool:
    """Whether the log has it: once, but where what it is about goes on for longer than a minute."""
    return 1 <= daemon.log.count(note) <= 1 + (time.monotonic() - since) // 60


def test_certificate_says_what_a_client_may_do(tmp_path: Path, remote: Remote) -> None:
    with LocalDaemon(tmp_path, remote.config) as daemon:
        viewer = remote.client(daemon, "viewer", f"{ROLE}viewer")
        assert len(viewer.call("DeviceService", "ListDevices").devices) == 1
        assert not viewer.call("SystemService", "GetSystem").admin
        code = refusal(viewer, "DeviceAdminService", "CreateDevice")
        assert code == grpc.StatusCode.PERMISSION_DENIED
        for name, alternative in (("admin", f"{ROLE}admin"), ("named-admin", "DNS:x")):
            admin = remote.client(daemon, name, alternative)
            assert admin.call("SystemService", "GetSystem").admin
            # Let in, and refused for what it asks.
            code = refusal(admin, "DeviceAdminService", "CreateDevice")
            assert code == grpc.StatusCode.INVALID_ARGUMENT
        nobody = remote.client(daemon, "nobody", "DNS:x")
        code = refusal(nobody, "DeviceService", "ListDevices")
        assert code == grpc.StatusCode.PERMISSION_DENIED
        assert "CreateDevice refused to tls:viewer" in daemon.log
        assert "ListDevices refused to tls:nobody" in daemon.log


def test_strangers_are_not_let_in(tmp_path: Path, remote: Remote) -> None:
    other = Authority(remote.directory, "other")
    stranger = other.sign("stranger", f"{ROLE}admin")
    with LocalDaemon(tmp_path, remote.config) as daemon:
        remote.client(daemon, "viewer", f"{ROLE}viewer")  # the port is open
        for certificate in (stranger, None):
            client = tls_client(remote.port, remote.authority.certificate, certificate)
            code = refusal(client, "DeviceService", "ListDevices")
            assert code == grpc.StatusCode.UNAVAILABLE
        with pytest.raises(grpc.FutureTimeoutError):
            plain = grpc.insecure_channel(f"127.0.0.1:{remote.port}")
            grpc.channel_ready_future(plain).result(timeout=3)


def test_new_certificate_is_used_without_a_restart(tmp_path: Path, remote: Remote) -> None:
    viewer = remote.authority.sign("viewer", f"{ROLE}viewer")
    ca = remote.authority.certificate
    with LocalDaemon(tmp_path, remote.config) as daemon:
        old = daemon.ready(tls_client(remote.port, ca, viewer))
        old.call("DeviceService", "ListDevices")
        before = server_certificate(remote.port, ca, viewer)
        assert before
        new = remote.authority.sign("new", "IP:127.0.0.1")
        for suffix in (".key", ".pem"):
            os.replace(new.with_suffix(suffix), remote.certificate.with_suffix(suffix))
        wait_until(
            lambda: server_certificate(remote.port, ca, viewer) not in (before, None),
            "the new one is used",
        )
        old.call("DeviceService", "ListDevices")


def test_read_socket_has_no_changing_services(daemon: LocalDaemon) -> None:
    client = daemon.client("read")
    assert len(client.call("DeviceService", "ListDevices").devices) == 1
    code = refusal(client, "DeviceAdminService", "CreateDevice")
    assert code == grpc.StatusCode.UNIMPLEMENTED
    assert daemon.client("admin").call("SystemService", "GetSystem").admin


def test_huge_messages_are_refused(daemon: LocalDaemon) -> None:
    client = daemon.client("admin")
    update = client.method("DeviceAdminService", "UpdateDevice")
    before = daemon.resident_kib
    for _ in range(20):
        with pytest.raises(grpc.RpcError) as raised:
            update(b"\0" * (64 << 20), timeout=60)
        assert raised.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert daemon.resident_kib - before < most_memory(64)
    assert len(client.call("DeviceService", "ListDevices").devices) == 1


def test_many_streams_do_not_keep_others_out(daemon: LocalDaemon) -> None:
    before = daemon.resident_kib
    attackers = [daemon.client("read") for _ in range(20)]
    opened = [stream for attacker in attackers for stream in streams(attacker, 50)]
    refused = 0
    for stream in opened:
        try:
            next(stream)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            refused += 1
    assert refused >= 1000 - 48
    assert len(daemon.client("admin").call("DeviceService", "ListDevices").devices) == 1
    assert daemon.resident_kib - before < most_memory(96)
    for attacker in attackers:
        attacker.close()

    def one_more() -> bool:
        try:
            next(next(streams(daemon.client("read"), 1)))
        except grpc.RpcError:
            return False
        return True

    wait_until(one_more, "streams are free again")


def test_slow_readers_cost_little_and_hold_nobody_up(daemon: LocalDaemon) -> None:
    """Each reading is about 50 kB here, and they never read more than the first."""
    slow = [daemon.client("read") for _ in range(20)]
    stuck = [stream for client in slow for stream in streams(client, 2)]
    for stream in stuck:
        next(stream)
    before = daemon.resident_kib
    quick = next(streams(daemon.client("admin"), 1))
    times = [next(quick).snapshot_at.ToMilliseconds() for _ in range(50)]
    assert times == sorted(set(times))
    assert daemon.resident_kib - before < most_memory(32)


def calls_meanwhile(daemon: LocalDaemon, count: int) -> float:
    """Calls, ten in a second, which are all answered. Returns the longest one's seconds."""
    client = daemon.client("read")
    longest = 0.0
    pace = next(streams(client, 1))
    for _ in range(count):
        next(pace)
        start = time.monotonic()
        assert len(client.call("DeviceService", "ListDevices").devices) == 1
        longest = max(longest, time.monotonic() - start)
    return longest


@pytest.mark.parametrize(
    "method",
    [
        "zpack.v1.DeviceService/ListDevices",
        "zpack.v1.SystemService/RunDoctor",
        "grpc.health.v1.Health/Check",
    ],
)
def test_user_who_calls_in_a_loop_is_limited_and_others_are_served(
    limited: LocalDaemon, method: str
) -> None:
    """The second method is one that waits for a worker, which all share; the third is gRPC's own."""
    since = time.monotonic()
    hostile = Hostile(LOOPER, limited.directory / "run/read.sock", f"/{method}")
    assert hostile.line() == "refused"
    assert calls_meanwhile(limited, 30) < 10
    told = json.loads(hostile.end())
    answers = told["answers"]
    assert set(answers) == {"OK", "RESOURCE_EXHAUSTED"}, told
    assert 40 * 0.7 <= answers["OK"] <= 40 + 20 * told["took"] + 1, told
    assert answers["RESOURCE_EXHAUSTED"] > 2 * answers["OK"]
    assert f"unix:uid={NOBODY} may do 20 calls a second (40 at once); try again in " in told["text"]
    note = f"calls of unix:uid={NOBODY} are refused: more than 20 calls"
    assert told_once_a_minute(limited, note, since)
    assert 1 <= told["pushback"] <= 50


def test_streams_of_reflection_and_what_is_asked_there_are_limited(limited: LocalDaemon) -> None:
    """Each of them takes a thread, of which there are 16 for all."""
    since = time.monotonic()
    path = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
    list_services = b"\x3a\x00"
    client = limited.client("read")
    end = threading.Event()

    def asks_once_and_stays() -> Iterator[bytes]:
        yield list_services
        end.wait()

    def answered(stream: Any) -> bool:
        try:
            return b"zpack.v1.DeviceService" in next(stream)
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.CANCELLED
            return False

    def one_more() -> bool:
        return answered(client.channel.stream_stream(path)(asks_once_and_stays()))

    kept = [client.channel.stream_stream(path)(asks_once_and_stays()) for _ in range(16)]
    assert sum(answered(stream) for stream in kept) == 8, "whichever come first"
    health = client.channel.unary_stream("/grpc.health.v1.Health/Watch")
    assert not answered(health(b"")), "they are counted together"
    end.set()
    for stream in kept:
        stream.cancel()
    wait_until(one_more, "streams are free again")
    asked = client.channel.stream_stream(path)(iter([list_services] * 500))
    answers = 0
    with pytest.raises(grpc.RpcError) as raised:
        for _ in asked:
            answers += 1
    assert raised.value.code() == grpc.StatusCode.CANCELLED
    assert answers < 250, "40 at once, then 20 a second"
    note = "calls of unix:uid=0 are refused: more than 20 calls"
    assert told_once_a_minute(limited, note, since)


def test_certificates_are_limited_one_by_one(tmp_path: Path, remote: Remote) -> None:
    since = time.monotonic()
    with LocalDaemon(tmp_path, LIMITS + remote.config) as daemon:
        hostile = remote.client(daemon, "hostile", f"{ROLE}viewer")
        other = remote.client(daemon, "other", f"{ROLE}viewer")
        nobody = remote.client(daemon, "nobody", "DNS:x")

        def loop(client: Client) -> set[grpc.StatusCode]:
            """How calls end."""
            call = client.method("DeviceService", "ListDevices")
            return {one.code() for one in [call.future(b"", timeout=60) for _ in range(200)]}

        assert loop(hostile) == {grpc.StatusCode.OK, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert len(other.call("DeviceService", "ListDevices").devices) == 1
        # Nor can one without a role fill the log.
        loop(nobody)
        assert daemon.log.count("refused to tls:nobody") < 200
        assert told_once_a_minute(daemon, "calls of tls:nobody are refused: more than 20", since)


def test_limits_are_read_again(tmp_path: Path) -> None:
    with LocalDaemon(tmp_path, LIMITS) as daemon:
        client = daemon.client("read")
        call = client.method("DeviceService", "ListDevices")

        def all_let_in() -> bool:
            codes = [one.code() for one in [call.future(b"", timeout=60) for _ in range(200)]]
            return all(code == grpc.StatusCode.OK for code in codes)

        assert not all_let_in()
        config = daemon.directory / "zpackd.toml"
        text = config.read_text().replace("= 20", "= 100000").replace("= 40", "= 100000")
        config.write_text(text.replace("tick_ms = 100", "tick_ms = 200"))
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(all_let_in, "the new limits hold")
        said = "daemon.tick_ms has changed: restart zpackd for that"
        wait_until(lambda: said in daemon.log, "it says what a reload does not do")


def test_user_who_takes_connections_leaves_some_to_others(limited: LocalDaemon) -> None:
    since = time.monotonic()
    hostile = Hostile(CONNECTOR, limited.directory / "run/read.sock", "300")
    assert int(hostile.line()) == 64
    assert len(limited.client("read").call("DeviceService", "ListDevices").devices) == 1
    assert told_once_a_minute(limited, f"a connection of uid {NOBODY} is refused", since)
    hostile.end()
    again = Hostile(CONNECTOR, limited.directory / "run/read.sock", "60")
    assert int(again.line()) == 60, "those that were ended are free again"
    again.end()


def test_host_that_takes_connections_leaves_some_to_others(tmp_path: Path, remote: Remote) -> None:
    """It does not even begin with TLS. All of 127.0.0.0/8 is this machine."""
    viewer = remote.authority.sign("viewer", f"{ROLE}viewer")
    context = ssl.create_default_context(cafile=str(remote.authority.certificate))
    context.load_cert_chain(viewer, viewer.with_suffix(".key"))
    context.set_alpn_protocols(["h2"])
    other_host = ("127.0.0.2", 0)

    def connect() -> socket.socket:
        return socket.create_connection(("127.0.0.1", remote.port), 30, other_host)

    def gets_in() -> bool:
        try:
            with context.wrap_socket(connect(), server_hostname="127.0.0.1") as one:
                return one.recv(1) != b""  # HTTP/2's server speaks first
        except OSError:
            return False

    with LocalDaemon(tmp_path, remote.config) as daemon:
        client = remote.client(daemon, "viewer", f"{ROLE}viewer")
        wait_until(gets_in, "the other host is let in")
        since = time.monotonic()
        kept = [connect() for _ in range(200)]
        refused = f"a connection of {other_host[0]} is refused"
        wait_until(lambda: refused in daemon.log, "the rest is refused")
        assert told_once_a_minute(daemon, refused, since)
        assert not gets_in()
        assert len(client.call("DeviceService", "ListDevices").devices) == 1
        for one in kept:
            one.close()
        wait_until(gets_in, "those that were ended are free again")


@pytest.mark.parametrize(
    "address,said",
    [
        *(("no-port", "tls.listen: use an address and a port"), ("1:2:3", "tls: 1:2:3: ")),
        ("256.256.256.256:1", "tls: 256.256.256.256:1: "),
        ("localhost:x", "tls.listen: use an address and a port"),
    ],
)
def test_address_that_cannot_be_listened_on_is_named(
    tmp_path: Path, remote: Remote, address: str, said: str
) -> None:
    daemon = LocalDaemon(tmp_path, remote.config.replace(f"127.0.0.1:{remote.port}", address))
    assert daemon.ends_by_itself() == 1
    assert said in daemon.log


def test_port_that_is_taken_is_named(tmp_path: Path, remote: Remote) -> None:
    with socket.create_server(("127.0.0.1", remote.port)):
        daemon = LocalDaemon(tmp_path, remote.config)
        assert daemon.ends_by_itself() == 1
    assert f"tls: 127.0.0.1:{remote.port}: Address already in use" in daemon.log
