# SPDX-License-Identifier: GPL-2.0-only
"""What kmemleak finds."""

from api.waiting import wait_until
from vm import VM

KMEMLEAK = "/sys/kernel/debug/kmemleak"
SCAN_SECONDS = 120.0
YOUNG_SECONDS = 6.0  # kmemleak says nothing of an object that is younger than 5 s


def leaks(vm: VM) -> str:
    """Memory that nothing refers to, with who has allocated it; "" if there is none.

    Two scans: an object is reported only if it was not changed between them.
    """
    begin = vm.uptime()
    wait_until(lambda: vm.uptime() > begin + YOUNG_SECONDS, "nothing is too young")
    for _ in range(2):
        vm.write(KMEMLEAK, "scan", timeout=SCAN_SECONDS)
    return vm.run(["cat", KMEMLEAK], timeout=SCAN_SECONDS).stdout
