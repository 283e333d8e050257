#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0 OR MIT
"""Writes the private memory of real programs, page by page, to DIRECTORY/*.pages.

Each program is started, stopped in the middle of its work, and read by
/proc/PID/mem in address order: its heap and anonymous mappings, which is what
swap gets. Pages of one repeated word are left out; they never reach a block.
Needs to run as a user who may read its own children (any).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

PAGE = 4096
LIMIT = 96 << 20  # per program

PYTHON = r"""
import json, random, re, sys
random.seed(1)
words = [''.join(random.choices('etaoinshrdlu', k=random.randint(3, 9))) for _ in range(5000)]
people = [{'id': i, 'name': ' '.join(random.choices(words, k=2)), 'score': random.random(),
           'tags': random.sample(words, 4), 'on': i % 3 == 0} for i in range(60000)]
text = json.dumps(people)
index = {}
for n, p in enumerate(people):
    for t in p['tags']:
        index.setdefault(t, set()).add(n)
matrix = [[random.gauss(0, 1) for _ in range(300)] for _ in range(1000)]
print('ready', flush=True)
sys.stdin.read()
"""

NODE = r"""
let seed = 1; const rnd = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
const rows = [];
for (let i = 0; i < 150000; i++)
  rows.push({ id: i, user: 'user' + Math.floor(rnd() * 9000), at: new Date(1.6e12 + i * 977),
              amount: rnd() * 1000, path: ['/a/', '/items/', '/cart/'][i % 3] + i, ok: i % 7 != 0 });
const byUser = new Map();
for (const r of rows) { if (!byUser.has(r.user)) byUser.set(r.user, []); byUser.get(r.user).push(r); }
const json = JSON.stringify(rows);
const floats = new Float64Array(1 << 20).map((_, i) => Math.sin(i) * i);
console.log('ready'); setInterval(() => json.length + floats.length, 1000);
"""

SQL = r"""
create table orders(id integer primary key, customer int, day text, amount real, note text);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 400000)
insert into orders select i, abs(random()) % 20000, date('2020-01-01', (i % 1500) || ' days'),
  abs(random() % 1000000) / 100.0, 'order ' || i || ' ' || hex(randomblob(abs(random()) % 12)) from n;
create index by_customer on orders(customer); create index by_day on orders(day);
.print ready
"""

CPLUSPLUS = r"""
#include <algorithm>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <regex>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>
template <int N> struct Row { std::map<int, std::string> m; std::vector<Row<N - 1>> rows;
  auto f() { std::regex r("a+"); std::sort(rows.begin(), rows.end(), [](auto &a, auto &b) {
    return a.m.size() < b.m.size(); }); return std::regex_match(m[N], r); } };
template <> struct Row<0> { std::map<int, std::string> m; bool f() { return true; } };
template <int N> bool all() { Row<N> r; r.f(); if constexpr (N > 1) return all<N - 1>(); return true; }
int main() { return all<200>(); }
"""


def is_same_filled(page: bytes) -> bool:
    return page == page[:8] * (PAGE // 8)


def read_pages(pid: int) -> list[bytes]:
    pages: list[bytes] = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            fields = line.split()
            path = fields[5] if len(fields) > 5 else ""
            if not fields[1].startswith("rw") or (path and path[0] != "["):
                continue
            start, end = (int(x, 16) for x in fields[0].split("-"))
            for address in range(start, end, 1 << 20):
                size = min(1 << 20, end - address)
                try:
                    data = os.pread(mem.fileno(), size, address)
                except OSError:
                    continue
                pages += [
                    data[i : i + PAGE]
                    for i in range(0, len(data), PAGE)
                    if not is_same_filled(data[i : i + PAGE])
                ]
    return pages[: LIMIT // PAGE]


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid] + [c for child in text.split() for c in children(int(child))]


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def largest(pid: int) -> int:
    return max(children(pid), key=resident)


def wait_ready(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout
    while b"ready" not in process.stdout.readline():
        if process.poll() is not None:
            raise SystemExit(f"{process.args!r} ended early")


def wait_size(process: subprocess.Popen[bytes], size: int) -> None:
    """Until a process of the family is that large, or soon ended."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if resident(largest(process.pid)) >= size:
            return
        time.sleep(0.02)
    raise SystemExit(f"{process.args!r} never had {size} bytes")


def gather(name: str, directory: Path, scratch: Path) -> None:
    pipe = subprocess.PIPE

    def start(*command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    if name == "python":
        process = start(sys.executable, "-c", PYTHON)
        wait_ready(process)
    elif name == "node":
        process = start("node", "-e", NODE)
        wait_ready(process)
    elif name == "sqlite":
        process = start("sqlite3", ":memory:")
        assert process.stdin
        process.stdin.write(SQL.encode())
        process.stdin.flush()
        wait_ready(process)
    elif name == "cc1plus":
        (scratch / "big.cc").write_text(CPLUSPLUS)
        process = start(
            "g++", "-std=c++17", "-O2", "-c", "-o", "/dev/null", str(scratch / "big.cc")
        )
        wait_size(process, 180 << 20)
    elif name == "sort":
        numbers = random.Random(2)
        process = start("sort", "-S", "200M")
        assert process.stdin
        for i in range(700000):
            process.stdin.write(
                b"%d line of a log, host-%d said %x\n"
                % (numbers.randrange(10**9), numbers.randrange(50), numbers.getrandbits(64))
            )
        process.stdin.flush()
        time.sleep(0.5)
    else:
        raise SystemExit(f"no program called {name}")
    target = largest(process.pid)
    os.kill(target, signal.SIGSTOP)
    try:
        pages = read_pages(target)
    finally:
        for pid in reversed(children(process.pid)):
            os.kill(pid, signal.SIGKILL)
        process.wait()
    (directory / f"{name}.pages").write_bytes(b"".join(pages))
    print(f"{name}: {len(pages)} pages")


def main() -> None:
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or ["python", "node", "sqlite", "cc1plus", "sort"]:
        gather(name, directory, directory)


if __name__ == "__main__":
    main()
