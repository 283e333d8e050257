# SPDX-License-Identifier: GPL-2.0-only
"""Proves that what the device reports adds up, at rest and under load."""

import re

import pytest

from api import BlockState, ClassRecord, Device, LayoutRecord, Mapping, ObjectRecord, Stat
from api.plugin import BACKING

pytestmark = pytest.mark.slow

TRACING = "/sys/kernel/tracing"
EVENTS = ["zpack_store", "zpack_load", "zpack_free", "zpack_block_written", "zpack_readback"]


def test_stat_lines_are_a_key_and_a_number(zpack: Device) -> None:
    text = zpack.read("stat")
    assert all(re.fullmatch(r"[a-z_]+ \d+", line) for line in text.splitlines())
    keys = [line.split()[0] for line in text.splitlines()]
    assert len(keys) == len(set(keys))
    assert set(Stat.__annotations__) <= set(keys)


def test_stat_counts_each_page_once(zpack: Device) -> None:
    zpack.pages.fill(range(100), "text")
    zpack.pages.fill(range(100, 150), "zero")
    zpack.writeback(40)
    zpack.pages.check(range(200))
    zpack.pages.discard(140, 20)
    stat = zpack.stat()
    assert (stat.stores, stat.loads, stat.stored) == (150, 200, 140)
    assert (stat.loads_same, stat.loads_empty) == (50, 50)
    assert stat.loads_ram + stat.loads_packed == 100
    assert stat.loads == stat.loads_same + stat.loads_empty + stat.loads_ram + stat.loads_packed
    assert stat.writeback_pages == stat.packed + stat.writeback_dead
    assert stat.write_ios == stat.blocks_written


def test_stat_adds_up_under_load(zpack: Device) -> None:
    """Each reading is checked: stored = same + ram + packed, nothing negative."""
    zpack.pool_limit = 2 << 20
    readings = 0
    while readings <= 5:  # once, but where readings take long
        before = zpack.stat()
        load = zpack.vm.spawn(
            f"fio --name=load --filename={zpack.path} --size=32M --direct=1 --rw=randrw --bs=4k "
            f"--iodepth=8 --ioengine=libaio --numjobs=2 --buffer_compress_percentage=50 "
            f"--time_based --runtime=6 --output=/dev/null"
        )
        discards = zpack.vm.spawn(
            "for i in $(seq 60); do "
            f"blkdiscard -o $((i % 8 * 4194304)) -l 1048576 {zpack.path}; done"
        )
        while load.running:
            stat = zpack.stat()
            assert sum(record.objects for record in zpack.classes()) >= 0
            readings += stat.stores > before.stores  # the load has begun
        load.wait()
        discards.wait(timeout=60)
    stat = zpack.stat()
    assert stat.packed > 0 and stat.discards > 0 and stat.read_errors == stat.checksum_errors == 0
    assert stat.loads == stat.loads_same + stat.loads_empty + stat.loads_ram + stat.loads_packed


def test_layout_agrees_with_stat(zpack: Device) -> None:
    for block_pages in (16, 2, 64):
        zpack.block_pages = block_pages
        zpack.pages.fill(range(block_pages * 100, block_pages * 100 + 500), "mixed")
        zpack.writeback()
    zpack.pages.discard(1500, 300)
    stat, records = zpack.stat(), zpack.layout()
    blocks = [record for record in records if record.block_pages]
    live = [record for record in blocks if record.state == BlockState.LIVE]
    assert len(live) == stat.blocks_live
    assert sum(record.live_bytes for record in live) == stat.live_bytes
    assert sum(record.block_pages * 4096 for record in live) == stat.block_bytes_live
    assert sum(record.block_pages * 4096 for record in blocks) == (
        (stat.segments - stat.segments_free) * LayoutRecord.STRIDE * 4096
    )
    assert len(records) - len(blocks) in (stat.segments_free, stat.segments_free + 1)
    assert {record.block_pages for record in live} == {2, 16, 64}
    assert all(0 < record.live_bytes <= record.block_pages * 4096 for record in live)
    assert all(record.age_seconds < 100 for record in live)
    places = sorted((record.first_cell, record.block_pages) for record in blocks)
    assert all(cell + pages <= after for (cell, pages), (after, _) in zip(places, places[1:]))


