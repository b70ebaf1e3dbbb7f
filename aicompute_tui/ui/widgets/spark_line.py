"""Small charts within one line of text: a bar for each value, and how far something is."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.ui.glyphs import Glyphs

_BARS, _ASCII_BARS = "▁▂▃▄▅▆▇█", "__..::##"


def spark_line(values: Sequence[float | None], width: int, glyphs: Glyphs, *, most: float = 100.0) -> str:
    """The last `width` values, the newest at the right end; blank where nothing was measured, a foot for zero."""
    bars = _BARS if glyphs.unicode else _ASCII_BARS
    last = values[-width:] if width else ()
    return "".join(" " if value is None else bars[_step(value / most)] for value in last).rjust(width)


def progress_bar(percent: float, width: int, glyphs: Glyphs) -> tuple[str, str]:
    """What is done and what is still to do, together `width` cells."""
    done = round(max(0.0, min(100.0, percent)) / 100 * width)
    full, rest = ("━", "─") if glyphs.unicode else ("#", "-")
    return full * done, rest * (width - done)


def _step(share: float) -> int:
    """The foot is for what rounds to nothing, the full bar for what is nearly all."""
    return max(0, min(7, round(share * 7)))
