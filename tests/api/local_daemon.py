# SPDX-License-Identifier: GPL-2.0-only
"""zpackd on this machine, over a directory that stands for /, without the module; and its API."""

import importlib
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Iterator, Sequence

import grpc

from api.daemon import BUILD, ROOT

SERVICES = {
    "DeviceService": "device_service",
    "DeviceAdminService": "device_service",
    "JobService": "job_service",
    "JobAdminService": "job_service",
    "LayoutService": "layout_service",
    "CgroupService": "cgroup_service",
    "CgroupAdminService": "cgroup_service",
    "TelemetryService": "telemetry_service",
    "TunerService": "tuner_service",
    "TunerAdminService": "tuner_service",
    "SystemService": "system_service",
}


def as_user(user: int) -> list[str | Path]:
    """What to put before a command to run it as that user, in the group of that number alone.

    Not Popen's own `user`: with that Python forks, and gRPC, which has threads, does not survive it.
    """
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]


def free_port() -> int:
    """One that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    assert isinstance(port, int)
    return port


def compile_protos(directory: Path) -> None:
    """Make the API's messages importable."""
    protos = sorted((ROOT / "proto").glob("zpack/v1/*.proto"))
    subprocess.run(
        ["protoc", "-I", ROOT / "proto", f"--python_out={directory}", *protos], check=True
    )
    sys.path.insert(0, str(directory))


class FakeMachine:
    """The files of a machine with the module, and a device with more counters than any has."""

    def __init__(self, root: Path, counters: int = 2000) -> None:
        self.root = root
        device = root / "sys/block/zpack0/zpack"
        device.mkdir(parents=True)
        (root / "sys/class/zpack-control").mkdir(parents=True)
        (root / "proc/sys/kernel/random").mkdir(parents=True)
        (root / "proc/sys/kernel/random/boot_id").write_text("01234567-89ab\n")
        (root / "proc/swaps").write_text("Filename\n")
        (device / "disksize").write_text("1073741824\n")
        (device / "backing_dev").write_text("none\n")
        (device / "block_pages").write_text("16\n")
        (device / "last_error").write_text("none\n")
        lines = [f"counter_number_{number} {number}" for number in range(counters)]
        (device / "stat").write_text("\n".join(["slots 262144", "stored 0", *lines]) + "\n")

    def unload(self) -> None:
        """Take the module away, until load()."""
        for name in ("class/zpack-control", "block/zpack0"):
            (self.root / "sys" / name).rename(self.root / Path(name).name)

    def load(self) -> None:
        """What unload() has taken away is there again."""
        for name in ("block/zpack0", "class/zpack-control"):
            (self.root / Path(name).name).rename(self.root / "sys" / name)


class Client:
    """Calls by service and method, with messages as they are generated."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.channel = channel

    @staticmethod
    def message(service: str, name: str) -> Any:
        """A message class of a service's file."""
        return getattr(importlib.import_module(f"zpack.v1.{SERVICES[service]}_pb2"), name)

    def method(self, service: str, name: str, stream: bool = False) -> Any:
        """What calls a method with a message or with bytes."""
        make = self.channel.unary_stream if stream else self.channel.unary_unary
        empty = name.startswith("Delete")
        return make(
            f"/zpack.v1.{service}/{name}",
            request_serializer=lambda m: m if isinstance(m, bytes) else m.SerializeToString(),
            response_deserializer=(
                bytes if empty else self.message(service, f"{name}Response").FromString
            ),
        )

    def call(self, service: str, name: str, /, **fields: Any) -> Any:
        """Call a method and return its answer."""
        request = self.message(service, f"{name}Request")(**fields)
        return self.method(service, name)(request, timeout=30)

    def close(self) -> None:
        """End the connection."""
        self.channel.close()


def tls_client(
    port: int, ca: Path, certificate: Path | None, options: Sequence[tuple[str, int]] = ()
) -> Client:
    """A connection to a TCP port with a certificate, whose key is beside it."""
    credentials = grpc.ssl_channel_credentials(
        ca.read_bytes(),
        certificate.with_suffix(".key").read_bytes() if certificate else None,
        certificate.read_bytes() if certificate else None,
    )
    return Client(grpc.secure_channel(f"127.0.0.1:{port}", credentials, list(options)))


