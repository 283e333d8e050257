# SPDX-License-Identifier: GPL-2.0-only
"""The operations of a soak: an endless sequence that follows from a seed.

Nothing here depends on what the guest answers or how fast it is, so a seed always gives the same
operations; only how many of them fit into the time, and what happens between them, differs.
"""

import json
import random
from dataclasses import dataclass
from typing import Any, Callable, Iterator

DIRECT_PAGES = 24 << 10  # of the device for direct I/O: 96 MiB
MAX_FILES = 4

# What a tunable may be set to while everything runs; any order is allowed.
TUNABLES: dict[str, list[str]] = {
    "block_pages": ["1", "2", "4", "8", "16", "16", "32", "64", "128", "256"],
    "pool_limit": ["0", "64K", "2M", "8M", "8M", "16M", "32M", "max"],
    "writeback_high": ["100", "95", "90", "80"],
    "writeback_low": ["0", "30", "60", "80"],
    "comp_algorithm": ["lz4", "lz4", "lzo-rle", "zstd"],
    "min_age_ms": ["0", "0", "1", "50", "500", "5000"],
    "second_chance": ["0", "1"],
    "shrinker": ["0", "1"],
    "write_budget": ["max", "max", "1G 60", "64M 10 64M", "16M 5 32M"],
    "cleaning": ["auto", "auto", "off"],
    "cleaning_reserve": ["1", "2", "16", "64"],
    "cleaning_low": ["0", "5", "8"],
    "cleaning_high": ["8", "50", "300"],
    "cleaning_rate": ["1M", "8M", "32M", "max"],
    "discard": ["off", "on", "batched"],
    "readahead": ["off", "auto", "always"],
    "clean_cache_limit": ["max", "max", "0", "64K", "1M", "16M"],
    "recompress": ["off", "off", "zstd"],
    "recompress_level": ["1", "3", "12"],
}
# What a device is given before it gets its size.
SETTINGS: dict[str, list[str]] = {
    "comp_algorithm": TUNABLES["comp_algorithm"],
    "block_pages": TUNABLES["block_pages"],
    "synchronous": ["0", "0", "1"],
}
# Attributes that operations of their own write.
ACTIONS = {"disksize", "backing_dev", "reset", "degraded", "writeback", "clean", "cgroup_policy"}
# Those that would change nothing but what they themselves show.
NOT_TUNED = {"write_budget_left", "write_budget_used"}

POLICIES = ["default", "default", "writeback=0", "min_age_ms=100", "keep_ms=50", "share=10"]

KINDS = ["mixed", "mixed", "mixed", "text", "random", "zero", "word64", "sized:1200", "sized:2600"]


@dataclass(frozen=True)
class Operation:
    """Something to do: the name of a method of machine.Machine, and its arguments."""

    name: str
    values: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.name} {json.dumps(self.values)}" if self.values else self.name


