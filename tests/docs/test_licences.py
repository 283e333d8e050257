# SPDX-License-Identifier: GPL-2.0-only
"""Proves that every source file names its licence, and that it is the right one."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SOURCE_SUFFIXES = {".c", ".h", ".cpp", ".proto", ".py", ".sh", ".S"}
SOURCE_NAMES = {"Makefile", "Kbuild"}

# The first folder that a file lies in decides.
POLICY = {
    "kmod/core/": "GPL-2.0 OR MIT",
    "kmod/include/uapi/": "GPL-2.0 WITH Linux-syscall-note",
    "kmod/": "GPL-2.0",
    "agent/": "Apache-2.0",
    "proto/": "Apache-2.0",
    "gui/": "GPL-3.0-or-later",
    "deploy/": "Apache-2.0",
    "tests/core/": "GPL-2.0 OR MIT",
    "": "GPL-2.0-only",
}

TAG = re.compile(r"SPDX-License-Identifier: ([-\w. ]+?)(?: \*/)?$", re.MULTILINE)


def tracked_files() -> list[Path]:
    """Every regular file of the repository."""
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    return [file for file in files if file.is_file() and not file.is_symlink()]


def head(file: Path) -> str:
    """Where a licence must be named."""
    return file.read_bytes()[:400].decode(errors="replace")


def is_source(file: Path) -> bool:
    return (
        file.suffix in SOURCE_SUFFIXES or file.name in SOURCE_NAMES or head(file).startswith("#!")
    )


def policy(name: str) -> str:
    return next(licence for folder, licence in POLICY.items() if name.startswith(folder))


def test_every_source_file_has_the_licence_of_its_folder() -> None:
    wrong = []
    sources = [file for file in tracked_files() if is_source(file)]
    for file in sources:
        name = str(file.relative_to(ROOT))
        found = TAG.search(head(file))
        licence = found[1] if found else "no SPDX-License-Identifier line"
        if licence != policy(name):
            wrong.append(f"{name}: {licence}; wanted: {policy(name)}")
    assert sources
    assert not wrong, "\n".join(wrong)


def test_every_licence_has_its_text() -> None:
    described = set()
    for file in (ROOT / "LICENSES").iterdir():
        described |= set(
            re.findall(
                r"^(?:Valid-License|SPDX-Exception)-Identifier: (\S+)$",
                file.read_text(),
                re.MULTILINE,
            )
        )
    used = set()
    for expression in POLICY.values():
        used |= set(re.split(r" OR | WITH ", expression))
    assert used <= described
