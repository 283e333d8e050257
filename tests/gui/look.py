# SPDX-License-Identifier: GPL-2.0-only
"""Prints as JSON what an assistive program sees of all windows: runs within a desktop of desktop.py."""

import json
import sys
from typing import Any

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402  pylint: disable=wrong-import-position

DEEPEST = 30
MOST_CELLS = 200
WINDOW = 1  # depth: below the application


def describe(node: Any, depth: int) -> dict[str, Any]:
    """One thing on the screen, with what is in it; not what is in a view that can't be seen now: each
    question is a message to the program and one back."""
    role = node.get_role_name()
    states = sorted(state.value_nick for state in node.get_state_set().get_states())
    found: dict[str, Any] = {
        "role": role,
        "name": node.get_name() or "",
        "description": "",
        "states": states,
        "children": [],
    }
    shown = "showing" in states
    if shown:
        component = node.get_component_iface()
        if component is not None:
            place = component.get_extents(Atspi.CoordType.SCREEN)
            found["place"] = [place.x, place.y, place.width, place.height]
    if role == "table cell":
        return found
    if shown:
        found["description"] = node.get_description() or ""
    if depth < DEEPEST and (shown or depth <= WINDOW):
        for number in range(min(node.get_child_count(), MOST_CELLS)):
            child = node.get_child_at_index(number)
            if child is not None:
                found["children"].append(describe(child, depth + 1))
    return found


desktop = Atspi.get_desktop(0)
applications = [desktop.get_child_at_index(number) for number in range(desktop.get_child_count())]
json.dump([describe(one, 0) for one in applications if one is not None], sys.stdout)
