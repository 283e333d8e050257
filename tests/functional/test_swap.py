# SPDX-License-Identifier: GPL-2.0-only
"""Proves that a program's memory swaps through the device, and that swapoff brings it home."""

from api import Device

PROGRAM = """
import mmap, random
PAGES = 6000
memory = mmap.mmap(-1, PAGES * 4096)
for page in range(PAGES):
    memory[page * 4096:page * 4096 + 1500] = random.Random(page).randbytes(1500)
print("filled", flush=True)
MADV_PAGEOUT = 21
memory.madvise(MADV_PAGEOUT)
print("out", flush=True)
open("/tmp/hold").read()  # until the other end is closed
bad = sum(memory[page * 4096:page * 4096 + 1500] != random.Random(page).randbytes(1500)
          for page in range(PAGES))
print("bad", bad, flush=True)
"""


def test_memory_of_a_program_goes_out_packed_and_comes_back(zpack: Device) -> None:
    zpack.mkswap_on()
    zpack.vm.run("rm -f /tmp/hold; mkfifo /tmp/hold")
    program = zpack.vm.spawn(["python3", "-c", PROGRAM])
    program.expect("out", timeout=60)
    assert zpack.stat().ram > 4000
    zpack.writeback()
    assert zpack.stat().packed > 4000
    zpack.vm.run(": >/tmp/hold")
    assert program.expect(r"bad (\d+)", timeout=60)[1] == "0"
    program.wait()
    # The swap cache may still have had most of them: on 7.3 all but one of 32.
    assert zpack.stat().loads_packed > 100
    zpack.swapoff()
    # Swap has freed what it had; the header of the swap area is left.
    assert zpack.stat().stored <= 1


def test_swapoff_brings_packed_pages_home(zpack: Device) -> None:
    zpack.mkswap_on("--discard")
    zpack.vm.run("rm -f /tmp/hold; mkfifo /tmp/hold")
    program = zpack.vm.spawn(["python3", "-c", PROGRAM])
    program.expect("out", timeout=60)
    zpack.writeback()
    zpack.swapoff()
    assert zpack.stat().stored <= 1
    zpack.vm.run(": >/tmp/hold")
    assert program.expect(r"bad (\d+)", timeout=60)[1] == "0"
    program.wait()
