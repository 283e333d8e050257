# SPDX-License-Identifier: GPL-2.0-only
"""zpackd and zpackctl in a guest."""

import functools
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from api import cmake
from api.waiting import wait_until
from vm import VM, Process, Result

ROOT = cmake.ROOT
# asan and tsan: with sanitizers, which need more memory than is asserted of the others.
PRESET = os.environ.get("ZPACK_AGENT_PRESET", "dev")
SANITIZED = PRESET != "dev"
BUILD = ROOT / "build" / (f"agent-{PRESET}" if SANITIZED else "agent")
CONFIG = "/run/zpackd.toml"
# SIOCSIFFLAGS, IFF_UP | IFF_RUNNING: the guest's packages have no ip(8).
LOOPBACK_UP = (
    "import fcntl, socket, struct; "
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh14x', b'lo', 0x41))"
)


def build() -> None:
    """Build the agent, or what has changed of it. Takes minutes the first time."""
    cmake.build("agent", PRESET, BUILD)


@functools.lru_cache(maxsize=None)
def programs() -> dict[str, bytes]:
    """The agent's programs by name, stripped."""
    stripped = {}
    with tempfile.TemporaryDirectory() as directory:
        for name in ("zpackd", "zpackctl", "zpack-sim"):
            file = Path(directory) / name
            subprocess.run(["strip", "-o", file, BUILD / name], check=True)
            stripped[name] = file.read_bytes()
    return stripped


class Daemon:
    """zpackd in a guest, started with a configuration file."""

    def __init__(self, vm: VM) -> None:
        self.vm = vm
        self.process: Process | None = None
        vm.run(["python3", "-c", LOOPBACK_UP])
        for name, content in programs().items():
            if vm.run(["test", "-x", f"/usr/bin/{name}"], check=False).returncode != 0:
                vm.put(content, f"/usr/bin/{name}", 0o755)

    def start(self, config: str) -> None:
        """Start it and wait until it answers."""
        self.vm.put(config.encode(), CONFIG)
        self._start("--config", CONFIG)

    def start_installed(self) -> None:
        """Start it with the configuration that is installed."""
        self._start()

    def _start(self, *arguments: str) -> None:
        self.process = self.vm.spawn(["zpackd", *arguments])
        process = self.process
        wait_until(
            lambda: not process.running or self.ctl("list", check=False).returncode == 0,
            "zpackd answers",
        )
        if not process.running:
            raise AssertionError(process.wait(check=False))

    @property
    def log(self) -> str:
        """What it has said."""
        assert self.process
        return self.process.stderr

    def stop(self, number: int = 15) -> None:
        """End it with a signal."""
        if self.process and self.process.running:
            self.process.kill(number)
            self.process.wait(check=False)

    def ctl(self, *arguments: str, check: bool = True) -> Result:
        """Run zpackctl."""
        return self.vm.run(["zpackctl", *arguments], check=check)

    def json(self, *arguments: str) -> Any:
        """What zpackctl says, as JSON."""
        return json.loads(self.ctl("-o", "json", *arguments).stdout)

    def job_state(self) -> str:
        """Of the newest job."""
        return str(self.json("jobs")["jobs"][0]["state"])
