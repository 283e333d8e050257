# SPDX-License-Identifier: GPL-2.0-only
"""The reports of a device, read by name and with types."""

import dataclasses
import enum
import struct
from dataclasses import dataclass


@dataclass(frozen=True)
class Stat:
    """The file `stat`; the counters are explained in kmod/zpack.h.

    Those from pool_bytes on are 0 as long as the device has no size, or no backing device.
    """

    slots: int
    stored: int
    same: int
    ram: int
    packed: int
    ram_object_bytes: int
    ram_raw: int
    packed_object_bytes: int
    packed_raw: int
    stores: int
    store_no_memory: int
    store_pool_full: int
    loads: int
    loads_empty: int
    loads_same: int
    loads_ram: int
    loads_packed: int
    frees: int
    discards: int
    writeback_pages: int
    writeback_object_bytes: int
    writeback_header_bytes: int
    writeback_dead: int
    blocks_written: int
    block_bytes_written: int
    write_ios: int
    write_errors: int
    backing_full_events: int
    read_ios: int
    read_bytes: int
    read_errors: int
    checksum_errors: int
    read_retries: int
    store_waits: int
    second_chances: int
    blocks_died: int
    shrinker_pages: int
    budget_bytes: int
    budget_pauses: int
    blocks_cleaned: int
    cleaning_pages: int
    cleaning_dead: int
    cleaning_reads: int
    cleaning_read_bytes: int
    cleaning_writes: int
    cleaning_write_bytes: int
    cleaning_read_errors: int
    cleaning_damaged: int
    cleaning_write_errors: int
    discard_ios: int
    discard_bytes: int
    clean_cache_hits: int
    clean_cache_waits: int
    clean_cache_rejects: int
    clean_cache_shrunk_bytes: int
    readahead_ios: int
    readahead_errors: int
    readahead_bytes: int
    readahead_used_bytes: int
    readahead_wasted_bytes: int
    policy_full_events: int
    recompress_pages: int
    recompress_smaller: int
    recompress_saved_bytes: int
    pool_bytes: int = 0
    slot_table_bytes: int = 0
    clean_cache_bytes: int = 0
    slot_root_bytes: int = 0
    entry_bytes: int = 0
    group_bytes: int = 0
    bounce_bytes: int = 0
    cleaning_bytes: int = 0
    recompress_bytes: int = 0
    writeback_possible: int = 0
    backing_full: int = 0
    degraded: int = 0
    budget_spent: int = 0
    backing_bytes: int = 0
    map_bytes: int = 0
    segments: int = 0
    segments_free: int = 0
    segments_freed: int = 0
    live_bytes: int = 0
    blocks_free: int = 0
    blocks_writing: int = 0
    blocks_live: int = 0
    blocks_cleaning: int = 0
    blocks_bad: int = 0
    blocks_pinned: int = 0
    block_bytes_free: int = 0
    block_bytes_writing: int = 0
    block_bytes_live: int = 0
    block_bytes_cleaning: int = 0
    block_bytes_bad: int = 0
    block_bytes_pinned: int = 0

    @classmethod
    def parse(cls, text: str) -> "Stat":
        """Read "key value" lines; keys that are new here are left out."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = dict(line.split() for line in text.splitlines())
        return cls(**{name: int(value) for name, value in values.items() if name in known})

    def __sub__(self, before: "Stat") -> "Stat":
        """What has changed since an earlier reading, key by key."""
        names = [field.name for field in dataclasses.fields(self)]
        return Stat(**{name: getattr(self, name) - getattr(before, name) for name in names})

    @property
    def write_amplification(self) -> float:
        """Bytes written to the backing device for each byte that writeback wrote."""
        return 1 + self.cleaning_write_bytes / self.block_bytes_written

    def check(self) -> None:
        """Check what holds at any moment, under any load."""
        assert self.stored == self.same + self.ram + self.packed, self
        for field in dataclasses.fields(self):
            assert getattr(self, field.name) >= 0, f"{field.name} of {self}"
        assert self.ram_raw <= self.ram and self.packed_raw <= self.packed, self
        assert self.stored <= self.slots, self


@dataclass(frozen=True)
class DiskStat:
    """The counters of /sys/block/X/stat that tests compare with those of zpack."""

    read_ios: int
    read_bytes: int
    write_ios: int
    write_bytes: int

    @classmethod
    def parse(cls, text: str) -> "DiskStat":
        """See Documentation/block/stat.rst of the kernel."""
        values = [int(word) for word in text.split()]
        return cls(values[0], values[2] * 512, values[4], values[6] * 512)

    def __sub__(self, before: "DiskStat") -> "DiskStat":
        """What has happened since an earlier reading."""
        return DiskStat(
            self.read_ios - before.read_ios,
            self.read_bytes - before.read_bytes,
            self.write_ios - before.write_ios,
            self.write_bytes - before.write_bytes,
        )


class BlockState(enum.IntEnum):
    """ZPACK_LAYOUT_... of kmod/include/uapi/zpack.h."""

    FREE = 0
    WRITING = 1
    LIVE = 2
    CLEANING = 3
    BAD = 4
    PINNED = 5


@dataclass(frozen=True)
class LayoutRecord:
    """struct zpack_layout_record: a block, or with block_pages 0 a free segment."""

    segment: int
    block: int
    block_pages: int
    live_bytes: int
    age_seconds: int
    cgroup: int
    generation: int
    state: BlockState

    STRUCT = struct.Struct("=IHHIIQHB5s")
    STRIDE = 1024  # records of one segment, and its 4 KiB cells

    @classmethod
    def parse(cls, data: bytes) -> "LayoutRecord":
        """Read the bytes of one record."""
        segment, block, pages, live, age, cgroup, generation, state, zeroes = cls.STRUCT.unpack(
            data
        )
        assert zeroes == bytes(5)
        return cls(segment, block, pages, live, age, cgroup, generation, BlockState(state))

    @classmethod
    def parse_all(cls, data: bytes) -> "list[LayoutRecord]":
        """The records of a whole file; positions without a block or free segment are left out."""
        assert len(data) % (cls.STRUCT.size * cls.STRIDE) == 0
        records = []
        for position in range(0, len(data), cls.STRUCT.size):
            part = data[position : position + cls.STRUCT.size]
            index = position // cls.STRUCT.size
            # Segment 0, block 0 reads as zeroes too when it is free.
            if any(part) or index == 0:
                record = cls.parse(part)
                assert (record.segment, record.block) == divmod(index, cls.STRIDE)
                records.append(record)
        return records

    @property
    def first_cell(self) -> int:
        """Where the block begins on the backing device, in units of 4 KiB."""
        return self.segment * self.STRIDE + self.block * self.block_pages


@dataclass(frozen=True)
class ObjectRecord:
    """struct zpack_object_record: what lives on the backing device."""

    place: int
    slot: int
    length: int
    codec: int

    STRUCT = struct.Struct("=QIHH")
    NO_SLOT = 0xFFFFFFFF
    HEADER = 12  # bytes, unless the page is not compressed

    @classmethod
    def parse_all(cls, data: bytes, place: int) -> "list[ObjectRecord]":
        """The records of a part of the file that begins at `place`."""
        assert len(data) % 4096 == 0
        records = []
        for at in range(0, len(data), cls.STRUCT.size):
            record = cls(*cls.STRUCT.unpack_from(data, at))
            if record.length:
                assert record.place // 4096 == (place + at) // 4096, record
                records.append(record)
            else:
                assert record == cls(0, 0, 0, 0)
        return records

    @property
    def bytes_taken(self) -> int:
        """With its header, and what is lost to where the next may begin."""
        return 4096 if self.length == 4096 else (self.HEADER + self.length + 3) // 4 * 4


@dataclass(frozen=True)
class ClassRecord:
    """struct zpack_class_record: objects of the RAM pool by size."""

    size_max: int
    objects: int
    object_bytes: int

    STRUCT = struct.Struct("=IIQQ")

    @classmethod
    def parse_all(cls, data: bytes) -> "list[ClassRecord]":
        """The records of a whole file."""
        records = []
        for size_max, reserved, objects, object_bytes in cls.STRUCT.iter_unpack(data):
            assert reserved == 0
            records.append(cls(size_max, objects, object_bytes))
        return records


@dataclass(frozen=True)
class CgroupRecord:
    """struct zpack_cgroup_record: the pages of one cgroup, and its policy."""

    cgroup: int
    pool_objects: int
    pool_bytes: int
    packed_objects: int
    packed_bytes: int
    refaults: int
    writebacks: int
    blocks: int
    min_age_ms: int | None  # None: the device's
    keep_ms: int
    share: int
    writeback: bool

    STRUCT = struct.Struct("=8QIIBB6s")

    @classmethod
    def parse_all(cls, data: bytes) -> "dict[int, CgroupRecord]":
        """The records of a whole file, by cgroup."""
        records = {}
        names = [field.name for field in dataclasses.fields(cls)]
        for *numbers, zeroes in cls.STRUCT.iter_unpack(data):
            values = dict(zip(names, numbers))
            assert zeroes == bytes(6) and values["writeback"] in (0, 1)
            values["writeback"] = bool(values["writeback"])
            if values["min_age_ms"] == 0xFFFFFFFF:
                values["min_age_ms"] = None
            record = cls(**values)
            assert record.cgroup not in records
            records[record.cgroup] = record
        return records
