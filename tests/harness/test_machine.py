# SPDX-License-Identifier: GPL-2.0-only
"""Proves that what the other tests rely on works: commands, files, errors, and noticing crashes."""

import errno
import hashlib
import random
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Callable

import pytest

from api.waiting import wait_until
from vm import VM, CommandError, Disk, GuestDied, GuestOSError, GuestTimeout
from vm.kernels import Kernel
from vm.machine import Boot as BootSource
from vm.machine import drive
from vm.plugin import Boot, Usage

pytestmark = pytest.mark.slow


def test_command_gives_output_and_status(vm: VM) -> None:
    result = vm.run("echo out; echo err >&2; exit 3", check=False)
    assert (result.stdout, result.stderr, result.returncode) == ("out\n", "err\n", 3)
    assert vm.run(["printf", "%s", "one word"]).stdout == "one word"
    assert vm.run("uname -r").stdout.strip() == vm.kernel.release
    assert vm.run("cat; echo $COLOR", stdin="given", env={"COLOR": "red"}).stdout == "givenred\n"


def test_guest_boots_from_what_is_not_the_harness_own(kernel: Kernel) -> None:
    with VM(BootSource.of_kernel(kernel), memory_mib=192) as vm:
        assert vm.run("uname -r").stdout.strip() == kernel.release
        assert not vm.kernel_problems()


@pytest.fixture
def dies_once(kernel: Kernel, tmp_path: Path) -> Callable[[str], BootSource]:
    """Makes a guest whose first boot ends with that text on the console, the second one well."""
    flag = tmp_path / "flag"
    flag.write_bytes(bytes(4096))

    def make(last_words: str) -> BootSource:
        source = BootSource.of_kernel(kernel)
        (tmp_path / "init-dies-once").write_text(
            f"""#!/bin/busybox sh
set -e
/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t sysfs none /sys
while read -r module; do /bin/busybox insmod "/modules/$module"; done </modules/order
for serial in /sys/block/*/serial; do
	[ "$(/bin/busybox cat "$serial")" != flag ] || disk=${{serial%/serial}}
done
disk=/dev/${{disk##*/}}
if [ "$(/bin/busybox head -c 4 "$disk")" != died ]; then
	printf died | /bin/busybox dd of="$disk" conv=notrunc,fsync
	printf '%s' '{last_words}' | while read -r line; do echo "<3>$line" >/dev/kmsg; done
	exit 1
fi
/bin/busybox umount /dev /sys
exec /bin/busybox sh -c "$(/bin/busybox sed s/insmod/true/ /init)"
"""
        )
        (tmp_path / "init-dies-once").chmod(0o755)
        more = subprocess.run(
            ["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"],
            cwd=tmp_path,
            input=b"init-dies-once\n",
            stdout=subprocess.PIPE,
            check=True,
        )
        initrd = tmp_path / "initrd"  # the kernel unpacks one archive after the other
        initrd.write_bytes(source.initrd.read_bytes() + more.stdout)
        disks = (*source.disks, *drive("flag", flag, "cache=unsafe"))
        return replace(source, initrd=initrd, disks=disks, append="rdinit=/init-dies-once")

    return make


STALE_INT3 = """Oops: int3: 0000 [#1] SMP NOPTI
Code: 90 90 f3 0f 1e fa 41 54 55 53 66 <90> e8 91 72 ed ff
"""


def test_guest_that_the_emulator_kills_while_it_boots_is_booted_anew(
    dies_once: Callable[[str], BootSource],
) -> None:
    with pytest.warns(UserWarning, match="booted anew after a fault of QEMU's emulation"):
        with VM(dies_once(STALE_INT3), memory_mib=192) as vm:
            assert "rdinit=/init-dies-once" in vm.read("/proc/cmdline")
            assert not vm.kernel_problems()


def test_guest_that_dies_otherwise_while_it_boots_is_not_booted_anew(
    dies_once: Callable[[str], BootSource],
) -> None:
    with pytest.raises(GuestDied, match="during: boot"):
        VM(dies_once(STALE_INT3.replace("int3: ", "")), memory_mib=192)


def test_failed_command_raises_with_its_output(vm: VM) -> None:
    with pytest.raises(CommandError, match="(?s)returned 2.*no such thing"):
        vm.run("echo no such thing >&2; exit 2")
    with pytest.raises(CommandError, match="returned 127"):
        vm.run(["/no/such/program"])


def test_large_file_survives_both_ways(vm: VM) -> None:
    content = random.Random(1).randbytes(3 << 20)
    vm.put(content, "/root/large")
    checksum = vm.run("sha256sum /root/large").stdout.split()[0]
    assert checksum == hashlib.sha256(content).hexdigest()
    assert vm.get("/root/large") == content
    vm.put(b"", "/root/large", 0o700)
    assert vm.run("stat -c '%s %a' /root/large").stdout == "0 700\n"


