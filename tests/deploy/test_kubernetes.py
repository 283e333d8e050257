# SPDX-License-Identifier: GPL-2.0-only
"""The manifests for Kubernetes: the API knows every field, the parts fit, and no right is too many."""

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from kubernetes import client

from api.daemon import BUILD
from api.local_daemon import FakeMachine
from api.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/kubernetes"

MODELS = {
    ("v1", "Namespace"): "V1Namespace",
    ("v1", "ServiceAccount"): "V1ServiceAccount",
    ("v1", "ConfigMap"): "V1ConfigMap",
    ("v1", "Service"): "V1Service",
    ("apps/v1", "DaemonSet"): "V1DaemonSet",
    ("rbac.authorization.k8s.io/v1", "Role"): "V1Role",
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): "V1RoleBinding",
}
TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "object", "additionalProperties": TEXT}


def record(required: list[str], **fields: Any) -> dict[str, Any]:
    """An object with these fields and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": fields,
    }


METADATA = record(["name", "namespace"], name=TEXT, namespace=TEXT, labels=TEXTS)
# Of the definitions of kernel-module-management and prometheus-operator, what is used here.
SCHEMAS = {
    ("kmm.sigs.x-k8s.io/v1beta1", "Module"): record(
        ["moduleLoader", "selector"],
        selector=TEXTS,
        moduleLoader=record(
            ["container"],
            container=record(
                ["modprobe", "kernelMappings"],
                modprobe=record(["moduleName"], moduleName=TEXT),
                kernelMappings={
                    "type": "array",
                    "minItems": 1,
                    "items": record(["regexp"], regexp=TEXT, containerImage=TEXT),
                },
            ),
        ),
    ),
    ("monitoring.coreos.com/v1", "ServiceMonitor"): record(
        ["selector", "endpoints"],
        selector=record(["matchLabels"], matchLabels=TEXTS),
        endpoints={
            "type": "array",
            "minItems": 1,
            "items": record(
                ["port"],
                port=TEXT,
                interval={"type": "string", "pattern": "^[0-9]+(ms|s|m|h)$"},
                relabelings={
                    "type": "array",
                    "items": record(
                        [], sourceLabels={"type": "array", "items": TEXT}, targetLabel=TEXT
                    ),
                },
            ),
        },
    ),
}


class Answer:
    """As the API's client wants to read it."""

    def __init__(self, value: Any) -> None:
        self.data = json.dumps(value)


def objects(folder: str) -> list[dict[str, Any]]:
    """All that a folder has, its kustomization aside."""
    found = []
    for file in sorted((FOLDER / folder).glob("*.yaml")):
        if file.name != "kustomization.yaml":
            found += [one for one in yaml.safe_load_all(file.read_text()) if one]
    return found


def one(folder: str, kind: str) -> dict[str, Any]:
    """The only object of a kind."""
    (found,) = [this for this in objects(folder) if this["kind"] == kind]
    return found


def check(value: dict[str, Any]) -> None:
    """Fail if the API would refuse it, or drop a field that it does not know."""
    key = (value["apiVersion"], value["kind"])
    if key in SCHEMAS:
        schema = record(
            ["apiVersion", "kind", "metadata", "spec"],
            **{"apiVersion": TEXT, "kind": TEXT, "metadata": METADATA, "spec": SCHEMAS[key]},
        )
        jsonschema.validate(value, schema)
        return
    api = client.ApiClient()
    known = api.sanitize_for_serialization(api.deserialize(Answer(value), MODELS[key]))
    assert known == value


def merged() -> dict[str, Any]:
    """The DaemonSet of kmm: base with the patch, whose lists are joined by name, as kustomize does."""

    def merge(base: Any, patch: Any) -> Any:
        if isinstance(base, dict) and isinstance(patch, dict):
            return {
                key: merge(base[key], patch[key])
                if key in base and key in patch
                else patch.get(key, base.get(key))
                for key in [*base, *(key for key in patch if key not in base)]
            }
        if isinstance(base, list) and isinstance(patch, list):
            return [*patch, *base]
        return patch

    made = merge(one("base", "DaemonSet"), one("kmm", "DaemonSet"))
    assert isinstance(made, dict)
    return made


OBJECTS = [
    pytest.param(value, id=f"{folder}-{value['kind']}")
    for folder in ("base", "kmm")
    for value in objects(folder)
    if not (folder == "kmm" and value["kind"] == "DaemonSet")  # a patch; checked when merged
]


@pytest.mark.parametrize("value", OBJECTS)
def test_the_api_knows_every_field(value: dict[str, Any]) -> None:
    check(value)
    if value["kind"] != "Namespace":
        assert value["metadata"]["namespace"] == "zpack-system"


def test_patched_daemon_set_is_one() -> None:
    check(merged())


@pytest.mark.parametrize(
    "path, field",
    [
        (("spec", "template", "spec"), "hostNetwrok"),
        (("spec", "template", "spec", "containers", 0, "securityContext"), "privilegd"),
        (("spec",), "replicas"),
    ],
)
def test_unknown_fields_are_noticed(path: tuple[Any, ...], field: str) -> None:
    value = one("base", "DaemonSet")
    part: Any = value
    for step in path:
        part = part[step]
    part[field] = True
    with pytest.raises(AssertionError):
        check(value)


