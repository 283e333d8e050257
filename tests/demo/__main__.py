# SPDX-License-Identifier: GPL-2.0-only
"""./dev demo: runs the demo and shows its report to a person, as JSON if asked to."""

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from api import daemon
from demo.run import Report, Size, run
from vm import GuestDied, VMError, kernels

PAGE = 4096


class Progress:
    """Tells a person what is going on, with the time that has passed."""

    def __init__(self) -> None:
        self.start = time.monotonic()

    def say(self, text: str) -> None:
        """Print one line."""
        print(f"[{time.monotonic() - self.start:5.0f} s] {text}", file=sys.stderr, flush=True)


def show(found: Report) -> str:
    """The report for a person."""
    mib = 1 << 20
    plain = found.pages_packed * PAGE
    metrics = "\n".join(f"  {line}" for line in found.metrics)
    status = "\n".join(f"  {line}".rstrip() for line in found.status.splitlines())
    return f"""
zpack demo: kernel {found.kernel}, {found.compressor}, blocks of {found.block_pages} pages

  program         {found.records:,} records, {found.data_bytes / mib:.0f} MiB of data in SQLite and \
Python, {found.guest_bytes / mib:.0f} MiB of memory
  result          {"right: every record verified" if found.verified else "WRONG"}
  swapped out     {found.pages_stored:,} pages
  packed to disk  {found.pages_packed:,} pages, {found.object_bytes / found.pages_packed:,.0f} bytes \
each when compressed
  bytes written   {found.disk_bytes_written / mib:.1f} MiB; 4 KiB a page would have been \
{plain / mib:.1f} MiB: {100 * found.disk_bytes_written / plain:.0f} %
                  {found.disk_bytes_per_page:,.0f} bytes a page, {found.bytes_over_object:.3f} \
times the compressed object
  write I/Os      {found.write_ios:,} for {found.blocks_written:,} blocks, \
{found.pages_packed / found.write_ios:.1f} pages each
  block fill      {100 * found.fill:.1f} % objects and their headers
  read back       {found.pages_read_back:,} pages with {found.read_ios:,} I/Os, \
{found.read_bytes / max(found.pages_read_back, 1):,.0f} bytes a page
                  {found.read_ios - found.readahead_ios:,} I/Os of 4,096 bytes, \
{found.readahead_ios:,} of more, where reading ahead pays
  errors          {found.checksum_errors} checksum, {found.read_errors} read, {found.write_errors} write

zpackctl --host … status zpack0, from outside the guest

{status}

some of zpackctl --host … metrics, which is what Prometheus gets

{metrics}
"""


def main() -> int:
    """Run the demo; 0 if everything was verified."""
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--kernel", default="7.3", help="6.1, 6.12 or 7.3 (default)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    arguments = parser.parse_args()
    daemon.build()
    try:
        found = run(kernels.get(arguments.kernel), Size(), Progress().say)
    except (VMError, GuestDied) as error:
        print(f"demo failed: {error}", file=sys.stderr)
        return 1
    print(show(found))
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(found), indent=1) + "\n")
    return 0 if found.verified else 1


if __name__ == "__main__":
    sys.exit(main())
