# SPDX-License-Identifier: GPL-2.0-only
"""What a guest boots from: a root file system, its kernel's modules, and an initramfs.

All are made once and kept in the cache under a name derived from what they are made of.
"""

import lzma
import shutil
from pathlib import Path

from vm import apt, cache
from vm.kernels import Kernel

GUEST = Path(__file__).parent / "guest"

GUEST_SUITE = "bookworm"
GUEST_PACKAGES = [
    # what zpackd and zpackctl are linked with
    "libblkid1",
    "libfmt9",
    "libgrpc++1.51",
    "libprometheus-cpp-core1.0",
    "libprometheus-cpp-pull1.0",
    "libprotobuf32",
    "libsystemd0",
    "libtomlplusplus3",
    # what tests use
    "dmsetup",
    "e2fsprogs",
    "fio",
    "hostname",
    "kmod",
    "mount",
    "procps",
    "psmisc",
    "python3",
    "sqlite3",
    "stress-ng",
    "util-linux",
]
GUEST_FREE_MIB = 256  # room for what tests write to the root file system; it costs no host disk

# Drivers of the disks and of the agent's channel. Built in or a module, depending on the kernel.
BOOT_MODULES = ["virtio_pci", "virtio_blk", "virtio_console", "ext4"]


def root_image() -> Path:
    """The ext4 image of the guest's root file system; the same for every kernel."""
    # The trailing number is for changes of this function that the package list does not show.
    key = cache.digest(GUEST_SUITE, *GUEST_PACKAGES, str(GUEST_FREE_MIB), "1")
    image = cache.root() / "images" / f"root-{key}.ext4"
    with cache.lock("root-image"):
        if not image.exists():
            cache.note("making the guest's root file system (about a minute)")
            with cache.scratch() as scratch:
                suites = [GUEST_SUITE, f"{GUEST_SUITE}-security"]
                apt.bootstrap(GUEST_SUITE, suites, GUEST_PACKAGES, scratch / "tree")
                _make_ext4(scratch / "tree", image, GUEST_FREE_MIB)
    return image


def modules_image(kernel: Kernel) -> Path:
    """An ext4 image to mount on /usr/lib/modules."""
    image = kernel.directory / "modules.ext4"
    with cache.lock(f"modules-{kernel.release}"):
        if not image.exists():
            _make_ext4(kernel.image_root / "usr/lib/modules", image, free_mib=0)
    return image


def _make_ext4(tree: Path, image: Path, free_mib: int) -> None:
    kib = int(cache.run(["du", "-sk", tree]).split()[0])
    inodes = int(cache.run(["du", "-s", "--inodes", tree]).split()[0])
    with cache.publish(image) as draft:
        cache.run(
            [
                *("mke2fs", "-q", "-t", "ext4", "-m", "0", "-O", "^has_journal"),
                *("-N", str(inodes + 4096 + 16 * free_mib), "-d", tree, draft),
                f"{kib * 5 // 4 + 8192 + free_mib * 1024}k",
            ],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        )


def initramfs(kernel: Kernel) -> Path:
    """The archive that starts the guest: busybox, disk drivers, the agent and two init scripts."""
    sources = [path.read_bytes() for path in sorted(GUEST.iterdir()) if path.is_file()]
    key = cache.digest(*sources, *BOOT_MODULES, "1")
    archive = kernel.directory / f"initramfs-{key}.cpio"
    with cache.lock(f"initramfs-{kernel.release}"):
        if not archive.exists():
            with cache.scratch() as scratch, cache.publish(archive) as draft:
                _initramfs_tree(kernel, scratch / "tree")
                pack = 'cd "$1" && find . | cpio --quiet -o -H newc -R 0:0 >"$2"'
                cache.run(["sh", "-c", pack, "pack", scratch / "tree", draft])
    return archive


def _initramfs_tree(kernel: Kernel, tree: Path) -> None:
    for name in ("bin", "dev", "modules", "proc", "root", "sys"):
        (tree / name).mkdir(parents=True)
    shutil.copy2("/bin/busybox", tree / "bin/busybox")
    shutil.copy2(GUEST / "init-initramfs", tree / "init")
    shutil.copy2(GUEST / "init-root", tree / "init-root")
    strict = ["-O2", "-Wall", "-Wextra", "-Werror"]
    cache.run(["gcc", "-static", *strict, "-o", tree / "agent", GUEST / "agent.c"])
    order = []
    for module in _module_files(kernel, BOOT_MODULES):
        name = module.name.removesuffix(".xz")
        content = module.read_bytes()
        if module.suffix == ".xz":
            content = lzma.decompress(content)
        (tree / "modules" / name).write_bytes(content)
        order.append(name)
    (tree / "modules/order").write_text("".join(name + "\n" for name in order))


def _module_files(kernel: Kernel, names: list[str]) -> list[Path]:
    """The files of the modules and of those they need, in loading order."""
    files: list[Path] = []
    modprobe: list[str | Path] = ["modprobe", "-d", kernel.image_root, "-S", kernel.release, "-D"]
    for name in names:
        for line in cache.run([*modprobe, name]).splitlines():
            action, _, rest = line.strip().partition(" ")
            path = Path(rest)
            if action == "insmod" and path not in files:  # else "builtin NAME"
                files.append(path)
    return files
