# SPDX-License-Identifier: GPL-2.0-only
"""Where downloaded and generated files live, and how several processes share them.

Everything here can be deleted at any time; it is made again when next needed. A path in the cache
either does not exist or is complete: it is made under another name and renamed into place.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, Mapping, Sequence


class CommandFailed(Exception):
    """A host command returned an error; the text has the command and its output."""


def root() -> Path:
    """The cache directory: $ZPACK_CACHE, else zpack/ in the user's cache directory."""
    own = os.environ.get("ZPACK_CACHE")
    if own:
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zpack"


def note(text: str) -> None:
    """Tell the person who waits what takes long, or what differs from the usual."""
    print(f"[vm] {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def lock(name: str) -> Iterator[None]:
    """Hold the cache-wide lock `name`, waiting for other processes that hold it."""
    directory = root() / "locks"
    directory.mkdir(parents=True, exist_ok=True)
    with open(directory / name, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note(f"waiting for another process that prepares {name}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def publish(final: Path) -> Iterator[Path]:
    """Give a path to build at, which becomes `final` if the block succeeds and vanishes if not."""
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = final.with_name(f".draft-{os.getpid()}-{final.name}")
    remove(draft)
    try:
        yield draft
        remove(final)
        draft.rename(final)
    finally:
        remove(draft)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A directory that exists for the block only."""
    (root() / "scratch").mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=root() / "scratch"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        remove(path)


def remove(path: Path) -> None:
    """Delete a file or a directory tree, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def digest(*parts: str | bytes) -> str:
    """A short name for content: equal parts give equal names."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()[:12]


def run(
    argv: Sequence[str | Path], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> str:
    """Run a host command, return its standard output, raise CommandFailed with all it printed."""
    words = [str(word) for word in argv]
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C", **(env or {})},
    )
    if done.returncode != 0:
        raise CommandFailed(
            f"{' '.join(words)}\nreturned {done.returncode}\n{done.stdout}{done.stderr}"
        )
    return done.stdout
