# SPDX-License-Identifier: GPL-2.0-only
"""Build kernel modules for any of the kernels, and check their source.

One Debian trixie system in the cache serves all kernels: the build tools in the headers packages of
the newest need its C library, and it still has the compilers of the older ones.
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from vm import apt, cache, kernels
from vm.kernels import Kernel

SUITE = "trixie"
PACKAGES = [
    *("gcc-12", "gcc-14", "gcc", "libc6-dev", "make", "perl"),
    *("kmod", "pahole", "xz-utils"),
    "sparse",
]
MOUNT_POINT = "build"  # where a build directory appears inside

# A module is built with the compiler's version of today, not the exact one of the kernel.
HARMLESS = re.compile(r"warning: the compiler differs from the one used to build the kernel")
WARNING = re.compile(r"\b(warning|error): |^WARNING: ", re.IGNORECASE | re.MULTILINE)


class BuildFailed(Exception):
    """A module did not build without a warning; the text has the compiler's output."""


@dataclass(frozen=True)
class Build:
    """A built module."""

    modules: list[Path]  # the .ko files
    output: str  # what make printed


def ensure(kernel: Kernel) -> Path:
    """The root directory of the toolchain, with the kernel's headers in it."""
    if kernel.toolchain:
        return Path(kernel.toolchain)
    root = cache.root() / f"toolchain-{SUITE}-{cache.digest(*PACKAGES, '1')}"
    stamp = root / "var/lib/kernel-headers" / kernel.directory.name
    with cache.lock("toolchain"):
        if not root.exists():
            cache.note("making the toolchain (about a minute)")
            with cache.publish(root) as draft:
                apt.bootstrap(SUITE, [SUITE, f"{SUITE}-security"], PACKAGES, draft)
                (draft / MOUNT_POINT).mkdir()
        if not stamp.exists():
            for deb in kernel.header_debs:
                kernels.unpack_deb(deb, root)
            stamp.parent.mkdir(exist_ok=True)
            stamp.touch()
    return root


def run_inside(root: Path, directory: Path, argv: Sequence[str]) -> tuple[int, str]:
    """Run a command in the toolchain with a directory mounted at /build; exit status and output.

    Mounts are private to the command, so that several can run at the same time.
    """
    script = f'mount --bind "$2" "$1/{MOUNT_POINT}" && exec chroot "$1" "${{@:3}}"'
    environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "HOME=/root"]
    done = subprocess.run(
        [
            *("unshare", "--mount", "--pid", "--fork", f"--mount-proc={root}/proc"),
            *("bash", "-c", script, "inside", str(root), str(directory), *environment, *argv),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    return done.returncode, done.stdout.replace(f"/{MOUNT_POINT}/", "")


def build_module(
    source: Path, kernel: Kernel, out: Path, make_args: Sequence[str] = ("W=1",)
) -> Build:
    """Build the module in `source` for a kernel; nothing is written there but to `out`.

    `out` keeps the build's files for the next time, when only what has changed is built. A warning
    is an error: BuildFailed. It also makes the next build start from nothing, lest it stay silent.
    """
    build = _make(source, kernel, out, make_args)
    warnings = [
        line
        for line in build.output.splitlines()
        if WARNING.search(line) and not HARMLESS.search(line)
    ]
    if warnings or not build.modules:
        cache.remove(out)
        reason = f"{len(warnings)} warnings" if warnings else "no .ko file"
        raise BuildFailed(f"{source} for kernel {kernel}: {reason}\n{build.output}")
    return build


def sparse(source: Path, kernel: Kernel, out: Path) -> list[str]:
    """What sparse finds in the module's own files. Kernel headers of every release have findings."""
    output = _make(source, kernel, out, ["C=2", "CHECK=sparse"]).output
    found = re.finditer(r"^([^\s:]+):\d+:\d+: (?:warning|error): .*$", output, re.MULTILINE)
    return [match[0] for match in found if (source / match[1]).exists()]


def _make(source: Path, kernel: Kernel, out: Path, make_args: Sequence[str]) -> Build:
    root = ensure(kernel)
    source, out = source.absolute(), out.absolute()
    _mirror(source, out, key=f"{root.name} {kernel.directory.name} {' '.join(make_args)}")
    status, output = run_inside(
        root,
        out,
        [
            *("make", "-C", f"/lib/modules/{kernel.release}/build", f"M=/{MOUNT_POINT}"),
            *(f"-j{os.cpu_count()}", f"CC=x86_64-linux-gnu-{kernel.compiler}", *make_args),
            "modules",
        ],
    )
    if status != 0:
        raise BuildFailed(f"{source} for kernel {kernel}: make returned {status}\n{output}")
    return Build(sorted(out.rglob("*.ko")), output)


def _mirror(source: Path, out: Path, key: str) -> None:
    """Make `out` hold the current source files and what was built from them.

    Files that did not change keep their time stamps, so that make does not build them again. A
    different key, that is another kernel or other arguments, starts afresh.
    """
    manifest = out / ".mirrored"
    known = manifest.read_text().splitlines() if manifest.exists() else []
    if known[:1] != [key]:
        cache.remove(out)
        known = []
    wanted = sorted(
        str(path.relative_to(source))
        for path in source.rglob("*")
        if path.is_file() and not path.name.startswith(".") and path.suffix not in (".o", ".ko")
    )
    if set(known[1:]) - set(wanted):
        cache.remove(out)  # objects made from a file that is gone could linger
    for name in wanted:
        target = out / name
        content = (source / name).read_bytes()
        if not target.exists() or target.read_bytes() != content:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            shutil.copymode(source / name, target)
    manifest.write_text("\n".join([key, *wanted]) + "\n")


def checkpatch(files: Sequence[Path], directory: Path) -> str:
    """What the kernel's style checker says about files; "" if nothing.

    It reads its options from .checkpatch.conf in `directory`.
    """
    script = _checkpatch_script()
    done = subprocess.run(
        ["perl", script, "--no-tree", "--terse", "--no-summary", "-f", *map(str, files)],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode not in (0, 1):
        raise cache.CommandFailed(f"checkpatch.pl returned {done.returncode}\n{done.stdout}")
    return done.stdout if done.returncode else ""


def _checkpatch_script() -> Path:
    """checkpatch.pl of the newest kernel; only the source package has it."""
    directory = cache.root() / "checkpatch"
    with cache.lock("checkpatch"):
        if not directory.exists():
            cache.note("downloading a kernel's source for checkpatch.pl (170 MB)")
            suites = apt.Suites(f"{SUITE}-backports")
            suites.update()
            package = next(
                name for name in suites.depends("linux-source") if name.startswith("linux-source-")
            )
            with cache.scratch() as scratch, cache.publish(directory) as draft:
                suites.download([package], scratch)
                kernels.unpack_deb(next(scratch.glob("*.deb")), scratch)
                draft.mkdir()
                archive = next((scratch / "usr/src").glob("linux-source-*.tar.xz"))
                names = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch")
                members = [f"{package}/scripts/{name}" for name in names]
                cache.run(["tar", "-xJf", archive, "-C", draft, "--strip-components=2", *members])
    return directory / "checkpatch.pl"
