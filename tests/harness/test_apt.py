# SPDX-License-Identifier: GPL-2.0-only
"""Finding the Debian mirror in each form that /etc/apt may have."""

from pathlib import Path

import pytest

from vm import apt, cache

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://deb822.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://deb822.example/debian-security
Suites: bookworm-security

Enabled: no
Types: deb
URIs: http://disabled.example/debian
Suites: bookworm bookworm-updates trixie
"""

ONE_LINE = """\
# deb http://comment.example/debian bookworm main
deb [signed-by=/some/key.gpg arch=amd64] http://line.example/debian bookworm main
deb-src http://line.example/debian bookworm main
deb http://line.example/security bookworm-security main
deb http://line.example/debian bookworm-updates main
deb http://vendor.example/apt bookworm main
"""


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


def test_deb822_sources(etc: Path) -> None:
    (etc / "sources.list.d/debian.sources").write_text(DEB822)
    mirror = apt.machine_mirror(etc)
    assert mirror.main == "http://deb822.example/debian"
    assert mirror.security == "http://deb822.example/debian-security"


def test_one_line_sources(etc: Path) -> None:
    (etc / "sources.list").write_text(ONE_LINE)
    mirror = apt.machine_mirror(etc)
    assert (mirror.main, mirror.security) == (
        "http://line.example/debian",
        "http://line.example/security",
    )
    assert " http://line.example/security trixie-security " in mirror.line("trixie-security")
    assert " http://line.example/debian trixie-backports " in mirror.line("trixie-backports")


def test_no_sources(etc: Path) -> None:
    with pytest.raises(cache.CommandFailed, match="no Debian mirror"):
        apt.machine_mirror(etc)
