# SPDX-License-Identifier: GPL-2.0-only
"""Pages of known contents on a block device: write them, remember them, check them."""

import functools
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, NamedTuple

from vm import VM, Process

SOURCE = Path(__file__).with_name("pageio.c")
PROGRAM = "/tmp/pageio"


@functools.lru_cache(maxsize=None)
def build() -> bytes:
    """The program pageio.c for a guest."""
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "pageio"
        strict = ["-O2", "-Wall", "-Wextra", "-Werror"]
        subprocess.run(["gcc", "-static", "-s", *strict, "-o", program, SOURCE], check=True)
        return program.read_bytes()


def install(vm: VM) -> None:
    """Put the program into the guest unless it is there."""
    if vm.run(["test", "-x", PROGRAM], check=False).returncode != 0:
        vm.put(build(), PROGRAM, 0o755)


class Content(NamedTuple):
    """What a page contains; pageio.c explains the kinds."""

    kind: str
    seed: int


EMPTY = Content("zero", 0)


@dataclass(frozen=True)
class Failure:
    """A transfer that failed, or with errno 0 a page that is not what was written."""

    page: int
    errno: int


def _ranges(contents: Iterable[tuple[int, Content]]) -> str:
    """Standard input for pageio; neighbours with one content share a line."""
    lines: list[str] = []
    first, count, content = 0, 0, EMPTY
    for page, own in contents:
        if count and page == first + count and own == content:
            count += 1
            continue
        if count:
            lines.append(f"{first} {count} {content.kind} {content.seed}\n")
        first, count, content = page, 1, own
    if count:
        lines.append(f"{first} {count} {content.kind} {content.seed}\n")
    return "".join(lines)


class Pages:
    """Pages of a block device and what they have to contain.

    `write` and `discard` remember; `check` reads. A page whose transfer failed keeps what it had;
    of a larger transfer that failed, nobody knows which pages were written.
    """

    def __init__(self, vm: VM, path: str) -> None:
        self.vm = vm
        self.path = path
        self.contents: dict[int, Content] = {}
        self.cgroup: str | None = None  # folder of the cgroup whose pages they are to be
        install(vm)

    def write(
        self,
        pages: Iterable[int],
        kind: str,
        *,
        seed: int = 1,
        io_pages: int = 1,
        misalign: int = 0,
        shuffle: int = 0,
    ) -> list[Failure]:
        """Write pages of a kind; returns the transfers that failed, which a test must expect."""
        contents = {page: Content(kind, seed) for page in pages}
        failed = self._run("write", contents, io_pages, misalign, shuffle)
        for failure in failed:
            for page in range(failure.page, failure.page + io_pages):
                contents.pop(page, None)
        self.contents.update(contents)
        return failed

    def fill(self, pages: Iterable[int], kind: str, *, seed: int = 1, io_pages: int = 1) -> None:
        """Write pages of a kind; nothing may fail."""
        failed = self.write(pages, kind, seed=seed, io_pages=io_pages)
        assert not failed, failed[:10]

    def failures(
        self,
        pages: Iterable[int] | None = None,
        *,
        io_pages: int = 1,
        misalign: int = 0,
        shuffle: int = 0,
    ) -> list[Failure]:
        """Read pages (default: all that were written) and return those that failed."""
        chosen = sorted(self.contents) if pages is None else pages
        contents = {page: self.contents.get(page, EMPTY) for page in chosen}
        return self._run("read", contents, io_pages, misalign, shuffle)

    def check(
        self,
        pages: Iterable[int] | None = None,
        *,
        io_pages: int = 1,
        misalign: int = 0,
        shuffle: int = 0,
    ) -> None:
        """Read pages (default: all that were written): each must be what was written last."""
        failed = self.failures(pages, io_pages=io_pages, misalign=misalign, shuffle=shuffle)
        assert not failed, f"{len(failed)} pages, among them {failed[:10]}"

    def discard(self, first: int, count: int, *, zeroout: bool = False) -> None:
        """Discard (or zero) `count` pages with one request; they have to read as zeroes then."""
        command = "zeroout" if zeroout else "discard"
        process = self._spawn(command, f"{first} {count} zero 0\n", count, 0, 0)
        failed, done = _parse(process.wait(timeout=60.0).stdout)
        assert (failed, done) == ([], count)
        for page in [page for page in self.contents if first <= page < first + count]:
            self.contents[page] = EMPTY

    def spawn_write(
        self, pages: Iterable[int], kind: str, *, seed: int = 1, io_pages: int = 1
    ) -> Process:
        """Write pages of a kind while other things are done; see `finish_write`."""
        contents = {page: Content(kind, seed) for page in pages}
        self.contents.update(contents)
        return self._spawn("write", _ranges(contents.items()), io_pages, 0, 0)

    @staticmethod
    def finish_write(process: Process, timeout: float = 60.0) -> None:
        """Wait for `spawn_write`: nothing may have failed."""
        failed, _ = _parse(process.wait(timeout=timeout).stdout)
        assert not failed, failed[:10]

    def spawn_check(self, *, io_pages: int = 1, shuffle: int = 0, rounds: int = 1) -> Process:
        """Read all pages some times while other things are done; see `finish_check`."""
        ranges = _ranges(sorted(self.contents.items())) * rounds
        return self._spawn("read", ranges, io_pages, 0, shuffle)

    @staticmethod
    def finish_check(process: Process, timeout: float = 60.0) -> None:
        """Wait for `spawn_check`: each page must have been right each time."""
        failed = Pages.finish_failures(process, timeout)
        assert not failed, f"{len(failed)} pages, among them {failed[:10]}"

    @staticmethod
    def finish_failures(process: Process, timeout: float = 60.0) -> list[Failure]:
        """Wait for `spawn_check`: what could not be read, or was not right."""
        return _parse(process.wait(timeout=timeout).stdout)[0]

    def _spawn(
        self, command: str, ranges: str, io_pages: int, misalign: int, shuffle: int
    ) -> Process:
        arguments = [f"pages={io_pages}", f"misalign={misalign}", f"shuffle={shuffle}"]
        words = [PROGRAM, command, self.path, *arguments]
        if self.cgroup:
            words = ["sh", "-c", f'echo $$ >{self.cgroup}/cgroup.procs; exec "$@"', "sh", *words]
        return self.vm.spawn(words, stdin=ranges)

    def _run(
        self,
        command: str,
        contents: dict[int, Content],
        io_pages: int,
        misalign: int = 0,
        shuffle: int = 0,
    ) -> list[Failure]:
        ranges = _ranges(contents.items())
        process = self._spawn(command, ranges, io_pages, misalign, shuffle)
        failed, done = _parse(process.wait(timeout=60.0).stdout)
        assert failed or done == len(contents)
        return failed


def _parse(output: str) -> tuple[list[Failure], int]:
    failed: list[Failure] = []
    for line in output.splitlines():
        word, *numbers = line.split()
        if word == "done":
            return failed, int(numbers[0])
        page = int(numbers[0])
        failed.append(Failure(page, int(numbers[2]) if word == "error" else 0))
    raise AssertionError(f"pageio did not come to its end: {output[-200:]}")
