# SPDX-License-Identifier: GPL-2.0-only
"""The life of the Debian packages on a machine with systemd: each test goes on where the one before
has left the machine. With ./dev package --test, as a module is compiled in an emulated machine again
and again.
"""

import contextlib
import json
import re
import shutil
from pathlib import Path
from typing import Iterator

import pytest

from api import packages
from api.packages import CACHED, NEXT_VERSION, VERSION
from api.waiting import wait_until
from programs.pressure import Load, Pressure
from vm import VM, Disk, Result, installed

pytestmark = [pytest.mark.packages, pytest.mark.slow, pytest.mark.timeout(3 * 3600)]

INSTALL_SECONDS = 600.0  # the module is compiled
SECONDS = 120.0  # anything else

BACKING = "/dev/disk/by-id/virtio-backing"
PRESSURE = "/srv/pressure"
CHECKOUT = "/srv/checkout"  # where the README's commands are given


class Life:
    """The machine, and whether it is as the next test expects it."""

    def __init__(self, machine: installed.Machine, kernels: packages.Kernels) -> None:
        self.machine = machine
        self.kernels = kernels
        self.spoiled = False

    @property
    def vm(self) -> VM:
        return self.machine.vm

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """One test: the kernel must have nothing to complain of."""
        if self.spoiled:
            pytest.fail("an earlier test has failed", pytrace=False)
        self.spoiled = True
        try:
            yield
        except BaseException:
            if not self.vm.crashed:
                units = "-u zpackd -u zpack-setup -u modprobe@zpack"
                print(self.attempt("systemctl --failed --no-legend").stdout)
                print(self.attempt(f"journalctl -b --no-pager -n 100 {units}").stdout)
                print(self.vm.dmesg()[-4000:])
            raise
        assert not self.vm.kernel_problems()
        self.spoiled = False

    def run(self, command: str, timeout: float = SECONDS) -> str:
        """A command's standard output."""
        return self.vm.run(command, timeout=timeout).stdout

    def attempt(self, command: str) -> Result:
        """What a command does that may fail."""
        return self.vm.run(command, timeout=SECONDS, check=False)

    def apt(self, arguments: str) -> str:
        """All that apt-get says."""
        return self.run(f"{CACHED} apt-get -q -y {arguments} 2>&1", INSTALL_SECONDS)

    def follow(self, commands: str) -> str:
        """Do what the README says; all that it prints."""
        script = f"set -e; exec 2>&1; export {CACHED}; cd {CHECKOUT}\n{commands}"
        return self.run(script, INSTALL_SECONDS)

    def use_repository(self, name: str) -> None:
        self.vm.put(
            packages.sources(f"/srv/packages/{name}").encode(),
            "/etc/apt/sources.list.d/zpack.sources",
        )
        self.apt("update -o APT::Update::Error-Mode=any")

    def install_kernel(self, kernel: installed.KernelPackages) -> str:
        command = f"{CACHED} dpkg -i /srv/packages/{kernel.release}/*.deb 2>&1"
        return self.run(command, 2 * INSTALL_SECONDS)

    def reboot(self, append: str = "") -> None:
        self.machine.reboot(append)
        self.prepare()

    def prepare(self) -> None:
        """After a boot: wait until systemd is done, and find everything in order."""
        said = self.attempt("systemctl is-system-running --wait").stdout
        assert said == "running\n", self.run("systemctl --failed; journalctl -b -p 4 --no-pager")
        self.run("mount -o ro /dev/disk/by-id/virtio-packages /srv/packages")

    def load(self) -> Load:
        """A program whose memory has gone to swap, all of it."""
        load = Pressure(self.vm, PRESSURE).start(workers=1, mib=96, evict=1, hold=1, ops=2000)
        load.wait_filled(SECONDS)
        assert self.swapped_kib() > 64 << 10
        return load

    def end(self, load: Load) -> None:
        """Nothing of its memory must have been lost."""
        load.go()
        load.finish(SECONDS)

    def swapped_kib(self) -> int:
        """What is swapped to zpack; -1: there is no such swap."""
        for line in self.vm.read("/proc/swaps").splitlines():
            name, _, _, used, _ = line.split()
            if name == "/dev/zpack0":
                return int(used)
        return -1

    def loaded_version(self) -> str:
        return self.vm.read("/sys/module/zpack/version")

    def built_version(self, release: str = "$(uname -r)") -> str:
        return self.run(f"modinfo -k {release} -F version zpack").strip()

    def doctor(self) -> list[str]:
        """The reasons that the doctor gives."""
        said = self.attempt("zpackctl -o json doctor").stdout
        return [finding["reason"] for finding in json.loads(said)["findings"]]

    def files(self) -> list[str]:
        """Everything on the root file system that has zpack's name."""
        return self.run(
            "find / -xdev -name '*zpack*' -not -path '/proc/*' -not -path '/etc/apt/*' "
            "-not -path '/var/lib/apt/*' -not -path '/var/cache/apt/*' -not -path '/var/log/*' "
            "-not -path '/usr/share/keyrings/*'"
        ).splitlines()


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """A machine with two repositories of zpack and two kernels to upgrade to on a disk."""
    directory = tmp_path_factory.mktemp("life")
    tree = directory / "tree"
    installed.system(packages.SYSTEM_PACKAGES).copy(tree)
    kernels = packages.kernels()
    content = directory / "packages"
    built = {version: packages.build("deb", version) for version in (VERSION, NEXT_VERSION)}
    for name, version in (("first", VERSION), ("second", NEXT_VERSION)):
        shutil.copytree(packages.repository(built[version], name), content / name)
    for kernel in (kernels.supported, kernels.too_new):
        (content / kernel.release).mkdir()
        for deb in installed.download_kernel(kernel):
            shutil.copy(deb, content / kernel.release)
    packages.fill_compiler_cache(
        tree,
        [
            (built[VERSION], VERSION, kernels.first),
            (built[NEXT_VERSION], NEXT_VERSION, kernels.first),
            (built[NEXT_VERSION], NEXT_VERSION, kernels.supported),
        ],
    )
    disk = installed.System(tree).disk(directory / "system.ext4")
    shutil.rmtree(tree)
    configuration = {"memory_mib": 768, "cpus": 2, "disks": [Disk("backing", 512)]}
    data = {"packages": installed.data_disk(content, directory / "packages.ext4")}
    shutil.rmtree(content)
    with installed.Machine(disk, data=data, **configuration) as machine:
        new = Life(machine, kernels)
        new.run("mkdir -p /srv/packages")
        new.prepare()
        yield new
    shutil.rmtree(directory)  # hundreds of megabytes, which pytest would keep


