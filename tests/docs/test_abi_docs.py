# SPDX-License-Identifier: GPL-2.0-only
"""Proves that docs/ABI describes what the sources have: no less, no more."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KMOD = ROOT / "kmod"
ABI = ROOT / "docs" / "ABI"

DEVICE = "/sys/block/zpack<N>/zpack/"
CONTROL = "/sys/class/zpack-control/"
PARAMETERS = "/sys/module/zpack/parameters/"
EVENTS = "/sys/kernel/tracing/events/zpack/"


# ---- the documents ----


@dataclass(frozen=True)
class Entry:
    """One thing that docs/ABI describes."""

    what: str
    mode: str  # RW, RO, WO or event
    keys: list[str]  # first column of its table
    text: str


def entries() -> dict[str, Entry]:
    """What docs/ABI describes, by path."""
    found: dict[str, Entry] = {}
    for file in sorted(ABI.iterdir()):
        for part in re.split(r"^(?=What:)", file.read_text(), flags=re.MULTILINE)[1:]:
            what = re.match(r"What:\t+(\S+)\n", part)
            assert what, f"{file.name}: {part[:80]!r}"
            assert what[1] not in found, f"{what[1]} is described twice"
            mode = re.search(r"^Description:\n\t\t\((\w+)\) ", part, re.MULTILINE)
            assert mode, f"{what[1]}: no (RW), (RO), (WO) or (event) at the beginning"
            for label in ("Date", "Version", "Contact"):
                assert re.search(rf"^{label}:\t+\S", part, re.MULTILINE), f"{what[1]}: no {label}"
            table = re.split(r"^\t\t=+  =+$", part, flags=re.MULTILINE)
            rows = table[1] if len(table) == 3 else ""
            keys = re.findall(r"^\t\t(\w+) {2,}\S", rows, re.MULTILINE)
            found[what[1]] = Entry(what[1], mode[1], keys, part)
    return found


def described(folder: str) -> dict[str, str]:
    """Name and mode of what is described below a folder."""
    return {
        what.removeprefix(folder): entry.mode
        for what, entry in entries().items()
        if what.startswith(folder)
    }


# ---- the sources ----


def source(name: str) -> str:
    """A file of the module, without its comments."""
    return re.sub(r"/\*.*?\*/", "", (KMOD / name).read_text(), flags=re.DOTALL)


def function(text: str, name: str) -> str:
    """From the head of a function to its end."""
    found = re.search(rf"^static [^\n]*\b{name}\(.*?^}}", text, re.DOTALL | re.MULTILINE)
    assert found, f"there is no function {name}()"
    return found[0]


def attributes() -> dict[str, str]:
    """The files of a device and their modes."""
    text = source("sysfs.c") + source("sysfs_writeback.c")
    found = {name: mode for mode, name in re.findall(r"\bDEVICE_ATTR_(R[WO]|WO)\((\w+)\)", text)}
    del found["name"]  # in the macro ZPACK_SWITCH
    found |= {name: "RW" for name in re.findall(r"^ZPACK_SWITCH\((\w+)\);", text, re.MULTILINE)}
    for name, mode in re.findall(r'\.name = "(\w+)", \.mode = (\d+)', text):
        found[name] = {"0400": "RO", "0444": "RO"}[mode]
    return found


def stat_keys() -> list[str]:
    """The keys of `stat`, in its order."""
    sysfs = source("sysfs.c")
    counters = re.search(r"#define ZPACK_COUNTERS\(X\)(.*?[^\\])\n", source("zpack.h"), re.DOTALL)
    assert counters
    states = re.search(r"names\[ZPACK_NR_BLOCK_STATES\] = \{(.*?)\}", sysfs, re.DOTALL)
    assert states
    head, rest = function(sysfs, "stat_show").split('"%s %lld\\n"')

    def emitted(text: str) -> list[str]:
        return re.findall(r'sysfs_emit_at\(buffer, length, "(\w+(?:%s)?) %', text)

    keys = emitted(head) + re.findall(r"\bX\((\w+)\)", counters[1]) + emitted(rest)
    of_states = []
    for key in emitted(function(sysfs, "stat_map")):
        if key.endswith("%s"):
            of_states.append(key.removesuffix("%s"))
        else:
            keys.append(key)
    for state in re.findall(r'"(\w+)"', states[1]):
        keys += [prefix + state for prefix in of_states]
    return keys


def tracepoints() -> dict[str, list[str]]:
    """The fields of each tracepoint."""
    text = source("trace.h")
    assert "DECLARE_EVENT_CLASS" not in text, "this test does not know event classes"
    return {
        re.split(r"\W", part)[0]: re.findall(r"\b__field\(\w+, (\w+)\)", part)
        for part in text.split("TRACE_EVENT(")[1:]
    }


# ---- both ----


def test_attributes_of_a_device() -> None:
    assert described(DEVICE) == attributes()


def test_every_attribute_is_registered() -> None:
    text = source("sysfs.c")
    registered = re.findall(r"&(?:dev|bin)_attr_(\w+)", text)
    assert sorted(registered) == sorted(attributes())


def test_control_files() -> None:
    text = source("sysfs.c")
    found = {name: mode for mode, name in re.findall(r"\bCLASS_ATTR_(R[WO]|WO)\((\w+)\)", text)}
    for name, mode in re.findall(r"= __ATTR\((\w+), (\d+), ", text):
        found[name] = {"0400": "RO", "0444": "RO", "0200": "WO", "0644": "RW"}[mode]
    assert described(CONTROL) == found


def test_module_parameters() -> None:
    found = {}
    for file in sorted(KMOD.glob("*.c")):
        for name, mode in re.findall(r"\bmodule_param\((\w+), \w+, (\d+)\)", file.read_text()):
            found[name] = {"0444": "RO", "0644": "RW"}[mode]
    assert described(PARAMETERS) == found


def test_keys_of_stat() -> None:
    keys = stat_keys()
    assert len(keys) == len(set(keys))
    assert entries()[DEVICE + "stat"].keys == keys


def test_tracepoints_and_their_fields() -> None:
    found = {
        what.removeprefix(EVENTS): entry.keys
        for what, entry in entries().items()
        if what.startswith(EVENTS)
    }
    assert found == tracepoints()


def test_binary_records() -> None:
    """Every field of the structures is in the description, in their order."""
    header = (KMOD / "include" / "uapi" / "zpack.h").read_text()
    for name, struct in (
        ("layout", "zpack_layout_record"),
        ("classes", "zpack_class_record"),
        ("cgroups", "zpack_cgroup_record"),
        ("objects", "zpack_object_record"),
    ):
        body = re.search(rf"^struct {struct} \{{(.*?)^\}};", header, re.DOTALL | re.MULTILINE)
        assert body
        fields = []
        offset = 0
        for bits, field, count in re.findall(r"\b__u(\d+) (\w+)(?:\[(\d+)\])?;", body[1]):
            size = int(bits) // 8 * int(count or 1)
            fields.append((offset, size, field))
            offset += size
        rows = re.findall(
            r"^\t\t +(\d+) +(\d+)  (\w+)", entries()[DEVICE + name].text, re.MULTILINE
        )
        assert [(int(at), int(size), field) for at, size, field in rows] == fields


def test_nothing_else_is_described() -> None:
    known = (DEVICE, CONTROL, PARAMETERS, EVENTS)
    assert all(what.startswith(known) for what in entries())
