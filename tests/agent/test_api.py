# SPDX-License-Identifier: GPL-2.0-only
"""What the API promises of every call, of a simulated device. No guest, no module."""

import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import grpc
import pytest

from api.daemon import SANITIZED
from api.local_daemon import Client, LocalDaemon, streams
from api.waiting import wait_until

pytestmark = pytest.mark.slow

DEVICE = "devices/zpack0"
HEALTH = "/grpc.health.v1.Health/"
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
LIST_SERVICES = b"\x3a\x00"  # ServerReflectionRequest with an empty list_services
SERVING = b"\x08\x01"  # HealthCheckResponse


def wait_packed(client: Client) -> None:
    """Wait until much is on the disk: the simulated programs take turns."""

    def packed_pages() -> int:
        return int(client.call("TelemetryService", "GetStats").stats[0].slots.packed_pages)

    wait_until(lambda: packed_pages() > 4000, "pages are written back")


@pytest.fixture(scope="module")
def daemon(protos: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalDaemon]:
    """One with a simulated device that has written to its disk."""
    with LocalDaemon(tmp_path_factory.mktemp("daemon"), simulated=True) as daemon:
        wait_packed(daemon.client("read"))
        yield daemon


@pytest.fixture(scope="module")
def admin(daemon: LocalDaemon) -> Client:
    """Somebody who may change things."""
    return daemon.client("admin")


def refused(client: Client, service: str, method: str, **fields: Any) -> tuple[str, str]:
    """Why a call is refused: code and text."""
    with pytest.raises(grpc.RpcError) as raised:
        client.call(service, method, **fields)
    return raised.value.code().name, raised.value.details()


def settings(client: Client) -> Any:
    """Of the device, as they are."""
    return client.call("DeviceService", "GetDevice", name=DEVICE).device


def change(block_pages: int, **more: Any) -> dict[str, Any]:
    """An update of one setting."""
    return {
        "device": {"name": DEVICE, "settings": {"block_pages": block_pages}, **more},
        "update_mask": {"paths": ["settings.block_pages"]},
    }


def test_change_needs_a_mask_obeys_the_etag_and_can_be_tried(admin: Client) -> None:
    update = ("DeviceAdminService", "UpdateDevice")
    before = settings(admin)
    tried = admin.call(*update, validate_only=True, **change(64)).device
    assert tried.settings.block_pages == 64
    assert settings(admin).settings.block_pages == before.settings.block_pages
    made = admin.call(*update, **change(32, etag=before.etag)).device
    assert made.settings.block_pages == 32 and made.etag != before.etag
    code, text = refused(admin, *update, **change(8, etag=before.etag))
    assert code == "ABORTED" and before.etag in text
    code, text = refused(admin, *update, device=change(8)["device"])
    assert code == "INVALID_ARGUMENT" and "update_mask" in text
    code, text = refused(
        admin, *update, device=change(8)["device"], update_mask={"paths": ["settings.blocks"]}
    )
    assert code == "INVALID_ARGUMENT" and "there is no setting 'blocks'" in text
    swap = {"name": "devices/zpack0", "swap": {"enabled": True, "priority": 32768}}
    code, text = refused(admin, *update, device=swap, update_mask={"paths": ["swap"]})
    assert code == "INVALID_ARGUMENT" and "-1...32767" in text
    # All of it or nothing: the second one is out of range.
    both = change(8)
    both["device"]["settings"]["cleaning_reserve_blocks"] = 1000
    both["update_mask"]["paths"].append("settings.cleaning_reserve_blocks")
    code, text = refused(admin, *update, **both)
    assert code == "INVALID_ARGUMENT" and "1...64" in text
    assert settings(admin).settings.block_pages == 32


