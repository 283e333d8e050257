# SPDX-License-Identifier: GPL-2.0-only
"""Latency of reads of packed pages while cleaning is off, at its usual rate, and without a limit.

    PYTHONPATH=tests python3 -m bench.cleaning [--kernel K] [off|on|unlimited]...

One virtual CPU that runs one instruction in a nanosecond of the guest's time, and a null_blk disk
that answers after 80 us: the figures repeat, however busy the machine is. The backing device is
sparse, so that cleaning has work to do all the time while fio reads random pages one by one.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass

from api import Device, load_zpack
from vm import VM, kernels

DISK = "/dev/nullb0"
NULL_BLK = """
set -e
modprobe null_blk nr_devices=0
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config
cd /sys/kernel/config/nullb && mkdir nullb0 && cd nullb0
echo 1 >memory_backed; echo 2 >irqmode; echo 80000 >completion_nsec
echo 4096 >blocksize; echo 1 >submit_queues; echo 128 >size; echo 1 >power
"""

PAGES = 24000  # "sized:1900": two to a cell
READS = {"off": 2000, "on": 2000, "unlimited": 700}  # no more than while there is work
RATES = {"off": None, "on": "33554432", "unlimited": "max"}


@dataclass(frozen=True)
class Row:
    """One mode; latencies in microseconds of the guest's time."""

    cleaning: str
    reads: int
    p50: float
    p99: float
    p999: float
    max: float
    blocks_read_by_cleaning: int
    cleaning_mib_per_second: float


def measure(mode: str, kernel: kernels.Kernel) -> Row:
    """Boot a guest, make the backing device sparse, read."""
    with VM(kernel, memory_mib=400, icount=True) as vm:
        vm.run(NULL_BLK)
        load_zpack(vm)
        zpack = Device(vm)
        zpack.backing_dev = DISK
        zpack.disksize = 128 << 20
        zpack.cleaning = False
        # Four pages that live, then twelve that die: so it is in each block. fio reads what lives.
        live, order = PAGES // 4, list[int]()
        for i in range(live // 4):
            order += range(4 * i, 4 * i + 4)
            order += range(live + 12 * i, live + 12 * i + 12)
        zpack.pages.fill(order, "sized:1900", io_pages=4)
        zpack.writeback()
        zpack.pages.fill(range(live, PAGES), "zero", io_pages=64)
        rate = RATES[mode]
        if rate:
            zpack.write("cleaning_rate", rate)
        before = zpack.stat()
        reads = READS[mode]
        start = f"--exec_prerun='(echo all >{zpack.attribute('clean')}) &'" if rate else ""
        command = (
            f"fio --name=r --filename={zpack.path} --direct=1 --ioengine=psync {start} "
            f"--rw=randread --bs=4k --number_ios={reads} --size={live * 4096} --randrepeat=1 "
            "--percentile_list=50:99:99.9 --output-format=json"
        )
        text = vm.run(command + f"; cat {zpack.attribute('stat')} >/tmp/stat", timeout=100).stdout
        after = zpack.stat().parse(vm.read("/tmp/stat"))
        read = json.loads(text[text.index("{") :])["jobs"][0]["read"]
        latency = read["clat_ns"]
        done = after - before
        assert done.loads_packed == reads, done
        if rate:
            assert after.blocks_cleaning or after.blocks_live > 100, "cleaning ended too early"
        seconds = read["runtime"] / 1000
        return Row(
            cleaning=mode,
            reads=read["total_ios"],
            p50=latency["percentile"]["50.000000"] / 1000,
            p99=latency["percentile"]["99.000000"] / 1000,
            p999=latency["percentile"]["99.900000"] / 1000,
            max=latency["max"] / 1000,
            blocks_read_by_cleaning=done.cleaning_reads,
            cleaning_mib_per_second=round(
                (done.cleaning_read_bytes + done.cleaning_write_bytes) / seconds / (1 << 20), 1
            ),
        )


def main() -> int:
    """Measure the modes, print a table."""
    parser = argparse.ArgumentParser(prog="bench.cleaning", description=__doc__)
    parser.add_argument("--kernel", default="7.3", help="6.1, 6.12 or 7.3 (default)")
    parser.add_argument("modes", nargs="*", metavar="off|on|unlimited")
    arguments = parser.parse_args()
    rows = [measure(mode, kernels.get(arguments.kernel)) for mode in arguments.modes or RATES]
    names = list(asdict(rows[0]))
    print("| " + " | ".join(names) + " |\n|---|" + "---:|" * (len(names) - 1))
    for row in rows:
        print("| " + " | ".join(str(value) for value in asdict(row).values()) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
