# SPDX-License-Identifier: GPL-2.0-only
"""The API's style, and that it stays compatible with what was released.

proto/released.json is what clients may rely on: names, numbers and types. When the API gains
something, write it anew with

    PYTHONPATH=tests /usr/bin/python3 tests/agent/test_proto.py
"""

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Iterator

import pytest
from google.protobuf import descriptor_pb2

ROOT = Path(__file__).resolve().parents[2] / "proto"
RELEASED = ROOT / "released.json"

Messages = dict[str, descriptor_pb2.DescriptorProto]


def load() -> list[Any]:
    """The descriptors of all files, with their comments."""
    with tempfile.NamedTemporaryFile() as output:
        files = sorted(str(file.relative_to(ROOT)) for file in ROOT.glob("zpack/v1/*.proto"))
        subprocess.run(
            ["protoc", "-I", ROOT, "--include_source_info", f"-o{output.name}", *files], check=True
        )
        found = descriptor_pb2.FileDescriptorSet.FromString(Path(output.name).read_bytes())
    return list(found.file)


def field_type(field: Any) -> str:
    """For example "repeated uint64", or ".zpack.v1.Device"."""
    name: str = field.type_name or field.Type.Name(field.type).removeprefix("TYPE_").lower()
    labels = {field.LABEL_REPEATED: "repeated "}
    label: str = labels.get(field.label, "optional " if field.proto3_optional else "")
    return label + name


def described(files: list[Any]) -> dict[str, Any]:
    """What clients rely on, by full name."""
    found: dict[str, Any] = {}

    def message(prefix: str, one: Any) -> None:
        name = f"{prefix}.{one.name}"
        found[name] = {str(f.number): f"{f.name}: {field_type(f)}" for f in one.field}
        for nested in one.nested_type:
            message(name, nested)
        for enum in one.enum_type:
            found[f"{name}.{enum.name}"] = {str(v.number): v.name for v in enum.value}

    for file in files:
        for one in file.message_type:
            message(file.package, one)
        for enum in file.enum_type:
            found[f"{file.package}.{enum.name}"] = {str(v.number): v.name for v in enum.value}
        for service in file.service:
            found[f"{file.package}.{service.name}"] = {
                m.name: f"{m.input_type} -> {'stream ' if m.server_streaming else ''}{m.output_type}"
                for m in service.method
            }
    return found


@pytest.fixture(scope="module")
def files() -> list[Any]:
    """All of them."""
    return load()


def test_nothing_released_is_missing_or_means_something_else(files: list[Any]) -> None:
    now = described(files)
    for name, entries in json.loads(RELEASED.read_text()).items():
        assert name in now, f"{name} is gone"
        for key, value in entries.items():
            assert now[name].get(key) == value, f"{name} {key} was {value}"


def test_released_is_up_to_date(files: list[Any]) -> None:
    assert json.loads(RELEASED.read_text()) == described(files), "write released.json anew"


