# SPDX-License-Identifier: GPL-2.0-only
"""What kmemleak finds."""

from vm import VM

KMEMLEAK = "/sys/kernel/debug/kmemleak"
SCAN_SECONDS = 120.0


def leaks(vm: VM) -> str:
    """Memory that nothing refers to, with who has allocated it; "" if there is none.

    Two scans: an object is reported only if it was not changed between them.
    """
    for _ in range(2):
        vm.write(KMEMLEAK, "scan", timeout=SCAN_SECONDS)
    return vm.run(["cat", KMEMLEAK], timeout=SCAN_SECONDS).stdout
