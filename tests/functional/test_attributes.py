# SPDX-License-Identifier: GPL-2.0-only
"""Proves that tunables take what is allowed, and that a refusal tells what is wrong and allowed."""

import errno

import pytest

from api import Device

pytestmark = pytest.mark.slow

GOOD = {
    "block_pages": ["1", "2", "4", "8", "16", "32", "64", "128", "256"],
    "writeback_high": ["100", "80", "90"],
    "writeback_low": ["0", "90"],
    "min_age_ms": ["0", "1", "2592000000"],
    "second_chance": ["0", "1"],
    "shrinker": ["0", "1"],
    "clean_cache_limit": ["0", "4096", "268435456", "1048576", "max"],
    "pool_limit": ["0", "4096", "1099511627776", "max"],
}

# attribute, value, what the refusal has to name besides the attribute
BAD = [
    *[("block_pages", value, "1...256") for value in ("0", "257", "-1", "x", "", "3", "255")],
    ("writeback_high", "101", "80...100"),  # not below writeback_low
    ("writeback_high", "79", "80...100"),
    ("writeback_low", "91", "0...90"),
    ("writeback_low", "half", "0...90"),
    ("min_age_ms", "2592000001", "0...2592000000"),
    ("min_age_ms", "1 s", "0...2592000000"),
    ("second_chance", "2", "0...1"),
    ("second_chance", "yes", "0...1"),
    ("shrinker", "-1", "0...1"),
    ("readahead", "on", "off, auto, always"),
    ("readahead", "", "off, auto, always"),
    ("clean_cache_limit", "-1", "K, M, G, T"),
    ("clean_cache_limit", "257M", '268435456, and not "max"'),
    ("synchronous", "2", "0...1"),
    ("pool_limit", "-1", "K, M, G, T"),
    ("pool_limit", "12 apples", "K, M, G, T"),
    ("pool_limit", "", "K, M, G, T"),
    *[
        ("pool_limit", value, "below 2^64")
        for value in ("16777216T", "18446744073709551616", "18446744073709551615", "1P", "0x10")
    ],
    ("clean_cache_limit", "17592186044417M", "below 2^64"),
    ("comp_algorithm", "lz5", "lz4, lzo-rle, zstd"),
    ("comp_algorithm", "", "lz4, lzo-rle, zstd"),
    ("degraded", "1", "0...0"),
    ("writeback", "0", '"all"'),
    ("writeback", "some", '"all"'),
    ("writeback", "-5", '"all"'),
    ("reset", "0", "1...1"),
    ("reset", "2", "1...1"),
]


def test_good_values_are_kept(zpack: Device) -> None:
    for name, values in GOOD.items():
        for value in values:
            zpack.write(name, value)
            assert zpack.read(name) == value
    assert zpack.last_error == "none"


def test_suffixes_of_byte_numbers(zpack: Device) -> None:
    for text, limit in [("64K", 65536), ("3M", 3 << 20), ("2G", 2 << 30), ("1T", 1 << 40)]:
        zpack.write("pool_limit", text)
        assert zpack.pool_limit == limit


@pytest.mark.parametrize("name, bad, allowed", BAD)
def test_bad_value_is_refused_with_a_reason(
    zpack: Device, name: str, bad: str, allowed: str
) -> None:
    write_only = name in ("writeback", "reset")
    before = None if write_only else zpack.read(name)
    mark = zpack.vm.mark()
    with zpack.refuses(errno.EINVAL, name, allowed):
        zpack.write(name, bad + "\n")  # as echo does
    assert zpack.last_error in zpack.vm.dmesg(mark)
    assert "\n" not in zpack.last_error
    assert write_only or zpack.read(name) == before


def test_attributes_without_store_or_show_are_so(zpack: Device) -> None:
    listing = zpack.vm.run(f"cd {zpack.attribute('')} && stat -c '%n %a' *").stdout
    modes = dict(line.split() for line in listing.splitlines())
    assert {name for name, mode in modes.items() if mode == "444"} == {
        *("version", "last_error", "stat", "layout", "classes", "cgroups"),
        *("object_size_histogram", "age_histogram", "writeback_state"),
        "load_latency_histogram",
    }
    assert {name for name, mode in modes.items() if mode == "200"} == {
        *("reset", "writeback", "clean", "cgroup_policy"),
    }
    assert {name for name, mode in modes.items() if mode == "400"} == {"objects"}
    assert {mode for mode in modes.values()} == {"444", "400", "200", "644"}


def test_version_names_module_and_formats(zpack: Device) -> None:
    version = dict(line.split() for line in zpack.read("version").splitlines())
    assert (version["uapi"], version["block_format"]) == ("1", "1")
    assert version["module"][0].isdigit()


def test_writeback_needs_a_backing_device(bare_zpack: Device) -> None:
    with bare_zpack.refuses(errno.ENODEV, "writeback", "backing_dev"):
        bare_zpack.writeback()
    bare_zpack.disksize = 1 << 20
    with bare_zpack.refuses(errno.ENODEV, "writeback", "backing_dev"):
        bare_zpack.writeback(1)


def test_tunables_can_be_set_before_the_size(bare_zpack: Device) -> None:
    bare_zpack.block_pages = 64
    bare_zpack.pool_limit = 1 << 20
    bare_zpack.comp_algorithm = "zstd"
    bare_zpack.min_age_ms = 5
    bare_zpack.disksize = 1 << 20
    assert bare_zpack.block_pages == 64
    assert bare_zpack.comp_algorithm == "zstd"
    bare_zpack.pages.fill(range(64), "text")
    bare_zpack.pages.check()