def test_apt_installs_from_the_signed_repository_and_the_module_is_built(life: Life) -> None:
    with life.step():
        life.run(f"mkdir -p {CHECKOUT}/build/packages")
        life.run(f"ln -s /srv/packages/first {CHECKOUT}/build/packages/repository")
        life.vm.put(b'APT::Get::Assume-Yes "true";\n', "/etc/apt/apt.conf.d/yes")
        build, commands = packages.quick_start("Packages").split("\n", 1)
        assert build == "./dev package deb"
        life.follow(commands)
        install, _, _ = packages.quick_start("A desktop").splitlines()
        assert install == "apt install zpack-dkms zpackd zpack-dashboard"
        said = life.follow(install)
        assert "NOTE" not in said, said
        assert "installed" in life.run("dkms status -m zpack -k $(uname -r)")
        assert life.built_version() == VERSION
        assert life.run("modinfo -F signer zpack").strip() == "DKMS module signing key"
        # Installing it changes nothing yet.
        assert life.swapped_kib() == -1
        units = "zpackd zpack-setup"
        states = life.attempt(f"systemctl is-enabled {units}").stdout.split()
        assert states == ["disabled", "disabled"]
        assert life.run("getent group zpack").startswith("zpack:")


def test_a_repository_with_another_signature_is_refused(life: Life) -> None:
    with life.step():
        life.run("cp -rL /srv/packages/first /tmp/bad")
        life.run("sed -i 's/^Label: .*/Label: other/' /tmp/bad/apt/dists/stable/InRelease")
        life.run("cp /etc/apt/sources.list.d/zpack.sources /tmp/good")
        life.run(
            "sed -i 's|^URIs: .*|URIs: file:/tmp/bad/apt|' /etc/apt/sources.list.d/zpack.sources"
        )
        refused = life.attempt("apt-get update -o APT::Update::Error-Mode=any 2>&1")
        assert refused.returncode != 0 and "BADSIG" in refused.stdout, refused
        life.run("cp /tmp/good /etc/apt/sources.list.d/zpack.sources && rm -r /tmp/good /tmp/bad")
        life.apt("update -o APT::Update::Error-Mode=any")


def test_one_command_sets_swap_up(life: Life) -> None:
    with life.step():
        _, enable, look = packages.quick_start("A desktop").splitlines()
        assert enable == "systemctl enable --now zpackd"
        life.follow(enable)
        assert life.swapped_kib() == 0
        assert life.loaded_version() == VERSION
        assert "keeps everything in RAM" in life.follow(look)
        assert life.doctor() == ["NO_BACKING_DEVICE"]
        life.end(life.load())


