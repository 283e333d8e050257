# SPDX-License-Identifier: GPL-2.0-only
"""Debian kernels by series: find the newest package, download it, unpack it into the cache.

A kernel is asked for by series ("6.1"); which release that is today is read from the suite's
package lists, at most once a day. What has been fetched once keeps working without the mirror.
"""

import functools
import json
import re
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from vm import apt, cache

DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Series:
    """Where Debian keeps a kernel series."""

    suites: tuple[str, ...]
    metapackage: str  # the headers of the newest release; {flavour} is "cloud-" or ""


SERIES = {
    "6.1": Series(("bookworm", "bookworm-security"), "linux-headers-{flavour}amd64"),
    "6.12": Series(("bookworm-security",), "linux-headers-6.12-{flavour}amd64"),
    "7.3": Series(("trixie-backports",), "linux-headers-{flavour}amd64"),
}
SELF_CHECKING = ("debug", "kcsan")  # see debug_kernel
FLAVOURS = {"cloud": "cloud-", "generic": ""}


@dataclass(frozen=True)
class Cost:
    """What a kernel that checks itself needs more than others."""

    time: float = 1.0  # time limits are multiplied by it
    memory_mib: int = 0  # more memory for each guest
    memory_share: float = 0.0  # and as much of the memory that is asked for
    first_command: str = ""  # run in a guest before anything else

    def memory(self, mib: int) -> int:
        """The memory of a guest that is to have as much left as others with `mib`."""
        return mib + self.memory_mib + round(mib * self.memory_share)


@dataclass(frozen=True)
class Kernel:
    """One downloaded kernel release."""

    name: str  # series, "6.1"
    flavour: str  # "cloud" or "generic"
    release: str  # what `uname -r` prints in the guest
    version: str  # Debian package version
    compiler: str  # "gcc-12": what the release was built with
    image_packages: tuple[str, ...]
    header_packages: tuple[str, ...]
    cost: Cost = Cost()
    toolchain: str = ""  # the system that builds modules for it, if not the usual one

    def __str__(self) -> str:
        return f"{self.name} ({self.release}, Debian {self.version})"

    @property
    def directory(self) -> Path:
        return cache.root() / "kernels" / f"{self.release}_{self.version.replace('~', '-')}"

    @property
    def image_root(self) -> Path:
        """A tree with the unpacked image: /boot, /lib/modules/<release> (depmod has run)."""
        return self.directory / "image"

    @property
    def header_debs(self) -> list[Path]:
        return sorted((self.directory / "headers").glob("*.deb"))

    @property
    def vmlinuz(self) -> Path:
        inside_modules = self.image_root / "lib/modules" / self.release / "vmlinuz"  # 7.2 and later
        in_boot = self.image_root / "boot" / f"vmlinuz-{self.release}"
        return inside_modules if inside_modules.exists() else in_boot


def parse_names(text: str) -> list[str]:
    """Turn "6.1,7.3" or "all" into a list of names; ValueError names the allowed ones.

    "all" are the kernels that Debian has built, not those that check themselves.
    """
    names = list(SERIES) if text == "all" else text.split(",")
    for name in names:
        if name not in (*SERIES, *SELF_CHECKING):
            allowed = ", ".join((*SERIES, *SELF_CHECKING))
            raise ValueError(f"unknown kernel {name!r}: use one of {allowed}, all")
    return names


@functools.lru_cache(maxsize=None)
def get(name: str, flavour: str = "cloud") -> Kernel:
    """The newest release of a series, downloaded and unpacked; or a kernel that checks itself."""
    parse_names(name)
    if name in SELF_CHECKING:
        from vm import debug_kernel  # pylint: disable=import-outside-toplevel

        return debug_kernel.get(name)
    if flavour not in FLAVOURS:
        raise ValueError(f"unknown kernel flavour {flavour!r}: use one of {', '.join(FLAVOURS)}")
    with cache.lock(f"kernel-{name}-{flavour}"):
        known_path = cache.root() / "kernels" / f"{name}-{flavour}.json"
        known = _load(known_path)
        if known and time.time() - known_path.stat().st_mtime < DAY_SECONDS:
            return known
        try:
            kernel = _resolve(name, flavour)
            _fetch(kernel)
        except cache.CommandFailed as error:
            if not known:
                raise
            reason = str(error).strip().splitlines()[-1]
            cache.note(f"cannot look for a newer {name} kernel, using {known.release}: {reason}")
            kernel = known
        with cache.publish(known_path) as draft:
            draft.write_text(json.dumps(asdict(kernel), indent=1) + "\n")
        return kernel


