# SPDX-License-Identifier: GPL-2.0-only
"""What counts as a kernel problem, by examples from real logs."""

import pytest

from vm import kernel_log
from vm.kernel_log import Record

PROBLEMS = [
    "WARNING: CPU: 1 PID: 77 at mm/page_alloc.c:4530 __alloc_pages+0x2e5/0x330",
    "WARNING: possible circular locking dependency detected",
    "BUG: kernel NULL pointer dereference, address: 0000000000000008",
    "BUG: KFENCE: use-after-free read in test_uaf+0x12/0x20",
    "BUG: sleeping function called from invalid context at mm/slab.h:494",
    "BUG: scheduling while atomic: swapoff/123/0x00000002",
    "kernel BUG at mm/swapfile.c:1234!",
    "Oops: 0000 [#1] PREEMPT SMP NOPTI",
    "UBSAN: array-index-out-of-bounds in drivers/x.c:10:3",
    "INFO: task kworker/u4:1:33 blocked for more than 120 seconds.",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [swapoff:99]",
    "kswapd0: page allocation failure: order:0, mode:0x820(GFP_ATOMIC), nodemask=(null)",
    "list_del corruption. prev->next should be ffff, but was dead",
    "refcount_t: underflow; use-after-free.",
    "zsmalloc: Freeing non-empty class with size 2048b, fullness group 3",
    "zsmalloc: Class-2048 fullness group 3 is not empty",
    "hello: Unknown symbol zs_malloc (err -2)",
]

NO_PROBLEMS = [
    "Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12) DEBUG",
    "mtrr: your CPUs had inconsistent fixed MTRR settings",
    "module verification failed: signature and/or required key missing - tainting kernel",
    "python3 invoked oom-killer: gfp_mask=0x140cca(GFP_HIGHUSER_MOVABLE), order=0",
    "Adding 65532k swap on /dev/vdc.  Priority:-2 extents:1 across:65532k",
]


@pytest.mark.parametrize("text", PROBLEMS)
def test_problem(text: str) -> None:
    assert kernel_log.problems([Record(4, 1.0, text)])


@pytest.mark.parametrize("text", NO_PROBLEMS)
def test_no_problem(text: str) -> None:
    assert not kernel_log.problems([Record(4, 1.0, text)])


def test_refusal_of_memory_to_a_killed_process_is_no_problem() -> None:
    kill = Record(3, 1.0, "Out of memory: Killed process 137 (python3) total-vm:200000kB")
    refusal = Record(4, 1.1, "python3: page allocation failure: order:0, mode:0x140dca(GFP_USER)")
    assert kernel_log.problems([refusal, kill]) == [refusal]
    assert kernel_log.problems([kill, refusal]) == []


@pytest.mark.parametrize(
    "frame, is_problem",
    [
        (" swap_cluster_alloc_table+0x2b/0x90", False),
        (" ? swap_cluster_alloc_table+0x2b/0x90", True),
        (" zpack_pool_add+0x2b/0x90 [zpack]", True),
    ],
)
def test_refusal_of_memory_to_swaps_own_table_is_no_problem(frame: str, is_problem: bool) -> None:
    refusal = "kswapd0: page allocation failure: order:0, mode:0xc0de0(GFP_KERNEL|__GFP_HIGH)"
    lines = [refusal, "Call Trace:", " <TASK>", " dump_stack_lvl+0x5d/0x80", frame, " </TASK>"]
    records = [Record(4, 1.0, line) for line in lines]
    assert kernel_log.problems(records) == (records[:1] if is_problem else [])


@pytest.mark.parametrize(
    "frame, is_problem",
    [(" zpack_count+0x2b/0x90 [zpack]", True), (" ktime_get+0x2b/0x90", False)],
)
def test_data_race_is_a_problem_if_a_module_is_in_it(frame: str, is_problem: bool) -> None:
    lines = ["=" * 20, "BUG: KCSAN: data-race in a / b", "", frame, "=" * 20, " x+0x1/0x2 [y]"]
    records = [Record(4, 1.0, line) for line in lines]
    assert kernel_log.problems(records) == (records[1:2] if is_problem else [])


def test_what_follows_the_dump_of_a_refusal_excuses_nothing() -> None:
    lines = ["a: page allocation failure: order:0", " </TASK>", " swap_cluster_alloc_table+0x2/0x9"]
    records = [Record(4, 1.0, line) for line in lines]
    assert kernel_log.problems(records) == records[:1]


def test_console_is_read_like_the_log() -> None:
    console = "SeaBIOS\r\n[    2.155653] Kernel panic - not syncing: Attempted to kill init!\n"
    (record,) = kernel_log.problems(kernel_log.parse_console(console))
    assert record.seconds == 2.155653


def oops_of_int3(before: str) -> str:
    return (
        "[    2.023283] Oops: int3: 0000 [#1] SMP NOPTI\n"
        "[    2.028579] RIP: 0010:sched_clock_cpu+0x9/0x1f0\n"
        f"[    2.028984] Code: 90 90 f3 0f 1e fa 41 54 55 53 {before} <90> e8 91 72 ed ff\n"
    )


def test_breakpoint_that_is_gone_is_the_emulators() -> None:
    assert kernel_log.shows_stale_int3(oops_of_int3("66"))


def test_breakpoint_that_is_there_and_other_deaths_are_the_kernels() -> None:
    assert not kernel_log.shows_stale_int3(oops_of_int3("cc"))
    other = oops_of_int3("66").replace("int3: 0000", "0000")
    assert not kernel_log.shows_stale_int3(other)