class Plan:
    """The operations of one seed."""

    def __init__(self, seed: int, attributes: list[str]) -> None:
        """`attributes`: what can be written below /sys/block/zpackN/zpack."""
        self._random = random.Random(seed)
        self._tunables = sorted(set(TUNABLES) & set(attributes))
        self._settings_known = sorted(set(SETTINGS) & set(attributes))
        self._faults: dict[str, int] = {}  # device: operations until it is healed
        self._files: list[int] = []
        self._next_file = 0
        self._choices: list[tuple[Callable[[], Operation], float]] = [
            (self._tune, 28),
            (self._write, 14),
            (self._check, 12),
            (self._discard, 5),
            (self._writeback, 8),
            (self._reports, 4),
            (self._file, 5),
            (self._fault, 4),
            (self._load, 3),
            (self._limit_cgroup, 3),
            (self._hot_add_and_remove, 2),
            (self._refused, 2),
            (self._remake_direct, 1.5),
            (self._cycle_swap, 1),
        ]
        if "clean" in attributes:
            self._choices.append((self._clean, 4))
        if "cgroup_policy" in attributes:
            self._choices.append((self._cgroup_policy, 3))

    def __iter__(self) -> Iterator[Operation]:
        yield self._load()
        while True:
            for device in [device for device, left in self._faults.items() if left == 0]:
                del self._faults[device]
                yield Operation("heal", {"device": device})
            for device in self._faults:
                self._faults[device] -= 1
            makers, weights = zip(*self._choices)
            (make,) = self._random.choices(makers, weights)
            yield make()

    # ---- one operation each ----

    def _device(self) -> str:
        return self._random.choice(["swap", "direct"])

    def _range(self, most: int) -> dict[str, int]:
        count = self._random.randint(1, most)
        return {"first": self._random.randrange(DIRECT_PAGES - count), "count": count}

    def _tune(self) -> Operation:
        name = self._random.choice(self._tunables)
        value = self._random.choice(TUNABLES[name])
        return Operation("tune", {"device": self._device(), "name": name, "value": value})

    def _write(self) -> Operation:
        kind = self._random.choice(KINDS)
        extra = {
            "kind": kind,
            "seed": self._random.randrange(1 << 30),
            "io_pages": self._random.choice([1, 1, 8, 64]),
        }
        return Operation("write", {**self._range(1200), **extra})

    def _check(self) -> Operation:
        extra = {
            "io_pages": self._random.choice([1, 1, 4, 32]),
            "shuffle": self._random.choice([0, self._random.randrange(1, 1 << 30)]),
        }
        return Operation("check", {**self._range(4000), **extra})

    def _discard(self) -> Operation:
        return Operation(
            "discard", {**self._range(3000), "zeroout": self._random.choice([False, True])}
        )

    def _writeback(self) -> Operation:
        pages = self._random.choice([10, 200, 1000, "all"])
        return Operation("writeback", {"device": self._device(), "pages": pages})

    def _clean(self) -> Operation:
        blocks = self._random.choice([1, 10, "all"])
        return Operation("clean", {"device": self._device(), "blocks": blocks})

    def _cgroup_policy(self) -> Operation:
        policy = self._random.choice(POLICIES)
        return Operation("cgroup_policy", {"number": self._random.randrange(3), "policy": policy})

    def _reports(self) -> Operation:
        return Operation("reports", {"device": self._device()})

    def _file(self) -> Operation:
        """A file on a tmpfs is made, or compared and removed."""
        if len(self._files) < MAX_FILES and self._random.random() < 0.6 or not self._files:
            self._next_file += 1
            self._files.append(self._next_file)
            return Operation(
                "make_file", {"number": self._next_file, "mib": self._random.randint(1, 10)}
            )
        number = self._random.choice(self._files)
        if remove := self._random.random() < 0.6:
            self._files.remove(number)
        return Operation("check_file", {"number": number, "remove": remove})

    def _fault(self) -> Operation:
        device = self._device()
        self._faults[device] = self._random.randint(1, 6)
        kinds = ["write errors", "write errors now and then", "slow"]
        if device == "direct":
            kinds += ["gone", "errors now and then", "damaged reads", "stalls"]
        return Operation("fault", {"device": device, "kind": self._random.choice(kinds)})

    def _load(self) -> Operation:
        """All memory of the load is verified, and another load begins."""
        workers = self._random.randint(2, 3)
        options: dict[str, int | str] = {
            "workers": workers,
            "mib": self._random.randint(60, 100) // workers,
            "seed": self._random.randrange(1 << 20),
            "pattern": self._random.choice(["random", "zipf", "sequential"]),
            "dirty": self._random.choice([5, 30, 80]),
            "kind": self._random.choice(["anon", "anon", "shared", "private", "file"]),
            "pageout": self._random.choice([0, 2, 15]),
            "dontneed": self._random.choice([0, 1, 4]),
            "evict": self._random.choice([0, 1]),
        }
        # Parent and child go separate ways, which shared memory does not allow.
        if options["kind"] in ("anon", "private") and self._random.random() < 0.35:
            options |= {"cow": 1, "mib": int(options["mib"]) // 2}
        return Operation("load", {"cgroups": self._random.random() < 0.6, "options": options})

    def _limit_cgroup(self) -> Operation:
        limit = self._random.choice(["max", "12M", "20M", "40M"])
        return Operation("limit_cgroup", {"number": self._random.randrange(3), "limit": limit})

    def _hot_add_and_remove(self) -> Operation:
        values = {
            "backing": self._random.choice([False, True]),
            "algorithm": self._random.choice(TUNABLES["comp_algorithm"]),
            "pages": self._random.randint(1, 800),
            "seed": self._random.randrange(1 << 30),
        }
        return Operation("hot_add_and_remove", values)

    def _refused(self) -> Operation:
        """Something that must be refused as the device is in use."""
        return Operation("refused", {"what": self._random.choice(["reset", "remove", "size"])})

    def _remake_direct(self) -> Operation:
        return Operation("remake_direct", self._settings())

    def _cycle_swap(self) -> Operation:
        how = {"reset": self._random.choice([False, True])}
        how["discard"] = self._random.choice([False, True])
        return Operation("cycle_swap", {**how, **self._settings()})

    def _settings(self) -> dict[str, dict[str, str]]:
        known = self._settings_known
        return {"settings": {name: self._random.choice(SETTINGS[name]) for name in known}}
