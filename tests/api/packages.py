# SPDX-License-Identifier: GPL-2.0-only
"""The packages of this work tree and of a later version, in signed repositories."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from vm import installed

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
BUILD = ROOT / "build/packages-for-tests"
VERSION = (ROOT / "VERSION").read_text().strip()
NEXT_VERSION = f"{VERSION}.1"

# The system that they are installed to. What zpackd is linked with is there already, as there is no
# Debian mirror in the guest.
SYSTEM_PACKAGES = [
    *("linux-image-cloud-amd64", "linux-headers-cloud-amd64", "dkms", "dmsetup", "mokutil"),
    "openssl",
    *("libblkid1", "libfmt9", "libgrpc++1.51", "libprometheus-cpp-core1.0"),
    *("libprometheus-cpp-pull1.0", "libprotobuf32", "libsystemd0", "libtomlplusplus3"),
    *("libqt6widgets6", "libqt6gui6", "libqt6core6"),  # of the dashboard
    "pahole",  # headers of 6.12
    "ccache",
]


def quick_start(heading: str) -> str:
    """The commands that the README has below a heading."""
    readme = (ROOT / "README.md").read_text()
    section = re.search(rf"^### {heading}\n(.*?)(?=^##)", readme, re.M | re.S)
    assert section, heading
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", section[1], re.M | re.S)
    return str(commands)


@dataclass(frozen=True)
class Kernels:
    """That of the system, and to upgrade to: one that the module is for, one that it is made not to
    be for.
    """

    first: installed.KernelPackages
    supported: installed.KernelPackages
    too_new: installed.KernelPackages


def kernels() -> Kernels:
    """The newest release of 6.1, and the newest two of 6.12 for Debian 12."""
    *_, older, newer = installed.kernel_releases("6.12.")
    return Kernels(installed.kernel_releases("6.1.0-")[-1], older, newer)


# Compiling the module takes an emulated machine five minutes, again and again. So what is compiled
# there is compiled before, outside, in the same place, and found by Debian's kernel headers with:
CACHED = "DEBIAN_KERNEL_USE_CCACHE=yes"
CACHE_SETTINGS = """\
cache_dir = /var/cache/ccache
compiler_check = content
sloppiness = include_file_mtime,include_file_ctime
"""


def fill_compiler_cache(
    tree: Path, builds: list[tuple[Path, str, installed.KernelPackages]]
) -> None:
    """Compile the module in a system as DKMS will do it there, for (packages, version, kernel)."""
    cached = BUILD / "ccache"  # kept for the next time
    cached.mkdir(parents=True, exist_ok=True)
    (tree / "etc/ccache.conf").write_text(CACHE_SETTINGS)
    for directory, version, kernel in builds:
        debs = installed.download_kernel(kernel)
        script = f"""
            for deb in /mnt/deb/zpack-dkms_{version}-1_all.deb /mnt/kernel/linux-[hk]*.deb; do
                dpkg-deb --fsys-tarfile $deb | tar -x --keep-directory-symlink -C /
            done
            mkdir -p /var/lib/dkms/zpack/{version}
            cp -a /usr/src/zpack-{version} /var/lib/dkms/zpack/{version}/build
            cd /var/lib/dkms/zpack/{version}/build
            kernel=/lib/modules/{kernel.release}/build
            export {CACHED}
            make KERNELRELEASE={kernel.release} KERNEL_RELEASE={kernel.release} KERNEL_BUILD=$kernel
        """
        mounts = [
            (directory / "deb", "mnt/deb"),
            (debs[0].parent, "mnt/kernel"),
            (cached, "var/cache/ccache"),
        ]
        installed.run_in(tree, script, mounts, throw_away=True)
    shutil.copytree(cached, tree / "var/cache/ccache", dirs_exist_ok=True)


# Without the daemon's own tests, and without debugging information, which takes a fifth of the time.
FASTER = {
    "DEB_BUILD_OPTIONS": "nocheck noautodbgsym",
    "DEB_CFLAGS_STRIP": "-g",
    "DEB_CXXFLAGS_STRIP": "-g",
}


def run(*command: str | Path) -> str:
    """A command of the host; all that it says."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **FASTER, "LC_ALL": "C"},
    )
    assert done.returncode == 0, f"{command} returned {done.returncode}\n{done.stdout[-4000:]}"
    return done.stdout


def build(kind: str, version: str) -> Path:
    """Packages of a version, in a directory."""
    output = BUILD / version
    run(PACKAGING / "build", kind, "--version", version, "--output", output)
    return output


def repository(packages: Path, name: str) -> Path:
    """A signed repository of them, in a directory of its own."""
    output = BUILD / "repositories" / name
    run(PACKAGING / "repository", "--gnupghome", BUILD / "gnupg", packages, output)
    return output


def sources(directory: str) -> str:
    """What apt needs to know of a repository that is mounted there."""
    return (
        f"Types: deb\nURIs: file:{directory}/apt\nSuites: stable\nComponents: main\n"
        f"Signed-By: {directory}/zpack.asc\n"
    )
