# SPDX-License-Identifier: GPL-2.0-only
"""Choose how QEMU runs guest code: with KVM where it really works, else by translation (TCG)."""

import functools
import os
import subprocess
import tempfile
from pathlib import Path

# How much longer a time limit must be than on KVM. Two busy cores, not averages, decide.
SCALE = {"kvm": 1.0, "tcg": 6.0, "icount": 15.0}


def arguments(accel: str) -> list[str]:
    """QEMU arguments for "kvm", "tcg" or "icount".

    icount runs one CPU whose clock counts instructions: slow, but the guest sees the same times in
    every run, whatever else the host does.
    """
    if accel == "kvm":
        return ["-accel", "kvm", "-cpu", "host"]
    if accel == "tcg":
        return ["-accel", "tcg,thread=multi", "-cpu", "max"]
    if accel == "icount":
        return [*("-accel", "tcg,thread=single", "-cpu", "max"), "-icount", "shift=0,sleep=off"]
    raise ValueError(f"unknown accelerator {accel!r}: use one of {', '.join(SCALE)}")


def best() -> str:
    """ "kvm" if a guest runs with it, else "tcg"."""
    return "kvm" if kvm_works() else "tcg"


def cpu_virtualizes(cpuinfo: str = "/proc/cpuinfo") -> bool:
    """True if the CPU has VT-x or AMD-V, and lets this system use it."""
    return bool({"vmx", "svm"} & set(Path(cpuinfo).read_text().split()))


@functools.lru_cache(maxsize=None)
def kvm_works() -> bool:
    """Look for the CPU's extension, then boot a machine whose firmware only reports success.

    /dev/kvm alone says little. It also exists where the CPU offers no virtualization: then no
    machine starts or, with the software MMU of "kvm-pvm", only kernels made for it get far.
    """
    if not os.access("/dev/kvm", os.R_OK | os.W_OK) or not cpu_virtualizes():
        return False
    exit_port = 0xF4
    status = 0x10  # isa-debug-exit ends QEMU with status * 2 + 1
    code = bytes([0xB0, status, 0xE6, exit_port, 0xF4])  # mov al, status; out exit_port, al; hlt
    firmware = bytes(64 * 1024 - 16) + code.ljust(16, b"\0")  # the CPU starts 16 bytes before end
    with tempfile.NamedTemporaryFile(suffix=".bin") as file:
        file.write(firmware)
        file.flush()
        try:
            done = subprocess.run(
                [
                    *("qemu-system-x86_64", *arguments("kvm"), "-m", "16", "-nodefaults"),
                    *("-display", "none", "-no-reboot", "-bios", file.name),
                    *("-device", f"isa-debug-exit,iobase={exit_port:#x},iosize=1"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=20,
            )
        except subprocess.TimeoutExpired:
            return False
    return done.returncode == status * 2 + 1
