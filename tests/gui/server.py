# SPDX-License-Identifier: GPL-2.0-only
"""A real zpackd on this machine for the dashboard to show."""

import json
import subprocess
from pathlib import Path
from typing import Any

from api.daemon import BUILD


class Server:
    """zpackd with sockets in a directory; its device is simulated unless `arguments` say otherwise."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.socket = directory / "run/admin.sock"
        self._directory = directory
        self._arguments = arguments or ("--backend=sim",)
        self._process: subprocess.Popen[Any] | None = None

    def start(self) -> None:
        """Start it; returns at once."""
        with (self._directory / "log").open("a") as log:
            self._process = subprocess.Popen(
                [
                    *("setpriv", "--pdeathsig", "KILL", BUILD / "zpackd"),
                    *(f"--runtime-dir={self._directory}/run", *self._arguments),
                ],
                stderr=log,
            )

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=60)
            self._process = None

    def kill(self) -> None:
        """End it at once, when nobody needs it any more: a simulation ends a step first, which takes it
        seconds on a busy machine."""
        if self._process:
            self._process.kill()
            self._process.wait(timeout=60)
            self._process = None

    def ctl(self, *arguments: str) -> str:
        """What zpackctl says."""
        return subprocess.run(
            [BUILD / "zpackctl", f"--socket={self.socket}", *arguments],
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def setting(self, name: str) -> Any:
        """Of the device, as zpackctl says."""
        return json.loads(self.ctl("-o", "json", "list"))["devices"][0]["settings"][name]