def test_targets_of_the_tuner_are_checked_changed_and_logged(
    daemon: LocalDaemon, admin: Client
) -> None:
    update = ("TunerAdminService", "UpdateTuner")
    mask = {"paths": ["targets.refault_percent"]}
    code, text = refused(
        admin, *update, tuner={"targets": {"refault_percent": 101}}, update_mask=mask
    )
    assert code == "INVALID_ARGUMENT" and "0...100" in text
    made = admin.call(*update, tuner={"targets": {"refault_percent": 30}}, update_mask=mask).tuner
    assert (made.targets.refault_percent, made.targets.read_p99_ms) == (30, 50)
    assert "tuner: refault_percent by unix:uid=0: 20 -> 30" in daemon.log
    # Not set: its default.
    made = admin.call(*update, tuner={}, update_mask=mask).tuner
    assert made.targets.refault_percent == 20
    read = daemon.client("read")
    assert refused(read, *update, tuner={}, update_mask=mask)[0] == "UNIMPLEMENTED"


@pytest.mark.parametrize(
    "service,method,field",
    [
        ("DeviceService", "GetDevice", "name"),
        ("TelemetryService", "GetStats", "device"),
        ("TelemetryService", "GetHistograms", "device"),
        ("TelemetryService", "ListPoolClasses", "device"),
        ("LayoutService", "ListBlocks", "device"),
        ("LayoutService", "GetLayoutMap", "device"),
    ],
)
def test_device_that_is_not_there_is_named_with_those_that_are(
    admin: Client, service: str, method: str, field: str
) -> None:
    code, text = refused(admin, service, method, **{field: "devices/zpack7"})
    assert (code, text) == ("NOT_FOUND", f"there is no devices/zpack7; there are: {DEVICE}")
    code, text = refused(admin, service, method, **{field: "swap"})
    assert code == "INVALID_ARGUMENT" and "use devices/zpack0 and the like" in text


def test_blocks_come_page_by_page_in_disk_order(admin: Client) -> None:
    wait_packed(admin)
    request: dict[str, Any] = {"device": DEVICE, "page_size": 20}
    offsets: list[int] = []
    pages = 0
    while True:
        answer = admin.call("LayoutService", "ListBlocks", **request)
        assert 0 < len(answer.blocks) <= 20
        offsets.extend(block.offset_bytes for block in answer.blocks)
        pages += 1
        if not answer.next_page_token:
            break
        request["page_token"] = answer.next_page_token
    assert pages > 2 and offsets[0] == 0 and offsets == sorted(set(offsets))
    # Ends with the disk: its last segment is one record as long as nothing is in it.
    disk = admin.call("TelemetryService", "GetStats").stats[0].disk.size_bytes
    assert disk - (4 << 20) <= offsets[-1] < disk
    code, text = refused(admin, "LayoutService", "ListBlocks", device=DEVICE, page_token="x")
    assert code == "INVALID_ARGUMENT" and "page_token" in text


@pytest.mark.parametrize("cells", [1, 64, 4096])
def test_map_of_the_disk_has_no_more_cells_than_asked_for_and_names_what_they_say(
    admin: Client, cells: int
) -> None:
    def look() -> Any:
        return admin.call("LayoutService", "GetLayoutMap", device=DEVICE, max_cells=cells)

    # The simulation does not say as often what is on the disk as how much.
    wait_until(lambda: any(cell.live_state_bytes for cell in look().cells), "blocks are shown")
    found = look()
    assert 0 < len(found.cells) <= cells
    assert (len(found.cells) - 1) * found.cell_bytes < found.disk_bytes
    assert len(found.cells) * found.cell_bytes >= found.disk_bytes
    assert (found.metric, found.aggregate) == (1, 1), "live ratio and mean, if nothing is said"
    code, text = refused(admin, "LayoutService", "GetLayoutMap", device=DEVICE, max_cells=100_001)
    assert code == "INVALID_ARGUMENT" and "100000" in text


