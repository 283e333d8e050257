# SPDX-License-Identifier: GPL-2.0-only
"""One /dev/zpackN of a guest."""

import base64
import contextlib
import errno as errno_names
import gzip
from typing import Iterator, Literal

from api.module import CONTROL
from api.pages import Pages
from api.stat import CgroupRecord, ClassRecord, DiskStat, LayoutRecord, ObjectRecord, Stat
from api.waiting import wait_until
from vm import VM, GuestOSError

PAGE_SIZE = 4096
WRITEBACK_SECONDS = 60.0


class _Number:
    """A tunable that is a number."""

    def __set_name__(self, owner: type["Device"], name: str) -> None:
        self.name = name

    def __get__(self, device: "Device", owner: type["Device"]) -> int:
        return int(device.read(self.name))

    def __set__(self, device: "Device", value: int) -> None:
        device.write(self.name, str(value))


class _Switch:
    """A tunable that is on or off."""

    def __set_name__(self, owner: type["Device"], name: str) -> None:
        self.name = name

    def __get__(self, device: "Device", owner: type["Device"]) -> bool:
        text = device.read(self.name)
        assert text in ("0", "1")
        return text == "1"

    def __set__(self, device: "Device", value: bool) -> None:
        device.write(self.name, "1" if value else "0")


