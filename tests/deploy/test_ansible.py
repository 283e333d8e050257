# SPDX-License-Identifier: GPL-2.0-only
"""The Ansible role: its style, and the configuration that it writes. What it does to a system is in
tests/packaging/test_role.py, as that needs packages.
"""

import json
import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from api.daemon import BUILD

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/ansible"

pytestmark = pytest.mark.slow

CONFIGURE = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: zpack, tasks_from: configure.yml}
"""
# What the configuration is to be.
WANTED: dict[str, Any] = {
    "daemon": {"metrics_listen": "127.0.0.1:9764", "tick_ms": 2000},
    "tuner": {"mode": "on", "refault_percent": 12.5},
    "tls": {
        "listen": "0.0.0.0:9765",
        "certificate": "/etc/zpackd/tls/server.pem",
        "key": "/etc/zpackd/tls/server.key",
        "client_ca": "/etc/zpackd/tls/ca.pem",
        "admins": ["ann", 'o"brien'],
    },
    "device": {
        "main": {
            "size": "200%",
            "encrypt": True,
            "backing": "/dev/disk/by-partlabel/zpack",
            "settings": {"block_pages": 32, "write_budget": "50G 1d"},
            "cgroups": {"/system.slice/some.service": {"writeback": False}},
        },
        "second": {"size": "1G", "swap": False},
    },
}


def ansible(
    directory: Path, playbook: str, variables: dict[str, Any], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Run a playbook on this machine, with the role."""
    (directory / "play.yml").write_text(playbook)
    environment = {
        **os.environ,
        "ANSIBLE_ROLES_PATH": str(FOLDER / "roles"),
        "ANSIBLE_LOCAL_TEMP": str(directory / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(directory / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
    }
    return subprocess.run(
        [
            *("ansible-playbook", "-i", "localhost,", "-c", "local"),
            *("-e", "ansible_python_interpreter=/usr/bin/python3"),
            *("-e", json.dumps(variables), *arguments, str(directory / "play.yml")),
        ],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )


def variables(directory: Path, wanted: dict[str, Any]) -> dict[str, Any]:
    """Of the role, for a configuration in a directory."""
    return {
        "zpack_config_path": str(directory / "zpackd.toml"),
        "zpack_zpackd": str(BUILD / "zpackd"),
        "zpack_start": False,
        "zpack_devices": wanted.get("device", {}),
        **{f"zpack_{table}": wanted.get(table, {}) for table in ("daemon", "tls", "tuner")},
    }


def test_ansible_lint_finds_nothing() -> None:
    done = subprocess.run(
        ["ansible-lint", "--offline", "--strict", "--nocolor"],
        cwd=FOLDER,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done


def test_configuration_is_what_the_variables_say(tmp_path: Path) -> None:
    done = ansible(tmp_path, CONFIGURE, variables(tmp_path, WANTED))
    assert done.returncode == 0, done
    assert tomllib.loads((tmp_path / "zpackd.toml").read_text()) == WANTED
    again = ansible(tmp_path, CONFIGURE, variables(tmp_path, WANTED))
    assert "changed=0" in again.stdout, again


def test_configuration_that_zpackd_refuses_is_not_put_in_place(tmp_path: Path) -> None:
    wrong = {"device": {"main": {"size": "1G", "colour": "red"}}}
    done = ansible(tmp_path, CONFIGURE, variables(tmp_path, wrong))
    assert done.returncode != 0 and "colour" in done.stdout, done
    assert not (tmp_path / "zpackd.toml").exists()


def test_files_for_tls_are_put_in_place(tmp_path: Path) -> None:
    tables = {name: dict(table) for name, table in WANTED.items()}
    given = variables(tmp_path, tables)
    for name in ("certificate", "key", "client_ca"):
        source = tmp_path / f"my-{name}"
        source.write_text(name)
        given[f"zpack_tls_{name}"] = str(source)
        tables["tls"][name] = str(tmp_path / f"tls/{name}.pem")
    done = ansible(tmp_path, CONFIGURE, given)
    assert done.returncode == 0, done
    modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "tls").iterdir()}
    assert modes == {"certificate.pem": 0o644, "client_ca.pem": 0o644, "key.pem": 0o600}
    assert (tmp_path / "tls/key.pem").read_text() == "key"