def test_failed_write_tells_errno(vm: VM) -> None:
    knob = "/proc/sys/vm/swappiness"
    vm.write(knob, "10")
    assert vm.read(knob) == "10"
    with pytest.raises(GuestOSError, match="EINVAL") as caught:
        vm.write(knob, "many")
    assert caught.value.errno == errno.EINVAL
    with pytest.raises(GuestOSError, match="ENOENT"):
        vm.read("/no/such/file")


def test_killed_command(vm: VM) -> None:
    process = vm.spawn("sleep 1000 & echo ready; wait")
    process.expect("ready")
    assert process.running
    process.kill()
    assert process.wait(check=False).returncode == -9
    # That the shell is gone has been waited for; its child, killed with it, may take longer.
    wait_until(lambda: vm.run("pgrep -x sleep", check=False).returncode == 1, "all are gone")


def test_command_that_takes_too_long(vm: VM) -> None:
    with pytest.raises(GuestTimeout, match="(?s)sleep 1000.*before"):
        vm.run("echo before; sleep 1000", timeout=0.5)


def test_commands_run_at_the_same_time(vm: VM) -> None:
    vm.run("mkfifo /tmp/there /tmp/back")
    left = vm.spawn("echo from left >/tmp/there; cat /tmp/back")
    right = vm.spawn("cat /tmp/there; echo from right >/tmp/back")
    assert left.wait().stdout == "from right\n"
    assert right.wait().stdout == "from left\n"


def test_expect_reads_on_where_it_stopped(vm: VM) -> None:
    process = vm.spawn("for i in 1 2 3; do echo step $i; done")
    assert [process.expect(r"step (\d)")[1] for _ in range(3)] == ["1", "2", "3"]
    with pytest.raises(CommandError, match="ended without output"):
        process.expect("step")


def test_disks_have_stable_names(boot: Boot) -> None:
    vm = boot(disks=[Disk("small", 8), Disk("large", 16, cache="none")])
    sizes = "blockdev --getsize64 /dev/disk-by-harness/"
    assert int(vm.run(sizes + "small").stdout) == 8 << 20
    assert int(vm.run(sizes + "large").stdout) == 16 << 20


def test_same_configuration_shares_a_guest(boot: Boot, boot_fresh: Boot, vm: VM) -> None:
    assert boot() is vm
    own = boot_fresh()
    assert own is not vm
    own.close()
    assert not own.crashed
    with pytest.raises(GuestDied):
        own.run("true")


@pytest.mark.expects_kernel_problem("BUG: something injected")
def test_kernel_problem_is_noticed(vm: VM) -> None:
    mark = vm.mark()
    vm.write("/dev/kmsg", "<4>BUG: something injected\n")
    assert vm.kernel_problems(mark) == ["BUG: something injected"]
    assert vm.kernel_problems(vm.mark()) == []


@pytest.mark.expects_kernel_problem("WARNING: CPU")
def test_unexpected_kernel_problem_fails_a_test(vm: VM) -> None:
    usage = Usage()
    usage.add(vm)
    usage.check(expected=None)
    vm.write("/dev/kmsg", "<4>WARNING: CPU: 0 PID: 1 at nowhere.c:1\n")
    with pytest.raises(pytest.fail.Exception, match="nowhere.c"):
        usage.check(expected=None)
    usage.check(expected="WARNING: CPU")
    with pytest.raises(pytest.fail.Exception, match="no problem that matches"):
        usage.check(expected="Oops")


@pytest.mark.expects_kernel_problem("sysrq|Kernel panic|panic|Oops|BUG")
def test_panic_is_noticed_at_once(boot_fresh: Boot) -> None:
    vm = boot_fresh()
    waiting = vm.spawn("sleep 1000")
    started = time.monotonic()
    with pytest.raises(GuestDied, match="(?s)sysrq.*qemu-system"):
        vm.write("/proc/sysrq-trigger", "c")
    with pytest.raises(GuestDied):
        waiting.wait()
    with pytest.raises(GuestDied):
        vm.run("true")
    assert vm.crashed
    assert time.monotonic() - started < 10 * vm.scale


def test_agent_answers_while_memory_is_exhausted(vm: VM) -> None:
    """The hog is killed by the OOM killer and started again, while files are read and written."""
    hog = "import sys; held = []\nwhile True: held.append(b'x' * (1 << 20))"
    process = vm.spawn(f'for i in 1 2; do echo round $i; python3 -c "{hog}"; done; echo end')
    process.expect("round 1")
    answers = 0
    while process.running:
        vm.write("/proc/sys/vm/swappiness", "60")
        assert vm.read("/proc/sys/vm/swappiness") == "60"
        answers += 1
    process.expect("end")
    assert answers > 3
    assert "Killed process" in vm.dmesg()
