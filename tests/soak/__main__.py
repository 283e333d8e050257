# SPDX-License-Identifier: GPL-2.0-only
"""./dev soak: runs a soak and shows what it found."""

import argparse
import random
import sys
from pathlib import Path

from soak.run import soak
from vm import VMError, kernels


def main() -> int:
    """Run a soak; 0 if nothing is wrong."""
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (default 10)")
    parser.add_argument("--seed", type=int, help="of the operations (default: another each time)")
    parser.add_argument("--kernel", default="7.3", help="6.1, 6.12 or 7.3 (default)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    arguments = parser.parse_args()
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    try:
        report = soak(kernels.get(arguments.kernel), arguments.minutes, seed)
    except VMError as error:
        print(f"soak failed: {error}", file=sys.stderr)
        return 1
    print(report.show())
    if arguments.json:
        report.write(arguments.json)
    if not report.clean:
        print(
            f"repeat with: ./dev soak --minutes {arguments.minutes:g} --seed {seed} "
            f"--kernel {arguments.kernel}"
        )
    return 0 if report.clean else 1


if __name__ == "__main__":
    sys.exit(main())
