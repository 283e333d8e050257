# SPDX-License-Identifier: GPL-2.0-only
"""Kernels that check themselves, built from Debian's source package with a small configuration.

    debug   lockdep, KASAN, kmemleak, sleeping in atomic context, failures on purpose
    kcsan   data races

Each is base.config and one of the others in debug/, on top of nothing (allnoconfig). A kernel of
a series that Debian has moved on from stays in the cache under its release.
"""

import shutil
import tempfile
from pathlib import Path

from vm import apt, cache
from vm.kernels import Cost, Kernel, unpack_deb
from vm.toolchain import MOUNT_POINT, run_inside

SUITE = "trixie"
CONFIGS = Path(__file__).parent / "debug"
COMPILER = "gcc-14"
PACKAGES = [
    *("gcc-14", "gcc", "libc6-dev", "make", "perl", "kmod", "xz-utils", "sparse"),
    *("bc", "bison", "cpio", "flex", "libelf-dev", "python3", "rsync"),
]

COSTS = {
    "debug": Cost(time=5, memory_mib=77, memory_share=1 / 7),
    # The kernel starts without KCSAN, as it makes the boot slow.
    "kcsan": Cost(time=5, memory_mib=-41, first_command="echo on >/sys/kernel/debug/kcsan"),
}
NAMES = tuple(COSTS)


def root() -> Path:
    """The Debian system that builds these kernels, and modules for them."""
    return cache.root() / f"toolchain-debug-{cache.digest(SUITE, *PACKAGES, '1')}"


def get(name: str) -> Kernel:
    """The kernel, built when it is not in the cache (about half an hour)."""
    with cache.lock(f"kernel-{name}"):
        suites = apt.Suites(f"{SUITE}-backports")
        suites.update()
        package = next(
            depend for depend in suites.depends("linux-source") if depend.startswith("linux-source")
        )
        version = suites.show(package)["Version"]
        configuration = _configuration(name)
        local = f"-{name}-{cache.digest(configuration)[:6]}"
        release = version.partition("-")[0].partition("~")[0] + local
        kernel = Kernel(
            name, "debug", release, version, COMPILER, (package,), (), COSTS[name], str(root())
        )
        if not kernel.image_root.exists():
            with cache.lock("debug-kernel"):
                _ensure_root()
                _ensure_source(suites, package)
            _build(kernel, package, configuration, local)
        return kernel


def _configuration(name: str) -> str:
    return (CONFIGS / "base.config").read_text() + (CONFIGS / f"{name}.config").read_text()


def _ensure_root() -> None:
    if not root().exists():
        cache.note("making the system that builds kernels (about a minute)")
        with cache.publish(root()) as draft:
            apt.bootstrap(SUITE, [SUITE, f"{SUITE}-security"], PACKAGES, draft)
            (draft / MOUNT_POINT).mkdir()


def _ensure_source(suites: apt.Suites, package: str) -> None:
    source = root() / "usr/src" / package
    if source.exists():
        return
    cache.note("downloading the kernel's source (170 MB)")
    with cache.scratch() as scratch, cache.publish(source) as draft:
        suites.download([package], scratch)
        unpack_deb(next(scratch.glob("*.deb")), scratch)
        draft.mkdir()
        archive = next((scratch / "usr/src").glob("linux-source-*.tar.xz"))
        cache.run(["tar", "-xJf", archive, "-C", draft, "--strip-components=1"])


def _build(kernel: Kernel, package: str, configuration: str, local: str) -> None:
    """Build in the system's /usr/src/<release>, where modules find it; install in the cache."""
    cache.note(f"building kernel {kernel.release} (about half an hour)")
    objects = root() / "usr/src" / kernel.release
    objects.mkdir(exist_ok=True)
    (objects / "fragment").write_text(configuration + f'CONFIG_LOCALVERSION="{local}"\n')
    make = f"make -C /usr/src/{package} O=/usr/src/{kernel.release} -j$(nproc) "
    _inside(objects, f"{make} allnoconfig KCONFIG_ALLCONFIG=/{MOUNT_POINT}/fragment")
    _check_configuration(configuration, (objects / ".config").read_text())
    _inside(objects, f"{make} bzImage modules")
    with cache.publish(kernel.image_root) as draft:
        (draft / "boot").mkdir(parents=True)
        (draft / "usr/lib").mkdir(parents=True)
        (draft / "lib").symlink_to("usr/lib")
        _inside(draft, f"{make} modules_install INSTALL_MOD_PATH=/{MOUNT_POINT}")
        image = objects / "arch/x86/boot/bzImage"
        shutil.copy(image, draft / "boot" / f"vmlinuz-{kernel.release}")
        modules = draft / "usr/lib/modules" / kernel.release
        for link in ("build", "source"):
            (modules / link).unlink(missing_ok=True)
        cache.run(["depmod", "-b", draft, kernel.release])
    build = root() / "usr/lib/modules" / kernel.release / "build"
    build.parent.mkdir(parents=True, exist_ok=True)
    build.unlink(missing_ok=True)
    build.symlink_to(f"/usr/src/{kernel.release}")


def _check_configuration(wanted: str, got: str) -> None:
    """CommandFailed if the configuration lacks what was asked for: a dependency is missing."""
    lines = set(got.splitlines())
    missing = [
        line
        for line in wanted.splitlines()
        if line.startswith("CONFIG_")
        and line not in lines
        and not (line.endswith("=n") and f"# {line[:-2]} is not set" in lines)
    ]
    if missing:
        raise cache.CommandFailed(f"the kernel's configuration lacks {', '.join(missing)}")


def _inside(directory: Path, script: str) -> None:
    status, output = run_inside(root(), directory, ["sh", "-c", script])
    if status:
        with tempfile.NamedTemporaryFile("w", suffix=".log", delete=False) as log:
            log.write(output)
        tail = "\n".join(output.splitlines()[-30:])
        raise cache.CommandFailed(f"{script}\nreturned {status} ({log.name})\n{tail}")
