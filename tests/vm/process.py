# SPDX-License-Identifier: GPL-2.0-only
"""A command in the guest, while it runs and after."""

import os
import re
import shlex
import signal
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Sequence

from vm.channel import Channel, Job, Request, monotonic_deadline
from vm.errors import CommandError, GuestTimeout

if TYPE_CHECKING:
    from vm.machine import VM

GUEST_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
}
OUTPUT_TAIL_CHARACTERS = 4000


@dataclass(frozen=True)
class Result:
    """What a finished command left."""

    command: str
    stdout: str
    stderr: str
    returncode: int  # exit status, or minus the number of the signal that ended it


class Process:
    """A command in the guest; made by VM.spawn."""

    def __init__(self, vm: "VM", command: str | Sequence[str], channel: Channel, job: Job) -> None:
        self.command = command if isinstance(command, str) else shlex.join(command)
        self._vm = vm
        self._channel = channel
        self._job = job
        self._expected_up_to = 0

    @property
    def stdout(self) -> str:
        """Standard output so far."""
        return self._text(self._job.stdout)

    @property
    def stderr(self) -> str:
        """Standard error so far."""
        return self._text(self._job.stderr)

    @property
    def running(self) -> bool:
        """Whether the command has not ended yet."""
        with self._channel.changed:
            return self._job.status is None and not self._channel.closed

    def wait(self, *, timeout: float | None = 30.0, check: bool = True) -> Result:
        """Wait for the end; see VM.run. The command is killed when the time is over."""
        try:
            self._vm.expect(lambda: self._job.status is not None, timeout, self.command)
        except GuestTimeout as error:
            self.kill()
            raise GuestTimeout(f"{error}\n{self._output()}") from None
        assert self._job.status is not None
        returncode = os.waitstatus_to_exitcode(self._job.status)
        if check and returncode != 0:
            how = f"returned {returncode}" if returncode > 0 else signal_text(-returncode)
            raise CommandError(f"{how}: {self.command}\n{self._output()}\n{self._vm.context()}")
        return Result(self.command, self.stdout, self.stderr, returncode)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the command and its children; wait() tells when they are gone."""
        self._channel.send(self._job.number, Request.KILL, struct.pack("<I", number))

    def expect(self, pattern: str, timeout: float = 30.0) -> re.Match[str]:
        """Wait until standard output, after the previous expect's match, matches; return the match.

        CommandError if the command ends before.
        """
        found: re.Match[str] | None = None

        def look() -> bool:
            nonlocal found
            found = re.compile(pattern).search(self.stdout, self._expected_up_to)
            return found is not None or self._job.status is not None

        try:
            self._vm.expect(look, timeout, f"{pattern!r} from {self.command}")
        except GuestTimeout as error:
            raise GuestTimeout(f"{error}\n{self._output()}") from None
        if found is None:
            raise CommandError(
                f"ended without output that matches {pattern!r}: {self.command}\n"
                f"{self._output()}\n{self._vm.context()}"
            )
        self._expected_up_to = found.end()
        return found

    def _text(self, data: bytearray) -> str:
        with self._channel.changed:
            return data.decode(errors="replace")

    def _output(self) -> str:
        return (
            f"--- stdout ---\n{self.stdout[-OUTPUT_TAIL_CHARACTERS:]}\n"
            f"--- stderr ---\n{self.stderr[-OUTPUT_TAIL_CHARACTERS:]}"
        )


def pack_exec(command: str | Sequence[str], stdin: str | bytes, env: dict[str, str]) -> bytes:
    """The payload of an EXEC request."""
    argv = ["/bin/bash", "-c", command] if isinstance(command, str) else list(command)
    variables = [f"{key}={value}" for key, value in {**GUEST_ENVIRONMENT, **env}.items()]
    return (
        struct.pack("<II", len(argv), len(variables))
        + b"".join(os.fsencode(word) + b"\0" for word in [*argv, *variables])
        + (stdin.encode() if isinstance(stdin, str) else stdin)
    )


def signal_text(number: int) -> str:
    """ "killed by SIGKILL", for a signal number."""
    try:
        return f"killed by {signal.Signals(number).name}"
    except ValueError:
        return f"killed by signal {number}"
