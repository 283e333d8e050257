# SPDX-License-Identifier: GPL-2.0-only
"""The guest's kernel log, and what in it means that the kernel has a problem."""

import re
from dataclasses import dataclass

PROBLEM = re.compile(
    "|".join(
        [
            r"^WARNING: ",  # WARN(), lockdep
            r"^------------\[ cut here \]",
            r"(?-i:\bBUG(:| at ))",  # KASAN, KFENCE, lockups, null pointers, BUG()
            r"^Oops\b",
            r"^Kernel panic",
            r"general protection fault",
            r"^UBSAN: ",
            r"KASAN: |KFENCE: |KCSAN: ",
            r"possible (circular|recursive) locking|inconsistent lock state|suspicious RCU usage",
            r"possible irq lock inversion|INFO: trying to register non-static key",
            r"scheduling while atomic|sleeping function called from invalid context",
            r"INFO: task .* blocked for more than",
            r"rcu.*(detected stalls|self-detected stall|expedited stalls)",
            r"page allocation failure",
            r"stack (guard page|overflow)|corrupted stack|refcount_t: ",
            r"list_(add|del) corruption|Bad page|bad page state|Bad swap",
            r"slab corruption|Objects remaining in|Redzone overwritten|Poison overwritten",
            r"Freeing non-empty class|fullness group \d+ is not empty",  # zsmalloc: objects are left
            r"kmemleak: \d+ new suspected memory leaks",
            r"ODEBUG: ",
            r"workqueue: .* is flushing|unregister_netdevice",
            r"sysfs: cannot create duplicate",
            r"Unknown symbol|disagrees about version of symbol",
        ]
    ),
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Record:
    """One message of the kernel log."""

    level: int  # 0 emergency ... 7 debug
    seconds: float  # since boot
    text: str

    def __str__(self) -> str:
        return f"[{self.seconds:12.6f}] {self.text}"


def parse(raw: str) -> Record | None:
    """Read what one read() of /dev/kmsg gives: `prefix,sequence,microseconds,flags;text`."""
    head, separator, text = raw.partition(";")
    fields = head.split(",")
    if not separator or len(fields) < 3 or not fields[0].isdigit() or not fields[2].isdigit():
        return None
    # Further lines are key=value properties of the device that the message is about.
    text = text.split("\n", 1)[0]
    text = re.sub(r"\\x([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), text)
    return Record(int(fields[0]) & 7, int(fields[2]) / 1e6, text)


def parse_console(text: str) -> list[Record]:
    """Read the messages out of what the serial console showed."""
    found = re.finditer(r"^\[ *(\d+\.\d+)\] (.*)$", text, re.MULTILINE)
    return [Record(level=0, seconds=float(match[1]), text=match[2].rstrip()) for match in found]


def shows_stale_int3(console: str) -> bool:
    """Whether the console shows the death of a kernel that met a breakpoint which was gone.

    A kernel that patches its code (static keys do, above all while it boots) writes int3 over it
    first, and the real instruction at last. QEMU 7.2's emulation of several processors may still
    run the int3 then: the kernel knows of none there, while memory has the instruction already.
    """
    for oops in re.finditer(r"Oops: int3: ", console):
        code = re.search(r"\bCode: ([0-9a-f ]+)<", console[oops.start() :])
        if code and not code[1].endswith("cc "):  # the byte before the one that runs next
            return True
    return False


def _is_of_the_swap_core(dump: list[Record]) -> bool:
    """Whether a dump of a refused allocation, from its first line on, is of swap's own table.

    From 6.18 on, swap allocates a table for each cluster. When that fails for lack of memory it
    says so, and leaves the page where it is: it would with any swap device. Frames with a `?` are
    left over from an earlier call.
    """
    for record in dump:
        if record.text.strip() == "</TASK>":
            break
        if re.match(r" ?swap_cluster_alloc_table\+", record.text):
            return True
    return False


def _is_of_the_kernel_alone(dump: list[Record]) -> bool:
    """Whether a report of a data race, from its first line on, has no module's function.

    The kernel has races of its own, which its authors know or do not mind.
    """
    for number, record in enumerate(dump):
        if number and record.text.startswith("====="):
            break
        if re.search(r"\+0x[0-9a-f]+/0x[0-9a-f]+ \[\w+\]", record.text):
            return False
    return True


def problems(records: list[Record]) -> list[Record]:
    """The records that tell of a kernel problem.

    A process that the OOM killer has chosen is refused memory until it is gone: no problem. Nor
    is it one when swap has no memory for a table of its own, or when the kernel races with itself.
    """
    killed: set[str] = set()
    found = []
    for number, record in enumerate(records):
        if match := re.search(r"Killed process \d+ \((.*?)\)", record.text):
            killed.add(match[1])
        if refused := re.match(r"(.*): page allocation failure", record.text):
            if refused[1] in killed or _is_of_the_swap_core(records[number:]):
                continue
        if re.match(r"BUG: KCSAN: ", record.text) and _is_of_the_kernel_alone(records[number:]):
            continue
        if PROBLEM.search(record.text):
            found.append(record)
    return found