def walk(
    messages: Any, prefix: tuple[int, ...], field: int
) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Messages with their path in the source, nested ones too."""
    for index, one in enumerate(messages):
        path = (*prefix, field, index)
        yield path, one
        yield from walk(one.nested_type, path, 3)


def comments(file: Any) -> dict[tuple[int, ...], str]:
    """By path in the source, on one line each."""
    return {
        tuple(place.path): " ".join(place.leading_comments.split())
        for place in file.source_code_info.location
    }


def test_everything_has_a_comment(files: list[Any]) -> None:
    for file in files:
        wanted: dict[tuple[int, ...], str] = {}
        for path, message in walk(file.message_type, (), 4):
            if message.options.map_entry:
                continue
            wanted[path] = message.name
            for index, field in enumerate(message.field):
                wanted[(*path, 2, index)] = f"{message.name}.{field.name}"
            for index, enum in enumerate(message.enum_type):
                wanted[(*path, 4, index)] = f"{message.name}.{enum.name}"
                for number, value in enumerate(enum.value):
                    wanted[(*path, 4, index, 2, number)] = value.name
        for index, enum in enumerate(file.enum_type):
            wanted[(5, index)] = enum.name
            for number, value in enumerate(enum.value):
                wanted[(5, index, 2, number)] = value.name
        for index, service in enumerate(file.service):
            wanted[(6, index)] = service.name
            for number, method in enumerate(service.method):
                wanted[(6, index, 2, number)] = f"{service.name}.{method.name}"
        said = comments(file)
        for path, name in wanted.items():
            assert said.get(path), f"{file.name}: {name} has no comment"


def fields(files: list[Any]) -> Iterator[tuple[str, Any, str]]:
    """All of them: "Message.field", descriptor and comment."""
    for file in files:
        said = comments(file)
        for path, message in walk(file.message_type, (), 4):
            if not message.options.map_entry:
                for index, field in enumerate(message.field):
                    yield f"{message.name}.{field.name}", field, said[(*path, 2, index)]


def asked(files: list[Any]) -> set[str]:
    """Messages that a client may send, also within others."""
    messages = {
        f".{file.package}.{message.name}": message
        for file in files
        for message in file.message_type
    }
    found: set[str] = set()
    waiting = [name for name in messages if name.endswith("Request")]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(f.type_name for f in messages[name].field if f.type_name in messages)
    return {name.rpartition(".")[2] for name in found}


def is_number(field: Any) -> bool:
    """Integers and floats."""
    return field.type in (
        *(field.TYPE_UINT32, field.TYPE_UINT64, field.TYPE_INT32, field.TYPE_INT64),
        *(field.TYPE_FLOAT, field.TYPE_DOUBLE),
    )


UNIT = re.compile(
    r"\b(bytes?|pages?|slots?|blocks?|segments|cells|objects?|copies|discards|loads|stores|reads|"
    r"I/Os|times|(milli|nano)?seconds|percent|priority|value|inode number|version|"
    r"work|how many|counts up|level|thousandths)\b",
    re.I,
)
RANGE = re.compile(r"\d[^.]*\.\.\.[^.]*[\d_a-z]|[a-z_]+\.\.\.\d|\d\.\.\.[a-z]")


def test_comments_of_fields_stand_alone_and_say_unit_and_range(files: list[Any]) -> None:
    """The dashboard shows them. What only zpackd says has the range of what it counts."""
    inputs = asked(files)
    assert "DeviceSettings" in inputs and "DeviceStats" not in inputs
    for name, field, comment in fields(files):
        assert not re.match(r"See |As in ", comment), f"{name}: '{comment}' needs another comment"
        if not is_number(field) or field.name == "other":
            continue
        assert UNIT.search(comment), f"{name}: '{comment}' has no unit"
        if name.partition(".")[0] in inputs and "Output only" not in comment:
            assert RANGE.search(comment), f"{name}: '{comment}' has no range"


def test_names_follow_the_style(files: list[Any]) -> None:
    for file in files:
        assert file.package == "zpack.v1" and file.name.startswith("zpack/v1/")
        enums = [*file.enum_type]
        for _, message in walk(file.message_type, (), 4):
            enums.extend(message.enum_type)
        for enum in enums:
            prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper()
            assert enum.value[0].name == f"{prefix}_UNSPECIFIED" and enum.value[0].number == 0
            assert all(value.name.startswith(f"{prefix}_") for value in enum.value), enum.name
        assert not file.service or file.name.endswith("_service.proto")
        for service in file.service:
            assert service.name.endswith("Service")
            for method in service.method:
                assert method.input_type == f".zpack.v1.{method.name}Request"
                assert method.output_type in (
                    f".zpack.v1.{method.name}Response",
                    ".google.protobuf.Empty",
                )
                changes = not method.name.startswith(("Get", "List", "Watch", "Run"))
                assert changes == service.name.endswith("AdminService"), method.name


if __name__ == "__main__":
    RELEASED.write_text(json.dumps(described(load()), indent=1, sort_keys=True) + "\n")
