# SPDX-License-Identifier: GPL-2.0-only
"""A screen without a monitor, where the dashboard runs and a person's mouse and keys are imitated.

What is on the screen is read as a screen reader would (AT-SPI), so what is tested is what everybody
gets, and that it has names.
"""

import itertools
import json
import os
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Iterator

LOOK = Path(__file__).with_name("look.py")
SIZE = (1280, 860)
SECONDS = 60.0


@dataclass(frozen=True)
class Thing:
    """Something on the screen."""

    role: str
    name: str
    description: str
    states: list[str]
    place: tuple[int, int, int, int] = (0, 0, 0, 0)  # x, y, width, height
    children: list["Thing"] = field(default_factory=list)

    @classmethod
    def parse(cls, raw: dict[str, Any]) -> "Thing":
        """Read what look.py has printed."""
        place = raw.get("place") or [0, 0, 0, 0]
        children = [cls.parse(child) for child in raw["children"]]
        texts = (raw["role"], raw["name"], raw["description"])
        return cls(*texts, raw["states"], (place[0], place[1], place[2], place[3]), children)

    def all(self) -> Iterator["Thing"]:
        """This and everything in it."""
        yield self
        for child in self.children:
            yield from child.all()

    @property
    def visible(self) -> bool:
        """Whether it is on the screen."""
        return "showing" in self.states and self.place[2] > 0

    @property
    def middle(self) -> tuple[int, int]:
        """Where to click."""
        x, y, width, height = self.place
        return x + width // 2, y + height // 2


DISPLAYS = itertools.count()


def display_number() -> int:
    """One that no other test has, of this run or of one beside it."""
    return 100 + (os.getpid() * 64 + next(DISPLAYS)) % 50000


class Desktop:
    """An X server, a session bus, and programs on it; a context manager."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment: dict[str, str] = {}
        self._processes: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> "Desktop":
        reading, writing = os.pipe()
        self._start(
            [
                # A number of its own each time: a server that ends removes the socket of its number,
                # also when that is another server's by then.
                *("Xvfb", f":{display_number()}", "-displayfd", str(writing), "-nolisten", "tcp"),
                # Else it starts anew, and takes nobody for a moment, when its last client goes: as
                # that of accessibility does before a program has come.
                "-noreset",
                *("-screen", "0", f"{SIZE[0]}x{SIZE[1]}x24"),
            ],
            pass_fds=[writing],
        )
        os.close(writing)
        with os.fdopen(reading) as pipe:
            display = pipe.readline().strip()
        bus = self._start(
            ["dbus-daemon", "--session", "--nofork", "--print-address"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "DISPLAY": f":{display}"},
        )
        assert bus.stdout is not None
        self.environment = {
            **os.environ,
            "DISPLAY": f":{display}",
            "DBUS_SESSION_BUS_ADDRESS": bus.stdout.readline().strip(),
            "HOME": str(self.directory),
            "XDG_CONFIG_HOME": str(self.directory / "config"),
            "XDG_RUNTIME_DIR": str(self.directory),
            "QT_QPA_PLATFORM": "xcb",
            "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
            "LC_ALL": "C.UTF-8",
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(timeout=30)

    def _start(self, command: list[str | Path], **options: Any) -> subprocess.Popen[Any]:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], **options)
        self._processes.append(process)
        return process

    def run(self, command: list[str | Path]) -> subprocess.Popen[Any]:
        """Start a program on this desktop."""
        with (self.directory / "program.log").open("a") as log:
            return self._start(command, env=self.environment, stderr=log)

    @property
    def log(self) -> str:
        """What the programs have complained of."""
        return (self.directory / "program.log").read_text()

    def things(self) -> list[Thing]:
        """Everything that is on the screen now."""
        text = subprocess.run(
            ["/usr/bin/python3", "-W", "ignore", LOOK],
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            timeout=SECONDS,
        ).stdout
        roots = [Thing.parse(raw) for raw in json.loads(text)]
        return [thing for root in roots for thing in root.all() if thing.visible]

    def wait_for(self, found: Callable[[list[Thing]], Any], what: str) -> Any:
        """Look again and again until `found` finds something; what it has found."""
        end = time.monotonic() + SECONDS
        while True:
            things = self.things()
            result = found(things)
            if result:
                return result
            if time.monotonic() > end:
                print("\n".join(f"{t.role}: {t.name} {t.place}" for t in things), file=sys.stderr)
                raise AssertionError(f"not on the screen: {what}\n{self.log}")

    def text(self, *words: str) -> Thing:
        """Something whose name has these words."""

        def find(things: list[Thing]) -> Thing | None:
            return next((t for t in things if all(word in t.name for word in words)), None)

        found: Thing = self.wait_for(find, " ".join(words))
        return found

    def thing(self, role: str, name: str) -> Thing:
        """Something with that role and exactly that name."""

        def find(things: list[Thing]) -> Thing | None:
            return next((t for t in things if (t.role, t.name) == (role, name)), None)

        found: Thing = self.wait_for(find, f"{role} {name}")
        return found

    def _xdotool(self, *arguments: str) -> None:
        subprocess.run(["xdotool", *arguments], env=self.environment, check=True, timeout=SECONDS)

    def focus(self, title: str) -> None:
        """Give the keyboard to the window with this title: there is no window manager to do it."""
        self._xdotool("search", "--sync", "--name", f"^{title}$", "windowfocus", "--sync")

    def click(self, place: tuple[int, int], times: int = 1) -> None:
        """Click there with the left button."""
        # One after the other for the server. With --sync it would wait 15 s if the mouse is there already.
        self._xdotool("mousemove", *map(str, place), "click", "--repeat", str(times), "1")

    def move(self, places: list[tuple[int, int]]) -> None:
        """Move the mouse from one place to the next."""
        self._xdotool(*[word for x, y in places for word in ("mousemove", str(x), str(y))])

    def keys(self, *keys: str) -> None:
        """Press keys, one after the other: Return, ctrl+5."""
        self._xdotool("key", *keys)

    def fill(self, role: str, name: str, text: str) -> None:
        """Replace what is in a field."""
        self.click(self.thing(role, name).middle)
        self.keys("ctrl+a")
        self.type(text)

    def type(self, text: str) -> None:
        """Type a text."""
        self._xdotool("type", text)

    def _pixels(self) -> bytes:
        """Of what is on the screen: blue, green, red, unused of each."""
        dump = subprocess.run(
            ["xwd", "-root", "-silent"], env=self.environment, check=True, stdout=subprocess.PIPE
        ).stdout
        words = struct.unpack(">25I", dump[:100])
        return dump[words[0] + 12 * words[19] :]  # behind the header and the table of colours

    def brightness(self) -> float:
        """The mean of what is on the screen: 0 black ... 1 white."""
        pixels = self._pixels()
        return sum(pixels[1::4]) / (len(pixels) // 4) / 255

    def share(self, colour: tuple[int, int, int]) -> float:
        """How much of the screen is of exactly this colour (red, green, blue)."""
        pixels = self._pixels()
        red, green, blue = colour
        same = zip(pixels[0::4], pixels[1::4], pixels[2::4])
        return sum(one == (blue, green, red) for one in same) / (len(pixels) // 4)

    def picture(self, path: Path) -> None:
        """Save what is on the screen."""
        path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["scrot", "--overwrite", path], env=self.environment, check=True)
