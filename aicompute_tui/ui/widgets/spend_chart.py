"""What each of the last days cost, as bars over an axis of money."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from math import floor, log10

from rich.cells import cell_len
from textual.content import Content

from aicompute_tui.domain.money import NANO_PER_USD
from aicompute_tui.ui.format import money_of_nano
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.content_lines import ContentLines

EVERY_LABEL = 5
"""Up to so many lines each has its money beside it, in a higher chart every second one."""
_STEPS, _ASCII_STEPS = " ▁▂▃▄▅▆▇█", " __..::##"
_ROUND = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


class SpendChart(ContentLines):
    """`show_days` gives it the days, today last; only lines that say something else are painted."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="spend")
        self._glyphs = glyphs

    def show_days(self, nano_usd: Sequence[int], today: date, bars_high: int) -> None:
        """`bars_high` are the lines above the axis."""
        lines = chart_lines(nano_usd, today, bars_high, self._glyphs)
        self.styles.width = max(line.cell_length for line in lines)
        self.show_lines(lines)

    @property
    def cells_wide(self) -> int:
        return max(map(cell_len, self.text.splitlines()), default=0)


def chart_lines(nano_usd: Sequence[int], today: date, bars_high: int, glyphs: Glyphs) -> list[Content]:
    """A title with the sum, the bars, the axis, and the first day and today below it."""
    dollars = [max(0, each) / NANO_PER_USD for each in nano_usd]
    every = 1 if bars_high <= EVERY_LABEL else 2
    step = tick(max(dollars, default=0.0), bars_high // every) / every
    labels = [_label(step * line, step * every) if line % every == 0 else "" for line in range(bars_high + 1)]
    margin = max(map(len, labels))
    title = Content.assemble(
        (f"SPEND, last {len(nano_usd)} days", "$foreground-muted"), f"  {money_of_nano(sum(nano_usd), glyphs)}"
    )
    lines = [title]
    upright, plain, corner, level = ("┤", "│", "┼", "─") if glyphs.unicode else ("|", "|", "+", "-")
    for line in range(bars_high, 0, -1):
        bars = [_bar(each / step - (line - 1), glyphs) for each in dollars]
        past, last = " ".join(bars[:-1]), bars[-1] if bars else ""
        axis = (f"{labels[line]:>{margin}} {upright if labels[line] else plain} ", "$foreground-muted")
        lines.append(Content.assemble(axis, (past + " ", "$primary"), (last, "$accent")))
    width = 3 * len(dollars) - 1
    lines.append(Content.styled(f"{labels[0]:>{margin}} {corner}{level * (width + 1)}", "$foreground-muted"))
    first = _day(today - timedelta(days=max(0, len(dollars) - 1)))
    gap = " " * max(1, width - cell_len(first) - len("today"))
    lines.append(Content.styled(f"{' ' * (margin + 3)}{first}{gap}today", "$foreground-muted"))
    return lines


def tick(most: float, count: int) -> float:
    """The smallest round number of which `count` reach up to `most`."""
    if most <= 0.0:
        return 1.0
    wanted = max(most / count, 0.01)
    power = 10.0 ** floor(log10(wanted))
    return next(each * power for each in _ROUND if each * power >= wanted * (1 - 1e-9))


def _bar(height: float, glyphs: Glyphs) -> str:
    """Two cells of a bar on one line, of which it fills `height`; what costs anything has a foot."""
    filled = round(min(1.0, max(0.0, height)) * 8)
    return (_STEPS if glyphs.unicode else _ASCII_STEPS)[filled] * 2


def _label(usd: float, step: float) -> str:
    """`$12`, with cents where the steps have any."""
    return f"${usd:,.0f}" if step == round(step) or usd == 0 else f"${usd:,.2f}"


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"
