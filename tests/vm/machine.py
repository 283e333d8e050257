# SPDX-License-Identifier: GPL-2.0-only
"""Boot a Debian kernel in QEMU and run commands in the guest.

    with VM("6.1", memory_mib=256, disks=[Disk("data", size_mib=64)]) as vm:
        print(vm.run("uname -r; ls -lL /dev/disk-by-harness/data").stdout)

Time limits are in seconds as they suit KVM; without KVM they are multiplied by `vm.scale`.
"""

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Callable, Sequence

from vm import accel as accelerators
from vm import images, kernel_log, kernels
from vm.channel import MAX_PAYLOAD, Channel, Job, Request
from vm.errors import GuestDied, GuestOSError, GuestTimeout, VMError
from vm.process import Process, Result, pack_exec

BOOT_SECONDS = 20.0
CONSOLE_TAIL_LINES = 60

KERNEL_ARGUMENTS = [
    "console=ttyS0",
    "loglevel=5",  # the console shows warnings; the agent sends the whole log
    "no_timer_check",  # else a guest whose timer is late while it boots gives up
    "oops=panic",  # so that a hung guest is not mistaken for a slow one
    "panic=-1",  # at once, and QEMU's -no-reboot makes that the end of QEMU
    "mitigations=off",
    # A busy host stops guest CPUs for seconds, again and again; the limits of the tests end what
    # hangs.
    "rcupdate.rcu_cpu_stall_timeout=180",
    "sysctl.kernel.hung_task_timeout_secs=300",
    "watchdog_thresh=60",
    "workqueue.watchdog_thresh=120",
]


@dataclass(frozen=True)
class Disk:
    """An empty disk, in the guest /dev/disk-by-harness/<name>; its content is not kept."""

    name: str  # at most 20 characters
    size_mib: int
    cache: str = "unsafe"  # QEMU's cache mode: unsafe, none, writeback, writethrough, directsync


@dataclass(frozen=True)
class Boot:
    """What a guest boots: the agent must start in it (see guest/agent.c)."""

    name: str
    vmlinuz: Path
    initrd: Path
    append: str  # to the kernel's command line
    disks: tuple[str, ...]  # QEMU's arguments
    seconds: float  # until the agent says its first word

    def __str__(self) -> str:
        return self.name

    @classmethod
    def of_kernel(cls, kernel: kernels.Kernel) -> "Boot":
        """The harness' own root file system with one of its kernels."""
        return cls(
            f"kernel {kernel}",
            kernel.vmlinuz,
            images.initramfs(kernel),
            "",
            (
                *drive("guest-root", images.root_image(), "snapshot=on"),
                *drive("guest-modules", images.modules_image(kernel), "read-only=on"),
            ),
            BOOT_SECONDS,
        )