def test_histograms_and_classes_have_every_object_of_the_pool(admin: Client) -> None:
    pace = next(streams(admin, 1))

    def consistent() -> bool:
        """The simulated programs go on, so it may take more than one look."""
        next(pace)
        before = admin.call("TelemetryService", "GetStats").stats[0]
        found = admin.call("TelemetryService", "GetHistograms", device=DEVICE)
        classes = admin.call("TelemetryService", "ListPoolClasses", device=DEVICE).classes
        sizes = [bucket.upper for bucket in found.object_size_bytes.buckets]
        assert sizes == sorted(sizes)
        counts = {
            sum(bucket.count for bucket in found.object_size_bytes.buckets),
            sum(bucket.count for bucket in found.age_seconds.buckets),
            sum(one.objects for one in classes),
            before.slots.ram_pages,
        }
        return len(counts) == 1 and min(counts) > 0

    wait_until(consistent, "all of them count the same objects")


def test_health_and_reflection_tell_what_a_socket_has(daemon: LocalDaemon) -> None:
    for socket, changes in (("admin", True), ("read", False)):
        channel = daemon.client(socket).channel
        assert channel.unary_unary(HEALTH + "Check")(b"", timeout=30) == SERVING
        assert next(channel.unary_stream(HEALTH + "Watch")(b"", timeout=30)) == SERVING
        services = next(channel.stream_stream(REFLECTION)(iter([LIST_SERVICES]), timeout=30))
        assert b"zpack.v1.TelemetryService" in services
        assert (b"zpack.v1.DeviceAdminService" in services) is changes


def test_memory_is_locked(tmp_path: Path) -> None:
    """The device that the daemon manages must not swap it out."""
    if SANITIZED:
        pytest.skip("sanitizers do not let memory be locked")
    with LocalDaemon(tmp_path) as daemon:
        daemon.client("read").call("DeviceService", "ListDevices")
        status = Path(f"/proc/{daemon.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        locked, all_of_it = (int(fields[name].split()[0]) for name in ("VmLck", "VmSize"))
        assert locked > 0.9 * all_of_it, (locked, all_of_it)


def test_daemon_without_the_module_says_so_and_waits_for_it(tmp_path: Path) -> None:
    with LocalDaemon(tmp_path, loaded=False) as daemon:
        client = daemon.client("read")
        assert "the kernel module zpack is not loaded; waiting for it" in daemon.log
        assert not client.call("DeviceService", "ListDevices").devices
        code, text = refused(client, "DeviceService", "GetDevice", name=DEVICE)
        assert code == "UNAVAILABLE" and "modprobe zpack" in text
        told = daemon.ctl("status", "zpack0")
        assert told.returncode == 3 and "modprobe zpack" in told.stderr, told
        assert "is not loaded" in daemon.ctl("doctor").stdout
        assert "zpack_module_loaded 0" in daemon.ctl("metrics").stdout
        daemon.machine.load()
        wait_until(
            lambda: len(client.call("DeviceService", "ListDevices").devices) == 1,
            "it finds the module",
        )
        assert "zpack_module_loaded 1" in daemon.ctl("metrics").stdout


def test_clients_that_go_while_they_are_refused_do_no_harm(daemon: LocalDaemon) -> None:
    """An RPC is ended once, whoever is first: the refusal, or the client that cancels."""
    program = Path(__file__).with_name("cancelled_calls.py")
    arguments = [f"{daemon.directory}/run/read.sock", "/zpack.v1.TelemetryService/WatchStats"]
    message = Client.message("TelemetryService", "WatchStatsRequest")(device="devices/zpack999")
    subprocess.run(
        [sys.executable, program, *arguments], input=message.SerializeToString(), check=True
    )
    client = daemon.client("read")
    wait_until(lambda: calls_are_accepted(client), "it answers, and the rate is obeyed")


def calls_are_accepted(client: Client) -> bool:
    """False while there were too many."""
    try:
        return bool(client.call("DeviceService", "ListDevices").devices)
    except grpc.RpcError as error:
        assert error.code().name == "RESOURCE_EXHAUSTED", error
        return False
