# SPDX-License-Identifier: GPL-2.0-only
"""The rpm packages, as far as Debian's rpm goes: built, checked, signed, and installed into a root
directory of their own. Their scripts do not run there, and what they need of Fedora is not there.
"""

import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from api import packages
from api.packages import NEXT_VERSION, VERSION

pytestmark = [pytest.mark.packages, pytest.mark.slow, pytest.mark.timeout(3 * 3600)]


class Root:
    """A root directory with a database of packages."""

    def __init__(self, path: Path, key: Path) -> None:
        self.path = path
        self.rpm("--initdb")
        self.rpm("--import", key)

    def rpm(self, *arguments: str | Path, check: bool = True) -> str:
        """All that rpm says."""
        done = subprocess.run(
            ["rpm", "--root", str(self.path), *map(str, arguments)],
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0 or not check, done
        return done.stdout

    def files(self) -> set[str]:
        """What is installed, without the database."""
        return {
            f"/{path.relative_to(self.path)}"
            for path in self.path.rglob("*")
            if not path.is_dir() and "rpm" not in path.relative_to(self.path).parts[:3]
        }


@pytest.fixture(scope="module")
def repositories() -> Iterator[dict[str, Path]]:
    """A repository of each version."""
    yield {
        version: packages.repository(packages.build("rpm", version), f"rpm-{version}")
        for version in (VERSION, NEXT_VERSION)
    }


@pytest.fixture
def root(tmp_path: Path, repositories: dict[str, Path]) -> Root:
    return Root(tmp_path / "root", repositories[VERSION] / "zpack.asc")


def of(repository: Path) -> list[Path]:
    """The packages to install."""
    found = sorted((repository / "rpm").glob("*.rpm"))
    assert [path.name.rsplit("-", 2)[0] for path in found] == [
        "dkms-zpack",
        "zpack-dashboard",
        "zpackd",
    ]
    return found


OPTIONS = ("--nodeps", "--noscripts")


def test_packages_and_index_are_signed(root: Root, repositories: dict[str, Path]) -> None:
    for package in of(repositories[VERSION]):
        said = root.rpm("--checksig", "-v", package)
        assert "Signature, key ID" in said and ": OK" in said and "NOKEY" not in said, said
    data = (repositories[VERSION] / "rpm/repodata/repomd.xml").read_bytes()
    assert b'type="primary"' in data
    verify = ["gpgv", "--keyring", str(root.path / "zpack.gpg")]
    subprocess.run(
        ["gpg", "--dearmor", "-o", root.path / "zpack.gpg", repositories[VERSION] / "zpack.asc"],
        check=True,
    )
    for content, good in ((data, True), (data + b" ", False)):
        (root.path / "repomd.xml").write_bytes(content)
        signature = repositories[VERSION] / "rpm/repodata/repomd.xml.asc"
        done = subprocess.run([*verify, signature, root.path / "repomd.xml"], capture_output=True)
        assert (done.returncode == 0) == good, done


def test_package_that_was_changed_is_refused(
    root: Root, repositories: dict[str, Path], tmp_path: Path
) -> None:
    package = bytearray(of(repositories[VERSION])[-1].read_bytes())
    package[-1000] ^= 1
    bad = tmp_path / "bad.rpm"
    bad.write_bytes(package)
    assert "NOT OK" in root.rpm("--checksig", bad, check=False)


def test_install_upgrade_remove(root: Root, repositories: dict[str, Path]) -> None:
    root.rpm("-i", *OPTIONS, *of(repositories[VERSION]))
    files = root.files()
    for name in (
        "/etc/zpackd/zpackd.toml",
        "/etc/kernel/postinst.d/zpack-dkms",
        "/usr/bin/zpackctl",
        "/usr/bin/zpack-dashboard",
        "/usr/share/applications/io.github.zpack.Dashboard.desktop",
        "/usr/sbin/zpackd",
        "/usr/lib/systemd/system/zpackd.service",
        "/usr/lib/systemd/system/zpack-setup.service",
        "/usr/lib/sysusers.d/zpack.conf",
        f"/usr/src/zpack-{VERSION}/dkms.conf",
        f"/usr/src/zpack-{VERSION}/core/packer.c",
    ):
        assert name in files, name
    conf = (root.path / f"usr/src/zpack-{VERSION}/dkms.conf").read_text()
    assert f'PACKAGE_VERSION="{VERSION}"' in conf
    said = packages.run(root.path / "usr/sbin/zpackd", "--version")
    assert said.strip() == VERSION
    assert root.rpm("--verify", "--nodeps", "zpackd", "dkms-zpack", "zpack-dashboard") == ""

    config = root.path / "etc/zpackd/zpackd.toml"
    config.write_text("# mine\n")
    root.rpm("-U", *OPTIONS, *of(repositories[NEXT_VERSION]))
    assert config.read_text() == "# mine\n"
    files = root.files()
    assert f"/usr/src/zpack-{NEXT_VERSION}/dkms.conf" in files
    assert not [name for name in files if name.startswith(f"/usr/src/zpack-{VERSION}/")]

    root.rpm("-e", *OPTIONS, "zpackd", "dkms-zpack", "zpack-dashboard")
    left = {name for name in root.files() if "zpack" in name}
    assert left == {"/etc/zpackd/zpackd.toml.rpmsave"}


def test_scripts_are_what_the_package_promises(repositories: dict[str, Path]) -> None:
    """They can't run here; at least they are shell, and removal can be refused."""
    for package in of(repositories[VERSION]):
        for kind in ("PREIN", "POSTIN", "PREUN", "POSTUN"):
            text = packages.run("rpm", "-qp", "--nosignature", "--qf", f"%{{{kind}}}", package)
            if text.strip() != "(none)":
                subprocess.run(["bash", "-n", "-c", text], check=True)
        if "dashboard" in package.name:
            continue  # nothing of it is in use when it is removed
        removal = packages.run("rpm", "-qp", "--nosignature", "--qf", "%{PREUN}", package)
        assert "release-devices" in removal and "exit 1" in removal