def test_dashboard_starts_and_finds_the_daemon(life: Life) -> None:
    def connections() -> int:
        """Those that zpackd has accepted at its sockets."""
        sockets = life.vm.read("/proc/net/unix").splitlines()
        return len([line for line in sockets if re.search(r" 03 +\d+ /run/zpackd/", line)])

    with life.step():
        # Without a screen; a window is drawn in tests/gui.
        assert life.run("zpack-dashboard --version") == f"zpack-dashboard {VERSION}\n"
        assert connections() == 0
        dashboard = life.vm.spawn(
            ["env", "QT_QPA_PLATFORM=offscreen", "HOME=/run/home", "zpack-dashboard"]
        )
        wait_until(lambda: connections() > 0, "the dashboard is connected")
        dashboard.kill(15)
        dashboard.wait(timeout=SECONDS, check=False)
        assert life.run("ls /usr/share/applications") == "io.github.zpack.Dashboard.desktop\n"


def test_swap_comes_up_by_itself_after_a_reboot(life: Life) -> None:
    with life.step():
        commands = packages.quick_start("A server")
        assert "by-partlabel/zpack" in commands
        life.follow(commands.replace("/dev/disk/by-partlabel/zpack", BACKING))
        life.reboot()
        assert life.swapped_kib() >= 0
        assert life.doctor() == ["ALL_WELL"]
        assert "crypt" in life.run("dmsetup table")
        assert "zpack-setup" in life.run("systemctl list-dependencies swap.target")
        life.end(life.load())


def test_reload_makes_what_is_new_also_of_a_file_that_comes_late(life: Life) -> None:
    second = '[device.second]\nsize = "64M"\nbacking = "/srv/late/swap"\n'

    def waiting() -> bool:
        return life.attempt("systemctl is-active zpack-setup").stdout == "active\n"

    with life.step():
        life.vm.put(second.encode(), "/etc/zpackd/conf.d/second.toml")
        # It is made where the file system can be written to, and nobody waits for long.
        life.run("systemctl reload zpackd")
        assert waiting() and "/zpack1" not in life.vm.read("/proc/swaps")
        assert "device.second: /srv/late/swap is not there" in life.run(
            "journalctl -b -u zpack-setup"
        )
        life.run(
            "mkdir /srv/late && fallocate -l 64M /srv/late/new && mv /srv/late/new /srv/late/swap"
        )
        wait_until(lambda: not waiting(), "it has come")
        # The name stays what others look for, whoever goes.
        for _ in range(2):
            assert "\n/dev/zpack1 " in life.vm.read("/proc/swaps")
            life.run("systemctl restart zpackd")
        life.run("rm /etc/zpackd/conf.d/second.toml && zpackctl drain zpack1 --remove")
        life.run("systemctl reload zpackd && rm -r /srv/late")
        assert "/zpack1" not in life.vm.read("/proc/swaps")
        assert life.doctor() == ["ALL_WELL"]


def test_upgrade_leaves_what_is_swapped_alone(life: Life) -> None:
    with life.step():
        load = life.load()
        activation = life.vm.read("/run/zpackd/devices/main")
        life.use_repository("second")
        said = life.apt("install --only-upgrade zpack-dkms zpackd zpack-dashboard")
        assert f"version {VERSION} stays in use" in said, said
        assert life.loaded_version() == VERSION
        assert life.built_version() == NEXT_VERSION
        assert life.run("zpackd --version").strip() == NEXT_VERSION
        assert life.run("zpack-dashboard --version").split()[-1] == NEXT_VERSION
        assert life.run("systemctl is-active zpackd").strip() == "active"
        assert life.vm.read("/run/zpackd/devices/main") == activation
        assert life.swapped_kib() > 64 << 10
        assert "MODULE_IS_OLD" in life.doctor()
        assert f"/usr/src/zpack-{VERSION}" not in life.files()
        life.end(load)


def test_new_version_is_used_once_the_old_one_is_drained(life: Life) -> None:
    with life.step():
        load = life.load()
        said = life.run(
            "/usr/libexec/zpack-dkms/release-devices --unload 2>&1 && systemctl restart zpackd"
        )
        assert "KiB back" in said
        assert life.loaded_version() == NEXT_VERSION
        assert life.swapped_kib() >= 0
        assert life.doctor() == ["ALL_WELL"]
        life.end(load)