class LocalDaemon:
    """zpackd in a directory: over the files of a machine with a device, or of a simulated one."""

    def __init__(
        self, directory: Path, config: str = "", *, simulated: bool = False, loaded: bool = True
    ) -> None:
        self.directory = directory
        self.machine = FakeMachine(directory / "root")
        if not loaded:
            self.machine.unload()
        (directory / "zpackd.toml").write_text(f"[daemon]\ntick_ms = 100\n{config}")
        self._log = (directory / "log").open("w")
        self.process = subprocess.Popen(
            [
                BUILD / "zpackd",
                f"--config={directory}/zpackd.toml",
                f"--runtime-dir={directory}/run",
                f"--state-dir={directory}/state",
                *(["--backend=sim"] if simulated else [f"--root={self.machine.root}"]),
            ],
            stderr=self._log,
        )

    def __enter__(self) -> "LocalDaemon":
        self.client("read").close()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.terminate()
        status = self.process.wait(timeout=60)
        self._log.close()
        assert status == 0 or error is not None, self.log

    def ends_by_itself(self) -> int:
        """Wait until it has ended; its exit status."""
        status = self.process.wait(timeout=60)
        self._log.close()
        return status

    @property
    def log(self) -> str:
        """What it has said."""
        return (self.directory / "log").read_text()

    @property
    def resident_kib(self) -> int:
        """Memory that it uses."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(l for l in status.splitlines() if l.startswith("VmRSS")).split()[1])

    def ctl(self, *arguments: str, socket: str = "admin") -> subprocess.CompletedProcess[str]:
        """Run zpackctl."""
        command: list[str | Path] = [
            BUILD / "zpackctl",
            f"--socket={self.directory}/run/{socket}.sock",
            *arguments,
        ]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    def client(self, socket: str) -> Client:
        """A new connection to a socket, when it answers: admin or read."""
        # Channels with equal arguments share a connection.
        options = [("grpc.use_local_subchannel_pool", 1)]
        channel = grpc.insecure_channel(f"unix:{self.directory}/run/{socket}.sock", options)
        return self.ready(Client(channel))

    def ready(self, client: Client) -> Client:
        """Wait until the server accepts."""
        end = time.monotonic() + 60
        while True:
            try:
                grpc.channel_ready_future(client.channel).result(timeout=1)
                return client
            except grpc.FutureTimeoutError:
                assert self.process.poll() is None and time.monotonic() < end, self.log


class Authority:
    """Signs certificates."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.certificate = directory / f"{name}.pem"
        self._openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/CN={name}", "-days", "2", "-keyout", self.key, "-out", self.certificate),
        )

    @property
    def key(self) -> Path:
        """The authority's own."""
        return self.certificate.with_suffix(".key")

    def sign(self, name: str, alternative: str) -> Path:
        """A certificate with that common name and alternative names; its key is beside it."""
        certificate = self.directory / f"{name}.pem"
        request = certificate.with_suffix(".csr")
        self._openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}"),
            *("-keyout", certificate.with_suffix(".key"), "-out", request),
        )
        self._openssl(
            *("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key),
            *("-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", certificate),
        )
        return certificate

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)


class Remote:
    """A daemon with a TCP port, and who may sign for it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.directory = directory
        self.authority = Authority(directory, "authority")
        self.certificate = self.authority.sign("server", "IP:127.0.0.1")
        with socket.create_server(("127.0.0.1", 0)) as unused:
            self.port = unused.getsockname()[1]
        self.config = f"""
[tls]
listen = "127.0.0.1:{self.port}"
certificate = "{self.certificate}"
key = "{self.certificate.with_suffix('.key')}"
client_ca = "{self.authority.certificate}"
admins = ["named-admin"]
"""

    def client(
        self,
        daemon: LocalDaemon,
        name: str,
        alternative: str,
        options: Sequence[tuple[str, int]] = (),
    ) -> Client:
        """Somebody with a certificate of the authority."""
        certificate = self.authority.sign(name, alternative)
        return daemon.ready(tls_client(self.port, self.authority.certificate, certificate, options))


def server_certificate(port: int, ca: Path, certificate: Path) -> bytes | None:
    """What a new connection gets from the server; None: no connection."""
    context = ssl.create_default_context(cafile=str(ca))
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    context.set_alpn_protocols(["h2"])
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
            with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
                return connection.getpeercert(binary_form=True)
    except ssl.SSLError:
        return None  # it is just being replaced


def streams(client: Client, count: int) -> Iterator[Any]:
    """Open streams of counters, as often as they come."""
    from google.protobuf.duration_pb2 import Duration

    request = client.message("TelemetryService", "WatchStatsRequest")(
        interval=Duration(nanos=100_000_000)
    )
    watch = client.method("TelemetryService", "WatchStats", stream=True)
    for _ in range(count):
        yield watch(request)
