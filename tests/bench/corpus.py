# SPDX-License-Identifier: GPL-2.0-only
"""Pages of real processes for the workload, gathered once and kept in the cache.

Python, SQLite, a C++ program of maps, the C++ compiler and an interpreter of scripts (Perl) run on
the host without address randomisation; each is stopped in the middle of its work, and of its heap
and anonymous mappings pages are drawn at random. Two machines' corpora differ a little, so results
have the corpus's digest and the size to which its pages compress.
"""

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from vm import cache

PAGE = 4096
SEED = 1
# Pages of each. With them lz4 makes 2.4:1 of the workload, zero pages apart.
SHARES = {"python": 320, "sqlite": 64, "perl": 320, "maps": 200, "compiler": 120}
ENDING = 60.0  # seconds after which a program that has not got ready never will

READY = "ready"

PYTHON = r"""
import json, random, sys
random.seed(1)
words = ["".join(random.choices("etaoinshrdlu", k=random.randint(3, 9))) for _ in range(5000)]
people = [{"id": i, "name": " ".join(random.choices(words, k=2)), "score": random.random(),
           "tags": random.sample(words, 4), "on": i % 3 == 0} for i in range(30000)]
text = json.dumps(people)
index = {}
for number, person in enumerate(people):
    for tag in person["tags"]:
        index.setdefault(tag, set()).add(number)
matrix = [[random.gauss(0, 1) for _ in range(200)] for _ in range(600)]
print("ready", flush=True)
sys.stdin.read()
"""

SQLITE = r"""
import random, sqlite3, sys
random.seed(2)
database = sqlite3.connect(":memory:")
database.execute("create table orders(id integer primary key, customer int, day text, amount real,"
                 " note text)")
for i in range(200000):
    database.execute("insert into orders values (?, ?, date('2020-01-01', ?), ?, ?)",
        (i, random.randrange(20000), f"{i % 1500} days", random.randrange(1000000) / 100,
         f"order {i} {random.getrandbits(random.randrange(1, 16)):x}"))
database.execute("create index by_customer on orders(customer)")
database.execute("create index by_day on orders(day)")
print("ready", flush=True)
sys.stdin.read()
"""

PERL = r"""
use strict; $| = 1; srand(3);
my (@rows, %by_user);
for my $i (0 .. 60000) {
	my $row = { id => $i, user => "user" . int(rand(9000)), at => 1.6e9 + $i * 977,
		    amount => rand(1000), path => ("/a/", "/items/", "/cart/")[$i % 3] . $i };
	push @rows, $row;
	push @{$by_user{$row->{user}}}, $row;
}
my $text = join(",", map { "{\"id\":$_->{id},\"user\":\"$_->{user}\"}" } @rows);
print "ready\n"; <STDIN>;
"""

MAPS = r"""
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>
int main() {
	std::mt19937_64 random(4);
	std::map<std::uint64_t, std::string> ordered;
	std::unordered_map<std::string, std::vector<double>> by_name;
	for (int i = 0; i < 200000; i++) {
		auto key = random() % 1000000007;
		ordered[key] = "value of " + std::to_string(key % 5000) + (i % 4 ? " of many" : " of many, and a longer text");
		by_name["name" + std::to_string(key % 20000)].push_back(double(random() % 1000) / 4);
	}
	std::puts("ready"); std::fflush(stdout);
	return std::getchar();
}
"""

# Takes the compiler some seconds and 200 MiB.
TEMPLATES = r"""
#include <algorithm>
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <vector>
template <int N> struct Row { std::map<int, std::string> m; std::vector<Row<N - 1>> rows;
  auto f() { std::regex r("a+"); std::sort(rows.begin(), rows.end(), [](auto &a, auto &b) {
    return a.m.size() < b.m.size(); }); return std::regex_match(m[N], r); } };
template <> struct Row<0> { std::map<int, std::string> m; bool f() { return true; } };
template <int N> bool all() { Row<N> r; r.f(); if constexpr (N > 1) return all<N - 1>(); return true; }
int main() { return all<200>(); }
"""
COMPILER_BYTES = 150 << 20


def corpus() -> Path:
    """The file of pages, made if it is not there."""
    key = cache.digest(Path(__file__).read_bytes())
    path = cache.root() / "bench" / f"corpus-{key}.pages"
    with cache.lock("bench-corpus"):
        if not path.exists():
            cache.note("gathering pages of real processes (about half a minute)")
            with cache.scratch() as scratch, cache.publish(path) as draft:
                draft.write_bytes(b"".join(_gather(scratch)))
    return path


def _gather(scratch: Path) -> list[bytes]:
    (scratch / "maps.cc").write_text(MAPS)
    (scratch / "templates.cc").write_text(TEMPLATES)
    cache.run(["clang++", "-O2", "-o", scratch / "maps", scratch / "maps.cc"])
    compile_it = ["clang++", "-std=c++17", "-O2", "-c", "-o", "/dev/null"]
    found = {
        "python": _pages_when_ready(["/usr/bin/python3", "-c", PYTHON]),
        "sqlite": _pages_when_ready(["/usr/bin/python3", "-c", SQLITE]),
        "perl": _pages_when_ready(["/usr/bin/perl", "-e", PERL]),
        "maps": _pages_when_ready([str(scratch / "maps")]),
        "compiler": _pages_when_large([*compile_it, str(scratch / "templates.cc")], COMPILER_BYTES),
    }
    dice = random.Random(SEED)
    pages = [page for name, share in SHARES.items() for page in dice.sample(found[name], share)]
    dice.shuffle(pages)
    return pages


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["setarch", "-R", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0", "PERL_HASH_SEED": "0"},
    )


def _pages_when_ready(command: list[str]) -> list[bytes]:
    with _start(command) as process:
        assert process.stdout
        try:
            if process.stdout.readline().strip() != READY:
                raise cache.CommandFailed(f"ended early: {command}")
            return _pages(process.pid)
        finally:
            process.kill()


def _pages_when_large(command: list[str], size: int) -> list[bytes]:
    """A compiler has children, and says nothing while it works."""
    with _start(command) as process:
        deadline = time.monotonic() + ENDING
        try:
            while process.poll() is None and time.monotonic() < deadline:
                pid = max(_family(process.pid), key=_resident)
                if _resident(pid) >= size:
                    os.kill(pid, signal.SIGSTOP)
                    return _pages(pid)
        finally:
            for pid in reversed(_family(process.pid)):
                os.kill(pid, signal.SIGKILL)
        raise cache.CommandFailed(f"never had {size} bytes: {command}")


def _family(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [pid, *(member for child in text.split() for member in _family(int(child)))]


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def _pages(pid: int) -> list[bytes]:
    """The private writable pages. Those of one word are left out; swap has those apart."""
    pages = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            fields = line.split()
            if not fields[1].startswith("rw") or (len(fields) > 5 and fields[5][0] != "["):
                continue
            start, end = (int(word, 16) for word in fields[0].split("-"))
            try:
                data = os.pread(memory.fileno(), end - start, start)
            except OSError:
                continue
            pages += [data[i : i + PAGE] for i in range(0, len(data), PAGE)]
    return [page for page in pages if page != page[:8] * (PAGE // 8)]