def test_objects_of_all_blocks_are_the_slots_that_live_there(zpack: Device) -> None:
    for block_pages, pages in ((16, 400), (1, 60), (64, 400)):
        zpack.block_pages = block_pages
        begin = 1000 + 1000 * block_pages.bit_length()
        zpack.pages.fill(range(begin, begin + pages), "mixed")
        zpack.pages.fill(range(begin + pages, begin + pages + 10), "random")
        zpack.writeback()
    zpack.pages.discard(begin + 100, 250)  # of the newest blocks, which are the largest
    stat = zpack.stat()
    live = [r for r in zpack.layout() if r.block_pages and r.state == BlockState.LIVE]
    assert {record.block_pages for record in live} == {1, 16, 64}
    found: list[ObjectRecord] = []
    for block in live:
        objects = zpack.objects(block)
        assert sum(record.bytes_taken for record in objects) == block.live_bytes, (block, objects)
        found += objects
    assert len(found) == stat.packed
    assert sum(record.length for record in found) == stat.packed_object_bytes
    assert sum(record.length == 4096 for record in found) == stat.packed_raw >= 30
    assert all(record.codec == (0 if record.length == 4096 else 1) for record in found)
    places = [record.place for record in found]
    assert len(set(places)) == len(places)
    slots = [record.slot for record in found if record.slot != ObjectRecord.NO_SLOT]
    assert len(set(slots)) == len(slots) > 450
    gone = range(begin + 100, begin + 350)
    assert set(slots) <= set(zpack.pages.contents) and not set(slots) & set(gone)
    assert all(r.length == 4096 for r in found if r.slot == ObjectRecord.NO_SLOT)


def test_objects_are_read_at_any_offset_and_end_with_the_disk(bare_zpack: Device) -> None:
    zpack = bare_zpack
    with Mapping.linear(zpack.vm, "small", BACKING, mib=16) as small:
        zpack.backing_dev = small.path
        zpack.disksize = 64 << 20
        zpack.pages.fill(range(100), "text")
        zpack.writeback()
        path = zpack.attribute("objects")
        read = "import os, sys; f = os.open(sys.argv[1], os.O_RDONLY); " + "".join(
            f"print(os.pread(f, {count}, {offset}).hex());"
            for offset, count in [(0, 4096), (5, 7), (4090, 12), (16 << 20, 1), ((16 << 20) - 3, 9)]
        )
        parts = [
            bytes.fromhex(p) for p in zpack.vm.run(["python3", "-c", read, path]).stdout.split("\n")
        ]
        assert any(parts[0]) and parts[1] == parts[0][5:12]
        assert parts[2][:6] == parts[0][4090:] and len(parts[2]) == 12
        assert parts[3] == b"" and parts[4] == bytes(3)
        assert zpack.vm.run(f"stat -c %a {path}").stdout == "400\n"
        zpack.discard_all()
        assert not any(
            bytes.fromhex(zpack.vm.run(["python3", "-c", read, path]).stdout.split("\n")[0])
        )
        zpack.reset()
        assert zpack.vm.run(f"wc -c <{path}").stdout == "0\n"


@pytest.mark.parametrize("name, size", [("layout", 32), ("classes", 24)])
def test_binary_files_can_be_read_at_any_offset(bare_zpack: Device, name: str, size: int) -> None:
    zpack = bare_zpack
    with Mapping.linear(zpack.vm, "small", BACKING, mib=16) as small:
        zpack.backing_dev = small.path
        zpack.disksize = 64 << 20
        zpack.pages.fill(range(300), "mixed")
        zpack.pages.fill(range(300, 600), "mixed")
        zpack.writeback(300)
        path = zpack.attribute(name)
        read = "import os, sys; f = os.open(sys.argv[1], os.O_RDONLY); " + "".join(
            f"print(os.pread(f, {count}, {offset}).hex());"
            for offset, count in [(0, 1), (5, 7), (size - 1, 2), (size, 3 * size + 1), (4095, 9000)]
        )
        whole = b""
        while whole != zpack.read_binary(name):  # blocks grow older meanwhile
            whole = zpack.read_binary(name)
            parts = zpack.vm.run(["python3", "-c", read, path]).stdout.split()
        assert len(whole) % size == 0 and any(whole)
        assert parts[0] == whole[:1].hex()
        assert parts[1] == whole[5:12].hex()
        assert parts[2] == whole[size - 1 : size + 1].hex()
        assert parts[3] == whole[size : 4 * size + 1].hex()
        got = bytes.fromhex(parts[4])  # one read gives a page at most
        assert got and got == whole[4095 : 4095 + len(got)]
        past = zpack.vm.run(f"tail -c +{len(whole) + 1} {path} | wc -c").stdout
        assert past == "0\n"
        zpack.discard_all()
        zpack.reset()


