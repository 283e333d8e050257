# SPDX-License-Identifier: GPL-2.0-only
"""The parts of the packages, without building one."""

import re
import subprocess
from pathlib import Path

import pytest

from api.daemon import BUILD
from api.packages import PACKAGING, ROOT, VERSION

SECURE_BOOT = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def bash(script: str, *arguments: str | Path) -> str:
    """What a script says; it must succeed."""
    done = subprocess.run(
        ["bash", "-euc", script, "bash", *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
    )
    assert done.returncode == 0, done
    return done.stdout + done.stderr


def apart(script: str, *arguments: str | Path) -> str:
    """The same, with mounts that only it sees."""
    inside = ["unshare", "--mount", "bash", "-euc", script, "bash", *map(str, arguments)]
    return bash('exec "$@"', *inside)


def is_for(kernel: str) -> bool:
    """What DKMS will find: BUILD_EXCLUSIVE_KERNEL, and whether the module asks to be built."""
    # As dkms does it: the variable of the kernel to install is hidden by that of another one.
    script = """
        read_conf() { local kernelver=$1 kernel_source_dir=/nowhere; safe_source "$2"; }
        safe_source() { . "$1" >/dev/null; }
        kernelver=$2
        read_conf 6.1.0-1-amd64 "$1"
        asks=no; [[ ! $AUTOINSTALL ]] || asks=yes
        matches=no; [[ ! $2 =~ $BUILD_EXCLUSIVE_KERNEL ]] || matches=yes
        echo "$asks $matches"
    """
    asks, matches = bash(script, PACKAGING / "dkms.conf", kernel).split()
    assert asks == matches
    return asks == "yes"


@pytest.mark.parametrize(
    "release",
    ["6.1.0-56-cloud-amd64", "6.5.6-300.fc39.x86_64", "6.12.117+deb12-amd64", "6.19.3", "7.0.0-rc1"]
    + ["7.3.4+deb13-amd64", "7.3"],
)
def test_module_is_for_kernel(release: str) -> None:
    assert is_for(release)


@pytest.mark.parametrize(
    "release",
    ["5.10.0-1-amd64", "6.0.0-1-amd64", "7.4.0-1-amd64", "7.30.1", "8.0", "16.1.0", "6.120"],
)
def test_module_is_not_for_kernel(release: str) -> None:
    assert not is_for(release)


def test_kernels_of_the_readme_are_those_of_dkms() -> None:
    tested = re.search(r"^\| Debian (.*) \| tested:", (ROOT / "README.md").read_text(), re.M)
    assert tested
    for series in tested[1].split(", "):
        assert is_for(f"{series}.0-1-amd64"), series


def test_versions_are_the_same_everywhere() -> None:
    changelog = (PACKAGING / "debian/changelog").read_text()
    assert changelog.startswith(f"zpack ({VERSION}-")
    spec = (PACKAGING / "rpm/zpack.spec").read_text()
    assert f"%{{!?zpack_version:{VERSION}}}" in spec
    assert f" - {VERSION}-" in spec.split("%changelog")[1]


@pytest.mark.slow  # uses the built daemon
def test_delivered_configuration_is_correct_and_touches_no_disk() -> None:
    config = PACKAGING / "etc/zpackd.toml"
    said = bash('"$1" --check-config --config "$2"', BUILD / "zpackd", config)
    assert said == "the configuration is correct: 1 device\n"
    assert not re.search(r"^backing", config.read_text(), re.M)


@pytest.mark.parametrize("unit", ["zpackd.service", "zpack-setup.service"])
def test_units_load_the_module_through_systemd(unit: str) -> None:
    text = (PACKAGING / "units" / unit).read_text()
    for key in ("Wants", "After"):
        assert re.search(rf"^{key}=.*\bmodprobe@zpack\.service\b", text, re.M), key


def kernel_check(kernel: str, files: str = "") -> str:
    """What it says on a machine with the module's source."""
    return apart(
        "mount -t tmpfs tmpfs /usr/src; mkdir /usr/src/zpack-9 /usr/src/upper /usr/src/work; "
        # There is no /lib/modules on every machine.
        "mount -t overlay -o lowerdir=/usr/lib,upperdir=/usr/src/upper,workdir=/usr/src/work "
        "overlay /usr/lib; rm -rf /usr/lib/modules; mkdir /usr/lib/modules; "
        f'cp "$1/dkms.conf" /usr/src/zpack-9; {files} "$1/libexec/kernel-check" "$2"',
        PACKAGING,
        kernel,
    )


def test_kernel_check_says_why_there_is_no_module() -> None:
    headers = "mkdir -p /lib/modules/$2/build/include;"
    assert kernel_check("6.1.0-9-amd64", headers) == ""
    assert "is not for kernel 7.9.0" in kernel_check("7.9.0", headers)
    assert "headers of kernel 6.1.0-9-amd64 are missing" in kernel_check("6.1.0-9-amd64")
    config = "echo CONFIG_PREEMPT_RT=y >/lib/modules/$2/build/.config;"
    assert "is not for kernel 6.1.0-9-rt" in kernel_check("6.1.0-9-rt", headers + config)


def release(used_kib: int, available_kib: int, pool_kib: int) -> str:
    """What release-devices says on a machine with so much memory, whose device can't be swapped off."""
    script = """
        mount -t tmpfs tmpfs /mnt
        echo "Filename Type Size Used Priority" >/mnt/swaps
        echo "/dev/zpack0 partition 9999999 $2 100" >>/mnt/swaps
        echo "MemAvailable: $3 kB" >/mnt/meminfo
        mount --bind /mnt/swaps /proc/swaps
        mount --bind /mnt/meminfo /proc/meminfo
        mount -t tmpfs tmpfs /sys/block
        mkdir -p /sys/block/zpack0/zpack
        echo "pool_bytes $(($4 * 1024))" >/sys/block/zpack0/zpack/stat
        "$1/libexec/release-devices" && exit 3 || exit 0
    """
    return apart(script, PACKAGING, str(used_kib), str(available_kib), str(pool_kib))


def test_devices_are_released_only_if_what_they_hold_has_room() -> None:
    assert "3000 KiB are swapped to it, and there is room for 2500 KiB" in release(3000, 2500, 0)
    assert "there is room for 2999 KiB" in release(3000, 2500, 499)
    # What is compressed makes room as it is brought back.
    assert "/dev/zpack0: bringing 3000 KiB back" in release(3000, 2500, 1300)


def secure_boot(
    value: str, lockdown: str = "[none] integrity confidentiality", before: str = ""
) -> str:
    """What it says if the firmware has this value."""
    return apart(
        f"{before} mount -t tmpfs tmpfs /sys/firmware; mount -t tmpfs tmpfs /sys/kernel/security; "
        "mkdir -p /sys/firmware/efi/efivars; "
        f"printf '\\6\\0\\0\\0\\{value}' >/sys/firmware/efi/efivars/{SECURE_BOOT}; "
        'echo "$2" >/sys/kernel/security/lockdown; exec "$1/libexec/secure-boot"',
        PACKAGING,
        lockdown,
    )


def test_secure_boot_says_what_to_do() -> None:
    assert secure_boot("0") == ""
    assert "mokutil --import /var/lib/dkms/mok.pub" in secure_boot("1")
    assert "mokutil --import" in secure_boot("0", "none [integrity] confidentiality")


def test_secure_boot_names_the_key_that_dkms_is_told_to_use() -> None:
    common = (
        "mount -t tmpfs tmpfs /mnt; mkdir /mnt/upper /mnt/work; mount -t overlay -o "
        "lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work overlay /etc; "
        "rm -rf /etc/dkms; mkdir /etc/dkms; "
    )
    # As DKMS's own template has it, and what a shell that is not bash ends at.
    first = common + (
        """echo 'sign_file="/lib/modules/$kernelver/build/scripts/sign-file"
flags=(a b)
mok_certificate="/etc/keys/$kernelver.der"' >/etc/dkms/framework.conf; """
    )
    said = secure_boot("1", before=first)
    assert re.search(r"mokutil --import /etc/keys/.+\.der$", said, re.M), said
    second = first + (
        "mkdir /etc/dkms/framework.conf.d; "
        "echo mok_certificate=/etc/keys/ours.der >/etc/dkms/framework.conf.d/ours.conf; "
    )
    assert "mokutil --import /etc/keys/ours.der" in secure_boot("1", before=second)
    broken = common + "echo 'exit 3' >/etc/dkms/framework.conf; "
    assert "mokutil --import /var/lib/dkms/mok.pub" in secure_boot("1", before=broken)


def test_secure_boot_says_nothing_on_a_machine_without_efi() -> None:
    said = apart('mount -t tmpfs tmpfs /sys/firmware; exec "$1/libexec/secure-boot"', PACKAGING)
    assert said == ""
