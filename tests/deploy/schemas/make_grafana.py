#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes grafana.json from Grafana's own types: JSON schemas of a dashboard and of the panels used.

usage: make_grafana.py >grafana.json

Needs npm. Descriptions are left out; what is not named is not allowed.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PACKAGE = "@grafana/schema"
VERSION = "13.2.3"
GENERATOR = "ts-json-schema-generator@2.4.0"
DASHBOARD = "dashboard/x/types.gen"
TYPES = {
    "dashboard": (DASHBOARD, "Dashboard"),
    "row": (DASHBOARD, "RowPanel"),
    "panel": (DASHBOARD, "Panel"),
    **{
        f"{kind} {name}": (f"composable/{kind}/panelcfg/x/types.gen", name)
        for kind in ("heatmap", "stat", "table", "timeseries")
        for name in ("Options", "FieldConfig")
        if (kind, name) != ("stat", "FieldConfig")  # it has none
    },
}


def without_texts(value: Any) -> Any:
    """A schema that only says what is allowed."""
    if isinstance(value, dict):
        return {
            key: without_texts(part)
            for key, part in value.items()
            if key not in ("description", "deprecated", "default") or isinstance(part, dict)
        }
    if isinstance(value, list):
        return [without_texts(part) for part in value]
    return value


def schema(directory: Path, file: str, name: str) -> Any:
    """Of one type."""
    root = directory / "root.ts"
    types = f"./node_modules/{PACKAGE}/dist/types"
    root.write_text(f"import {{{name}}} from '{types}/raw/{file}';\nexport type Root = {name};\n")
    options = {"strict": True, "skipLibCheck": True, "module": "esnext"}
    options |= {"moduleResolution": "bundler", "paths": {PACKAGE: [f"{types}/index.d.ts"]}}
    config = directory / "tsconfig.json"
    config.write_text(json.dumps({"compilerOptions": options, "files": [root.name]}))
    made = subprocess.run(
        [
            *("npx", "ts-json-schema-generator", "--no-type-check", "--type", "Root"),
            *("--path", root.name, "--tsconfig", config.name),
        ],
        cwd=directory,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    return without_texts(json.loads(made))


def main() -> None:
    """Write it to standard output."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "package.json").write_text("{}")
        subprocess.run(
            ["npm", "install", "--ignore-scripts", f"{PACKAGE}@{VERSION}", GENERATOR],
            cwd=directory,
            check=True,
            stdout=sys.stderr,
        )
        made = {key: schema(directory, *place) for key, place in TYPES.items()}
    origin = f"Made from {PACKAGE} {VERSION}, Apache-2.0, by make_grafana.py."
    json.dump({"$comment": origin, **made}, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
