# SPDX-License-Identifier: GPL-2.0-only
"""Whole Debian systems: systemd, Debian's own kernel packages, a disk that outlives a reboot.

    system = installed.system(["linux-image-cloud-amd64", "linux-headers-cloud-amd64", "dkms"])
    with Machine(system.disk(directory), memory_mib=512) as machine:
        machine.vm.run("apt-get install ...")
        machine.reboot()                  # into the newest kernel, as a boot loader would

There is no boot loader: the host reads /vmlinuz and /initrd.img of the guest's disk. Debian's kernel
packages keep these links, so which kernel is booted is theirs to say. There is no network.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Sequence

from vm import apt, cache, images
from vm.machine import VM, Boot, drive

SUITE = "bookworm"
SUITES = [SUITE, f"{SUITE}-security"]
BASE = [
    *("systemd-sysv", "udev", "dbus", "kmod", "initramfs-tools", "e2fsprogs", "mount"),
    *("procps", "util-linux", "zstd"),
]
DISK_FREE_MIB = 2048  # costs no host disk before it is used
BOOT_SECONDS = 60.0

# The agent as a service; see guest/agent.c for why it must not be killed or wait for swap.
AGENT_UNIT = """\
[Unit]
Description=Runs what the host asks for
DefaultDependencies=no
After=systemd-remount-fs.service systemd-tmpfiles-setup.service
Conflicts=shutdown.target

[Service]
ExecStart=/usr/local/lib/harness/agent
Restart=always
RestartSec=200ms
LimitMEMLOCK=infinity
KillMode=process

[Install]
WantedBy=sysinit.target
"""


@dataclass(frozen=True)
class KernelPackages:
    """One release of Debian's kernel."""

    release: str
    image: str
    headers: str


def kernel_releases(prefix: str, flavour: str = "cloud-amd64") -> list[KernelPackages]:
    """The releases of a series that have an image and headers in the suites, oldest first.

    `prefix` is as in the packages' names: "6.1.0-", "6.12.".
    """
    suites = apt.Suites(*SUITES)
    suites.update()
    found = []
    for name in suites.names(f"linux-image-{prefix}"):
        match = re.fullmatch(rf"linux-image-({re.escape(prefix)}\S*-{flavour})", name)
        if match and f"linux-headers-{match[1]}" in suites.names(f"linux-headers-{prefix}"):
            found.append(KernelPackages(match[1], name, f"linux-headers-{match[1]}"))
    numbers = re.compile(r"\d+")
    return sorted(found, key=lambda one: [int(number) for number in numbers.findall(one.release)])


def download_kernel(kernel: KernelPackages) -> list[Path]:
    """The .deb files of image and headers, and of the kernel's packages that they need."""
    directory = cache.root() / "kernel-debs" / kernel.release
    with cache.lock(f"kernel-debs-{kernel.release}"):
        if not directory.exists():
            suites = apt.Suites(*SUITES)
            suites.update()
            wanted = [kernel.image, kernel.headers]
            for package in wanted:
                wanted += [
                    depend
                    for depend in suites.depends(package)
                    if re.match(
                        r"linux-(headers|kbuild|compiler|base|image|binary|modules)", depend
                    )
                    and depend not in wanted
                ]
            with cache.publish(directory) as draft:
                suites.download(wanted, draft)
    return sorted(directory.glob("*.deb"))


@dataclass(frozen=True)
class System:
    """A Debian system as it was installed; kept in the cache."""

    tree: Path

    def disk(self, image: Path) -> Path:
        """A disk with it, to write to."""
        kib = int(cache.run(["du", "-sk", self.tree]).split()[0])
        cache.run(
            [
                *("mke2fs", "-q", "-t", "ext4", "-m", "0", "-L", "system", "-d", self.tree, image),
                f"{kib * 5 // 4 + DISK_FREE_MIB * 1024}k",
            ],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )
        return image

    def copy(self, directory: Path) -> None:
        """The tree, to write to."""
        cache.run(["cp", "-a", "--reflink=auto", self.tree, directory])


def system(packages: Sequence[str]) -> System:
    """A system with these packages, one of which is a kernel, and what they need."""
    wanted = [*BASE, *packages]
    agent = (images.GUEST / "agent.c").read_bytes()
    key = cache.digest(*SUITES, *wanted, agent, AGENT_UNIT, "2")
    tree = cache.root() / "systems" / f"{SUITE}-{key}"
    with cache.lock(f"system-{key}"):
        if not tree.exists():
            cache.note("installing a Debian system (two minutes)")
            with cache.publish(tree) as draft:
                apt.bootstrap(SUITE, SUITES, wanted, draft)
                _make_bootable(draft)
    return System(tree)


