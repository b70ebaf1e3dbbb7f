"""Columns of a table: what a cell says, how wide it is, and how text is cut to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar
from unicodedata import category

from rich.cells import cell_len, set_cell_size

Row = TypeVar("Row")
Tone = Literal["", "dim", "strong", "good", "warn", "bad", "accent"]
TONES: tuple[Tone, ...] = ("dim", "strong", "good", "warn", "bad", "accent")


class Cell(NamedTuple):
    """Text and its tone, and a sign with a tone of its own before it; a tone only underlines what is said anyway."""

    text: str
    tone: Tone = ""
    sign: str = ""
    sign_tone: Tone = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Generic[Row]):
    """`width` is in cells; a column with `weight` gets its share of what is left over, never less than `width`.

    `sort` gives what the rows are ordered by (None comes last); without it the column cannot be sorted. `letter` sorts
    with shift. `cut` is the end that is lost when the text does not fit.
    """

    key: str
    title: str
    width: int
    cell: Callable[[Row], Cell | str]
    weight: int = 0
    most: int = 0
    """The widest a weighted column grows, 0 for no limit."""
    align: Literal["left", "right"] = "left"
    cut: Literal["start", "end"] = "end"
    sort: Callable[[Row], Any] | None = None
    letter: str = ""
    descending: bool = False
    """The order of the first sort: largest first."""
    needs: int = 0
    """The table must be at least this wide for the column to be shown."""
    fields: tuple[str, ...] = ()
    """What of the record stands here, by the names programs see; empty for the field named as the column."""


def lay_out(columns: Sequence[Column[Row]], width: int, gap: int) -> list[tuple[Column[Row], int]]:
    """The columns shown at `width` and their widths, weights shared out."""
    shown = [column for column in columns if column.needs <= width]
    widths = [column.width for column in shown]
    spare = width - sum(widths) - gap * max(0, len(shown) - 1)
    while spare > 0:
        growing = [
            place
            for place, column in enumerate(shown)
            if column.weight and (not column.most or widths[place] < column.most)
        ]
        total = sum(shown[place].weight for place in growing)
        if not growing:
            break
        before = spare
        for place in growing:
            column = shown[place]
            share = max(1, before * column.weight // total)
            room = column.most - widths[place] if column.most else share
            grown = min(share, room, spare)
            widths[place] += grown
            spare -= grown
    return list(zip(shown, widths, strict=True))


def fit(text: str, width: int, *, align: str = "left", cut: str = "end", more: str = "…") -> str:
    """`text` in exactly `width` cells; what does not fit is cut and marked with `more`."""
    if width <= 0:
        return ""
    text = plain(text)
    length = len(text) if text.isascii() else cell_len(text)
    if length > width:
        return _cut(text, width, cut, more)
    padding = " " * (width - length)
    return padding + text if align == "right" else text + padding


def plain(text: str) -> str:
    """Without control and direction characters, which would break the line or turn it round."""
    if text.isprintable():
        return text
    return "".join(_printed(letter) for letter in text)


def _printed(letter: str) -> str:
    if letter.isprintable():
        return letter
    return "" if category(letter) in {"Cf", "Mn"} else " "


def _cut(text: str, width: int, cut: str, more: str) -> str:
    if width == 1:
        return more
    if cut == "end":
        return set_cell_size(text, width - 1) + more
    return more + _keep_end(text, width - 1)


def _keep_end(text: str, width: int) -> str:
    kept: list[str] = []
    used = 0
    for letter in reversed(text):
        size = cell_len(letter)
        if used + size > width:
            break
        kept.append(letter)
        used += size
    return " " * (width - used) + "".join(reversed(kept))
