# SPDX-License-Identifier: GPL-2.0-only
"""What a soak found."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Report:
    """What ./dev soak --json writes; a soak is clean if the last four are 0 and empty."""

    seed: int
    minutes: float
    kernel: str
    operations: int = 0
    done: Counter[str] = field(default_factory=Counter)  # operations by name
    refused: Counter[str] = field(default_factory=Counter)  # those that might be, by errno
    pages_verified: int = 0
    workers_killed: int = 0  # by the OOM killer
    mismatches: int = 0  # pages that were wrong, or not readable without a reason
    leaks: int = 0  # counters, caches and memory that were not as before at the end
    kernel_warnings: int = 0
    problems: list[str] = field(default_factory=list)  # all of these as text, and whatever else

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.mismatches or self.leaks or self.kernel_warnings or self.problems)

    def problem(self, text: str) -> None:
        """Note something that is wrong."""
        self.problems.append(f"operation {self.operations}: {text}")

    def mismatch(self, count: int, text: str) -> None:
        """Note pages that were wrong."""
        self.mismatches += count
        self.problem(f"{count} wrong pages: {text}")

    def leak(self, text: str) -> None:
        """Note something that is left."""
        self.leaks += 1
        self.problem(f"leak: {text}")

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(self.__dict__, indent=1) + "\n")

    def show(self) -> str:
        """It as text for a person."""
        done = ", ".join(f"{name} {count}" for name, count in sorted(self.done.items()))
        refused = ", ".join(f"{name} {count}" for name, count in sorted(self.refused.items()))
        lines = [
            f"zpack soak: kernel {self.kernel}, seed {self.seed}, {self.minutes:g} minutes",
            f"  operations       {self.operations}: {done}",
            f"  refused          {refused or 'none'}",
            f"  pages verified   {self.pages_verified:,}",
            f"  workers killed   {self.workers_killed} (out of memory)",
            f"  mismatches       {self.mismatches}",
            f"  leaks            {self.leaks}",
            f"  kernel warnings  {self.kernel_warnings}",
        ]
        lines += [f"  problem          {text}" for text in self.problems]
        return "\n".join(lines)
