# SPDX-License-Identifier: GPL-2.0-only
"""Boot Debian kernels in QEMU and run commands in them; knows nothing of what is tested.

    kernels    find, download and unpack kernels          machine    VM: boot, run, files, log
    toolchain  build modules for them                     process    a command in the guest
    images     what a guest boots from                    plugin     pytest fixtures
    installed  whole systems with systemd
    guest/     init scripts and agent inside the guest    channel    the protocol with the agent
"""

from vm.errors import CommandError, GuestDied, GuestOSError, GuestTimeout, VMError
from vm.kernels import Kernel
from vm.machine import VM, Disk
from vm.process import Process, Result

__all__ = [
    "VM",
    "CommandError",
    "Disk",
    "GuestDied",
    "GuestOSError",
    "GuestTimeout",
    "Kernel",
    "Process",
    "Result",
    "VMError",
]
