# SPDX-License-Identifier: GPL-2.0-only
"""Carry a plan out for some time and report."""

import sys
import time

from soak.machine import DISKS, MEMORY_MIB, Machine
from soak.plan import ACTIONS, NOT_TUNED, SETTINGS, TUNABLES, Plan
from soak.report import Report
from vm import VM, GuestDied, Kernel, VMError
from vm.plugin import start_guest

WARNINGS_EVERY = 20  # operations


def soak(kernel: Kernel, minutes: float, seed: int) -> Report:
    """Boot a guest and soak it; ends early when something is wrong."""
    report = Report(seed, minutes, kernel.release)
    with start_guest(kernel, memory_mib=MEMORY_MIB, disks=DISKS) as vm:
        soak_guest(vm, report)
        if not report.clean:
            print(vm.dmesg()[-20000:], file=sys.stderr)
    return report


def soak_guest(vm: VM, report: Report, least_operations: int = 0) -> None:
    """Soak a guest that was started as `soak` does; longer, if it has not done so many by then."""
    try:
        _carry_out_plan(vm, report, least_operations)
    except (VMError, AssertionError) as error:
        report.problem(str(error))
        if not vm.crashed:
            _ask_who_waits(vm)
    _count_warnings(vm, report)


def _carry_out_plan(vm: VM, report: Report, least_operations: int) -> None:
    machine = Machine(vm, report)
    unused = set(machine.attributes) - set(TUNABLES) - set(SETTINGS) - ACTIONS - NOT_TUNED
    if unused:
        print(f"attributes that this soak does not know: {sorted(unused)}", file=sys.stderr)
    start = time.monotonic()
    for operation in Plan(report.seed, machine.attributes):
        seconds = time.monotonic() - start
        if seconds >= report.minutes * 60 and report.operations >= least_operations:
            break
        print(f"[{seconds:6.1f} s] {report.operations + 1} {operation}", file=sys.stderr)
        machine.carry_out(operation)
        if report.operations % WARNINGS_EVERY == 0:
            _count_warnings(vm, report)
        if not report.clean:
            return
    print("verifying everything", file=sys.stderr)
    machine.end()


def _count_warnings(vm: VM, report: Report) -> None:
    found = vm.kernel_problems()
    if vm.crashed:
        report.problem("the guest crashed")
    if len(found) > report.kernel_warnings:
        report.kernel_warnings = len(found)
        report.problem("the kernel warned: " + "; ".join(found[:10]))


def _ask_who_waits(vm: VM) -> None:
    """Have the kernel log say which tasks are blocked."""
    try:
        vm.write("/proc/sysrq-trigger", "w", timeout=5.0)
        vm.write("/proc/sysrq-trigger", "l", timeout=5.0)
    except (VMError, GuestDied):
        pass  # it can't even do that
