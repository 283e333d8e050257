# SPDX-License-Identifier: GPL-2.0-only
"""zpackd with the real module: it sets swap up, is asked to change it, dies and comes back."""

import re
import signal
from typing import Iterator

import pytest

from api import Device, Mapping
from api.daemon import CONFIG, Daemon
from api.module import load_zpack, unload_zpack
from api.plugin import BACKING, SPARE, check_and_remove
from api.waiting import wait_until
from programs.pressure import Pressure
from vm import VM
from vm.plugin import FAILED

CGROUPS = "/sys/fs/cgroup"
KEPT = f"{CGROUPS}/kept0"  # as Pressure names it, for its worker 0
# Close to each other, so that writes come evenly, also where a machine is slow.
WATERMARKS = "writeback_high_percent = 90\nwriteback_low_percent = 89"
CONFIGURATION = f"""
[daemon]
tick_ms = 100
metrics_listen = "127.0.0.1:9764"

[device.main]
size = "200%"
backing = "{BACKING}"
priority = 100
force = true

[device.main.settings]
block_pages = 16
pool_limit_bytes = "8M"
"""


@pytest.fixture
def daemon(zpack_vm: VM, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """Programs in a guest without devices; what they add is checked and taken away."""
    daemon = Daemon(zpack_vm)
    yield daemon
    daemon.stop()
    if not request.node.stash.get(FAILED, False):
        check_and_remove(Device(zpack_vm))
        zpack_vm.run("rm -rf /run/zpackd")


def test_configured_swap_is_used_tuned_online_and_shown(daemon: Daemon) -> None:
    vm = daemon.vm
    daemon.start(CONFIGURATION)
    assert "/dev/zpack0" in vm.read("/proc/swaps"), daemon.log
    pressure = Pressure(vm)
    pressure.run(workers=1, mib=48, evict=1, ops=200)
    daemon.ctl(
        "tune", "zpack0", "block_pages=64", "writeback_high_percent=60", "writeback_low_percent=40"
    )
    device = Device(vm)
    assert (device.block_pages, device.writeback_high, device.writeback_low) == (64, 60, 40)
    load = pressure.start(workers=1, mib=48, evict=1, ops=200, hold=1)
    load.wait_filled()
    device.writeback()
    blocks = daemon.json("layout", "zpack0", "--cells", "1000")
    assert sum(int(cell["live_state_bytes"]) for cell in blocks["cells"]) > 8 << 20
    block = next(record for record in device.layout() if record.live_bytes)
    place = str(block.first_cell * 4096)
    found = daemon.json("layout", "zpack0", "--block", place)["objects"]
    assert [(int(one["slot"]), one["length_bytes"]) for one in found] == [
        (one.slot, one.length) for one in device.objects(block)
    ]
    assert "lz4" in daemon.ctl("layout", "zpack0", "--block", place).stdout
    sizes = {record.block_pages for record in device.layout()}
    assert 64 in sizes
    stats = daemon.json("status", "zpack0")["stats"][0]
    slots = {name: int(value) for name, value in stats["slots"].items()}
    assert slots["stored_pages"] == sum(slots[f"{k}_pages"] for k in ("same", "ram", "packed"))
    assert slots["packed_pages"] > 1000
    assert not stats.get("other"), "the API has a field for everything that the module counts"
    load.go()
    load.finish()
    metrics = vm.run(
        "python3 -c 'import urllib.request as u; "
        'print(u.urlopen("http://127.0.0.1:9764/metrics").read().decode())\''
    ).stdout
    assert 'zpack_stored_pages{device="zpack0",place="disk"}' in metrics
    assert "block_pages by" in daemon.log and "16 -> 64" in daemon.log


@pytest.mark.slow
def test_module_that_comes_later_gets_the_configured_device_which_a_reload_changes(
    daemon: Daemon,
) -> None:
    vm = daemon.vm

    def instance() -> str:
        """What zpackd tells by that it was loaded anew, if it has not seen it gone."""
        return vm.run(["stat", "-c", "%i", "/sys/class/zpack-control"]).stdout

    before = instance()
    unload_zpack(vm)
    daemon.start(CONFIGURATION)
    assert "the kernel module zpack is not loaded; waiting for it" in daemon.log
    assert "zpackctl doctor" in daemon.ctl("list").stderr
    assert daemon.ctl("doctor", check=False).returncode == 1
    load_zpack(vm, "num_devices=0")
    assert instance() != before
    wait_until(lambda: "/dev/zpack0" in vm.read("/proc/swaps"), "the device is made, and is swap")
    device = Device(vm)
    assert device.block_pages == 16
    assert daemon.process
    for block_pages, applied in (("3", False), ("32", True)):
        text = CONFIGURATION.replace("block_pages = 16", f"block_pages = {block_pages}")
        vm.put(text.encode(), CONFIG)
        daemon.process.kill(signal.SIGHUP)
        word = "block_pages by config: 16 -> 32" if applied else "the configuration stays as it was"
        wait_until(lambda: word in daemon.log, "it has read it again")
    assert "zpackd.toml:13: device.main.settings.block_pages: block_pages: '3'" in daemon.log
    assert device.block_pages == 32


@pytest.mark.slow
def test_recorded_trace_has_every_store_and_is_replayed_with_other_settings(
    daemon: Daemon,
) -> None:
    vm = daemon.vm
    daemon.start(CONFIGURATION)
    device = Device(vm)
    record = vm.spawn("zpackctl trace record zpack0 /run/trace")
    enabled = "cat /sys/kernel/tracing/instances/zpackctl-*/events/zpack/zpack_free/enable"
    wait_until(lambda: vm.run(enabled, check=False).stdout == "1\n", "it records")
    before = device.stat()
    Pressure(vm).run(workers=1, mib=48, evict=1, ops=500)
    done = device.stat() - before
    record.kill(signal.SIGINT)
    assert " events in /run/trace\n" in record.wait().stdout
    events = {
        event: int(vm.run(f"grep -c ': zpack_{event}: ' /run/trace", check=False).stdout)
        for event in ("store", "load", "free")
    }
    assert events["store"] == done.stores > 10_000
    # Those of slots that have never held anything are counted only.
    assert 0 < events["load"] <= done.loads and 0 < events["free"] <= done.frees
    assert vm.run("ls /sys/kernel/tracing/instances").stdout == "", "its tracing is gone"
    again = daemon.ctl("trace", "record", "zpack0", "/run/trace", "--seconds", "1", check=False)
    assert again.returncode == 1 and "name a file that is not there yet" in again.stderr

    def replay(block_pages: int) -> dict[str, float]:
        """The simulator's figures by the names of its columns."""
        options = f"--replay /run/trace --memory 1G --pool 8M --set block_pages={block_pages}"
        words = vm.run(f"zpackctl sim {options}").stdout.split("\n")[1:3]
        names = [name for name in words[0].split() if name != "TUNED"]
        return dict(zip(names[1:], (float(w) for w in words[1].replace(" %", "").split()[1:])))

    small, large = replay(4), replay(64)
    assert small["STORES"] == large["STORES"] == events["store"]
    assert small["WRITES"] > 8 * large["WRITES"] > 0, "blocks of 4 pages, of 64"
    vm.run("rm /run/trace")


@pytest.mark.slow
def test_killed_daemon_comes_back_to_the_device_as_it_is(daemon: Daemon) -> None:
    vm = daemon.vm
    daemon.start(CONFIGURATION)
    daemon.ctl("tune", "zpack0", "block_pages=32")
    load = Pressure(vm).start(workers=1, mib=48, evict=1, ops=0)
    load.wait_filled()
    daemon.stop(signal.SIGKILL)
    before = Device(vm).stat()
    daemon.start(CONFIGURATION)
    load.stop()
    devices = daemon.json("list")["devices"]
    assert [device["name"] for device in devices] == ["devices/zpack0"]
    assert devices[0]["swap"]["enabled"]
    assert Device(vm).block_pages == 32
    assert Device(vm).stat().stores >= before.stores > 0
    assert "created" not in daemon.log


@pytest.mark.slow
def test_refusals_name_the_thing_and_what_is_allowed(daemon: Daemon) -> None:
    vm = daemon.vm
    daemon.start(CONFIGURATION)
    for arguments, words in (
        (("tune", "zpack0", "block_pages=3"), ("block_pages", "power of two, 1...256")),
        (("tune", "zpack0", "writeback_low_percent=95"), ("writeback_high_percent (90)",)),
        (("tune", "zpack0", "nonsense=1"), ("nonsense", "min_age_ms")),
        (("tune", "zpack7", "block_pages=4"), ("devices/zpack7",)),
        (("tune", "zpack0", "backing_path=/dev/null"), ("only a reset",)),
        (("delete", "zpack0"), ("swapped on",)),
        (("create", "1G", "--backing", "/nonexistent"), ("/nonexistent", "No such file")),
    ):
        result = daemon.ctl(*arguments, check=False)
        assert result.returncode in (1, 2), result
        assert all(word in result.stderr for word in words), result
    vm.run(f"mkfs.ext4 -q {SPARE}")
    result = daemon.ctl("create", "64M", "--backing", SPARE, check=False)
    assert result.returncode == 1 and "ext4" in result.stderr and "wipefs" in result.stderr
    vm.run(f"wipefs -qa {SPARE}")
    assert vm.run("ls -d /sys/block/zpack*").stdout.split() == ["/sys/block/zpack0"]


@pytest.mark.slow
def test_other_users_may_look_and_not_touch(daemon: Daemon) -> None:
    vm = daemon.vm
    daemon.start(CONFIGURATION)
    nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups zpackctl "
    assert "zpack0" in vm.run(nobody + "list").stdout
    result = vm.run(nobody + "tune zpack0 block_pages=8", check=False)
    assert result.returncode == 4 and "reading only" in result.stderr
    result = vm.run(nobody + "--socket /run/zpackd/admin.sock list", check=False)
    assert result.returncode == 3
    assert Device(vm).block_pages == 16


@pytest.mark.slow
def test_wrong_configuration_is_refused_with_its_lines(daemon: Daemon) -> None:
    vm = daemon.vm
    text = "[daemon]\ntick_ms = 1\n[device.a]\nsize = 'big'\n[device.a.settings]\nblock_pages = 5\n"
    vm.put(text.encode(), CONFIG)
    result = vm.run(["zpackd", "--check-config", "--config", CONFIG], check=False)
    assert result.returncode == 1
    for line in (
        "zpackd.toml:2: daemon.tick_ms: use a number, 100...60000",
        'zpackd.toml:4: device.a.size: use a size such as "8G"',
        "zpackd.toml:6: device.a.settings.block_pages: block_pages: '5' is not allowed",
    ):
        assert line in result.stderr, result.stderr
    vm.put(CONFIGURATION.encode(), CONFIG)
    assert "correct" in vm.run(["zpackd", "--check-config", "--config", CONFIG]).stdout


@pytest.mark.slow
def test_jobs_show_progress_end_and_are_cancelled(daemon: Daemon) -> None:
    """Jobs that are cancelled have to wait for a disk that does not answer."""
    vm = daemon.vm
    with Mapping.delayed(vm, "slow", BACKING, 256, read_ms=5, write_ms=100) as slow:
        daemon.start(CONFIGURATION.replace(BACKING, slow.path).replace('"8M"', '"max"'))
        device = Device(vm)
        load = Pressure(vm).start(workers=8, mib=4, evict=1, ops=1, hold=1)
        load.wait_filled()
        ram = device.stat().ram
        assert ram > 1000
        assert "done" in daemon.ctl("writeback", "zpack0", "--pages", "500").stdout
        assert 500 <= ram - device.stat().ram < 1000
        with slow.suspended():
            job = daemon.json("writeback", "zpack0", "--no-wait")
            assert (job["state"], job["progress_unit"]) == ("STATE_RUNNING", "pages")
            again = daemon.ctl("writeback", "zpack0", check=False)
            assert again.returncode == 1 and f"{job['name']} does that already" in again.stderr
            daemon.ctl("cancel", job["name"])
            wait_until(lambda: daemon.job_state() != "STATE_RUNNING", "the job ends")
            assert daemon.json("jobs")["jobs"][0]["state"] == "STATE_CANCELLED"
        assert device.stat().ram > 0
        assert "done" in daemon.ctl("writeback", "zpack0").stdout
        assert device.stat().ram < 100
        assert "done" in daemon.ctl("clean", "zpack0").stdout
        # The kernel looks for signals between two programs that have pages there.
        with slow.suspended():
            drain = daemon.json("drain", "zpack0", "--no-wait")
            pages = int(drain["progress_total"])
            assert drain["state"] == "STATE_RUNNING" and pages > 1000
            daemon.ctl("cancel", drain["name"])
        wait_until(lambda: daemon.job_state() != "STATE_RUNNING", "the job ends")
        ended = daemon.json("jobs")["jobs"][0]
        assert ended["state"] == "STATE_CANCELLED", daemon.log
        assert 0 < int(ended["progress_done"]) < pages
        assert "/dev/zpack0" in vm.read("/proc/swaps")
        load.go()
        load.finish()
        assert "done" in daemon.ctl("drain", "zpack0").stdout
        for options, priority in (((), 100), (("--priority", "7"), 7)):
            assert "zpack0" not in vm.read("/proc/swaps") and device.exists
            daemon.ctl("tune", "zpack0", "swap=true", *options)
            _, swap = vm.read("/proc/swaps").splitlines()
            assert swap.split()[0] == "/dev/zpack0" and swap.split()[-1] == str(priority)
            daemon.ctl("tune", "zpack0", "swap=false")
        assert "done" in daemon.ctl("drain", "zpack0", "--remove").stdout
        assert "zpack0" not in vm.read("/proc/swaps") and not device.exists
        none = daemon.ctl("drain", "zpack0", check=False)
        assert none.returncode == 1 and "there is no devices/zpack0" in none.stderr


@pytest.mark.slow
def test_policies_of_cgroups_and_write_budget_are_seen_and_changed(daemon: Daemon) -> None:
    vm = daemon.vm
    daemon.start(CONFIGURATION)
    device = Device(vm)
    vm.run(f"echo +memory >{CGROUPS}/cgroup.subtree_control && mkdir {KEPT}")
    try:
        daemon.ctl("cgroups", "zpack0", "/kept0", "writeback=false", "share_percent=50")
        inode = int(vm.run(f"stat -c %i {KEPT}").stdout)
        assert (device.cgroups()[inode].writeback, device.cgroups()[inode].share) == (False, 50)
        load = Pressure(vm).start(workers=1, mib=32, evict=1, ops=0, cgroup=f"{CGROUPS}/kept")
        load.wait_filled()
        load.stop()
        (kept,) = [
            one for one in daemon.json("cgroups", "zpack0")["cgroups"] if one["path"] == "/kept0"
        ]
        assert kept["name"] == f"devices/zpack0/cgroups/{inode}"
        assert int(kept["writeback_pages"]) == 0 and kept["policy"]["writeback"] is False
        daemon.ctl("cgroups", "zpack0", str(inode), "default")
        assert device.cgroups()[inode].writeback
        # What the configuration says is for each cgroup that gets the path.
        vm.run(f"rmdir {KEPT}")
        text = CONFIGURATION + "[device.main.cgroups.'/kept0']\nkeep_ms = 77000\n"
        vm.put(text.encode(), CONFIG)
        assert daemon.process
        daemon.process.kill(signal.SIGHUP)
        vm.run(f"mkdir {KEPT}")
        again = int(vm.run(f"stat -c %i {KEPT}").stdout)
        wait_until(
            lambda: again in device.cgroups() and device.cgroups()[again].keep_ms == 77000,
            "the policy is applied",
        )
        assert "writeback=1 min_age_ms=device keep_ms=0 share=50" not in daemon.log
        assert f"cgroups/{inode}: policy by unix:uid=0: writeback=0" in daemon.log
        wrong = daemon.ctl("cgroups", "zpack0", "/nothing", "writeback=false", check=False)
        assert wrong.returncode == 1 and "there is no cgroup '/nothing'" in wrong.stderr
    finally:
        vm.run(f"rmdir {KEPT}")
    # Used up, it pauses for more than 20 minutes.
    daemon.ctl("tune", "zpack0", "write_budget=64M 1d 1M")
    assert device.read("write_budget") == f"{64 << 20} 86400 {1 << 20}"
    one = daemon.json("list")["devices"][0]
    assert one["settings"]["write_budget"] == {
        "bytes": str(64 << 20),
        "interval_seconds": 86400,
        "carry_bytes": str(1 << 20),
    }
    pressure = Pressure(vm)
    pressure.run(workers=1, mib=48, evict=1, ops=200)
    wait_until(
        lambda: daemon.json("list")["devices"][0]["state"]["budget_spent"] is True,
        "the budget is spent",
    )
    state = daemon.json("list")["devices"][0]["state"]
    assert 0 <= int(state["budget_left_bytes"]) <= 1 << 20 <= int(state["written_ever_bytes"])
    assert "writeback pauses" in daemon.ctl("status", "zpack0").stdout
    daemon.ctl("tune", "zpack0", "write_budget=max")
    assert device.read("write_budget") == "max"


@pytest.mark.slow
def test_tuner_advises_then_tunes_and_keeps_its_hands_off(daemon: Daemon) -> None:
    """Blocks of one page are many writes: the tuner makes them larger, step by step."""
    vm = daemon.vm
    daemon.start(
        CONFIGURATION.replace("block_pages = 16", WATERMARKS) + "[tuner]\ninterval_ms = 1000\n"
    )
    device = Device(vm)
    daemon.ctl("tune", "zpack0", "block_pages=1", "cleaning=off")
    # From now on it would take that for somebody's wish.
    daemon.ctl("tuner", "advise")
    load = Pressure(vm).start(workers=1, mib=48, evict=1, ops=0, pageout=90, dirty=90)
    load.wait_filled()
    wait_until(lambda: "tuner advises: block_pages: 1 -> 2 (MANY_WRITES" in daemon.log, "advice")
    assert device.block_pages == 1
    daemon.ctl("tuner", "on")
    wait_until(lambda: device.block_pages >= 2, "the tuner tunes")
    decisions = daemon.ctl("tuner").stdout
    assert (
        "MANY_WRITES" not in decisions and "writes a second, and next to no cleaning" in decisions
    )
    tuner = daemon.json("tuner")
    states = {one["setting"]: one["state"] for one in tuner["settings"]}
    assert tuner["mode"] == "MODE_ON" and states["block_pages"] != "STATE_HELD"
    assert states["writeback_high_percent"] == "STATE_PINNED"
    assert "block_pages by tuner: 1 -> 2" in daemon.log
    metrics = daemon.ctl("metrics").stdout
    assert 'zpack_tuner_mode{mode="on"} 1' in metrics
    assert re.search(r'tuner_decisions_total{[^}]*applied="true"} [1-9]', metrics)

    def state() -> str:
        """Of block_pages."""
        settings = daemon.json("tuner")["settings"]
        return next(str(one["state"]) for one in settings if one["setting"] == "block_pages")

    daemon.ctl("tune", "zpack0", "block_pages=128")  # which the tuner never sets
    wait_until(lambda: state() == "STATE_HELD", "it sees that somebody else has set it")
    daemon.ctl("tuner", "--release", "zpack0")
    assert state() != "STATE_HELD"
    load.stop()


@pytest.mark.slow
def test_file_is_a_backing_device_by_direct_io(daemon: Daemon) -> None:
    vm = daemon.vm
    daemon.start("[daemon]\ntick_ms = 100\n")
    vm.run(f"modprobe loop; mkfs.ext4 -q {SPARE} && mkdir -p /run/disk && mount {SPARE} /run/disk")
    try:
        vm.run("truncate -s 32M /run/disk/holes && fallocate -l 32M /run/disk/file")
        holes = daemon.ctl("create", "64M", "--backing", "/run/disk/holes", check=False)
        assert holes.returncode == 1 and "fallocate -l 33554432 /run/disk/holes" in holes.stderr
        name = daemon.ctl("create", "64M", "--backing", "/run/disk/file").stdout.strip()
        assert name == "zpack0"
        loop = Device(vm).read("backing_dev").removeprefix("/dev/")
        assert vm.read(f"/sys/block/{loop}/loop/backing_file").strip() == "/run/disk/file"
        assert vm.read(f"/sys/block/{loop}/loop/dio").strip() == "1"
        load = Pressure(vm).start(workers=1, mib=16, evict=1, ops=0)
        load.wait_filled()
        daemon.ctl("writeback", "zpack0")
        assert Device(vm).stat().packed > 1000
        load.stop()
        daemon.ctl("drain", "zpack0", "--remove")
        wait_until(
            lambda: vm.run(f"test -e /sys/block/{loop}/loop/backing_file", check=False).returncode
            != 0,
            "the loop device goes away by itself",
        )
    finally:
        vm.run(f"umount /run/disk && wipefs -qa {SPARE}")


@pytest.mark.slow
def test_backing_device_that_comes_late_is_waited_for_at_boot_and_by_the_daemon(
    daemon: Daemon,
) -> None:
    vm = daemon.vm
    late = "/run/late/disk"
    config = CONFIGURATION.replace(f'"{BACKING}"', f'"{late}"')
    vm.put(config.encode(), CONFIG)
    waiting = f"device.main: {late} is not there; waiting for it"

    def comes() -> None:
        assert "zpack0" not in vm.read("/proc/swaps")
        vm.run(f"mkdir -p /run/late && ln -s {BACKING} {late}")

    set_up = vm.spawn(["zpackd", "--set-up", "--config", CONFIG])
    wait_until(lambda: waiting in set_up.stderr, "it waits")
    comes()
    set_up.wait()
    assert "/dev/zpack0" in vm.read("/proc/swaps")
    check_and_remove(Device(vm))
    vm.run("rm -r /run/late /run/zpackd")

    daemon.start(config)
    assert waiting in daemon.log
    comes()
    wait_until(lambda: "/dev/zpack0" in vm.read("/proc/swaps"), "the device is made, and is swap")
    assert Device(vm).read("backing_dev") == vm.run(["readlink", "-f", late]).stdout.strip()
    daemon.stop()
    check_and_remove(Device(vm))
    vm.run("rm -r /run/late /run/zpackd")

    set_up = vm.spawn(["zpackd", "--set-up", "--config", CONFIG])
    assert set_up.wait(check=False, timeout=90).returncode == 1
    assert f"device.main: {late} is not there\n" in set_up.stderr


@pytest.mark.slow
def test_encrypted_backing_device_shows_nothing_and_goes_with_the_device(daemon: Daemon) -> None:
    vm = daemon.vm
    text = "a text that compresses to itself, if it stands in each page once"
    vm.run("modprobe dm-crypt && modprobe xts")
    daemon.start("[daemon]\ntick_ms = 100\n")
    for encrypted in (False, True):
        options = ["--encrypt"] if encrypted else []
        # As long as a path may be.
        spare = SPARE.replace("/spare", "/" + 2000 * "./" + "spare")
        daemon.ctl("create", "64M", "--backing", spare, "--no-swap", "--force", *options)
        device = Device(vm)
        vm.run(
            f"yes '{text}' | head -c 4096 | dd of={device.path} bs=4096 oflag=direct status=none"
        )
        daemon.ctl("writeback", "zpack0")
        assert device.stat().packed == 1
        found = vm.run(f"sync; grep -qa 'a text that' {SPARE}", check=False).returncode == 0
        assert found is not encrypted
        again = vm.run(f"dd if={device.path} bs=4096 count=1 iflag=direct status=none").stdout
        assert again.startswith(text)
        assert (device.read("backing_dev") == "/dev/dm-0") is encrypted
        assert ("zpack-" in vm.run("dmsetup ls").stdout) is encrypted
        daemon.ctl("delete", "zpack0")
        assert "zpack-" not in vm.run("dmsetup ls").stdout
        vm.run(f"dd if=/dev/zero of={SPARE} bs=1M count=8 oflag=direct status=none")


@pytest.mark.slow
def test_write_budget_outlives_a_reboot(daemon: Daemon) -> None:
    """What a reboot does to zpackd: the device and /run are gone, /var is not."""
    vm = daemon.vm
    vm.run("rm -rf /var/lib/zpackd")
    config = CONFIGURATION + 'write_budget = "100M 30d"\n'
    daemon.start(config)
    Pressure(vm).run(workers=1, mib=48, evict=1, ops=200)
    daemon.ctl("drain", "zpack0")
    device = Device(vm)
    used, left = int(device.read("write_budget_used")), int(device.read("write_budget_left"))
    assert used > 1 << 20 and left < 99 << 20
    daemon.stop()
    vm.write("/sys/class/zpack-control/hot_remove", "0")
    vm.run("rm -rf /run/zpackd")
    daemon.start(config.replace("tick_ms = 100", "tick_ms = 60000"))
    assert int(device.read("write_budget_used")) >= used
    assert left <= int(device.read("write_budget_left")) < left + (1 << 20)
    # At once, before another reading: what is noted is not what was there before.
    daemon.stop()
    assert int(vm.read("/var/lib/zpackd/main").split()[0]) >= used
    # Another disk is as new.
    vm.run(f"swapoff {device.path}")
    vm.write("/sys/class/zpack-control/hot_remove", "0")
    vm.run("rm -rf /run/zpackd")
    daemon.start(config.replace(BACKING, SPARE))
    assert int(device.read("write_budget_used")) == 0
    assert int(device.read("write_budget_left")) == 100 << 20


@pytest.mark.slow
def test_file_system_on_a_device_is_not_overwritten_unasked(daemon: Daemon) -> None:
    vm = daemon.vm
    daemon.start("[daemon]\ntick_ms = 100\n")
    daemon.ctl("create", "64M", "--no-swap")
    vm.run("mkfs.ext4 -q /dev/zpack0")
    for option in ("", "--dry-run"):
        refused = daemon.ctl("tune", "zpack0", "swap=true", *option.split(), check=False)
        assert refused.returncode == 1 and "carries data (ext4)" in refused.stderr, refused
    vm.run("e2fsck -fn /dev/zpack0")
    daemon.ctl("tune", "zpack0", "swap=true", "--force")
    daemon.ctl("drain", "zpack0")
    # What is left of swap is no reason.
    daemon.ctl("tune", "zpack0", "swap=true")
    assert "/dev/zpack0" in vm.read("/proc/swaps")
