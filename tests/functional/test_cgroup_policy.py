# SPDX-License-Identifier: GPL-2.0-only
"""Proves what a cgroup's policy allows: that forbidden pages stay in RAM, whatever asks for room."""

import errno
from dataclasses import dataclass
from typing import Iterator

import pytest

from api import CgroupRecord, Device
from api.waiting import wait_until
from vm import VM
from vm.plugin import FAILED

ROOT = "/sys/fs/cgroup"
MIB = 1 << 20


@dataclass(frozen=True)
class Cgroup:
    """One cgroup, and the device that its pages go to."""

    device: Device
    path: str
    inode: int

    def fill(self, pages: range, kind: str = "sized:2500", seed: int = 1) -> None:
        """Write pages as a program of this cgroup; none may fail."""
        self.device.pages.cgroup = self.path
        self.device.pages.fill(pages, kind, seed=seed, io_pages=10)

    def write(self, pages: range, kind: str, seed: int = 1) -> int:
        """The same; how many pages failed with ENOSPC."""
        self.device.pages.cgroup = self.path
        failed = self.device.pages.write(pages, kind, seed=seed)
        assert {failure.errno for failure in failed} <= {errno.ENOSPC}
        return len(failed)

    def policy(self, settings: str) -> None:
        """Set its policy."""
        self.device.write("cgroup_policy", f"{self.inode} {settings}")

    @property
    def record(self) -> CgroupRecord:
        """What the device says of it."""
        return self.device.cgroups()[self.inode]


@pytest.fixture
def cgroups(zpack: Device, request: pytest.FixtureRequest) -> Iterator[tuple[Cgroup, Cgroup]]:
    """Two of them."""
    vm = zpack.vm
    names = ["one", "two"]
    paths = [f"{ROOT}/{name}" for name in names]
    vm.run(f"echo +memory >{ROOT}/cgroup.subtree_control && mkdir {' '.join(paths)}")
    inodes = [int(word) for word in vm.run(f"stat -c %i {' '.join(paths)}").stdout.split()]
    one, two = (Cgroup(zpack, path, inode) for path, inode in zip(paths, inodes))
    yield one, two
    zpack.pages.cgroup = None
    if not request.node.stash.get(FAILED, False):
        vm.run(f"rmdir {' '.join(paths)}")


def drop_caches(vm: VM) -> None:
    """Call all shrinkers, as reclaim does."""
    vm.write("/proc/sys/vm/drop_caches", "2")


def test_records_count_pages_by_cgroup(zpack: Device, cgroups: tuple[Cgroup, Cgroup]) -> None:
    one, two = cgroups
    zpack.second_chance = False
    one.fill(range(1000))
    two.fill(range(1000, 1600), "random")
    assert (one.record.pool_objects, two.record.pool_objects) == (1000, 600)
    assert two.record.pool_bytes == 600 * 4096
    assert one.record.pool_bytes + two.record.pool_bytes == zpack.stat().ram_object_bytes
    zpack.writeback()
    records, stat = zpack.cgroups(), zpack.stat()
    assert (one.record.writebacks, two.record.writebacks) == (1000, 600)
    assert one.record.pool_objects == two.record.pool_objects == 0
    # All is accounted for, and what shared blocks is less than a block of each.
    assert sum(record.packed_objects for record in records.values()) == stat.packed == 1600
    assert sum(record.packed_bytes for record in records.values()) == stat.packed_object_bytes
    assert records[0].packed_objects < 64
    assert 1000 - 64 < one.record.packed_objects <= 1000
    assert sum(record.blocks for record in records.values()) == stat.blocks_live

    zpack.pages.check(range(1000, 1600))
    records = zpack.cgroups()
    assert one.record.refaults == 0
    assert 600 - 64 < two.record.refaults <= 600
    zpack.pages.discard(0, 1000)
    assert (one.record.packed_objects, one.record.packed_bytes, one.record.blocks) == (0, 0, 0)
    zpack.pages.check()


def test_protected_pages_are_never_written_back(
    zpack: Device, cgroups: tuple[Cgroup, Cgroup]
) -> None:
    """By no path: request, watermarks, shrinker, age."""
    one, two = cgroups
    one.policy("writeback=0")
    one.fill(range(1000))
    two.fill(range(1000, 2000))
    zpack.writeback()
    assert (one.record.writebacks, two.record.writebacks) == (0, 1000)
    two.fill(range(2000, 3000))
    zpack.pool_limit = 3 * MIB  # there is 5 MiB
    wait_until(lambda: two.record.pool_objects < 300, "the watermark has been reached")
    two.fill(range(3000, 4000))
    drop_caches(zpack.vm)
    wait_until(lambda: two.record.pool_objects < 300, "what was stored since has made room")
    zpack.min_age_ms = 1
    wait_until(lambda: two.record.pool_objects == 0, "all others are old")
    drop_caches(zpack.vm)
    zpack.writeback()
    record = one.record
    assert (record.pool_objects, record.writebacks, record.packed_objects) == (1000, 0, 0)
    before = zpack.stat()
    zpack.pages.check(range(1000))
    assert (zpack.stat() - before).loads_ram == 1000
    zpack.pages.check()

    zpack.min_age_ms = 0
    one.policy("default")
    zpack.writeback()
    zpack.writeback()  # those read above had a second chance
    zpack.wait_until_nothing_is_in_flight()  # what was written unasked may still be
    assert (one.record.writebacks, one.record.pool_objects) == (1000, 0)
    zpack.pages.check()


