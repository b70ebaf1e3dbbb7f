"""A table for any number of rows: paints only visible lines, keeps the cursor on its row, sorts, filters and marks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from time import monotonic
from typing import Any, ClassVar, Generic

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
from aicompute_tui.ui.widgets.columns import TONES, Cell, Column, Row, Tone
from aicompute_tui.ui.widgets.scroll_keys import scroll_bindings
from aicompute_tui.ui.widgets.table_model import TableModel
from aicompute_tui.ui.widgets.table_paint import GUTTER, TablePainter

__all__ = ["Cell", "Column", "Tone", "VirtualTable"]

_MOVES = scroll_bindings("table", first="move_to(0)", last="move_to(-1)", sideways="columns ")


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
    }
    """

    class About(Message):
        """Something about one table."""

        def __init__(self, table: VirtualTable[Any]) -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> VirtualTable[Any]:
            return self.table

    class RowOpened(About):
        """Enter or a double click on a row."""

        def __init__(self, table: VirtualTable[Any], row_id: str) -> None:
            super().__init__(table)
            self.row_id = row_id

    class SelectionChanged(About):
        """The cursor stands on another row, or the marks are others."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, VirtualTable.SelectionChanged) and message.table is self.table

    class EdgePassed(About):
        """The cursor was to leave the table upwards (-1) or downwards (1)."""

        def __init__(self, table: VirtualTable[Any], direction: int) -> None:
            super().__init__(table)
            self.direction = direction

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
        self._model: TableModel[Row] = self._make_model()
        self._painter = TablePainter(columns, glyphs, self._tone)
        self._glyphs = glyphs
        self._marks_allowed = marks
        self._empty_message = empty_message
        self._base: Style | None = None
        self.slipped_at = -inf
        """When a reading last put another row under the cursor, on the monotonic clock."""
        self.virtual_size = Size(0, 1)
        self._bind()

    def _make_model(self) -> TableModel[Row]:
        return TableModel()

    def _bind(self) -> None:
        letters = [
            Binding(column.letter, f"sort_by('{column.key}')", f"sort by {column.title}", show=False)
            for column in self.columns
            if column.letter and column.sort
        ]
        self._bindings = BindingsMap([*_MOVES, *navigation_bindings("table"), *letters])

    # -- what it holds

    @property
    def rows(self) -> Mapping[str, Row]:
        """All rows, also those a filter hides."""
        return self._model.rows

    @property
    def order(self) -> Sequence[str]:
        """Ids of the rows shown, as they stand."""
        return self._model.order

    @property
    def columns(self) -> Sequence[Column[Row]]:
        return self._painter.columns

    @property
    def shown_columns(self) -> Sequence[Column[Row]]:
        """Those there is room for, also the ones that sideways paging brings."""
        return self._painter.shown_columns

    @property
    def cursor_id(self) -> str | None:
        """The row under the cursor, None in an empty table."""
        return self._model.cursor_id

    @property
    def marked_ids(self) -> frozenset[str]:
        return frozenset(self._model.marked)

    @property
    def sorted_by(self) -> tuple[str, bool] | None:
        """(column key, descending), None for the natural order."""
        return (self._model.sort[0].key, self._model.sort[1]) if self._model.sort else None

    def selected_ids(self) -> list[str]:
        """The marked rows, else the one under the cursor."""
        return self._model.selected_ids()

    # -- changing it

    def set_columns(self, columns: Sequence[Column[Row]]) -> None:
        self._painter.set_columns(columns)
        if self._model.sort is not None:
            known = {column.key: column for column in columns}
            column = known.get(self._model.sort[0].key)
            self._model.sort = (column, self._model.sort[1]) if column else None
        self._bind()
        self.refresh()

    def set_rows(self, rows: Mapping[str, Row] | Iterable[tuple[str, Row]]) -> None:
        """All rows in their natural order; only what looks different is painted again."""
        fresh = dict(rows)
        old = self._model.rows
        # A line in view may be on the terminal although its strip was forgotten with a change of style.
        seen = dict.fromkeys([*self._painter.painted_ids, *self._visible_lines()])
        changed = [row_id for row_id in seen if fresh.get(row_id) != old.get(row_id)]
        self._reading(changed, lambda: self._model.replace(fresh))

    def update_rows(self, present: Mapping[str, Row], removed: Collection[str] = ()) -> None:
        """Adds and changes `present`, takes `removed` away."""
        fresh = {row_id: row for row_id, row in present.items() if self.rows.get(row_id) != row}
        self._reading([*fresh, *removed], lambda: self._model.update(fresh, removed))

    def set_filter(self, predicate: Callable[[Row], bool] | None) -> None:
        """Shows only rows the predicate takes; None shows all."""
        self._model.predicate = predicate
        self._changing((), self._model.reorder)

    def sort_by(self, key: str, *, descending: bool | None = None) -> None:
        """Sorts; without `descending` a second call with the same key turns the order round."""
        column = next((column for column in self.columns if column.key == key and column.sort), None)
        if column is None:
            return
        held = self._model.sort
        if descending is None:
            descending = not held[1] if held is not None and held[0].key == key else column.descending
        self._model.sort = (column, descending)
        self._changing((), self._model.reorder)
        self.refresh()

    def set_empty_message(self, text: str) -> None:
        """What stands in the table when no row is shown."""
        if text != self._empty_message:
            self._empty_message = text
            if not self.order:
                self.refresh()

    def refresh_texts(self) -> None:
        """Repaints visible lines whose text time, or something beside the rows, has changed."""
        self._repaint_different(dict.fromkeys([*self._painter.painted_ids, *self._visible_lines()]))

    def _reading(self, changed: Iterable[str], change: Callable[[], bool]) -> None:
        """A change that nobody at the keyboard made: it may take the row away from under the cursor."""
        cursor_id = self.cursor_id
        self._changing(changed, change)
        if cursor_id is not None and self.cursor_id not in {cursor_id, None}:
            self.slipped_at = monotonic()

    def _changing(self, changed: Iterable[str], change: Callable[[], bool]) -> None:
        """Carries `change` out and repaints what it made look different, with the cursor's row at its old height."""
        cursor_id, marked = self.cursor_id, len(self._model.marked)
        above = self._model.cursor - self.scroll_offset.y
        moved = change()
        if moved:
            for row_id in changed:
                self._painter.forget(row_id)
            self.virtual_size = Size(0, len(self.order) + 1)
            if 0 <= above < self._body_height and self.is_attached:
                self._scroll_to_line(self._model.cursor - above)
            self.refresh()
        else:
            self._repaint_different(changed)
        if self.cursor_id != cursor_id or len(self._model.marked) != marked:
            self.post_message(self.SelectionChanged(self))

    # -- movement

    def move_to_row(self, row_id: str) -> bool:
        """Puts the cursor on a row; False where it is not shown."""
        line = self._model.line_of(row_id)
        if line is not None:
            self._move(line)
        return line is not None

    def unmark_all(self) -> bool:
        """Takes all marks back; False where there were none."""
        marked = list(self._model.marked)
        self._model.marked.clear()
        self._repaint(marked)
        if marked:
            self.post_message(self.SelectionChanged(self))
        return bool(marked)

    def action_move(self, by: int) -> None:
        if not 0 <= self._model.cursor + by < len(self.order):
            self.post_message(self.EdgePassed(self, by))
        self._move(self._model.cursor + by)

    def action_move_to(self, line: int) -> None:
        self._move(line if line >= 0 else len(self.order) + line)

    def action_page(self, pages: int) -> None:
        self._move(self._model.cursor + pages * max(1, self._body_height - 1))

    def action_open_row(self) -> None:
        if self.cursor_id is not None:
            self.post_message(self.RowOpened(self, self.cursor_id))

    def action_mark(self) -> None:
        """Marks or unmarks, and goes one row on."""
        row_id = self._model.toggle_mark() if self._marks_allowed else None
        if row_id is not None:
            self._repaint([row_id])
            self._move(self._model.cursor + 1)
            self.post_message(self.SelectionChanged(self))

    def action_sort_by(self, key: str) -> None:
        self.sort_by(key)

    def action_sideways(self, pages: int) -> None:
        """Half a view of columns; the first column stays."""
        if self._painter.page(pages):
            self.refresh()

    def _move(self, line: int) -> None:
        old, old_id = self._model.cursor, self.cursor_id
        self._model.go_to(line)
        if self.cursor_id != old_id:
            self.post_message(self.SelectionChanged(self))
            self.refresh_lines(old + 1)
            self.refresh_lines(self._model.cursor + 1)
        top = self.scroll_offset.y
        if self._model.cursor < top:
            self._scroll_to_line(self._model.cursor)
        elif self._model.cursor >= top + self._body_height:
            self._scroll_to_line(self._model.cursor - self._body_height + 1)

    def _scroll_to_line(self, line: int) -> None:
        self.scroll_to(y=max(0, line), animate=False, force=True)

    @property
    def _body_height(self) -> int:
        return max(1, self.size.height - 1)

    # -- painting

    @property
    def _base_style(self) -> Style:
        if self._base is None:
            self._base = self.rich_style
        return self._base

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._base = None
        self._painter.forget_all()

    def _tone(self, tone: Tone) -> Style | None:
        return self.get_component_rich_style(f"virtual-table--{tone}", partial=True) if tone else None

    def _repaint(self, row_ids: Iterable[str]) -> None:
        """Whole lines, for a row that stands out now or no longer does."""
        visible = self._visible_lines()
        for row_id in row_ids:
            self._painter.forget(row_id)
            if row_id in visible:
                self.refresh(Region(0, visible[row_id], self.size.width, 1))

    def _repaint_different(self, row_ids: Iterable[str]) -> None:
        """Only lines that say something else: over ssh every byte counts. A part of a line costs Textual the whole."""
        visible = self._visible_lines()
        for row_id in row_ids:
            if row_id not in visible:
                self._painter.forget(row_id)
            elif self._painter.renew(row_id, self.rows[row_id]):
                self.refresh(Region(0, visible[row_id], self.size.width, 1))

    def _visible_lines(self) -> dict[str, int]:
        """Where each row stands that is in view, the header being line 0."""
        top = self.scroll_offset.y
        return {row_id: line for line, row_id in enumerate(self.order[top : top + self._body_height], 1)}

    def render_line(self, y: int) -> Strip:
        width = max(1, self.scrollable_content_region.width)
        self._painter.set_width(width)
        line = self.scroll_offset.y + y - 1
        style = self._base_style
        if y == 0:
            strip = self._painter.header_strip(self._model.sort)
            style += self._part("header")
        elif line < len(self.order):
            own = self._row_style(line)
            strip = self._row_strip(line)
            if own.reverse:
                strip = Strip([Segment(strip.text)], strip.cell_length)
            style += own
        elif not self.order and self._empty_message and y == min(2, self.size.height - 1):
            strip = self._painter.message_strip(self._empty_message)
            style += self._part("empty")
        else:
            return Strip.blank(width, style)
        # One run of letters for cells of one style: each run sends its colours again.
        return strip.extend_cell_length(width).apply_style(style).simplify()

    def _row_strip(self, line: int) -> Strip:
        row_id = self.order[line]
        cursor = self._glyphs.cursor if line == self._model.cursor and self.has_focus else " "
        mark = self._glyphs.marked if row_id in self._model.marked else " "
        return self._painter.row_strip(row_id, self.rows[row_id], cursor + mark)

    def _row_style(self, line: int) -> Style:
        """An inverse one goes without tones, whose colours would become a patchwork of backgrounds."""
        style = self._part("marked") if self.order[line] in self._model.marked else Style.null()
        if line == self._model.cursor:
            style += self._part("cursor" if self.has_focus else "cursor-blurred")
        return style

    def _part(self, name: str) -> Style:
        return self.get_component_rich_style(f"virtual-table--{name}", partial=True)

    # -- mouse and focus

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            column = self._painter.column_at(offset.x)
            if column is not None:
                self.sort_by(column.key)
            return
        line = self.scroll_offset.y + offset.y - 1
        if line < len(self.order):
            self._move(line)
            if offset.x < GUTTER or event.ctrl:
                self.action_mark()
            elif event.chain == 2:
                self.action_open_row()

    def on_focus(self) -> None:
        self.refresh_lines(self._model.cursor + 1)

    def on_blur(self) -> None:
        self.refresh_lines(self._model.cursor + 1)
