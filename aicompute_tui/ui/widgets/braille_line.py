"""A small chart in one line of text: two bars of four steps in each cell, nothing where nothing was measured."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.ui.glyphs import Glyphs

_LEFT = (0x00, 0x40, 0x44, 0x46, 0x47)
_RIGHT = (0x00, 0x80, 0xA0, 0xB0, 0xB8)
_BLANK = 0x2800
_ASCII = "_.:=#"


def braille_line(values: Sequence[float | None], width: int, glyphs: Glyphs, *, most: float = 100.0) -> str:
    """The last `2 × width` values, the newest at the right end; a known zero is a line at the foot."""
    last = values[-2 * width :]
    shown = [*([None] * (2 * width - len(last))), *last]
    pairs = [(shown[place], shown[place + 1]) for place in range(0, 2 * width, 2)]
    if not glyphs.unicode:
        return "".join(_ascii(left, right, most) for left, right in pairs)
    cells = [_BLANK + _LEFT[_steps(left, most)] + _RIGHT[_steps(right, most)] for left, right in pairs]
    return "".join(" " if cell == _BLANK else chr(cell) for cell in cells)


def progress_bar(percent: float, width: int, glyphs: Glyphs) -> tuple[str, str]:
    """What is done and what is still to do, together `width` cells."""
    done = round(max(0.0, min(100.0, percent)) / 100 * width)
    full, rest = ("━", "─") if glyphs.unicode else ("#", "-")
    return full * done, rest * (width - done)


def _steps(value: float | None, most: float) -> int:
    if value is None:
        return 0
    return 1 + min(3, int(max(0.0, value) / most * 4)) if value > 0 else 1


def _ascii(left: float | None, right: float | None, most: float) -> str:
    known = [value for value in (left, right) if value is not None]
    return " " if not known else _ASCII[_steps(max(known), most)] if max(known) > 0 else _ASCII[0]