def _make_bootable(tree: Path) -> None:
    strict = ["-O2", "-Wall", "-Wextra", "-Werror"]
    place = tree / "usr/local/lib/harness"
    place.mkdir(parents=True)
    cache.run(["gcc", "-static", *strict, "-o", place / "agent", images.GUEST / "agent.c"])
    (tree / "etc/systemd/system/harness.service").write_text(AGENT_UNIT)
    cache.run(["systemctl", f"--root={tree}", "enable", "harness.service"])
    (tree / "etc/modules-load.d/harness.conf").write_text("virtio_console\n")
    (tree / "etc/fstab").write_text("LABEL=system / ext4 noatime 0 1\n")
    (tree / "etc/hostname").write_text("guest\n")
    (tree / "etc/machine-id").write_text("0123456789abcdef0123456789abcdef\n")
    (tree / "etc/apt/sources.list").write_text("")
    for timer in ("apt-daily", "apt-daily-upgrade", "dpkg-db-backup", "e2scrub_all", "fstrim"):
        # Started by the clock they would hold apt's lock now and then.
        (tree / f"etc/systemd/system/{timer}.timer").symlink_to("/dev/null")


def run_in(
    tree: Path,
    command: str,
    mounts: Sequence[tuple[Path, str]] = (),
    *,
    throw_away: bool = False,
) -> str:
    """Run a shell text in a tree as if it was a system, as far as a chroot goes; its output.

    `mounts`: directories of the host and where they are seen; `throw_away` what is written to others.
    """
    script = """
        set -e
        root=$1 upper=$2
        shift 2
        if [ "$upper" ]; then
            mount -t tmpfs tmpfs "$upper"
            mkdir "$upper/upper" "$upper/work"
            options=lowerdir=$root,upperdir=$upper/upper,workdir=$upper/work
            mount -t overlay -o "$options" overlay "$root"
        else
            mount --bind "$root" "$root"
        fi
        cd "$root"
        mount -t proc proc "$root/proc"
        mount -t sysfs -o ro sysfs "$root/sys"
        mount --rbind /dev "$root/dev"
        mount -t tmpfs tmpfs "$root/run"
        while [ $# -gt 1 ]; do
            mkdir -p "$root/$2"
            mount --bind "$1" "$root/$2"
            shift 2
        done
        exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive sh -ec "exec 2>&1; $1"
    """
    places = [word for source, target in mounts for word in (str(source), target)]
    isolated = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    with cache.scratch() as scratch:
        upper = str(scratch) if throw_away else ""
        return cache.run([*isolated, "sh", "-c", script, "in", str(tree), upper, *places, command])


class Machine:
    """A virtual machine with such a disk; a context manager."""

    def __init__(self, disk: Path, *, data: dict[str, Path], **configuration: Any) -> None:
        """`data`: more disks by name, to read only; `configuration` is VM's."""
        self.disk = disk
        self._data = data
        self._configuration = configuration
        self._boots = 0
        self.vm = self._start()

    def _start(self) -> VM:
        self._boots += 1
        files = {}
        for link in ("vmlinuz", "initrd.img"):
            shown = cache.run(["debugfs", "-R", f"stat /{link}", self.disk], env=_ENVIRONMENT)
            match = re.search(r'link dest: "([^"]+)"', shown)
            assert match, f"{self.disk} has no /{link}:\n{shown}"
            files[link] = self.disk.with_name(f"{link}-{self._boots}")
            dump = f"dump /{match[1]} {files[link]}"
            cache.run(["debugfs", "-R", dump, self.disk], env=_ENVIRONMENT)
            self.booted = match[1]
        boot = Boot(
            f"Debian system, boot {self._boots}",
            files["vmlinuz"],
            files["initrd.img"],
            "root=LABEL=system rw",
            (
                *drive("system", self.disk, "cache=unsafe"),
                *(
                    word
                    for name, path in self._data.items()
                    for word in drive(name, path, "read-only=on")
                ),
            ),
            BOOT_SECONDS,
        )
        vm = VM(boot, **self._configuration)
        for path in files.values():
            path.unlink()
        return vm

    def power_off(self) -> None:
        """Shut down in order."""
        self.vm.run(["systemctl", "poweroff", "--no-block"])
        self.vm.wait_crash(60.0)
        self.vm.close()

    def reboot(self, append: str = "") -> None:
        """Shut down in order and start what is installed now; `append` to the command line."""
        self.power_off()
        self._configuration["append"] = append
        self.vm = self._start()

    def __enter__(self) -> "Machine":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.vm.close()


def data_disk(directory: Path, image: Path) -> Path:
    """A file system with what is in a directory."""
    kib = int(cache.run(["du", "-sk", directory]).split()[0])
    size = f"{kib * 5 // 4 + 8192}k"
    cache.run(["mke2fs", "-q", "-t", "ext4", "-d", directory, image, size], env=_ENVIRONMENT)
    return image


_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
