# SPDX-License-Identifier: GPL-2.0-only
"""What is on a backing disk, read and changed behind zpack's back; see docs/block-format.md."""

import base64
import re
import struct
from dataclasses import dataclass

from api.device import Device
from vm import VM

CELL_SIZE = 4096
TRACING = "/sys/kernel/tracing"
_BLOCK_HEADER = struct.Struct("<IBBHQQHHI")
_OBJECT_HEADER = struct.Struct("<IHHI")
_RAW_ENTRY_SIZE = 12
MAGIC = 0x424B505A


@dataclass(frozen=True)
class DiskObject:
    """An object in a cell."""

    slot: int
    offset: int  # of its header, in the cell
    length: int  # of the payload behind it

    @property
    def payload(self) -> int:
        """Offset of its first byte in the cell."""
        return self.offset + _OBJECT_HEADER.size


def read_cell(vm: VM, disk: str, cell: int) -> bytes:
    """4 KiB of a disk, past the page cache."""
    command = f"dd if={disk} bs=4096 skip={cell} count=1 iflag=direct status=none | base64 -w0"
    data = base64.b64decode(vm.run(command).stdout)
    assert len(data) == CELL_SIZE
    return data


def write_cell(vm: VM, disk: str, cell: int, data: bytes) -> None:
    """Overwrite 4 KiB of a disk, past the page cache."""
    assert len(data) == CELL_SIZE
    vm.run(
        f"dd of={disk} bs=4096 seek={cell} count=1 iflag=fullblock oflag=direct status=none",
        stdin=data,
    )


def objects_of(cell: bytes) -> list[DiskObject]:
    """The objects in a cell that is not a raw page."""
    offset = 0
    magic, version, _, _, _, _, _, raw_cells, _ = _BLOCK_HEADER.unpack_from(cell)
    if magic == MAGIC and version == 1:
        offset = _BLOCK_HEADER.size + raw_cells * _RAW_ENTRY_SIZE
    found = []
    while offset + _OBJECT_HEADER.size < CELL_SIZE:
        slot, length_codec, _, _ = _OBJECT_HEADER.unpack_from(cell, offset)
        length = length_codec & 0xFFF
        if length == 0:
            break
        found.append(DiskObject(slot, offset, length))
        offset += (_OBJECT_HEADER.size + length + 3) & ~3
    return found


def cell_of(device: Device, slot: int) -> int:
    """The cell of the backing device that a packed page lies in, by reading it."""
    event = f"{TRACING}/events/zpack/zpack_readback/enable"
    device.vm.run(f"echo >{TRACING}/trace")  # opened for truncation, it is cleared
    device.vm.write(event, "1")  # for good: each change patches the kernel's code
    device.pages.check([slot])
    found = re.search(rf"slot={slot} cell=(\d+) error=0", device.vm.read(f"{TRACING}/trace"))
    assert found, "the page was not read from the backing device"
    return int(found[1])
