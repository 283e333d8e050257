# SPDX-License-Identifier: GPL-2.0-only
"""Prove that a command needs nothing but what it installs itself.

Makes a minimal Debian system with git, clones this repository's HEAD into it, and runs the command
in the clone. Changes that are not committed do not take part.
"""

import argparse
import subprocess
import sys

from vm import apt, cache

SUITES = ["bookworm", "bookworm-updates", "bookworm-security"]

# Arguments: the system's root, the cache directory to share or "", the command.
SCRIPT = """
set -e
root=$1 shared=$2
shift 2
mount --bind "$root" "$root" # unshare inside insists that / is a mount point
cd "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /dev "$root/dev"
if [ "$shared" ]; then
	mkdir -p "$root/root/.cache/zpack"
	mount --bind "$shared" "$root/root/.cache/zpack"
fi
exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
	sh -c 'git clone -q /root/head.bundle /root/clone && cd /root/clone && exec "$@"' sh "$@"
"""


def run(command: list[str], share_cache: bool) -> int:
    """Run the command in a fresh system and return its exit status."""
    with cache.scratch() as scratch:
        root = scratch / "root"
        cache.note("making a minimal Debian system")
        apt.bootstrap(SUITES[0], SUITES, ["git"], root)
        cache.run(["git", "bundle", "create", root / "root/head.bundle", "HEAD"])
        cache.note(f"running in it: {' '.join(command)}")
        shared = str(cache.root()) if share_cache else ""
        return subprocess.run(
            [
                *("unshare", "--mount", "--pid", "--fork", "--mount-proc"),
                *("sh", "-c", SCRIPT, "clean-room", str(root), shared, *command),
            ],
            stdin=subprocess.DEVNULL,
        ).returncode


def main() -> int:
    """Parse the command line."""
    parser = argparse.ArgumentParser(prog="clean_room", description=__doc__)
    parser.add_argument(
        "--share-cache", action="store_true", help="use this machine's cache, do not download again"
    )
    parser.add_argument("command", nargs=argparse.REMAINDER, help="default: ./dev test")
    arguments = parser.parse_args()
    return run(arguments.command or ["./dev", "test"], arguments.share_cache)


if __name__ == "__main__":
    sys.exit(main())
