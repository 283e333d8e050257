#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Writes the golden vectors of the block format, or checks them (--check).

This is a second implementation of docs/block-format.md, hash included, that
shares no code with kmod/core: the files are right when both agree. They never
change for version 1 of the format.
"""

from __future__ import annotations

import struct
import sys
from dataclasses import dataclass, field
from pathlib import Path

MASK = 2**64 - 1
CELL = 4096
MAGIC = 0x424B505A
RAW, LZ4, LZO_RLE, ZSTD = range(4)

P1, P2, P3, P4, P5 = (
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
)


def rotate(x: int, n: int) -> int:
    return ((x << n) | (x >> (64 - n))) & MASK


def xxh64(data: bytes, seed: int) -> int:
    def lane(acc: int, word: int) -> int:
        return rotate((acc + word * P2) & MASK, 31) * P1 & MASK

    at = 0
    if len(data) >= 32:
        acc = [(seed + P1 + P2) & MASK, (seed + P2) & MASK, seed, (seed - P1) & MASK]
        while at + 32 <= len(data):
            words = struct.unpack_from("<4Q", data, at)
            acc = [lane(a, w) for a, w in zip(acc, words)]
            at += 32
        h = sum(rotate(a, n) for a, n in zip(acc, (1, 7, 12, 18))) & MASK
        for a in acc:
            h = ((h ^ lane(0, a)) * P1 + P4) & MASK
    else:
        h = (seed + P5) & MASK
    h = (h + len(data)) & MASK
    while at + 8 <= len(data):
        h ^= lane(0, struct.unpack_from("<Q", data, at)[0])
        h = (rotate(h, 27) * P1 + P4) & MASK
        at += 8
    if at + 4 <= len(data):
        h ^= struct.unpack_from("<I", data, at)[0] * P1 & MASK
        h = (rotate(h, 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        h ^= byte * P5 & MASK
        h = rotate(h, 11) * P1 & MASK
    h = (h ^ h >> 33) * P2 & MASK
    h = (h ^ h >> 29) * P3 & MASK
    return h ^ h >> 32


def pattern(length: int, start: int, step: int) -> bytes:
    return bytes((start + i * step + i // 256) & 255 for i in range(length))


@dataclass
class Object:
    slot: int
    codec: int
    owner: int
    payload: bytes


@dataclass
class Block:
    name: str
    about: str
    device_id: int
    first_cell: int
    generation: int
    order: int
    cells: list[list[Object] | Object]  # a single object is a raw page
    notes: list[tuple[int, bytes, str]] = field(default_factory=list)

    def check(self, cell: int, o: Object) -> int:
        what = o.slot | o.codec << 32 | len(o.payload) << 35 | self.generation << 48
        where = (self.first_cell + cell) * 0x9E3779B97F4A7C15
        return xxh64(o.payload, self.device_id ^ ((what + where) & MASK)) & 0xFFFFFFFF

    def build(self) -> bytes:
        note = self.notes.append
        raws = [(i, c) for i, c in enumerate(self.cells) if isinstance(c, Object)]
        table = [struct.pack("<IIHH", o.slot, self.check(i, o), i, o.owner) for i, o in raws]
        head = struct.pack(
            "<IBBHQQHH",
            MAGIC,
            1,
            self.order,
            self.generation,
            self.device_id,
            self.first_cell,
            len(self.cells),
            len(raws),
        )
        check = xxh64(b"".join(table), xxh64(head, MAGIC)) & 0xFFFFFFFF
        note((0, head + struct.pack("<I", check), f"block header, check {check:#010x}"))
        for n, (entry, (i, o)) in enumerate(zip(table, raws)):
            note((32 + 12 * n, entry, f"raw table: cell {i} is slot {o.slot:#x}"))
        for i, c in enumerate(self.cells):
            at = i * CELL
            if isinstance(c, Object):
                word = 4 << 60 | (self.first_cell + i) << 28 | (self.check(i, c) & 0x7FFFFFF) << 1
                note((at, c.payload, f"raw page of slot {c.slot:#x}, slot word {word:#018x}"))
                continue
            if i == 0:
                at += 32 + 12 * len(raws)
            for o in c:
                length, check = len(o.payload), self.check(i, o)
                unit = ((self.first_cell + i) * CELL + at % CELL) // 4
                word = 3 << 60 | unit << 18 | length << 6 | o.codec << 3
                header = struct.pack("<IHHI", o.slot, length | o.codec << 12, o.owner, check)
                note(
                    (
                        at,
                        header,
                        f"object of slot {o.slot:#x}: {length} bytes, codec {o.codec}, "
                        f"check {check:#010x}, slot word {word:#018x}",
                    )
                )
                note((at + 12, o.payload, "its payload"))
                at += (12 + length + 3) // 4 * 4
            assert at <= (i + 1) * CELL
        out = bytearray(CELL << self.order)
        for at, data, _ in self.notes:
            out[at : at + len(data)] = data
        return bytes(out)

    def text(self) -> str:
        lines = [
            f"# {self.about}",
            f"# device id {self.device_id:#x}, first cell {self.first_cell:#x}, "
            f"generation {self.generation}, order {self.order}",
            "# offset: bytes; all others are zero. Written by make_golden.py",
            "",
        ]
        self.build()
        for at, data, about in self.notes:
            lines.append(f"# {about}")
            lines += [f"{at + i:05x}: {data[i:i + 32].hex()}" for i in range(0, len(data), 32)]
        return "\n".join(lines) + "\n"


# LZ4 of 4096 times 'z', and of "packed swap, " over and over, 4096 bytes.
LZ4_Z = bytes.fromhex("1f7a0100" + "ff" * 15 + "f6507a7a7a7a7a")
LZ4_TEXT = b"\xdfpacked swap, " + bytes.fromhex("0d00" + "ff" * 15) + b"\xeaPap, p"


def blocks() -> list[Block]:
    return [
        Block(
            "one-cell",
            "The smallest block: one cell, one object of one byte.",
            *(0x0123456789ABCDEF, 0, 1, 0),
            [[Object(0, LZ4, 0, b"\x2a")]],
        ),
        Block(
            "two-cells",
            "Two objects that LZ4 made, and a raw page.",
            *(0xFEEDC0FFEE5EED01, 0x1234, 7, 1),
            [
                [Object(0x1000, LZ4, 3, LZ4_Z), Object(0x77, LZ4, 3, LZ4_TEXT)],
                Object(0xABCDEF, RAW, 3, pattern(CELL, 5, 7)),
            ],
        ),
        Block(
            "limits",
            "Values at their limits: the last block of 16 TiB, three of its four cells in use, "
            "a cell filled by one object, each amount of padding, each codec.",
            *(0xFFFFFFFFFFFFFFFF, 2**32 - 4, 65535, 2),
            [
                [Object(0xFFFFFFFF - n, n, 1023 - n, pattern(33 + n, n, 11)) for n in range(4)],
                [Object(0xFFFFFFFE, ZSTD, 1023, pattern(CELL - 12, 200, 3))],
                [
                    Object(1, LZO_RLE, 1, pattern(2031, 1, 5)),
                    Object(2, LZO_RLE, 2, pattern(2035 + 1, 2, 13)),
                ],
            ],
        ),
    ]


def main() -> int:
    directory = Path(__file__).parent
    result = 0
    for block in blocks():
        path = directory / f"{block.name}.hex"
        text = block.text()
        if sys.argv[1:] == ["--check"]:
            if path.read_text() != text:
                print(f"{path} is not what make_golden.py makes", file=sys.stderr)
                result = 1
        else:
            path.write_text(text)
    return result


if __name__ == "__main__":
    sys.exit(main())
