"""Figures over time as lines of dots, each holding until it changes; one stands out, each is named at its end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter

from textual.content import Content

from aicompute_tui.ui.glyphs import Glyphs

_DIM, _LINE, _STRONG = "$foreground-muted", "$secondary", "$accent"
_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a cell's dots by line and column."""
_NAMES = 6
"""Cells at the right for the names of lines."""
_LABELS = 3
"""Figures beside the axis."""


@dataclass(frozen=True, slots=True)
class Line:
    """`points` are (seconds since 1970, figure), oldest first."""

    name: str
    points: Sequence[tuple[float, float]]
    is_strong: bool = False

    def at(self, moment: float) -> float | None:
        """What was in force then; None before its first point."""
        place = bisect_right(self.points, moment, key=itemgetter(0))
        return self.points[place - 1][1] if place else None


class _Canvas:
    """Cells of dots, each with the style of the line drawn over it last."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.bits = [[0] * width for _ in range(height)]
        self.is_strong = [[False] * width for _ in range(height)]

    def draw(self, heights: Sequence[int | None], *, is_strong: bool) -> None:
        """A height in dots for each column of dots; steps are drawn as uprights."""
        before: int | None = None
        for column, height in enumerate(heights):
            if height is not None:
                low, high = sorted((height, height if before is None else before))
                for dot in range(low, high + 1):
                    self._set(column, dot, is_strong=is_strong)
            before = height

    def _set(self, column: int, dot: int, *, is_strong: bool) -> None:
        line, x = self.height - 1 - dot // 4, column // 2
        self.bits[line][x] |= _DOTS[3 - dot % 4][column % 2]
        self.is_strong[line][x] |= is_strong

    def line(self, place: int, glyphs: Glyphs) -> list[tuple[str, str]]:
        """Runs of letters of one style."""
        runs: list[tuple[str, str]] = []
        for bits, strong in zip(self.bits[place], self.is_strong[place], strict=True):
            style = _STRONG if strong else _LINE
            letter = _letter(bits, strong, glyphs)
            if runs and (runs[-1][1] == style or letter == " "):
                runs[-1] = (runs[-1][0] + letter, runs[-1][1])
            else:
                runs.append((letter, style))
        return runs


def _letter(bits: int, strong: bool, glyphs: Glyphs) -> str:
    if not bits:
        return " "
    if glyphs.unicode:
        return chr(_BRAILLE + bits)
    return "#" if strong else "."


def chart_lines(
    lines: Sequence[Line], window: tuple[float, float], size: tuple[int, int], glyphs: Glyphs
) -> list[Content]:
    """`size` is the room in cells, the two lines of the time below included."""
    known = [figure for line in lines for _, figure in line.points]
    if not known:
        return []
    low, high = _bounds(min(known), max(known))
    labels = {place: _money(high - (high - low) * share, high - low) for place, share in _places(size[1] - 2)}
    margin = max(map(len, labels.values()))
    width, height = max(4, size[0] - margin - 2 - _NAMES), max(2, size[1] - 2)
    canvas, ends = _Canvas(width, height), dict[int, list[str]]()
    for line in sorted(lines, key=lambda each: each.is_strong):
        heights = _heights(line, window, width * 2, (low, high), height * 4)
        canvas.draw(heights, is_strong=line.is_strong)
        if heights and heights[-1] is not None:
            ends.setdefault(height - 1 - heights[-1] // 4, []).append(line.name)
    upright, corner, level = ("┤", "┼", "─") if glyphs.unicode else ("|", "+", "-")
    painted = [
        Content.assemble(
            (f"{labels.get(place, ''):>{margin}} {upright if place in labels else ' '}", _DIM),
            *canvas.line(place, glyphs),
            (" " + ",".join(sorted(ends.get(place, [])))[: _NAMES - 1], _DIM),
        )
        for place in range(height)
    ]
    first, last = (f"{datetime.fromtimestamp(moment, UTC):%-d %b}" for moment in window)
    gap = " " * max(1, width - len(first) - len(last))
    return [
        *painted,
        Content.styled(f"{'':>{margin}} {corner}{level * width}", _DIM),
        Content.styled(f"{'':>{margin}}  {first}{gap}{last}", _DIM),
    ]


def _bounds(low: float, high: float) -> tuple[float, float]:
    """With some room, so that a line that never moves is not an edge."""
    room = (high - low) * 0.08 or high * 0.1 or 1.0
    return max(0.0, low - room), high + room


def _places(height: int) -> list[tuple[int, float]]:
    """Which lines have a figure beside them, and how far down each is."""
    last = max(1, height - 1)
    steps = min(_LABELS - 1, last)
    return [(round(last * step / steps), round(last * step / steps) / last) for step in range(steps + 1)]


def _money(usd: float, range_usd: float) -> str:
    """With as many decimals as tell the figures apart."""
    places = 2 if range_usd >= 0.2 else 3 if range_usd >= 0.02 else 4
    return f"${usd:,.{places}f}"


def _heights(
    line: Line, window: tuple[float, float], columns: int, bounds: tuple[float, float], dots: int
) -> list[int | None]:
    (start, end), (low, high) = window, bounds
    found: list[int | None] = []
    for column in range(columns):
        figure = line.at(start + (end - start) * (column + 1) / columns)
        share = None if figure is None else (figure - low) / (high - low)
        found.append(None if share is None else min(dots - 1, max(0, round(share * (dots - 1)))))
    return found
