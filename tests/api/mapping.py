# SPDX-License-Identifier: GPL-2.0-only
"""Device-mapper devices of a guest: parts of a disk, and disks that fail on purpose."""

import contextlib
from types import TracebackType
from typing import Iterator

from vm import VM

SECTOR = 512
MIB = (1 << 20) // SECTOR  # sectors
# Longer than any test: what waits goes on at once when the device gets another table.
UNTIL_LOADED_MS = 600_000
NO_UDEV = {"DM_DISABLE_UDEV": "1"}  # dmsetup makes the files below /dev itself


class Mapping:
    """A device-mapper device; a context manager, as it has to be removed before the next test.

    A table is a list of targets "SECTORS TYPE ARGUMENTS", one behind the other.
    """

    def __init__(self, vm: VM, name: str, table: list[str]) -> None:
        self.vm = vm
        self.name = name
        self.path = f"/dev/mapper/{name}"
        vm.run("modprobe dm-mod")
        vm.run(f"dmsetup create {name}", stdin=_text(table), env=NO_UDEV)

    @classmethod
    def linear(cls, vm: VM, name: str, disk: str, mib: int, offset_mib: int = 0) -> "Mapping":
        """A part of a disk."""
        return cls(vm, name, [linear(mib * MIB, disk, offset_mib * MIB)])

    @classmethod
    def delayed(
        cls, vm: VM, name: str, disk: str, mib: int, read_ms: int, write_ms: int
    ) -> "Mapping":
        """The start of a disk, but each read and write takes its time."""
        vm.run("modprobe dm-delay")
        return cls(vm, name, [f"{mib * MIB} delay {disk} 0 {read_ms} {disk} 0 {write_ms}"])

    def load(self, table: list[str]) -> None:
        """Replace the table; I/O waits meanwhile, nothing is flushed."""
        self.vm.run(
            f"dmsetup load {self.name} && dmsetup suspend --noflush --nolockfs {self.name} && "
            f"dmsetup resume {self.name}",
            stdin=_text(table),
            env=NO_UDEV,
        )

    @contextlib.contextmanager
    def suspended(self) -> Iterator[None]:
        """Inside, the device does not answer: I/O waits."""
        self.vm.run(f"dmsetup suspend --noflush --nolockfs {self.name}", env=NO_UDEV)
        yield
        self.vm.run(f"dmsetup resume {self.name}", env=NO_UDEV)

    def remove(self) -> None:
        """Take the device away; nobody may use it any more."""
        self.vm.run(f"dmsetup remove --retry {self.name}", env=NO_UDEV)

    def __enter__(self) -> "Mapping":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:  # else the guest is not used again
            self.remove()


def linear(sectors: int, disk: str, offset: int = 0) -> str:
    """A target that is a part of a disk, in sectors."""
    return f"{sectors} linear {disk} {offset}"


def _text(table: list[str]) -> str:
    lines, start = [], 0
    for target in table:
        lines.append(f"{start} {target}\n")
        start += int(target.split()[0])
    return "".join(lines)
