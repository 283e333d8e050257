# SPDX-License-Identifier: GPL-2.0-only
"""What belongs to the programs and is easily forgotten: manual pages, completion, units, docs."""

import json
import os
import pty
import re
import select
import signal
import subprocess
from pathlib import Path

import pytest

from api.daemon import BUILD, ROOT
from api.local_daemon import LocalDaemon, Remote, free_port

AGENT = ROOT / "agent"
UNITS = ROOT / "packaging/units"

pytestmark = pytest.mark.slow


def run(*command: str | Path, check: bool = True) -> str:
    """What a program says."""
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0 or not check, done
    return done.stdout + done.stderr


def subcommands() -> list[str]:
    """Of zpackctl, as its help lists them."""
    text = run(BUILD / "zpackctl", "--help").split("Subcommands:")[1]
    return re.findall(r"^  (\w+)", text, re.M)


def complete(*words: str) -> list[str]:
    """What the shell would offer for the last word."""
    line = " ".join(f"'{word}'" for word in words)
    script = (
        f"PATH={BUILD}:$PATH; . {AGENT}/completion/zpackctl.bash; COMP_WORDS=({line}); "
        'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _zpackctl; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return run("bash", "-c", script).split()


def complete_in_zsh(*lines: str) -> list[str]:
    """What a real zsh makes of each line and the tab key."""
    pid, terminal = pty.fork()
    if not pid:
        os.execvp("zsh", ["zsh", "-f", "-i"])
    said = b""

    def shown(pattern: bytes) -> bytes:
        """What it prints next that looks like this."""
        nonlocal said
        while not (match := re.search(pattern, said)):
            assert select.select([terminal], [], [], 60)[0], said
            said += os.read(terminal, 4096)
        said = said[match.end() :]
        return match.group(1)

    # Control-G shows the line and forgets it.
    set_up = (
        f"fpath=({AGENT}/completion $fpath) path=({BUILD} $path); autoload -U compinit; "
        'compinit -D -u; show() { print -r -- "<$BUFFER>"; BUFFER= }; zle -N show; '
        "bindkey '^G' show; print REA''DY\n"
    )
    os.write(terminal, set_up.encode())
    shown(b"(READY)")
    completed = []
    for line in lines:
        os.write(terminal, line.encode() + b"\t\a")
        completed.append(shown(b"<(.*)>").decode().strip())
    os.write(terminal, b"exit\n")
    os.waitpid(pid, 0)
    os.close(terminal)
    return completed


def test_zsh_completes_commands_options_and_values() -> None:
    # "tune" may become "tuner".
    commands = [f"zpackctl {command}" for command in subcommands() if command[:4] != "tune"]
    assert complete_in_zsh(*(command[:-1] for command in commands)) == commands
    wanted = {
        "zpackctl tuner ad": "zpackctl tuner advise",
        "zpackctl tuner refa": "zpackctl tuner refault_percent=",
        "zpackctl create --ba": "zpackctl create --backing",
        "zpackctl -o j": "zpackctl -o json",
        "zpackctl -o json trace rec": "zpackctl -o json trace record",
        "zpackctl layout --metric li": "zpackctl layout --metric live_ratio",
    }
    assert complete_in_zsh(*wanted) == list(wanted.values())


def test_every_command_is_completed_and_in_the_manual() -> None:
    commands = subcommands()
    assert len(commands) > 10
    assert sorted(complete("zpackctl", "")) == sorted(commands)
    manual = (AGENT / "man/zpackctl.1").read_text()
    for command in commands:
        assert re.search(rf'^\.B[IR]? ("?){command}\b|", " {command} "', manual, re.M), command
    assert complete("zpackctl", "cr") == ["create"]
    assert complete("zpackctl", "tuner", "ad") == ["advise"]
    assert "--backing" in complete("zpackctl", "create", "--")
    assert complete("zpackctl", "-o", "j") == ["json"]


@pytest.mark.parametrize("program,page", [("zpackd", "zpackd.8"), ("zpack-sim", "zpack-sim.1")])
def test_options_are_in_the_manual(program: str, page: str) -> None:
    manual = (AGENT / "man" / page).read_text().replace("\\-", "-")
    for option in re.findall(r"--[a-z-]+", run(BUILD / program, "--help")):
        assert option in manual, option


@pytest.mark.parametrize("page", ["zpackd.8", "zpackctl.1", "zpack-sim.1"])
def test_manual_pages_are_formatted_without_a_warning(page: str) -> None:
    assert not run("groff", "-man", "-ww", "-z", "-Tutf8", AGENT / "man" / page)


def test_table_of_metrics_is_up_to_date() -> None:
    """Write it anew with: build/agent/zpackd --describe-metrics >docs/metrics.md"""
    assert (ROOT / "docs/metrics.md").read_text() == run(BUILD / "zpackd", "--describe-metrics")


def test_entries_of_the_commented_configuration_are_understood(tmp_path: Path) -> None:
    text = (AGENT / "etc/zpackd.toml").read_text()
    entry = re.compile(r"^# (\[|[a-z_]+ = )", re.M)
    assert len(entry.findall(text)) > 20
    config = tmp_path / "zpackd.toml"
    config.write_text(entry.sub(r"\1", text))
    assert "correct" in run(BUILD / "zpackd", "--check-config", "--config", config)
    config.write_text(text)
    assert "0 devices" in run(BUILD / "zpackd", "--check-config", "--config", config)


@pytest.mark.parametrize("unit", ["zpackd.service", "zpack-setup.service"])
def test_units_are_hardened(unit: str) -> None:
    """systemd's own measure, 0 (best) to 100."""
    said = run(
        *("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=35"),
        UNITS / unit,
    )
    assert "Overall exposure level" in said


def explained(command: str) -> list[str]:
    """The columns that `-o help` explains."""
    lines = run(BUILD / "zpackctl", *command.split(), "-o", "help").splitlines()
    return [re.split("  +", line)[0] for line in lines if re.match("[A-Z ]+  +[^ ]", line)]


def test_every_column_is_explained_by_the_command_and_in_the_manual(daemon: LocalDaemon) -> None:
    text = (AGENT / "man/zpackctl.1").read_text()
    manual = text.split(".SH COLUMNS")[1].split(".SH EXIT")[0].replace("\n", " ")
    for command, first in (
        *(("list", "DEVICE"), ("status zpack0", "PAGES"), ("tune zpack0", "SETTING")),
        *(("jobs", "JOB"), ("tuner", ""), ("cgroups zpack0", ""), ("layout zpack0", "")),
    ):
        columns = explained(command)
        assert len(columns) >= 4
        assert all(column in manual for column in columns), (command, columns)
        if first:
            said = daemon.ctl(*command.split()).stdout.splitlines()
            (heading,) = [line for line in said if line.startswith(first)]
            assert re.split("  +", heading) == columns[: len(re.split("  +", heading))], command
    none = daemon.ctl("metrics", "-o", "help")
    assert none.returncode == 2 and "prints no table" in none.stderr


def test_device_that_is_not_there_ends_every_command_that_names_it(daemon: LocalDaemon) -> None:
    for command in ("status", "watch", "tune", "layout", "cgroups", "writeback"):
        said = daemon.ctl(command, "zpack7")
        assert said.returncode == 1 and "there is no devices/zpack7" in said.stderr, said
    wrong = daemon.ctl("tune", "zpack0", "swap=perhaps")
    assert wrong.returncode == 2 and "use true or false" in wrong.stderr
    live = daemon.ctl("top", "-o", "json")
    assert live.returncode == 2 and "zpackctl -o json watch" in live.stderr
    unknown = daemon.ctl("lits")
    assert unknown.returncode == 2 and "there is no command 'lits'" in unknown.stderr


def test_output_that_cannot_be_written_is_a_failure(daemon: LocalDaemon, tmp_path: Path) -> None:
    for command in (
        "list",
        "metrics",
        "-o json status zpack0",
        "watch -n 0.1 --count 100",
        "--help",
    ):
        with open("/dev/full", "w", encoding="ascii") as full:
            said = subprocess.run(
                [BUILD / "zpackctl", f"--socket={tmp_path}/run/read.sock", *command.split()],
                check=False,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert said.returncode == 1, (command, said)
        assert said.stderr.startswith("zpackctl: cannot write"), said
        assert command == "--help" or "No space left" in said.stderr, said


def test_watching_ends_with_the_daemon_and_says_so(daemon: LocalDaemon, tmp_path: Path) -> None:
    watching = [
        subprocess.Popen(
            [BUILD / "zpackctl", f"--socket={tmp_path}/run/read.sock", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for command in (["watch", "-n", "0.1"], ["top", "-n", "0.1"], ["-o", "json", "watch"])
    ]
    for one in watching:
        assert one.stdout and one.stdout.readline()
    daemon.process.send_signal(signal.SIGTERM)
    for one in watching:
        said, error = one.communicate(timeout=60)
        assert one.returncode != 0 and "zpackd" in error, error
    assert all(json.loads(line)["stats"] for line in said.splitlines()), "a message per line"


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["tune"],
        ["-o", "xml", "list"],
        ["top", "-n", "0"],
        ["tune", "zpack0", "swap=true", "--priority", "32768"],
    ],
)
def test_wrong_command_lines_have_their_exit_code(words: list[str]) -> None:
    done = subprocess.run([BUILD / "zpackctl", *words], check=False, capture_output=True)
    assert done.returncode == 2


def test_missing_daemon_has_its_exit_code(tmp_path: Path) -> None:
    command: list[str | Path] = [BUILD / "zpackctl", "--socket", tmp_path / "none", "list"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 3 and "no zpackd answers" in done.stderr


def test_several_hosts_are_tuned_at_once_and_each_answers_under_its_name(tmp_path: Path) -> None:
    """Also when one of them does not answer."""
    remote = Remote(tmp_path / "tls")
    admin = remote.authority.sign("admin", "URI:urn:zpack:role:admin")
    names = [f"127.0.0.1:{port}" for port in (remote.port, free_port(), free_port())]
    second = remote.config.replace(names[0], names[2])

    def ctl(*words: str) -> subprocess.CompletedProcess[str]:
        keys = [f"--ca={remote.authority.certificate}", f"--cert={admin}"]
        keys.append(f"--key={admin.with_suffix('.key')}")
        hosts = [f"--host={name}" for name in names]
        command: list[str | Path] = [BUILD / "zpackctl", *hosts, *keys, *words]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    with LocalDaemon(tmp_path / "1", remote.config), LocalDaemon(tmp_path / "2", second):
        for daemon in ("1", "2"):
            files = tmp_path / daemon / "root/sys/block/zpack0/zpack"
            (files / "backing_dev").write_text(f"/dev/of_{daemon}\n")
        tuned = ctl("tune", "zpack0", "block_pages=32")
        assert tuned.returncode == 3, tuned
        assert re.findall("^== (.*) ==$", tuned.stdout, re.M) == names
        assert names[1] in tuned.stderr and names[0] not in tuned.stderr
        for daemon in ("1", "2"):
            files = tmp_path / daemon / "root/sys/block/zpack0/zpack"
            assert (files / "block_pages").read_text().strip() == "32"

        # The first would never come to its end.
        endless = ctl("-o", "json", "watch")
        assert endless.returncode == 2 and "needs --count" in endless.stderr
        listed = ctl("-o", "json", "list")
        assert listed.returncode == 3, listed
        replies = [json.loads(line) for line in listed.stdout.splitlines()]
        assert [reply["host"] for reply in replies] == names
        assert replies.pop(1)["reply"] is None
        devices = [reply["reply"]["devices"] for reply in replies]
        assert [device["backing_path"] for (device,) in devices] == ["/dev/of_1", "/dev/of_2"]
        assert [device["settings"]["block_pages"] for (device,) in devices] == [32, 32]


def test_configuration_is_checked_without_a_daemon(tmp_path: Path) -> None:
    config = tmp_path / "zpackd.toml"
    config.write_text("[daemon]\ntick_ms = 1\n")
    command: list[str | Path] = [BUILD / "zpackctl", "config", "check", config]
    wrong = subprocess.run(command, check=False, capture_output=True, text=True)
    assert wrong.returncode == 1 and "zpackd.toml:2: daemon.tick_ms" in wrong.stderr
    missing = subprocess.run([*command, "/none"], check=False, capture_output=True, text=True)
    assert missing.returncode == 1 and "/none: there is no such file" in missing.stderr
    config.write_text("[device.a]\nsize = '1G'\n")
    assert run(*command) == "the configuration is correct: 1 device\n"
    remote = subprocess.run([*command, "--host", "x"], check=False, capture_output=True)
    assert remote.returncode == 2


def test_tuner_costs_little_and_gains_something_in_the_simulator() -> None:
    """docs/agent.md has the figures of longer runs."""
    said = run(BUILD / "zpackctl", "sim", "--tuner", "--accesses", "1000000", "--interval", "0.3")
    tuned = {
        line.split()[0]: float(line.split()[2])
        for line in said.splitlines()
        if re.match(r"\w+ +[0-9.]+ +[-+]", line)
    }
    assert len(tuned) >= 5
    assert max(tuned.values()) <= 3, tuned
    assert min(tuned.values()) <= -1.5, tuned
