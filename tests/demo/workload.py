# SPDX-License-Identifier: GPL-2.0-only
"""Runs in the guest: a job over more data than the machine has RAM, whose result is checked.

The store of a small service, in an SQLite database in memory: requests as JSON lines, letters
(slices of the Python library's sources, partly quoted again as in an answer), a few attachments
that do not compress, and series of measurements; beside it an index by user in Python dictionaries.
The job looks records up at random, then reads them all. What it finds is compared with what each
record must be, computed anew from its number.

Prints one line of JSON: records, bytes, lookups, mistakes, verified.
"""

import argparse
import array
import glob
import hashlib
import json
import sqlite3

ATTACHMENTS_OF_256 = 6
USERS = 5_000
PATHS = ("/login", "/api/v1/items", "/api/v1/items/search", "/static/app.js", "/cart", "/health")
AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64)",
    "curl/7.88.1",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17)",
)
REQUESTS = 12  # of each record

Record = tuple[int, int, str, str, bytes, bytes]


class Store:
    """What each record is, as a function of its number and the seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        names = sorted(glob.glob("/usr/lib/python3*/*.py"))[:120]
        self.text = "\n".join(
            open(name, encoding="utf-8", errors="replace").read() for name in names
        )

    def record(self, number: int) -> Record:
        """Number, user, requests, letter, attachment, measurements."""
        dice = hashlib.shake_128(f"{self.seed} {number}".encode()).digest(24 + 4 * REQUESTS)
        a, b, c, d = (int.from_bytes(dice[i : i + 4], "little") for i in range(0, 16, 4))
        user = a % USERS
        letter = ""
        if dice[17] < 96:
            length = 200 + (b & 4095) * (b >> 16 & 255) // 128
            start = c % (len(self.text) - length)
            body = self.text[start : start + length]
            quoted = body[: length * (d & 255) // 256].replace("\n", "\n> ")
            letter = f"From: user{user}@example.org\n\n{body}\n> {quoted}"
        attachment = b""
        if dice[16] < ATTACHMENTS_OF_256:
            attachment = hashlib.shake_128(dice).digest(4_000 + d % 16_000)
        level = array.array("d", (20 + (x % 50) / 10 for x in dice * (1 + dice[18] // 64)))
        return (
            number,
            user,
            self.requests(number, user, dice),
            letter,
            attachment,
            level.tobytes(),
        )

    def requests(self, number: int, user: int, dice: bytes) -> str:
        """A few lines of a web server's log."""
        lines = []
        for i in range(24, 24 + 4 * (1 + dice[19] % REQUESTS), 4):
            x = int.from_bytes(dice[i : i + 4], "little")
            lines.append(
                f'{{"time": {1_700_000_000 + number * 7 + i}, "user": "user{user}", "method": "GET",'
                f' "path": "{PATHS[x % 6]}?page={x >> 8 & 63}", "status": {(200, 304, 404)[x % 3]},'
                f' "agent": "{AGENTS[x // 7 % 3]}", "bytes": {x >> 12}, "trace": "{dice[i - 8:i].hex()}"}}'
            )
        return "\n".join(lines)


def digest_of(record: Record) -> bytes:
    """A checksum of the texts."""
    return hashlib.blake2b((record[2] + record[3]).encode(), digest_size=16).digest()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mib", type=int, required=True, help="size of the data")
    parser.add_argument("--lookups", type=int, required=True)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    store = Store(arguments.seed)
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE TABLE record (number INTEGER PRIMARY KEY, user INT, requests TEXT, letter TEXT,"
        " attachment BLOB, level BLOB)"
    )
    database.execute("CREATE INDEX user ON record (user)")
    by_user: dict[int, dict[int, bytes]] = {}
    stored, count = 0, 0
    while stored < arguments.mib << 20:
        record = store.record(count)
        database.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", record)
        by_user.setdefault(record[1], {})[count] = digest_of(record)
        stored += sum(len(field) for field in record[2:])
        count += 1
    print("filled", flush=True)

    mistakes = 0
    select = "SELECT number, user, requests, letter, attachment, level FROM record"
    for step in range(arguments.lookups):
        number = step * 7_919 % count
        found = database.execute(f"{select} WHERE number = ?", (number,)).fetchone()
        mistakes += found != store.record(number)

    seen = 0
    for found in database.execute(f"{select} ORDER BY number"):
        right = store.record(seen)
        mistakes += found != right
        mistakes += by_user[right[1]].pop(seen) != digest_of(right)
        seen += 1
    mistakes += seen != count or any(by_user.values())
    print(
        json.dumps(
            {
                "records": count,
                "bytes": stored,
                "lookups": arguments.lookups,
                "mistakes": mistakes,
                "verified": mistakes == 0,
            }
        )
    )


main()
