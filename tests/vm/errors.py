# SPDX-License-Identifier: GPL-2.0-only
"""What can go wrong with a guest. Every text ends with what is needed to repeat it."""

import errno as errno_names
import os


class VMError(Exception):
    """Base of all errors of this package that concern a guest."""


class GuestDied(VMError):
    """The guest's kernel panicked, or QEMU ended, while something was expected of the guest."""


class GuestTimeout(VMError):
    """The guest is alive but did not do in time what was asked."""


class CommandError(VMError):
    """A command in the guest returned an error or was killed."""


class GuestOSError(VMError):
    """A file of the guest could not be read or written; errno has the reason."""

    def __init__(self, action: str, path: str, errno: int, context: str) -> None:
        self.errno = errno
        self.errno_name = errno_names.errorcode.get(errno, str(errno))
        self.path = path
        super().__init__(
            f"{action} {path} in the guest: {self.errno_name} ({os.strerror(errno)})\n{context}"
        )
