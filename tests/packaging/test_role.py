# SPDX-License-Identifier: GPL-2.0-only
"""The Ansible role installs the packages from a signed repository into a Debian in a directory."""

import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from api import packages
from api.packages import ROOT, VERSION
from vm.apt import machine_mirror

FOLDER = ROOT / "deploy/ansible"

pytestmark = [pytest.mark.packages, pytest.mark.slow, pytest.mark.timeout(3600)]


class System:
    """A Debian in a directory, with Ansible in it."""

    def __init__(self, root: Path, repository: Path) -> None:
        self.root = root
        subprocess.run(
            [
                *("mmdebstrap", "--variant=apt", "--quiet", "--mode=root"),
                *("--include=ansible-core,python3-apt,systemd", "bookworm", root),
                machine_mirror().line("bookworm"),
            ],
            check=True,
            timeout=1200,
        )
        shutil.copytree(FOLDER, root / "srv/deploy/ansible")
        shutil.copytree(repository, root / "srv/repository")
        (root / "srv/inventory").write_text("[zpack]\nlocalhost ansible_connection=local\n")

    def play(self, *arguments: str) -> str:
        """Run the role in it."""
        given = {
            "zpack_repository": "file:///srv/repository",
            "zpack_repository_key": "/srv/repository/zpack.asc",
            # Has its tests elsewhere, with kernels.
            "zpack_module": False,
            "zpack_start": False,
            "zpack_devices": {"main": {"size": "200%"}},
        }
        done = self.run(
            *("ansible-playbook", "-i", "/srv/inventory", "/srv/deploy/ansible/site.yml"),
            *("-e", json.dumps(given), *arguments),
        )
        assert done.returncode == 0, done
        return done.stdout

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command in it."""
        return subprocess.run(
            ["chroot", self.root, *command],
            check=False,
            capture_output=True,
            text=True,
            timeout=600,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )


def test_role_installs_configures_and_enables(tmp_path: Path) -> None:
    repository = packages.repository(packages.build("deb", VERSION), "first")
    system = System(tmp_path / "root", repository)
    assert "failed=0" in system.play()
    assert system.run("zpackctl", "config", "check").returncode == 0
    config = (system.root / "etc/zpackd/zpackd.toml").read_text()
    assert tomllib.loads(config)["device"] == {"main": {"size": "200%"}}
    for unit, target in (("zpackd", "multi-user"), ("zpack-setup", "swap")):
        wanted = f"etc/systemd/system/{target}.target.wants/{unit}.service"
        assert (system.root / wanted).is_symlink()
    assert "changed=0" in system.play()
    assert "changed=0" in system.play("--check")
    shutil.rmtree(system.root)  # pytest would keep it
