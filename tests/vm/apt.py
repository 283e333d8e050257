# SPDX-License-Identifier: GPL-2.0-only
"""Read Debian suites that this machine does not use itself, without touching its apt state.

The mirror is the one that the machine's own apt is set up with; only suite names are added.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Iterator, Sequence

from vm import cache

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Mirror:
    """Base addresses that serve `dists/<suite>` and `dists/<release>-security`."""

    main: str
    security: str

    def line(self, suite: str) -> str:
        """The one-line sources.list entry for a suite."""
        base = self.security if suite.endswith("-security") else self.main
        return f"deb [signed-by={KEYRING}] {base} {suite} main"


def _configured_sources(etc: Path) -> Iterator[tuple[str, str]]:
    """Every (address, suite) of the binary package sources below `etc` (usually /etc/apt)."""
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*.list"))]:
        for line in path.read_text().splitlines() if path.exists() else []:
            match = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)", line)
            if match:
                yield match[1], match[2]
    for path in sorted((etc / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            stanza = re.sub(r"(?m)^#.*\n?", "", stanza)
            folded = re.sub(r"\n[ \t]+", " ", stanza)
            fields = {
                key.strip().lower(): value.strip()
                for key, _, value in (line.partition(":") for line in folded.splitlines())
            }
            if fields.get("enabled", "yes") == "no" or "deb" not in fields.get("types", "").split():
                continue
            for address in fields.get("uris", "").split():
                for suite in fields.get("suites", "").split():
                    yield address, suite


def machine_mirror(etc: Path = Path("/etc/apt")) -> Mirror:
    """The Debian mirror of this machine.

    A mirror is recognised by the suites asked of it, since its address may be anything. Other
    vendors' sources also use Debian's code names, so the one with the most suites wins.
    """
    release = r"(bookworm|trixie|forky|sid|oldstable|stable|testing)"
    votes: dict[str, int] = {}
    security = ""
    for address, suite in _configured_sources(etc):
        if re.fullmatch(rf"{release}-security", suite):
            security = security or address
        elif re.fullmatch(rf"{release}(-updates|-backports)?", suite):
            votes[address] = votes.get(address, 0) + 1
    if not votes:
        raise cache.CommandFailed(f"no Debian mirror found in {etc}: apt-get must work first")
    main = max(votes, key=lambda address: votes[address])
    return Mirror(main, security or main.rstrip("/") + "-security")


def machine_options() -> list[str]:
    """The machine's apt settings that decide whether its mirror can be used, as `key "value"`."""
    wanted = re.compile(r"Acquire::(Check-Valid-Until|https?::Proxy|Retries)\b", re.IGNORECASE)
    dump = cache.run(["apt-config", "dump"]).splitlines()
    return [line.rstrip(";") for line in dump if wanted.match(line)]


class Suites:
    """Package lists of some suites of the machine's mirror, kept in the cache."""

    def __init__(self, *suites: str) -> None:
        self.suites = suites
        self._name = "+".join(suites)
        self._state = cache.root() / "apt" / self._name

    def _options(self) -> list[str]:
        settings = {
            "Dir::State": self._state,
            "Dir::State::Lists": self._state / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": self._state / "cache",
            "Dir::Etc::SourceList": self._state / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "Dir::Etc::PreferencesParts": "/dev/null",
            "Acquire::Languages": "none",
            "Acquire::Retries": 2,
            "APT::Sandbox::User": "root",
            # Without it apt-get update calls an unreachable mirror a warning.
            "APT::Update::Error-Mode": "any",
        }
        return [f"-o{key}={value}" for key, value in settings.items()]

    def update(self) -> None:
        """Fetch the package lists; CommandFailed when the mirror cannot be reached."""
        for part in ("lists/partial", "cache/archives/partial"):
            (self._state / part).mkdir(parents=True, exist_ok=True)
        mirror = machine_mirror()
        (self._state / "sources.list").write_text(
            "".join(mirror.line(suite) + "\n" for suite in self.suites)
        )
        with cache.lock(f"apt-{self._name}"):  # apt-get itself gives up when another one runs
            cache.run(["apt-get", *self._options(), "update", "-qq"])

    @lru_cache(maxsize=None)
    def show(self, package: str) -> dict[str, str]:
        """The control fields of the newest version of a package."""
        text = cache.run(
            ["apt-cache", *self._options(), "show", "--no-all-versions", package]
        ).split("\n\n")[0]
        return {
            key: value.strip()
            for key, _, value in (
                line.partition(":") for line in re.sub(r"\n[ \t]+", " ", text).splitlines()
            )
        }

    def depends(self, package: str) -> list[str]:
        """Names of what a package depends on, the first of each set of alternatives."""
        listed = self.show(package).get("Depends", "")
        return [part.split("|")[0].split("(")[0].strip() for part in listed.split(",") if part]

    def names(self, prefix: str) -> list[str]:
        """All package names that begin with `prefix`."""
        return cache.run(["apt-cache", *self._options(), "pkgnames", prefix]).split()

    def download(self, packages: list[str], directory: Path) -> None:
        """Put the .deb files of the packages into a directory."""
        directory.mkdir(parents=True, exist_ok=True)
        cache.run(["apt-get", *self._options(), "download", *packages], cwd=directory)


def bootstrap(
    suite: str,
    mirror_suites: list[str],
    packages: list[str],
    directory: Path,
    options: Sequence[str] = (),
) -> None:
    """Make a small Debian system in a new directory, set up to use the machine's mirror.

    `options` are more of mmdebstrap's.
    """
    mirror = machine_mirror()
    settings = [
        *machine_options(),
        'Acquire::Languages "none"',
        'APT::Install-Recommends "false"',
    ]
    unneeded = ("man", "doc", "info", "locale")
    cache.run(
        [
            "mmdebstrap",
            "--mode=root",
            "--variant=apt",
            *([f"--include={','.join(packages)}"] if packages else []),
            *(f"--aptopt={line}" for line in settings),
            *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in unneeded),
            *options,
            suite,
            directory,
            *(mirror.line(name) for name in mirror_suites),
        ]
    )