def test_kernel_that_is_too_new_is_skipped_with_a_message(life: Life) -> None:
    """There is no kernel newer than 7.3 in Debian 12; so the module is for fewer kernels here."""
    with life.step():
        conf = f"/usr/src/zpack-{NEXT_VERSION}/dkms.conf"
        released = life.vm.get(conf)
        kernels = "6\\.1|" + re.escape(life.kernels.supported.release)
        line = f'BUILD_EXCLUSIVE_KERNEL="^({kernels})([^0-9]|$)"'
        narrowed = re.sub(r"(?m)^BUILD_EXCLUSIVE_KERNEL=.*$", lambda _: line, released.decode())
        life.vm.put(narrowed.encode(), conf)
        too_new = life.kernels.too_new.release
        said = life.install_kernel(life.kernels.too_new)
        assert f"zpack {NEXT_VERSION} is not for kernel {too_new}" in said, said
        assert life.run("dpkg --audit") == ""
        assert too_new not in life.run("dkms status -m zpack")
        life.reboot()  # which finds systemd content
        assert life.run("uname -r").strip() == too_new
        assert life.swapped_kib() == -1
        assert life.doctor() == ["MODULE_NOT_BUILT"]
        life.vm.put(released, conf)


def test_kernel_upgrade_rebuilds_the_module(life: Life) -> None:
    with life.step():
        supported = life.kernels.supported.release
        said = life.install_kernel(life.kernels.supported)
        assert "NOTE" not in said.split("Setting up linux-headers")[-1], said
        assert life.built_version(supported) == NEXT_VERSION
        life.reboot()
        assert life.run("uname -r").strip() == supported
        assert life.swapped_kib() >= 0
        life.end(life.load())


@pytest.mark.parametrize("name", ["simulation", "swap"])
def test_what_debian_would_run_passes(life: Life, name: str) -> None:
    """debian/tests, as autopkgtest runs them: the one as any user, the other as root. Swap is off after
    it, until the next boot.
    """
    with life.step():
        script = f"/srv/{name}"
        life.vm.put((packages.PACKAGING / "debian/tests" / name).read_bytes(), script, 0o755)
        user = "setpriv --reuid=65534 --regid=65534 --clear-groups " if name == "simulation" else ""
        life.run(f"cd /tmp && {user}{script} 2>&1", INSTALL_SECONDS)
        assert (life.swapped_kib() == -1) == (name == "swap")


def test_module_whose_key_is_not_enrolled_is_refused_and_all_say_what_to_do(life: Life) -> None:
    """As with Secure Boot, which makes the kernel ask for signatures."""
    with life.step():
        life.reboot("module.sig_enforce=1")
        refused = life.attempt("modprobe zpack")
        assert "Key was rejected by service" in refused.stderr, refused
        assert life.swapped_kib() == -1
        assert life.doctor() == ["KEY_NOT_ENROLLED"]
        enrol = "mokutil --import /var/lib/dkms/mok.pub"
        assert enrol in life.attempt("zpackctl doctor").stdout
        assert enrol in life.run("/usr/libexec/zpack-dkms/secure-boot")
        assert "/secure-boot" in life.vm.read("/var/lib/dpkg/info/zpack-dkms.postinst")
        life.reboot()
        assert life.swapped_kib() >= 0


def test_removal_is_refused_when_there_is_no_room_for_what_is_swapped(life: Life) -> None:
    with life.step():
        load = life.load()
        # All memory but 64 MiB for a moment, in pages that can't be swapped.
        room = int(life.run("awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo")) - 64
        hog = life.vm.spawn(
            [
                PRESSURE,
                "run",
                "--mib",
                str(room),
                "--mlock",
                "100",
                "--hold",
                "1",
                "--ops",
                "1",
            ]
        )
        hog.expect("filled", SECONDS)
        refused = life.attempt("apt-get -y remove zpackd 2>&1")
        assert refused.returncode != 0 and "End programs" in refused.stdout, refused
        assert life.run("systemctl is-active zpackd").strip() == "active"
        assert life.run("dpkg -s zpackd | grep ^Status").strip() == "Status: install ok installed"
        hog.kill(9)
        hog.wait(timeout=SECONDS, check=False)
        life.end(load)


def test_removal_brings_back_what_is_swapped(life: Life) -> None:
    with life.step():
        load = life.load()
        said = life.apt("remove zpackd zpack-dkms")
        assert "KiB back" in said, said
        assert life.swapped_kib() == -1
        assert life.attempt("test -e /sys/module/zpack").returncode == 1
        assert life.attempt("modinfo zpack").returncode != 0
        assert life.run("systemctl --failed --no-legend") == ""
        life.end(load)


def test_purge_leaves_nothing(life: Life) -> None:
    with life.step():
        life.apt("purge zpackd zpack-dkms zpack-dashboard")
        assert life.files() == []
        assert life.attempt("getent group zpack").returncode == 2
        life.reboot()
