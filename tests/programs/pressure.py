# SPDX-License-Identifier: GPL-2.0-only
"""Memory pressure in a guest: pressure.c, which knows what each of its pages must contain.

    summary = Pressure(vm).run(workers=3, mib=72, pattern="zipf")

    load = Pressure(vm).start(workers=2, mib=64, ops=0)     # works until told to stop
    ...
    summary = load.stop()

`run` and `stop` fail the test if any page was ever wrong.
"""

import functools
import json
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vm import VM, CommandError, Process

SOURCE = Path(__file__).with_name("pressure.c")
PROGRAM = "/run/pressure"
WRONG_CONTENTS, WORKER_KILLED = 1, 3  # exit statuses


@functools.lru_cache(maxsize=None)
def build() -> bytes:
    """The program for a guest."""
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "pressure"
        strict = ["-O2", "-Wall", "-Wextra", "-Werror"]
        subprocess.run(["gcc", "-static", "-s", *strict, "-o", program, SOURCE], check=True)
        return program.read_bytes()


@dataclass(frozen=True)
class Summary:
    """What a run did, over all its workers."""

    workers: int
    killed: int
    pages: int
    verified: int  # page comparisons
    written: int
    freed: int
    paged_out: int
    mismatches: int
    first: list[dict[str, Any]]  # the first wrong pages of each worker

    @classmethod
    def parse(cls, output: str) -> "Summary":
        """Read the line of JSON at the end of the output."""
        return cls(**json.loads(output.splitlines()[-1]))


class Load:
    """A run that is going on."""

    def __init__(self, vm: VM, process: Process) -> None:
        self._vm = vm
        self.process = process
        self._goes_on = False

    def wait_filled(self, timeout: float = 30.0) -> None:
        """Wait until all memory has been filled."""
        self.process.expect("filled", timeout)

    def go(self) -> None:
        """Let a run with hold=1 go on."""
        self.process.kill(signal.SIGUSR1)
        self._wait_working()

    def stop(self, timeout: float = 30.0) -> Summary:
        """Let a run with ops=0 verify all its memory and end."""
        self._wait_working(timeout)
        self.process.kill(signal.SIGUSR1)
        return self.finish(timeout)

    def _wait_working(self, timeout: float = 30.0) -> None:
        """It says so once."""
        if not self._goes_on:
            self.process.expect("working", timeout)
        self._goes_on = True

    def finish(self, timeout: float = 30.0, *, may_be_killed: bool = False) -> Summary:
        """Wait for the end."""
        result = self.process.wait(timeout=timeout, check=False)
        if result.returncode not in (0, WRONG_CONTENTS, WORKER_KILLED):
            raise CommandError(f"{result}\n{self._vm.context()}")
        summary = Summary.parse(result.stdout)
        assert not summary.mismatches, summary
        assert may_be_killed or not summary.killed, summary
        assert summary.killed or summary.verified >= summary.pages, summary
        return summary


class Pressure:
    """The program in one guest."""

    def __init__(self, vm: VM, program: str = PROGRAM) -> None:
        """`program` is where it is, or is put; from /run a Debian system executes nothing."""
        self.vm = vm
        self.program = program
        if vm.run(["test", "-x", program], check=False).returncode != 0:
            vm.put(build(), program, 0o755)

    def start(self, **options: int | str) -> Load:
        """Start a run; options as `pressure run` has them."""
        arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        return Load(self.vm, self.vm.spawn([self.program, "run", *arguments]))

    def run(self, *, timeout: float = 30.0, **options: int | str) -> Summary:
        """Run to the end."""
        return self.start(**options).finish(timeout)

    def create(self, path: str, mib: int, seed: int) -> None:
        """Write a file of known pages."""
        self.vm.run([self.program, "create", path, str(mib), str(seed)])

    def check(self, path: str, mib: int, seed: int) -> Summary:
        """Read a file of known pages and compare."""
        return Load(
            self.vm, self.vm.spawn([self.program, "check", path, str(mib), str(seed)])
        ).finish()