def test_missing_fields_are_noticed() -> None:
    value = one("base", "DaemonSet")
    del value["spec"]["selector"]
    with pytest.raises(ValueError):
        check(value)
    monitor = one("base", "ServiceMonitor")
    monitor["spec"]["endpoints"][0]["intervall"] = "30s"
    with pytest.raises(jsonschema.ValidationError):
        check(monitor)


def test_kustomizations_name_every_file() -> None:
    for folder in ("base", "kmm"):
        kustomization = yaml.safe_load((FOLDER / folder / "kustomization.yaml").read_text())
        named = kustomization["resources"] + kustomization.get("patchesStrategicMerge", [])
        here = {file.name for file in (FOLDER / folder).glob("*.yaml")} - {"kustomization.yaml"}
        assert {name for name in named if "/" not in name} == here


@pytest.mark.parametrize("daemon_set", [one("base", "DaemonSet"), merged()], ids=["base", "kmm"])
def test_parts_fit_together(daemon_set: dict[str, Any]) -> None:
    pod = daemon_set["spec"]["template"]
    labels = pod["metadata"]["labels"]
    service, monitor = one("base", "Service"), one("base", "ServiceMonitor")
    for selector in (daemon_set["spec"]["selector"]["matchLabels"], service["spec"]["selector"]):
        assert selector.items() <= labels.items()
    wanted = monitor["spec"]["selector"]["matchLabels"]
    assert wanted.items() <= service["metadata"]["labels"].items()
    (port,) = service["spec"]["ports"]
    assert monitor["spec"]["endpoints"][0]["port"] == port["name"]
    (opened,) = pod["spec"]["containers"][0]["ports"]
    assert port["targetPort"] == opened["name"] and port["port"] == opened["containerPort"]
    assert pod["spec"]["serviceAccountName"] == one("base", "ServiceAccount")["metadata"]["name"]
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    mounts: set[str] = set()
    for container in pod["spec"]["containers"] + pod["spec"].get("initContainers", []):
        mounts |= {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == set(volumes)
    assert volumes["config"]["configMap"]["name"] == one("base", "ConfigMap")["metadata"]["name"]
    # The alerts go by it.
    assert service["metadata"]["name"].startswith("zpack")


def test_what_stays_is_not_privileged() -> None:
    for daemon_set in (one("base", "DaemonSet"), merged()):
        spec = daemon_set["spec"]["template"]["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert spec["automountServiceAccountToken"] is False
        (container,) = spec["containers"]
        context = container["securityContext"]
        assert context["privileged"] is False and context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"], "add": ["IPC_LOCK"]}
        assert context["readOnlyRootFilesystem"] is True
        assert "dev" not in {mount["name"] for mount in container["volumeMounts"]}
    assert "initContainers" not in one("base", "DaemonSet")["spec"]["template"]["spec"]


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["base", "kmm"])
def test_zpackd_takes_the_configuration(folder: str, tmp_path: Path) -> None:
    data = one(folder, "ConfigMap")["data"]
    (tmp_path / "zpackd.toml").write_text(data["zpackd.toml"])
    done = subprocess.run(
        [BUILD / "zpackd", "--check-config", f"--config={tmp_path}/zpackd.toml"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done
    assert ":9764" in data["zpackd.toml"]
    # Without CAP_CHOWN the socket can't be given to the group that the image has.
    assert tomllib.loads(data["zpackd.toml"])["daemon"]["group"] == ""


@pytest.mark.slow
def test_zpackd_tunes_with_the_rights_of_the_pod(tmp_path: Path) -> None:
    context = one("base", "DaemonSet")["spec"]["template"]["spec"]["containers"][0][
        "securityContext"
    ]
    rights = ",".join(["-all", *(f"+{name.lower()}" for name in context["capabilities"]["add"])])
    machine = FakeMachine(tmp_path / "root", counters=1)
    (tmp_path / "zpackd.toml").write_text(one("base", "ConfigMap")["data"]["zpackd.toml"])
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [
                *("setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", "--no-new-privs"),
                *("--", str(BUILD / "zpackd"), f"--config={tmp_path}/zpackd.toml"),
                *(f"--runtime-dir={tmp_path}/run", f"--state-dir={tmp_path}/state"),
                *(f"--root={machine.root}", "--metrics-listen=127.0.0.1:0"),
            ],
            stderr=log,
        )
    try:
        zpackctl = [str(BUILD / "zpackctl"), f"--socket={tmp_path}/run/admin.sock"]

        def tune() -> bool:
            done = subprocess.run([*zpackctl, "tune", "zpack0", "block_pages=32"], check=False)
            assert process.poll() is None, (tmp_path / "log").read_text()
            return done.returncode == 0

        wait_until(tune, "it has tuned the device")
        allowed = Path(f"/proc/{process.pid}/status").read_text()
        assert "CapEff:\t0000000000004000" in allowed  # CAP_IPC_LOCK
        assert "can't be locked" not in (tmp_path / "log").read_text()
        assert (machine.root / "sys/block/zpack0/zpack/block_pages").read_text().strip() == "32"
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0, (tmp_path / "log").read_text()
