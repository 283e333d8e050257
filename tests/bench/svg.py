# SPDX-License-Identifier: GPL-2.0-only
"""Writes plots as SVG, for documents: bars in groups, and curves. Needs nothing else.

    Bars("Guest time", "s", ["evict", "zipf"], {"zpack": [5.1, 4.9], "zram": [16.8, 6.3]}).svg()
    Curves("Writes", "% full", "x", [70, 80, 90], {"greedy": [1.1, 1.4, 2.2]}).svg()
"""

import math
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 760, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 64, 52  # margins around the axes
COLOURS = ("#7f7f7f", "#e69f00", "#56b4e9", "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000")
TICKS = 5


def round_up(value: float) -> float:
    """The next 1, 2, 2.5 or 5 times a power of ten; 1 for 0."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    for factor in (1, 2, 2.5, 5):
        if factor * power >= value * (1 - 1e-9):
            return factor * power
    return 10 * power


def number(value: float) -> str:
    """A number as short as it can be read."""
    if value >= 1000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def text(x: float, y: float, content: str, anchor: str = "middle", size: int = 12) -> str:
    """One line of text."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">'
        f"{escape(content)}</text>"
    )


def line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    """A thin line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


@dataclass(frozen=True)
class Axes:
    """A frame whose y axis begins at 0."""

    title: str
    unit: str
    top: float  # of the y axis

    def y(self, value: float) -> float:
        """Where a value is; what is higher than the axis ends at its top."""
        part = min(value, self.top) / self.top
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    def frame(self, names: list[str]) -> list[str]:
        """Background, title, y axis and the legend."""
        step = round_up(self.top / TICKS)
        parts = [
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            text(WIDTH / 2, 20, self.title, size=15),
            text(LEFT - 8, TOP - 10, self.unit, "end"),
        ]
        for i in range(int(self.top / step + 1e-9) + 1):
            y = self.y(i * step)
            parts.append(line(LEFT, y, WIDTH - RIGHT, y, "#dddddd" if i else "black"))
            parts.append(text(LEFT - 8, y + 4, number(i * step), "end"))
        at = float(LEFT)
        for index, name in enumerate(names):
            colour = COLOURS[index % len(COLOURS)]
            parts.append(f'<rect x="{at:.1f}" y="32" width="11" height="11" fill="{colour}"/>')
            parts.append(text(at + 16, 42, name, "start"))
            at += 36 + 6.6 * len(name)
        return parts


def document(parts: list[str]) -> str:
    """The whole file."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}"'
        f' height="{HEIGHT}" font-family="sans-serif">\n' + "\n".join(parts) + "\n</svg>\n"
    )


@dataclass(frozen=True)
class Bars:
    """A bar for each series in each group, with its value on top."""

    title: str
    unit: str
    groups: list[str]
    series: dict[str, list[float]]  # by name, a value for each group

    def svg(self) -> str:
        """The plot."""
        highest = max((max(values) for values in self.series.values()), default=0)
        axes = Axes(self.title, self.unit, 1.08 * highest or 1.0)
        parts = axes.frame(list(self.series))
        room = (WIDTH - LEFT - RIGHT) / max(len(self.groups), 1)
        width = 0.84 * room / max(len(self.series), 1)
        for group, name in enumerate(self.groups):
            left = LEFT + group * room + 0.08 * room
            for index, values in enumerate(self.series.values()):
                x, y = left + index * width, axes.y(values[group])
                parts.append(
                    f'<rect x="{x:.1f}" y="{y:.1f}" width="{0.92 * width:.1f}"'
                    f' height="{HEIGHT - BOTTOM - y:.1f}" fill="{COLOURS[index % len(COLOURS)]}"/>'
                )
                parts.append(text(x + 0.46 * width, y - 4, number(values[group]), size=10))
            parts.append(text(LEFT + (group + 0.5) * room, HEIGHT - BOTTOM + 20, name))
        return document(parts)


@dataclass(frozen=True)
class Curves:
    """A curve for each series, over x values in ascending order. NaN leaves a gap."""

    title: str
    x_unit: str
    y_unit: str
    x: list[float]
    series: dict[str, list[float]]  # by name, a value for each x
    top: float = 0.0  # of the y axis; 0: as high as the highest value

    def svg(self) -> str:
        """The plot."""
        highest = max((v for values in self.series.values() for v in values if v == v), default=0)
        axes = Axes(self.title, self.y_unit, self.top or 1.05 * highest or 1.0)
        parts = axes.frame(list(self.series))
        spread = (self.x[-1] - self.x[0]) or 1.0
        places = [
            LEFT + 12 + (x - self.x[0]) / spread * (WIDTH - LEFT - RIGHT - 24) for x in self.x
        ]
        for place, x in zip(places, self.x):
            parts.append(line(place, HEIGHT - BOTTOM, place, HEIGHT - BOTTOM + 5, "black"))
            parts.append(text(place, HEIGHT - BOTTOM + 19, number(x)))
        parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, self.x_unit))
        for index, values in enumerate(self.series.values()):
            colour = COLOURS[index % len(COLOURS)]
            path, pen_up = "", True
            for place, value in zip(places, values):
                if value != value:
                    pen_up = True
                    continue
                y = axes.y(value)
                path += f"{'M' if pen_up else 'L'}{place:.1f} {y:.1f} "
                pen_up = False
                parts.append(f'<circle cx="{place:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>')
            parts.append(
                f'<path d="{path.strip()}" fill="none" stroke="{colour}" stroke-width="2"/>'
            )
        return document(parts)