class VM:
    """A running guest; a context manager, as every guest has to be ended."""

    def __init__(
        self,
        kernel: kernels.Kernel | str | Boot,
        *,
        memory_mib: int = 256,
        cpus: int = 2,
        disks: Sequence[Disk] = (),
        append: str = "",
        icount: bool = False,
        accel: str | None = None,
        interactive: bool = False,
        qemu: Sequence[str] = (),
    ) -> None:
        """See the module's text; `interactive` connects the terminal with the serial console,
        `qemu` are more arguments for QEMU.
        """
        self._kernel: kernels.Kernel | None = None
        if isinstance(kernel, Boot):
            self._boot_source = kernel
        else:
            self._kernel = kernels.get(kernel) if isinstance(kernel, str) else kernel
            self._boot_source = Boot.of_kernel(self._kernel)
        self._cost = self._kernel.cost if self._kernel else kernels.Cost()
        self.accel = "icount" if icount else accel or accelerators.best()
        self.scale = accelerators.SCALE[self.accel] * self._cost.time
        self._crashed: bool | None = None  # known once close() was called
        self.boot_seconds = 0.0  # from the start of QEMU to the agent's first word
        self._directory = Path(tempfile.mkdtemp(prefix="vm-"))
        try:
            memory_mib = self._cost.memory(memory_mib)
            arguments = self._arguments(memory_mib, 1 if icount else cpus, disks, append)
            try:
                self._boot([*arguments, *qemu], interactive)
            except GuestDied:
                # Nothing of the tests has run in it yet, and the kernel's code is right.
                if self.accel == "kvm" or not kernel_log.shows_stale_int3(self.console):
                    raise
                warnings.warn(f"booted anew after a fault of QEMU's emulation: {self.context()}")
                self._boot([*arguments, *qemu], interactive)
        except BaseException:
            shutil.rmtree(self._directory)
            raise

    def _arguments(
        self, memory_mib: int, cpus: int, disks: Sequence[Disk], append: str
    ) -> list[str]:
        """QEMU's command line but for the channel to the agent; makes the files of the disks."""
        boot = self._boot_source
        command = [
            *("qemu-system-x86_64", *accelerators.arguments(self.accel)),
            *("-smp", str(cpus), "-m", str(memory_mib), "-nodefaults", "-no-user-config"),
            *("-display", "none", "-no-reboot", "-nic", "none"),
            *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
            *("-kernel", str(boot.vmlinuz), "-initrd", str(boot.initrd)),
            *("-append", " ".join([*KERNEL_ARGUMENTS, boot.append, append]).strip()),
            *boot.disks,
        ]
        for disk in disks:
            path = self._directory / disk.name
            with open(path, "wb") as file:
                file.truncate(disk.size_mib << 20)
            command += drive(disk.name, path, f"discard=unmap,cache={disk.cache}")
        return command

    def _boot(self, arguments: Sequence[str], interactive: bool) -> None:
        """Start QEMU with these arguments and wait for the agent's first word."""
        console_read, console_write = os.pipe()
        messages_read, messages_write = os.pipe()
        self._channel = Channel(
            open(console_read, "rb", 0), open(messages_read, "rb", 0), show_console=interactive
        )
        agent = self._channel.qemu_end.fileno()
        self.command = [
            *arguments,
            *("-device", "virtio-serial"),
            *("-chardev", f"socket,id=agent,fd={agent}"),
            *("-device", "virtserialport,chardev=agent,name=agent"),
        ]
        started = time.monotonic()
        self._qemu = subprocess.Popen(
            # pdeathsig: no guest outlives a killed test run
            ["setpriv", "--pdeathsig", "KILL", *self.command],
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=console_write,
            stderr=messages_write,
            pass_fds=[agent],
        )
        os.close(console_write)
        os.close(messages_write)
        self._channel.start()
        try:
            self.expect(lambda: self._channel.ready, self._boot_source.seconds, "boot")
        except BaseException:
            self._end_qemu()
            raise
        self.boot_seconds = time.monotonic() - started
        if self._cost.first_command:
            self.run(self._cost.first_command)

    @property
    def kernel(self) -> kernels.Kernel:
        """The harness' kernel that it runs; not of a Boot."""
        assert self._kernel, f"{self._boot_source} has a kernel of its own"
        return self._kernel

    def __enter__(self) -> "VM":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the guest at once."""
        if self._directory.exists():
            self._crashed = self.crashed
            self._end_qemu()
            shutil.rmtree(self._directory)

    def _end_qemu(self) -> None:
        self._qemu.kill()
        self._qemu.wait()
        self._channel.stop()

    # ---- commands ----

    def run(
        self,
        command: str | Sequence[str],
        *,
        timeout: float = 30.0,
        check: bool = True,
        stdin: str | bytes = b"",
        env: dict[str, str] | None = None,
    ) -> Result:
        """Run a shell text or an argument list to its end.

        With `check` an exit status other than 0 raises CommandError. When the time is over the
        command is killed and GuestTimeout raised. Standard input may have up to 200 KiB.
        """
        return self.spawn(command, stdin=stdin, env=env).wait(timeout=timeout, check=check)

    def spawn(
        self,
        command: str | Sequence[str],
        *,
        stdin: str | bytes = b"",
        env: dict[str, str] | None = None,
    ) -> Process:
        """Start a shell text or an argument list; it runs while other things are done."""
        payload = pack_exec(command, stdin, env or {})
        return Process(self, command, self._channel, self._request(Request.EXEC, payload))

    # ---- files ----

    def put(self, content: Path | str | bytes, destination: str, mode: int = 0o644) -> None:
        """Copy a file of the host (a path) or bytes into a file of the guest."""
        data = content if isinstance(content, bytes) else Path(content).read_bytes()
        flags = os.O_CREAT | os.O_TRUNC
        step = MAX_PAYLOAD - 4096  # leaves room for the path
        for start in range(0, max(len(data), 1), step):
            self._write(destination, data[start : start + step], flags, mode, timeout=30.0)
            flags = os.O_APPEND

    def get(self, path: str, *, timeout: float = 30.0) -> bytes:
        """The content of a file of the guest."""
        job = self._request(Request.READ, os.fsencode(path))
        self._finish(job, "read", path, timeout)
        return bytes(job.stdout)

    def read(self, path: str, *, timeout: float = 30.0) -> str:
        """The content of a text file without the last newline, made for sysfs and proc."""
        return self.get(path, timeout=timeout).decode(errors="replace").removesuffix("\n")

    def write(self, path: str, text: str, *, timeout: float = 30.0) -> None:
        """Write to an existing file with one write(2); GuestOSError has the errno if it fails."""
        self._write(path, text.encode(), 0, 0, timeout)

    def _write(self, path: str, data: bytes, flags: int, mode: int, timeout: float) -> None:
        head = flags.to_bytes(4, "little") + mode.to_bytes(4, "little")
        job = self._request(Request.WRITE, head + os.fsencode(path) + b"\0" + data)
        self._finish(job, "write", path, timeout)

    def _finish(self, job: Job, action: str, path: str, timeout: float) -> None:
        """Wait for a READ or WRITE job and turn its errno into an exception."""
        try:
            self.expect(lambda: job.status is not None, timeout, f"{action} {path}")
        except GuestTimeout:
            self._channel.send(job.number, Request.KILL, int(signal.SIGKILL).to_bytes(4, "little"))
            raise
        assert job.status is not None
        if os.WIFSIGNALED(job.status):
            raise VMError(
                f"{action} {path} in the guest: killed by signal {os.WTERMSIG(job.status)}\n"
                + self.context()
            )
        if job.status != 0:
            raise GuestOSError(action, path, os.WEXITSTATUS(job.status), self.context())

    def load_module(self, module: Path, *parameters: str) -> None:
        """Load a .ko file of the host, after the modules that it needs."""
        place = f"/tmp/{module.name}"
        self.put(module, place)
        self.run(
            f"modinfo -F depends {place} | tr , '\\n' | xargs --no-run-if-empty modprobe -a && "
            f"insmod {place} {shlex.join(parameters)} && rm {place}"
        )

    # ---- the guest's health ----

    @property
    def console(self) -> str:
        """All that the serial console has shown so far."""
        with self._channel.changed:
            return self._channel.console.decode(errors="replace").replace("\r\n", "\n")

    @property
    def crashed(self) -> bool:
        """Whether the guest has ended by itself: a panic, or QEMU's own end."""
        return self._ended if self._crashed is None else self._crashed

    @property
    def _ended(self) -> bool:
        """Whether there is nobody to talk to any more, for whatever reason."""
        with self._channel.changed:
            return self._channel.closed

    def log(self) -> list[kernel_log.Record]:
        """The whole kernel log up to now; of a crashed guest as far as it got out."""
        if not self._ended:
            job = self._channel.request(Request.SYNC, b"")
            self._channel.wait(lambda: job.status is not None, 20.0 * self.scale)
        with self._channel.changed:
            return list(self._channel.log)

    def dmesg(self, since: int = 0) -> str:
        """The kernel log from a mark on, as text."""
        return "\n".join(map(str, self.log()[since:]))

    def uptime(self) -> float:
        """Seconds since the guest's kernel has begun, of the guest's clock."""
        return float(self.read("/proc/uptime").split()[0])

    def mark(self) -> int:
        """A place in the kernel log, for `dmesg` and `kernel_problems`."""
        return len(self.log())

    def kernel_problems(self, since: int = 0) -> list[str]:
        """Lines of the kernel log from a mark on that tell of a bug: warnings, stalls, ..."""
        found = [record.text for record in kernel_log.problems(self.log()[since:])]
        if self.crashed:  # the end of the log is only on the console
            last_words = kernel_log.problems(kernel_log.parse_console(self.console))
            found += [record.text for record in last_words if record.text not in found]
        return found

    def wait_crash(self, timeout: float = 20.0) -> None:
        """Wait until the guest has crashed, which a test provoked."""
        if not self._channel.wait_closed(timeout * self.scale):
            raise GuestTimeout(f"the guest did not crash\n{self.context()}")

    def context(self) -> str:
        """What a person needs to understand and repeat an error."""
        tail = "\n".join(self.console.splitlines()[-CONSOLE_TAIL_LINES:])
        with self._channel.changed:
            messages = self._channel.messages.decode(errors="replace").strip()
        return (
            f"--- end of the guest's console ---\n{tail}\n"
            + (f"--- QEMU's messages ---\n{messages}\n" if messages else "")
            + f"--- guest: {self._boot_source}, accelerator {self.accel} ---\n"
            + shlex.join(self.command)
        )

    # ---- waiting ----

    def _request(self, kind: Request, payload: bytes) -> Job:
        if self._ended:
            raise self._died("before it was asked for more")
        return self._channel.request(kind, payload)

    def expect(self, done: Callable[[], bool], seconds: float | None, what: str) -> None:
        """Wait for an event; GuestDied or GuestTimeout if it does not come."""
        limit = None if seconds is None else seconds * self.scale
        if self._channel.wait(done, limit):
            return
        if self._ended:
            raise self._died(f"during: {what}")
        raise GuestTimeout(f"not done after {limit} s: {what}\n{self.context()}")

    def _died(self, when: str) -> GuestDied:
        return GuestDied(f"the guest died {when}\n{self.context()}")


def drive(serial: str, path: Path, options: str) -> list[str]:
    """QEMU arguments for a virtio disk that the guest recognises by its serial."""
    if len(serial) > 20:
        raise ValueError(f"disk name {serial!r} has more than 20 characters")
    location = str(path).replace(",", ",,")
    return [
        *("-drive", f"if=none,id={serial},format=raw,file={location},{options}"),
        *("-device", f"virtio-blk,drive={serial},serial={serial}"),
    ]