class Device:
    """One /dev/zpackN: its files below /sys by name, and what can be done with it."""

    disksize = _Number()
    block_pages = _Number()
    writeback_high = _Number()
    writeback_low = _Number()
    min_age_ms = _Number()
    second_chance = _Switch()
    shrinker = _Switch()
    cleaning_reserve = _Number()
    cleaning_low = _Number()
    cleaning_high = _Number()
    synchronous = _Switch()

    def __init__(self, vm: VM, number: int = 0) -> None:
        self.vm = vm
        self.number = number
        self.name = f"zpack{number}"
        self.path = f"/dev/{self.name}"
        self.pages = Pages(vm, self.path)

    @classmethod
    def hot_add(cls, vm: VM) -> "Device":
        """A new device, without a size."""
        return cls(vm, int(vm.read(f"{CONTROL}/hot_add")))

    def remove(self) -> None:
        """Take the device away; GuestOSError EBUSY if it is in use."""
        self.vm.write(f"{CONTROL}/hot_remove", str(self.number))

    @property
    def exists(self) -> bool:
        """Whether there is such a device."""
        return self.vm.run(["test", "-e", f"/sys/block/{self.name}"], check=False).returncode == 0

    # ---- attributes ----

    def attribute(self, name: str) -> str:
        """The path of an attribute."""
        return f"/sys/block/{self.name}/zpack/{name}"

    def read(self, name: str) -> str:
        """The text of an attribute."""
        return self.vm.read(self.attribute(name))

    def write(self, name: str, value: str, timeout: float = 30.0) -> None:
        """Write an attribute; GuestOSError if it is refused."""
        self.vm.write(self.attribute(name), value, timeout=timeout)

    @property
    def last_error(self) -> str:
        """What the last refused write was told, "none" if there was none."""
        return self.read("last_error")

    @contextlib.contextmanager
    def refuses(self, errno: int, *words: str) -> Iterator[None]:
        """Inside, a write must fail with this errno; last_error must have these words."""
        try:
            yield
        except GuestOSError as error:
            assert error.errno == errno, f"{error.errno_name}: {self.last_error}"
        else:
            raise AssertionError(f"not refused with {errno_names.errorcode[errno]}")
        told = self.last_error
        for word in words:
            assert word in told, f"{word!r} is not in {told!r}"

    @property
    def backing_dev(self) -> str | None:
        """The backing device, None without one."""
        text = self.read("backing_dev")
        return None if text == "none" else text

    @backing_dev.setter
    def backing_dev(self, path: str) -> None:
        self.write("backing_dev", path)

    @property
    def comp_algorithm(self) -> str:
        """The compressor for new pages."""
        (chosen,) = [word for word in self.read("comp_algorithm").split() if word[0] == "["]
        return chosen.strip("[]")

    @comp_algorithm.setter
    def comp_algorithm(self, name: str) -> None:
        self.write("comp_algorithm", name)

    @property
    def readahead(self) -> str:
        """When more of a block is read than was asked for: off, auto or always."""
        (chosen,) = [word for word in self.read("readahead").split() if word[0] == "["]
        return chosen.strip("[]")

    @readahead.setter
    def readahead(self, mode: str) -> None:
        self.write("readahead", mode)

    @property
    def pool_limit(self) -> int | None:
        """Bytes that the RAM pool may use, None without a limit."""
        text = self.read("pool_limit")
        return None if text == "max" else int(text)

    @pool_limit.setter
    def pool_limit(self, limit: int | str | None) -> None:
        self.write("pool_limit", "max" if limit is None else str(limit))

    @property
    def clean_cache_limit(self) -> int | None:
        """Bytes that cells just read may use, None: what the pool leaves of its limit."""
        text = self.read("clean_cache_limit")
        return None if text == "max" else int(text)

    @clean_cache_limit.setter
    def clean_cache_limit(self, limit: int | None) -> None:
        self.write("clean_cache_limit", "max" if limit is None else str(limit))

    @property
    def degraded(self) -> bool:
        """Whether writeback has been given up after write errors."""
        return self.read("degraded") == "1"

    def recover(self) -> None:
        """End the degraded state."""
        self.write("degraded", "0")

    # ---- actions ----

    def writeback(self, pages: int | Literal["all"] = "all") -> None:
        """Write pages to the backing device now; returns when that is done."""
        self.write("writeback", str(pages), timeout=WRITEBACK_SECONDS)

    def wait_until_nothing_is_in_flight(self) -> None:
        """A block that is just being written or cleaned is live or free a moment later."""

        def nothing_is() -> bool:
            stat = self.stat()
            return not stat.blocks_writing and not stat.blocks_cleaning

        wait_until(nothing_is, f"no block of {self.name} is being written or cleaned")

    def wait_until_pool_is_empty(self) -> None:
        """zsmalloc frees a page a moment later when compaction held it as its last object went."""
        wait_until(lambda: not self.stat().pool_bytes, f"the pool of {self.name} is empty")

    @property
    def cleaning(self) -> bool:
        """Whether blocks are cleaned when free ones run low."""
        text = self.read("cleaning")
        assert text in ("off", "auto")
        return text == "auto"

    @cleaning.setter
    def cleaning(self, value: bool) -> None:
        self.write("cleaning", "auto" if value else "off")

    def clean(self, blocks: int | Literal["all"] = "all") -> None:
        """Clean sparse blocks now; returns when that is done."""
        self.write("clean", str(blocks), timeout=WRITEBACK_SECONDS)

    def reset(self) -> None:
        """Forget everything: pages, backing device, size; tunables stay."""
        self.write("reset", "1")

    def discard_all(self) -> None:
        """Discard each page of the device."""
        self.pages.discard(0, self.disksize // PAGE_SIZE)
        self.pages.contents.clear()

    def mkswap(self) -> None:
        """Make a swap area of the device."""
        self.vm.run(["mkswap", self.path])

    def swapon(self, *options: str) -> None:
        """Start swapping to the device."""
        self.vm.run(["swapon", *options, self.path])

    def mkswap_on(self, *options: str) -> None:
        """Make a swap area of the device and start swapping to it."""
        self.mkswap()
        self.swapon(*options)

    def swapoff(self, timeout: float = 120.0) -> None:
        """Stop swapping to the device; everything comes home."""
        self.vm.run(["swapoff", self.path], timeout=timeout)

    @property
    def swapping(self) -> bool:
        """Whether it is a swap device right now."""
        return any(line.split()[0] == self.path for line in self.vm.read("/proc/swaps").split("\n"))

    # ---- reports ----

    def stat(self) -> Stat:
        """The counters and sums, checked to add up."""
        stat = Stat.parse(self.read("stat"))
        stat.check()
        return stat

    def layout(self) -> list[LayoutRecord]:
        """The blocks of the backing device, and its free segments."""
        return LayoutRecord.parse_all(self.read_binary("layout"))

    def objects(self, block: LayoutRecord) -> list[ObjectRecord]:
        """What lives in a block."""
        path, size = self.attribute("objects"), block.block_pages * 4096
        part = f"iflag=skip_bytes,count_bytes skip={block.first_cell * 4096} count={size}"
        text = self.vm.run(f"dd status=none if={path} bs=4096 {part} | gzip -1 | base64 -w0").stdout
        data = gzip.decompress(base64.b64decode(text))
        assert len(data) == size, f"{path}: {len(data)} of {size} bytes"
        return ObjectRecord.parse_all(data, block.first_cell * 4096)

    def classes(self) -> list[ClassRecord]:
        """The objects of the RAM pool by size."""
        return ClassRecord.parse_all(self.read_binary("classes"))

    def cgroups(self) -> dict[int, CgroupRecord]:
        """The pages of each cgroup, by its inode number."""
        return CgroupRecord.parse_all(self.read_binary("cgroups"))

    def read_binary(self, name: str) -> bytes:
        """The bytes of an attribute. They are mostly zeroes and travel compressed."""
        text = self.vm.run(f"gzip -1 <{self.attribute(name)} | base64 -w0").stdout
        return gzip.decompress(base64.b64decode(text))

    def object_sizes(self) -> list[tuple[int, int, int]]:
        """object_size_histogram: up to which size, objects, their bytes."""
        rows = [line.split() for line in self.read("object_size_histogram").splitlines()]
        return [(int(size), int(objects), int(size_bytes)) for size, objects, size_bytes in rows]

    def ages(self) -> list[tuple[float, int]]:
        """age_histogram: up to which age in seconds, objects."""
        rows = [line.split() for line in self.read("age_histogram").splitlines()]
        return [(float(age), int(objects)) for age, objects in rows]

    def load_latencies(self) -> list[tuple[float, int, int, int, int]]:
        """load_latency_histogram: up to how many ns; same, ram, cached, read."""
        rows = [line.split() for line in self.read("load_latency_histogram").splitlines()]
        return [(float(row[0]), int(row[1]), int(row[2]), int(row[3]), int(row[4])) for row in rows]

    def backing_stat(self) -> DiskStat:
        """What the block layer has counted for the backing device."""
        assert self.backing_dev
        return disk_stat(self.vm, self.backing_dev)


def disk_stat(vm: VM, path: str) -> DiskStat:
    """What the block layer has counted for a whole disk."""
    return DiskStat.parse(vm.run(f"cat /sys/block/$(basename $(realpath {path}))/stat").stdout)