def test_objects_by_size_sum_to_those_in_ram(zpack: Device) -> None:
    zpack.pages.fill(range(800), "mixed")
    zpack.writeback(200)
    stat, classes, sizes = zpack.stat(), zpack.classes(), zpack.object_sizes()
    assert sum(record.objects for record in classes) == stat.ram
    assert sum(record.object_bytes for record in classes) == stat.ram_object_bytes
    assert [record.size_max for record in classes] == list(range(16, 4097, 16))
    assert sum(objects for _, objects, _ in sizes) == stat.ram
    assert sum(size_bytes for _, _, size_bytes in sizes) == stat.ram_object_bytes
    assert [size for size, _, _ in sizes] == list(range(256, 4097, 256))
    assert classes[-1].objects >= stat.ram_raw > 0
    for smaller, record in zip([ClassRecord(0, 0, 0), *classes], classes):
        assert record.objects * smaller.size_max <= record.object_bytes
        assert record.object_bytes <= record.objects * record.size_max


def test_objects_by_age_sum_to_those_in_ram(zpack: Device) -> None:
    zpack.pages.fill(range(1500), "mixed")
    zpack.writeback(300)
    ages = zpack.ages()
    assert sum(objects for _, objects in ages) == zpack.stat().ram
    limits = [limit for limit, _ in ages]
    assert limits == [float(1 << step) for step in range(15)] + [float("inf")]
    assert all(objects == 0 for limit, objects in ages if limit > 256)


def test_tracepoints_tell_the_life_of_a_page(zpack: Device) -> None:
    vm = zpack.vm
    assert set(vm.run(["ls", f"{TRACING}/events/zpack"]).stdout.split()) >= set(EVENTS)
    vm.run(f"echo >{TRACING}/trace")
    vm.write(f"{TRACING}/events/zpack/enable", "1")
    zpack.pages.fill([77], "text")
    zpack.writeback()
    zpack.pages.check()
    zpack.pages.discard(77, 1)
    vm.write(f"{TRACING}/events/zpack/enable", "0")
    trace = vm.read(f"{TRACING}/trace")
    device = f"device={zpack.number}"
    for line in [
        rf"zpack_store: {device} slot=77 length=[1-9]\d+ group=\d+",
        rf"zpack_block_written: {device} cell=0 objects=1 cells=1 object_bytes=[1-9]\d+ error=0",
        rf"zpack_load: {device} slot=77 type=packed",
        rf"zpack_readback: {device} slot=77 cell=0 error=0",
        rf"zpack_free: {device} slot=77 type=packed",
    ]:
        assert re.search(line, trace), f"{line}\n{trace}"


def test_reports_of_a_device_without_size(bare_zpack: Device) -> None:
    assert bare_zpack.stat().slots == 0
    assert bare_zpack.read_binary("layout") == b""
    assert sum(objects for _, objects in bare_zpack.ages()) == 0
    assert sum(record.objects for record in bare_zpack.classes()) == 0


def test_latencies_are_counted_by_where_the_page_was(zpack: Device) -> None:
    zpack.readahead = "off"
    zpack.pages.fill(range(100, 160), "sized:1200")
    zpack.writeback()
    zpack.pages.fill(range(100), "text")
    zpack.pages.fill(range(200, 230), "word32")
    before = zpack.stat()
    zpack.pages.check()
    change = zpack.stat() - before
    rows = zpack.load_latencies()
    assert [row[0] for row in rows] == [float(512 << i) for i in range(23)] + [float("inf")]
    sums = [sum(row[column] for row in rows) for column in range(1, 5)]
    assert sums == [30, 100, change.clean_cache_hits, change.read_ios]
    assert change.clean_cache_hits + change.read_ios == 60

    # A read takes longer than what is in RAM: their medians differ.
    def median(loads: list[tuple[float, int]]) -> float:
        whole = [time for time, count in loads for _ in range(count)]
        return whole[len(whole) // 2]

    assert median([(row[0], row[3]) for row in rows]) < median([(row[0], row[4]) for row in rows])
