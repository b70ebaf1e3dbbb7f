"""Lines of a table as strips: columns laid out, cut and toned, the first one locked when paging sideways."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.columns import Cell, Column, Row, Tone, fit, lay_out

GUTTER = 2
"""Cells before the first column: the cursor and the mark."""
_GAP = 2
_CACHED_LINES = 2_000


class _Line(NamedTuple):
    """A painted row without its gutter: its cells, and its strips left and right of the lock."""

    cells: tuple[Cell, ...]
    locked: Strip
    rest: Strip


class TablePainter(Generic[Row]):
    """Strips by row id, kept until a row changes; colours come from `tone` as partial styles."""

    def __init__(self, columns: Sequence[Column[Row]], glyphs: Glyphs, tone: Callable[[Tone], Style | None]) -> None:
        self.columns = list(columns)
        self.glyphs = glyphs
        self.sideways = 0
        self._tone = tone
        self._lines: dict[str, _Line] = {}
        self._width = 0
        self._layout: list[tuple[Column[Row], int]] = []

    def set_width(self, width: int) -> None:
        """The whole width of the table; columns are laid out anew where it differs."""
        if width != self._width:
            self._width = width
            self.set_columns(self.columns)

    def set_columns(self, columns: Sequence[Column[Row]]) -> None:
        self.columns = list(columns)
        self._layout = lay_out(self.columns, self._width - GUTTER, _GAP)
        self.sideways = min(self.sideways, self.hidden_width)
        self._lines.clear()

    def forget(self, row_id: str) -> None:
        self._lines.pop(row_id, None)

    def forget_all(self) -> None:
        self._lines.clear()

    @property
    def shown_columns(self) -> list[Column[Row]]:
        return [column for column, _ in self._layout]

    @property
    def painted_ids(self) -> list[str]:
        return list(self._lines)

    def renew(self, row_id: str, row: Row) -> bool:
        """Paints a row anew; False where it is kept and says the same as before."""
        line, cells = self._lines.get(row_id), self._cells(row)
        if line is not None and line.cells == cells:
            return False
        self._lines[row_id] = self._paint(cells)
        return True

    @property
    def hidden_width(self) -> int:
        """How far the columns right of the lock reach beyond the view."""
        rest = sum(width + _GAP for _, width in self._layout[1:]) - _GAP
        return max(0, rest - self.rest_room)

    @property
    def rest_room(self) -> int:
        return max(0, self._width - GUTTER - (self._layout[0][1] + _GAP if self._layout else 0))

    def column_at(self, x: int) -> Column[Row] | None:
        """The column drawn at cell `x` of the table."""
        x -= GUTTER
        for place, (column, width) in enumerate(self._layout):
            if x < width + _GAP:
                return column
            x -= width + _GAP
            if place == 0:
                x += self.sideways
        return None

    def row_strip(self, row_id: str, row: Row, gutter: str) -> Strip:
        line = self._lines.get(row_id)
        if line is None:
            if len(self._lines) >= _CACHED_LINES:
                self._lines.clear()
            line = self._lines[row_id] = self._paint(self._cells(row))
        return self._join(Strip([Segment(gutter, self._tone("accent"))], GUTTER), line.locked, line.rest)

    def header_strip(self, sort: tuple[Column[Row], bool] | None) -> Strip:
        parts = [
            fit(self._title(column, width, sort), width, align=column.align) + " " * _GAP
            for column, width in self._layout
        ]
        locked, rest = Strip([Segment("".join(parts[:1]))]), Strip([Segment("".join(parts[1:]).rstrip())])
        strip = self._join(Strip([Segment(" " * GUTTER)], GUTTER), locked, rest)
        if self.sideways < self.hidden_width:
            return Strip.join([strip.crop(0, self._width - 1), Strip([Segment(self.glyphs.right)], 1)])
        return strip

    def message_strip(self, text: str) -> Strip:
        return Strip([Segment(" " * GUTTER + fit(text, self._width - GUTTER, more=self.glyphs.more))])

    def _cells(self, row: Row) -> tuple[Cell, ...]:
        made = [column.cell(row) for column, _ in self._layout]
        return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in made)

    def _paint(self, cells: tuple[Cell, ...]) -> _Line:
        segments: list[Segment] = []
        for (column, width), cell in zip(self._layout, cells, strict=True):
            sign = f"{cell.sign} " if cell.sign else ""
            text = fit(cell.text, width - cell_len(sign), align=column.align, cut=column.cut, more=self.glyphs.more)
            segments.append(Segment(fit(sign, min(width, cell_len(sign))), self._tone(cell.sign_tone)))
            segments.append(Segment(text, self._tone(cell.tone)))
            segments.append(Segment(" " * _GAP))
        return _Line(cells, Strip(segments[:3]), Strip(segments[3:-1]))

    def _join(self, gutter: Strip, locked: Strip, rest: Strip) -> Strip:
        shown = rest.crop_extend(self.sideways, self.sideways + self.rest_room, None)
        return Strip.join([gutter, locked, shown]).crop_extend(0, self._width, None)

    def _title(self, column: Column[Row], width: int, sort: tuple[Column[Row], bool] | None) -> str:
        if sort is None or sort[0].key != column.key:
            return column.title
        arrow = self.glyphs.descending if sort[1] else self.glyphs.ascending
        return fit(column.title, min(len(column.title), width - 1), more=self.glyphs.more) + arrow
