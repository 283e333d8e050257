# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the guest: writes or reads a file of the module with the n-th allocation failing.

    fail_nth.py read|write FILE [TEXT]

For each n from 1 on, until the call has fewer allocations than that: one line of JSON with n, errno
(0: it succeeded) and what was read. With standard input a command for each n that puts things back.
"""

import errno
import json
import os
import subprocess
import sys

FAIL_NTH = "/proc/thread-self/fail-nth"


def attempt(number: int, how: str, path: str, text: str) -> tuple[bool, int, str]:
    """Whether an allocation has failed, the errno of the call, and what it has read."""
    file = os.open(path, os.O_RDONLY if how == "read" else os.O_WRONLY)
    control = os.open(FAIL_NTH, os.O_RDWR)
    error, got = 0, b""
    os.write(control, str(number).encode())
    try:
        if how == "read":
            got = os.read(file, 4096)
        else:
            os.write(file, text.encode())
    except OSError as failure:
        error = failure.errno or errno.EIO
    left = int(os.pread(control, 32, 0).strip(b"\0\n") or b"0")
    os.pwrite(control, b"0", 0)
    os.close(control)
    os.close(file)
    return left == 0, error, got.decode().strip()


def main() -> None:
    """Go on until no allocation was left to fail."""
    how, path, *text = sys.argv[1:]
    put_back = sys.stdin.read()
    number, failed = 1, True
    while failed:
        failed, error, got = attempt(number, how, path, " ".join(text))
        print(json.dumps({"n": number, "failed": failed, "errno": error, "got": got}), flush=True)
        if put_back:
            subprocess.run(["sh", "-ec", put_back], env={**os.environ, "GOT": got}, check=True)
        number += 1


main()
