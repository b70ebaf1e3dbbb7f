"""A table for any number of rows: paints only visible lines, keeps the cursor on its row, sorts, filters and marks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingsMap
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from aicompute_tui.ui.bindings import navigation_bindings
from aicompute_tui.ui.glyphs import UNICODE, Glyphs
from aicompute_tui.ui.widgets.columns import TONES, Cell, Column, Row, Tone, fit, lay_out
from aicompute_tui.ui.widgets.row_order import order_of

__all__ = ["Cell", "Column", "Tone", "VirtualTable"]

_GUTTER = 2
"""Cells before the first column: the cursor and the mark."""
_GAP = 2
_CACHED_LINES = 2_000

_MOVES = [
    Binding("up,k", "move(-1)", "up", show=False, id="table.up"),
    Binding("down,j", "move(1)", "down", show=False, id="table.down"),
    Binding("pageup", "page(-1)", "page up", show=False, id="table.page-up"),
    Binding("pagedown,ctrl+f", "page(1)", "page down", show=False, id="table.page-down"),
    Binding("home,g", "move_to(0)", "first", show=False, id="table.first"),
    Binding("end,G", "move_to(-1)", "last", show=False, id="table.last"),
    Binding("left", "sideways(-1)", "columns to the left", show=False, id="table.left"),
    Binding("right", "sideways(1)", "columns to the right", show=False, id="table.right"),
]


class _Line(NamedTuple):
    """A painted row without the cursor: its cells, and its strips left and right of the lock."""

    cells: tuple[Cell, ...]
    locked: Strip
    rest: Strip


class VirtualTable(Generic[Row], ScrollView, can_focus=True):
    """Rows by id. Give all rows with `set_rows`, or only what changed with `update_rows`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "virtual-table--header",
        "virtual-table--cursor",
        "virtual-table--cursor-blurred",
        "virtual-table--marked",
        "virtual-table--empty",
        *(f"virtual-table--{tone}" for tone in TONES),
    }
    DEFAULT_CSS = """
    VirtualTable {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-gutter: stable;
    }
    """

    class RowOpened(Message):
        """Enter or a double click on a row."""

        def __init__(self, table: VirtualTable[Any], row_id: str) -> None:
            super().__init__()
            self.table = table
            self.row_id = row_id

        @property
        def control(self) -> VirtualTable[Any]:
            return self.table

    class SelectionChanged(Message):
        """The cursor stands on another row, or the marks are others."""

        def __init__(self, table: VirtualTable[Any]) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> VirtualTable[Any]:
            return self.table

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, VirtualTable.SelectionChanged) and message.table is self.table

    class EdgePassed(Message):
        """The cursor was to leave the table upwards (-1) or downwards (1)."""

        def __init__(self, table: VirtualTable[Any], direction: int) -> None:
            super().__init__()
            self.table = table
            self.direction = direction

        @property
        def control(self) -> VirtualTable[Any]:
            return self.table

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        *,
        empty_message: str = "",
        glyphs: Glyphs = UNICODE,
        marks: bool = True,
        id: str | None = None,  # noqa: A002 - Textual's own word
    ) -> None:
        super().__init__(id=id)
        self._columns: list[Column[Row]] = list(columns)
        self._glyphs = glyphs
        self._marks_allowed = marks
        self._empty_message = empty_message
        self._rows: dict[str, Row] = {}
        self._order: list[str] = []
        self._place: dict[str, int] | None = {}
        self._cursor_id: str | None = None
        self._cursor = 0
        self._marked: set[str] = set()
        self._sort: tuple[Column[Row], bool] | None = None
        self._predicate: Callable[[Row], bool] | None = None
        self._lines: dict[str, _Line] = {}
        self._layout_at: tuple[int, list[tuple[Column[Row], int]]] | None = None
        self._sideways = 0
        self._bind()

    def _bind(self) -> None:
        letters = [
            Binding(column.letter, f"sort_by('{column.key}')", f"sort by {column.title}", show=False)
            for column in self._columns
            if column.letter and column.sort
        ]
        self._bindings = BindingsMap([*_MOVES, *navigation_bindings("table"), *letters])

    # -- rows

    @property
    def rows(self) -> Mapping[str, Row]:
        """All rows, also those a filter hides."""
        return self._rows

    @property
    def order(self) -> Sequence[str]:
        """Ids of the rows shown, as they stand."""
        return self._order

    @property
    def columns(self) -> Sequence[Column[Row]]:
        return self._columns

    @property
    def cursor_id(self) -> str | None:
        """The row under the cursor, None in an empty table."""
        return self._cursor_id

    @property
    def marked_ids(self) -> frozenset[str]:
        return frozenset(self._marked)

    def selected_ids(self) -> list[str]:
        """The marked rows as they stand, else the one under the cursor."""
        if self._marked:
            return [row_id for row_id in self._rows if row_id in self._marked]
        return [self._cursor_id] if self._cursor_id is not None else []

    def set_columns(self, columns: Sequence[Column[Row]]) -> None:
        self._columns = list(columns)
        if self._sort is not None:
            known = {column.key: column for column in self._columns}
            column = known.get(self._sort[0].key)
            self._sort = (column, self._sort[1]) if column else None
        self._bind()
        self._repaint_all()

    def set_rows(self, rows: Mapping[str, Row] | Iterable[tuple[str, Row]]) -> None:
        """All rows in their natural order; only what looks different is painted again."""
        fresh = dict(rows)
        for row_id in [row_id for row_id in self._lines if row_id not in fresh]:
            del self._lines[row_id]
        changed = [row_id for row_id in self._lines if fresh[row_id] != self._rows.get(row_id)]
        self._rows = fresh
        self._forget_marks()
        self._reorder(changed)

    def update_rows(self, present: Mapping[str, Row], removed: Collection[str] = ()) -> None:
        """Adds and changes `present`, takes `removed` away."""
        moves = bool(self._rows.keys() & set(removed)) or any(
            row_id not in self._rows or self._moves(self._rows[row_id], row) for row_id, row in present.items()
        )
        for row_id in removed:
            self._rows.pop(row_id, None)
            self._lines.pop(row_id, None)
        self._rows.update(present)
        self._forget_marks()
        if moves:
            self._reorder(list(present))
        else:
            self._repaint(present)

    def set_filter(self, predicate: Callable[[Row], bool] | None) -> None:
        """Shows only rows the predicate takes; None shows all."""
        self._predicate = predicate
        self._reorder([])

    def set_empty_message(self, text: str) -> None:
        """What stands in the table when no row is shown."""
        if text != self._empty_message:
            self._empty_message = text
            if not self._order:
                self.refresh()

    @property
    def sorted_by(self) -> tuple[str, bool] | None:
        """(column key, descending), None for the natural order."""
        return (self._sort[0].key, self._sort[1]) if self._sort else None

    def sort_by(self, key: str, *, descending: bool | None = None) -> None:
        """Sorts; without `descending` a second call with the same key turns the order round."""
        column = next((column for column in self._columns if column.key == key and column.sort), None)
        if column is None:
            return
        if descending is None:
            again = self._sort is not None and self._sort[0].key == key
            descending = not self._sort[1] if again and self._sort else column.descending
        self._sort = (column, descending)
        self._reorder([])
        self.refresh()

    def refresh_texts(self) -> None:
        """Repaints visible lines whose text time alone has changed."""
        first = self.scroll_offset.y
        for row_id in self._order[first : first + self.size.height]:
            line = self._lines.get(row_id)
            if line is not None and line.cells != self._cells(self._rows[row_id]):
                self._repaint([row_id])

    def _moves(self, old: Row, new: Row) -> bool:
        if self._predicate is not None and self._predicate(old) != self._predicate(new):
            return True
        sort = self._sort[0].sort if self._sort else None
        return sort is not None and sort(old) != sort(new)

    def _reorder(self, changed: Iterable[str]) -> None:
        order = order_of(self._rows, self._predicate, self._sort)
        if order == self._order and self._cursor_id is not None:
            self._repaint(changed)
            return
        for row_id in changed:
            self._lines.pop(row_id, None)
        above = self._cursor - self.scroll_offset.y
        self._order = order
        self._place = None
        self._keep_cursor()
        self.virtual_size = Size(0, len(order) + 1)
        if self.is_mounted:
            self._scroll_cursor(above)
        self.refresh()

    def _keep_cursor(self) -> None:
        """On its row where that is still shown, else at the same height."""
        before = self._cursor_id
        if before is not None and (found := self._line_of(before)) is not None:
            self._cursor = found
        else:
            self._cursor = max(0, min(self._cursor, len(self._order) - 1))
            self._cursor_id = self._order[self._cursor] if self._order else None
        if self._cursor_id != before:
            self.post_message(self.SelectionChanged(self))

    def _line_of(self, row_id: str) -> int | None:
        if self._place is None:
            self._place = {known: line for line, known in enumerate(self._order)}
        return self._place.get(row_id)

    def _forget_marks(self) -> None:
        gone = self._marked - self._rows.keys()
        if gone:
            self._marked -= gone
            self.post_message(self.SelectionChanged(self))

    # -- movement

    def move_to_row(self, row_id: str) -> bool:
        """Puts the cursor on a row; False where it is not shown."""
        line = self._line_of(row_id)
        if line is not None:
            self._move(line)
        return line is not None

    def unmark_all(self) -> bool:
        """Takes all marks back; False where there were none."""
        marked = list(self._marked)
        self._marked.clear()
        self._repaint(marked)
        if marked:
            self.post_message(self.SelectionChanged(self))
        return bool(marked)

    def action_move(self, by: int) -> None:
        if not 0 <= self._cursor + by < len(self._order):
            self.post_message(self.EdgePassed(self, by))
        self._move(self._cursor + by)

    def action_move_to(self, line: int) -> None:
        self._move(line if line >= 0 else len(self._order) + line)

    def action_page(self, pages: int) -> None:
        self._move(self._cursor + pages * max(1, self.size.height - 2))

    def action_open_row(self) -> None:
        if self._cursor_id is not None:
            self.post_message(self.RowOpened(self, self._cursor_id))

    def action_mark(self) -> None:
        """Marks or unmarks, and goes one row on."""
        if self._cursor_id is None or not self._marks_allowed:
            return
        self._marked ^= {self._cursor_id}
        self._repaint([self._cursor_id])
        self._move(self._cursor + 1)
        self.post_message(self.SelectionChanged(self))

    def action_sort_by(self, key: str) -> None:
        self.sort_by(key)

    def action_sideways(self, pages: int) -> None:
        """Half a view of columns; the first column stays."""
        layout = self._layout()
        locked = self._locked_width(layout)
        hidden = self._rest_width(layout) - (self._width - locked)
        step = max(4, (self._width - locked) // 2)
        moved = max(0, min(self._sideways + pages * step, hidden))
        if moved != self._sideways:
            self._sideways = moved
            self.refresh()

    def _move(self, line: int) -> None:
        if not self._order:
            return
        line = max(0, min(line, len(self._order) - 1))
        old = self._cursor
        self._cursor = line
        if self._order[line] != self._cursor_id:
            self._cursor_id = self._order[line]
            self.post_message(self.SelectionChanged(self))
            for changed in (old, line):
                self.refresh_lines(changed + 1)
        top, height = self.scroll_offset.y, self._body_height
        if line < top:
            self._scroll_to_line(line)
        elif line >= top + height:
            self._scroll_to_line(line - height + 1)

    def _scroll_cursor(self, above: int) -> None:
        """Keeps the cursor's row at the height it stood at, where it was in view."""
        if 0 <= above < self._body_height:
            self._scroll_to_line(self._cursor - above)

    def _scroll_to_line(self, line: int) -> None:
        self.scroll_to(y=max(0, line), animate=False, force=True)

    @property
    def _body_height(self) -> int:
        return max(1, self.size.height - 1)

    @property
    def _width(self) -> int:
        return max(1, self.scrollable_content_region.width)

    # -- painting

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._lines.clear()

    def on_resize(self) -> None:
        self._repaint_all()

    def _repaint_all(self) -> None:
        self._lines.clear()
        self._layout_at = None
        self._sideways = 0
        self.refresh()

    def _repaint(self, row_ids: Iterable[str]) -> None:
        top = self.scroll_offset.y
        for row_id in row_ids:
            self._lines.pop(row_id, None)
            line = self._line_of(row_id)
            if line is not None and top <= line < top + self._body_height:
                self.refresh_lines(line + 1)

    def _layout(self) -> list[tuple[Column[Row], int]]:
        width = self._width - _GUTTER
        if self._layout_at is None or self._layout_at[0] != width:
            self._layout_at = (width, lay_out(self._columns, width, _GAP))
        return self._layout_at[1]

    def _locked_width(self, layout: Sequence[tuple[Column[Row], int]]) -> int:
        return _GUTTER + (layout[0][1] + _GAP if layout else 0)

    def _rest_width(self, layout: Sequence[tuple[Column[Row], int]]) -> int:
        return max(0, sum(width + _GAP for _, width in layout[1:]) - _GAP)

    def render_line(self, y: int) -> Strip:
        if y == 0:
            return self._header_strip()
        line = self.scroll_offset.y + y - 1
        if line >= len(self._order):
            return self._blank_strip(y)
        row_id = self._order[line]
        style = self.rich_style
        if row_id in self._marked:
            style += self.get_component_rich_style("virtual-table--marked", partial=True)
        if line == self._cursor:
            name = "virtual-table--cursor" if self.has_focus else "virtual-table--cursor-blurred"
            style += self.get_component_rich_style(name, partial=True)
        painted = self._line(row_id)
        cursor = self._glyphs.cursor if line == self._cursor and self.has_focus else " "
        mark = self._glyphs.marked if row_id in self._marked else " "
        gutter = Strip([Segment(cursor + mark, self._tone("accent"))], _GUTTER)
        return self._join(gutter, painted.locked, painted.rest).apply_style(style)

    def _line(self, row_id: str) -> _Line:
        line = self._lines.get(row_id)
        if line is None:
            if len(self._lines) >= _CACHED_LINES:
                self._lines.clear()
            line = self._lines[row_id] = self._paint(self._cells(self._rows[row_id]))
        return line

    def _cells(self, row: Row) -> tuple[Cell, ...]:
        made = [column.cell(row) for column, _ in self._layout()]
        return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in made)

    def _paint(self, cells: tuple[Cell, ...]) -> _Line:
        segments: list[Segment] = []
        for (column, width), cell in zip(self._layout(), cells, strict=True):
            text = fit(cell.text, width, align=column.align, cut=column.cut, more=self._glyphs.more)
            segments.append(Segment(text, self._tone(cell.tone)))
            segments.append(Segment(" " * _GAP, None))
        return _Line(cells, Strip(segments[:2]), Strip(segments[2:-1]))

    def _tone(self, tone: Tone) -> Style | None:
        return self.get_component_rich_style(f"virtual-table--{tone}", partial=True) if tone else None

    def _join(self, gutter: Strip, locked: Strip, rest: Strip) -> Strip:
        room = max(0, self._width - gutter.cell_length - locked.cell_length)
        shown = rest.crop_extend(self._sideways, self._sideways + room, None)
        return Strip.join([gutter, locked, shown]).crop_extend(0, self._width, None)

    def _header_strip(self) -> Strip:
        style = self.rich_style + self.get_component_rich_style("virtual-table--header", partial=True)
        layout = self._layout()
        parts = [fit(self._title(column, width), width, align=column.align) + " " * _GAP for column, width in layout]
        locked, rest = Strip([Segment(parts[0] if parts else "")]), Strip([Segment("".join(parts[1:]))])
        strip = self._join(Strip([Segment(" " * _GUTTER)], _GUTTER), locked, rest)
        more_right = self._rest_width(layout) - self._sideways > self._width - self._locked_width(layout)
        if more_right:
            strip = Strip.join([strip.crop(0, self._width - 1), Strip([Segment(self._glyphs.right)], 1)])
        return strip.apply_style(style)

    def _title(self, column: Column[Row], width: int) -> str:
        if self._sort is None or self._sort[0].key != column.key:
            return column.title
        arrow = self._glyphs.descending if self._sort[1] else self._glyphs.ascending
        return (
            arrow + column.title
            if column.align == "right"
            else fit(column.title, min(len(column.title), width - 1)) + arrow
        )

    def _blank_strip(self, y: int) -> Strip:
        if self._order or not self._empty_message or y != 2:
            return Strip.blank(self._width, self.rich_style)
        style = self.rich_style + self.get_component_rich_style("virtual-table--empty", partial=True)
        text = fit(self._empty_message, self._width - _GUTTER, more=self._glyphs.more)
        return Strip([Segment(" " * _GUTTER + text, style)]).crop_extend(0, self._width, self.rich_style)

    # -- mouse and focus

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._sort_at(offset.x)
            return
        line = self.scroll_offset.y + offset.y - 1
        if line >= len(self._order):
            return
        self._move(line)
        if offset.x < _GUTTER or event.ctrl:
            self.action_mark()
        elif event.chain == 2:
            self.action_open_row()

    def _sort_at(self, x: int) -> None:
        layout = self._layout()
        x -= _GUTTER
        for place, (column, width) in enumerate(layout):
            if x < width + _GAP:
                self.sort_by(column.key)
                return
            x -= width + _GAP
            if place == 0:
                x += self._sideways

    def on_focus(self) -> None:
        self._cursor_line_changed()

    def on_blur(self) -> None:
        self._cursor_line_changed()

    def _cursor_line_changed(self) -> None:
        top = self.scroll_offset.y
        self.refresh(Region(0, self._cursor - top + 1, self._width, 1))
