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
_FEWEST_LETTERS = 4
"""A column of words with less room than this is left out."""
_CACHED_LINES = 2_000


class _Line(NamedTuple):
    """A painted row without its gutter."""

    cells: tuple[Cell, ...]
    segments: list[Segment]


class TablePainter(Generic[Row]):
    """Strips by row id, kept until a row changes; colours come from `tone` as partial styles."""

    def __init__(self, columns: Sequence[Column[Row]], glyphs: Glyphs, tone: Callable[[Tone], Style | None]) -> None:
        self.columns = list(columns)
        self.glyphs = glyphs
        self._tone = tone
        self._lines: dict[str, _Line] = {}
        self._width = 0
        self._layout: list[tuple[Column[Row], int]] = []
        self._passed = 0
        """How many columns right of the lock have gone by to the left."""
        self._window: list[tuple[Column[Row], int]] = []
        """What of the layout is in view."""

    def set_width(self, width: int) -> None:
        """The whole width of the table; columns are laid out anew where it differs."""
        if width != self._width:
            self._width = width
            self.set_columns(self.columns)

    def set_columns(self, columns: Sequence[Column[Row]]) -> None:
        self.columns = list(columns)
        self._layout = lay_out(self.columns, self._width - GUTTER, _GAP)
        self._pass(min(self._passed, self._most_passed))

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

    # -- sideways

    def page(self, pages: int) -> bool:
        """Half a view of columns to the side, whole ones; False at the end."""
        passed, most, step = self._passed, self._most_passed, 1 if pages > 0 else -1
        left = max(1, self._rest_room // 2) * abs(pages)
        while left > 0 and 0 <= passed + step <= most:
            left -= self._layout[1:][min(passed, passed + step)][1] + _GAP
            passed += step
        moved = passed != self._passed
        if moved:
            self._pass(passed)
        return moved

    def _pass(self, passed: int) -> None:
        self._passed = passed
        self._window = [*self._layout[:1], *self._fitting(self._layout[1 + passed :])]
        self._lines.clear()

    def _fitting(self, layout: Sequence[tuple[Column[Row], int]]) -> list[tuple[Column[Row], int]]:
        """Those there is room for. Words of a last one are cut, figures never: a part of a figure is another figure."""
        room, fitting = self._rest_room, list[tuple[Column[Row], int]]()
        for column, width in layout:
            cut = width > room
            if cut and fitting and (column.align == "right" or room < _FEWEST_LETTERS):
                break
            fitting.append((column, min(width, max(1, room))))
            room -= width + _GAP
            if cut:
                break
        return fitting

    @property
    def _most_passed(self) -> int:
        """Where the last column has come into view whole."""
        room, passed = self._rest_room + _GAP, len(self._layout) - 1
        for _, width in reversed(self._layout[1:]):
            room -= width + _GAP
            if room < 0:
                break
            passed -= 1
        return max(0, min(passed, len(self._layout) - 2))

    @property
    def _rest_room(self) -> int:
        return max(0, self._width - GUTTER - (self._layout[0][1] + _GAP if self._layout else 0))

    def column_at(self, x: int) -> Column[Row] | None:
        """The column drawn at cell `x` of the table."""
        x -= GUTTER
        for column, width in self._window:
            if x < width + _GAP:
                return column
            x -= width + _GAP
        return None

    # -- lines

    def row_strip(self, row_id: str, row: Row, gutter: str) -> Strip:
        line = self._lines.get(row_id)
        if line is None:
            if len(self._lines) >= _CACHED_LINES:
                self._lines.clear()
            line = self._lines[row_id] = self._paint(self._cells(row))
        return Strip([Segment(gutter, self._tone("accent")), *line.segments]).adjust_cell_length(self._width)

    def header_strip(self, sort: tuple[Column[Row], bool] | None) -> Strip:
        parts = [fit(self._title(column, width, sort), width, align=column.align) for column, width in self._window]
        strip = Strip([Segment(" " * GUTTER + (" " * _GAP).join(parts).rstrip())]).adjust_cell_length(self._width)
        if self._passed < self._most_passed:
            return Strip.join([strip.crop(0, self._width - 1), Strip([Segment(self.glyphs.right)], 1)])
        return strip

    def message_strip(self, text: str) -> Strip:
        return Strip([Segment(" " * GUTTER + fit(text, self._width - GUTTER, more=self.glyphs.more))])

    def _cells(self, row: Row) -> tuple[Cell, ...]:
        made = [column.cell(row) for column, _ in self._window]
        return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in made)

    def _paint(self, cells: tuple[Cell, ...]) -> _Line:
        segments: list[Segment] = []
        for (column, width), cell in zip(self._window, cells, strict=True):
            sign = f"{cell.sign} " if cell.sign else ""
            text = fit(cell.text, width - cell_len(sign), align=column.align, cut=column.cut, more=self.glyphs.more)
            segments.append(Segment(fit(sign, min(width, cell_len(sign))), self._tone(cell.sign_tone)))
            segments.append(Segment(text, self._tone(cell.tone)))
            segments.append(Segment(" " * _GAP))
        return _Line(cells, segments[:-1])

    def _title(self, column: Column[Row], width: int, sort: tuple[Column[Row], bool] | None) -> str:
        if sort is None or sort[0].key != column.key:
            return column.title
        arrow = self.glyphs.descending if sort[1] else self.glyphs.ascending
        return fit(column.title, min(len(column.title), width - 1), more=self.glyphs.more) + arrow