def _load(path: Path) -> Kernel | None:
    """The kernel that was resolved last, if its files are all there."""
    if not path.exists():
        return None
    fields = json.loads(path.read_text())
    for key in ("image_packages", "header_packages"):
        fields[key] = tuple(fields[key])
    fields["cost"] = Cost(**fields.get("cost", {}))
    kernel = Kernel(**fields)
    return kernel if kernel.image_root.exists() and kernel.header_debs else None


def _resolve(name: str, flavour: str) -> Kernel:
    series = SERIES[name]
    suites = apt.Suites(*series.suites)
    suites.update()
    headers = _newest_headers(suites, name, flavour)
    release = headers.removeprefix("linux-headers-")
    header_packages = _closure(suites, headers, r"linux-(headers|kbuild)-\d")
    image = f"linux-image-{release}"
    image_packages = _closure(suites, image, r"linux-(image|binary|modules|base)-\d")
    compilers = [
        match[1]
        for package in header_packages
        for depend in suites.depends(package)
        if (match := re.fullmatch(r"(?:linux-compiler-)?(gcc-\d+)(?:-x86|-for-host)?", depend))
    ]
    if not compilers:
        raise cache.CommandFailed(f"{headers} does not say which gcc it needs")
    version = suites.show(headers)["Version"]
    return Kernel(
        name, flavour, release, version, compilers[0], tuple(image_packages), tuple(header_packages)
    )


def _newest_headers(suites: apt.Suites, name: str, flavour: str) -> str:
    """The headers package of the newest release of a series, such as linux-headers-6.1.0-56-amd64.

    Usually the metapackage leads to it. Once backports has moved on to a newer series, an older
    release may still be there under its own name.
    """
    tail = FLAVOURS[flavour] + "amd64"
    of_series = re.compile(rf"{re.escape(name)}(?![\d])")
    metapackage = SERIES[name].metapackage.format(flavour=FLAVOURS[flavour])
    for package in suites.depends(metapackage):
        if re.fullmatch(rf"linux-headers-\d.*-{tail}", package) and of_series.match(
            suites.show(package)["Version"]
        ):
            return package
    candidates = [
        package
        for package in suites.names(f"linux-headers-{name}")
        if re.fullmatch(rf"linux-headers-{re.escape(name)}[.+~]\d\S*-{tail}", package)
        and (flavour == "cloud" or "cloud" not in package)
    ]
    if not candidates:
        raise cache.CommandFailed(f"{'+'.join(suites.suites)} has no {flavour} {name} kernel")

    def compare(left: str, right: str) -> int:
        versions = suites.show(left)["Version"], suites.show(right)["Version"]
        newer = subprocess.run(["dpkg", "--compare-versions", versions[0], "gt", versions[1]])
        return 1 if newer.returncode == 0 else -1

    return max(candidates, key=functools.cmp_to_key(compare))


def _closure(suites: apt.Suites, package: str, wanted: str) -> list[str]:
    """A package and those of its dependencies, direct or not, whose names match."""
    found = [package]
    for member in found:
        found += [
            depend
            for depend in suites.depends(member)
            if re.match(wanted, depend) and depend not in found
        ]
    return found


def _fetch(kernel: Kernel) -> None:
    """Download and unpack unless done before."""
    suites = apt.Suites(*SERIES[kernel.name].suites)
    if not kernel.header_debs:
        cache.note(f"downloading the headers of kernel {kernel}")
        with cache.publish(kernel.directory / "headers") as draft:
            suites.download(list(kernel.header_packages), draft)
    if not kernel.image_root.exists():
        cache.note(f"downloading the image of kernel {kernel}")
        debs = kernel.directory / "image-debs"
        cache.remove(debs)
        suites.download(list(kernel.image_packages), debs)
        with cache.publish(kernel.image_root) as draft:
            (draft / "usr/lib").mkdir(parents=True)
            (draft / "lib").symlink_to("usr/lib")
            for deb in sorted(debs.iterdir()):
                unpack_deb(deb, draft)
            cache.run(["depmod", "-b", draft, kernel.release])
        cache.remove(debs)


def unpack_deb(deb: Path, root: Path) -> None:
    """Unpack into a merged-/usr tree.

    dpkg-deb -x would replace the tree's /lib symlink by a directory when a package has ./lib.
    """
    pipe = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"'
    cache.run(["bash", "-o", "pipefail", "-c", pipe, "unpack", deb, root])