def test_cleaning_keeps_the_counts(zpack: Device, cgroups: tuple[Cgroup, Cgroup]) -> None:
    """What moves to another block counts for whom it belongs to, once."""
    one, two = cgroups
    zpack.second_chance = False
    one.fill(range(2000))
    two.fill(range(2000, 4000), "random")
    zpack.writeback()
    # One in eight stays, so every block is worth it.
    zpack.pages.fill([page for page in range(4000) if page % 8], "zero")
    zpack.clean()
    stat, records = zpack.stat(), zpack.cgroups()
    assert stat.cleaning_pages > 400
    assert sum(record.packed_objects for record in records.values()) == stat.packed == 500
    assert sum(record.packed_bytes for record in records.values()) == stat.packed_object_bytes
    assert sum(record.blocks for record in records.values()) == stat.blocks_live
    # A block of what was left of both counts for nobody; there are few of these.
    assert 100 < one.record.packed_objects <= 250
    assert 100 < two.record.packed_objects <= 250
    zpack.pages.check(range(2000, 4000, 8))
    assert two.record.refaults == two.record.packed_objects
    zpack.discard_all()
    for record in zpack.cgroups().values():
        assert (record.packed_objects, record.packed_bytes, record.blocks) == (0, 0, 0)


def test_removed_cgroup_stays_protected(zpack: Device, cgroups: tuple[Cgroup, Cgroup]) -> None:
    """While its pages are in the pool, until its policy is taken back."""
    one, two = cgroups
    one.policy("writeback=0")
    one.fill(range(500))
    zpack.pages.cgroup = None
    zpack.vm.run(f"rmdir {one.path}")
    two.fill(range(1000, 1500))
    zpack.writeback()
    drop_caches(zpack.vm)
    record = one.record
    assert (record.pool_objects, record.writebacks) == (500, 0)
    assert two.record.pool_objects == 0
    zpack.pages.check()
    zpack.vm.run(f"mkdir {one.path}")
    inode = int(zpack.vm.run(f"stat -c %i {one.path}").stdout)
    assert inode != one.inode  # one that comes later has a number of its own
    one.policy("default")
    zpack.writeback()
    zpack.writeback()  # those read above had a second chance
    assert (one.record.pool_objects, one.record.writebacks) == (0, 500)
    zpack.pages.check()


def test_pool_full_of_protected_pages_is_like_a_full_device(
    zpack: Device, cgroups: tuple[Cgroup, Cgroup]
) -> None:
    """Stores fail, of either cgroup, without hanging; and succeed when there is room again."""
    one, two = cgroups
    zpack.pool_limit = 2 * MIB
    one.policy("writeback=0")
    assert one.write(range(600), "random") > 80
    stat = zpack.stat()
    assert (stat.writeback_possible, zpack.read("writeback_state")) == (0, "policy")
    assert stat.policy_full_events >= 1
    assert "policies of cgroups keep all of its pages" in zpack.vm.dmesg()
    assert two.write(range(1000, 1100), "random") == 100
    assert zpack.stat().blocks_written == 0 and two.inode not in zpack.cgroups()
    zpack.writeback()  # nothing to do, which is no error
    drop_caches(zpack.vm)
    zpack.pages.check()

    zpack.pages.discard(0, 300)
    two.fill(range(1000, 3000), "random")  # more than has room: its own are written
    assert zpack.stat().writeback_possible == 1
    assert (one.record.writebacks, zpack.read("writeback_state")) == (0, "possible")
    zpack.pages.check()
    one.policy("writeback=1")
    one.fill(range(600), "random", seed=2)
    zpack.pages.check()


def test_policy_comes_before_the_first_page_and_goes_with_a_reset(
    zpack: Device, cgroups: tuple[Cgroup, Cgroup]
) -> None:
    one, two = cgroups
    assert one.inode not in zpack.cgroups()
    one.policy("writeback=0 share=7")
    one.policy("keep_ms=1234 min_age_ms=99")
    record = one.record
    assert (record.writeback, record.share, record.keep_ms) == (False, 7, 1234)
    assert (record.min_age_ms, record.pool_objects) == (99, 0)
    two.fill(range(100))
    assert two.record.writeback and two.record.min_age_ms is None
    zpack.discard_all()
    assert not one.record.writeback
    zpack.reset()
    assert zpack.cgroups() == {}
    zpack.disksize = 64 * MIB
    assert one.inode not in zpack.cgroups()


@pytest.mark.slow
def test_pages_are_kept_for_a_while(zpack: Device, cgroups: tuple[Cgroup, Cgroup]) -> None:
    one, two = cgroups
    one.policy("keep_ms=4000")
    one.fill(range(600))
    two.fill(range(1000, 1600))
    zpack.writeback()
    young = zpack.ages()[0][1] + zpack.ages()[1][1]  # below 2 s
    if young == 600:  # else the guest was slow, and they may have been old enough
        assert (one.record.writebacks, two.record.writebacks) == (0, 600)
    zpack.pool_limit = MIB
    wait_until(lambda: zpack.stat().pool_bytes < MIB, "they are not kept any more")
    # A full pool of such pages: stores fail at first, and are taken later without any help.
    one.policy("keep_ms=2000")
    assert one.write(range(2000, 2600), "random") > 0
    wait_until(lambda: one.write(range(2000, 2100), "random", seed=2) == 0, "there is room")
    zpack.pages.check()


def test_longest_age_is_long(zpack: Device, cgroups: tuple[Cgroup, Cgroup]) -> None:
    """30 days in milliseconds are more than 31 bits say."""
    one, two = cgroups
    one.policy(f"keep_ms={30 * 24 * 3600 * 1000}")
    two.policy(f"min_age_ms={30 * 24 * 3600 * 1000}")
    one.fill(range(600))
    two.fill(range(1000, 1600))
    zpack.writeback(100)
    assert (one.record.writebacks, two.record.writebacks > 0) == (0, True)
    zpack.writeback()
    assert (one.record.writebacks, two.record.writebacks) == (0, 600)
    zpack.pages.check()


def test_age_of_its_own(zpack: Device, cgroups: tuple[Cgroup, Cgroup]) -> None:
    one, two = cgroups
    one.policy("min_age_ms=100")
    one.fill(range(300))
    two.fill(range(1000, 1300))
    wait_until(lambda: one.record.pool_objects == 0, "its pages are written by age")
    assert two.record.writebacks == 0
    one.policy("min_age_ms=0")
    one.fill(range(300))
    zpack.min_age_ms = 100
    wait_until(lambda: two.record.pool_objects == 0, "the device's age is for the others")
    assert one.record.pool_objects == 300
    zpack.pages.check()


def test_who_is_above_its_share_goes_first(zpack: Device, cgroups: tuple[Cgroup, Cgroup]) -> None:
    one, two = cgroups
    zpack.pool_limit = 20 * MIB
    two.policy("share=10")
    one.fill(range(1500))
    two.fill(range(2000, 3500))
    zpack.writeback(600)
    assert (one.record.writebacks, two.record.writebacks > 500) == (0, True)
    zpack.writeback(600)  # now it is down to its 2 MiB, and age counts
    assert one.record.writebacks > 0
    assert two.record.pool_bytes > 2 * MIB - 128 * 1024
    zpack.pages.check()


@pytest.mark.parametrize(
    "line, wrong",
    [
        ("", ""),
        ("x writeback=0", "x writeback=0"),
        ("5", ""),
        ("5 writeback=2", "writeback=2"),
        ("5 writeback=0 size=3", "size=3"),
        ("5 share=101", "share=101"),
        ("5 keep_ms=-1", "keep_ms=-1"),
    ],
)
def test_refuses_what_is_no_policy(zpack: Device, line: str, wrong: str) -> None:
    with zpack.refuses(errno.EINVAL, "cgroup_policy", f'"{wrong}"', "ID default"):
        zpack.write("cgroup_policy", line + "\n")


def test_policy_needs_a_size(bare_zpack: Device) -> None:
    with bare_zpack.refuses(errno.ENODEV, "cgroup_policy", "disksize first"):
        bare_zpack.write("cgroup_policy", "5 writeback=0")


@pytest.mark.slow
def test_there_are_1024_policies(zpack: Device) -> None:
    """Record 0 is one of them. More are refused, and one that is given up makes room."""
    policies = "".join(f"{number} writeback=0\n" for number in range(10**6, 10**6 + 1023))
    attribute = zpack.attribute("cgroup_policy")
    zpack.vm.run(f"while read line; do echo $line >{attribute} || exit; done", stdin=policies)
    assert len(zpack.cgroups()) == 1024
    with zpack.refuses(errno.ENOSPC, "cgroup_policy", "all 1024 groups"):
        zpack.write("cgroup_policy", "77 writeback=0")
    zpack.write("cgroup_policy", f"{10**6 + 5} default")
    zpack.write("cgroup_policy", "77 writeback=0")
    records = zpack.cgroups()
    assert len(records) == 1024 and not records[77].writeback and 10**6 + 5 not in records
    zpack.pages.fill(range(100), "text")  # of no group: record 0
    assert records[0].writeback and zpack.cgroups()[0].pool_objects == 100
    # Any part of the file can be read.
    data = zpack.read_binary("cgroups")
    assert len(data) == 1024 * CgroupRecord.STRUCT.size
    path = attribute.replace("cgroup_policy", "cgroups")
    program = f"f = open('{path}', 'rb'); f.seek(40777); print(f.read(123).hex())"
    part = zpack.vm.run(["python3", "-c", program]).stdout
    assert bytes.fromhex(part) == data[40777 : 40777 + 123]
