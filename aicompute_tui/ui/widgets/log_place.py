"""Where a view stands in a log: its top and its cursor by line, so that neither moves when lines come or fall out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aicompute_tui.ui.widgets.log_rows import LogRows


class Part(NamedTuple):
    """One line of the terminal: which line of the log, and which part of it where that is broken into several."""

    serial: int
    part: int


class LogPlace:
    """`height_of` says into how many lines of the terminal a line of the log is broken; asked near the view only."""

    def __init__(self, rows: LogRows, height_of: Callable[[int], int]) -> None:
        self._rows = rows
        self._height_of = height_of
        self.height = 1
        self.follow = True
        self.cursor = 0
        self.top = Part(0, 0)

    # -- what is in view

    def parts(self) -> list[Part]:
        """The lines of the terminal from the top down, at most as many as the view is high."""
        found: list[Part] = []
        row, part = self._rows.index(self.top.serial), self.top.part
        while row < len(self._rows) and len(found) < self.height:
            serial = self._rows.serial(row)
            found += [Part(serial, each) for each in range(part, min(self._height_of(serial), part + self.height))]
            row, part = row + 1, 0
        return found[: self.height]

    @property
    def top_row(self) -> int:
        return self._rows.index(self.top.serial)

    @property
    def last_top_row(self) -> int:
        """The row at the top of a view that ends with the last one."""
        return self._rows.index(self._lowest_top().serial)

    @property
    def is_at_end(self) -> bool:
        return self.top >= self._lowest_top()

    def _lowest_top(self) -> Part:
        if not len(self._rows):
            return Part(self._rows.ring.first, 0)
        return self._top_that_ends_with(len(self._rows) - 1)

    def _top_that_ends_with(self, row: int) -> Part:
        """The top of a view whose last line is the end of `row`; the first row's where there is less above it."""
        left = self.height
        while True:
            serial = self._rows.serial(row)
            left -= self._height_of(serial)
            if left <= 0 or row == 0:
                return Part(serial, max(0, -left))
            row -= 1

    # -- after a change

    def settle(self) -> None:
        """Lines came, went, or are broken otherwise."""
        if not len(self._rows):
            self.top, self.cursor = Part(self._rows.ring.first, 0), self._rows.ring.first
            return
        last = len(self._rows) - 1
        if self.follow:
            self.cursor, self.top = self._rows.serial(last), self._lowest_top()
            return
        self.cursor = self._rows.serial(min(last, self._rows.index(self.cursor)))
        top = self._rows.serial(min(last, self.top_row))
        part = min(self.top.part, self._height_of(top) - 1) if top == self.top.serial else 0
        self.top = min(Part(top, part), self._lowest_top())

    def settle_around_cursor(self, above: int) -> None:
        """Settles with the cursor's line `above` lines below the top, where it stood before other rows were chosen."""
        self.settle()
        if self.follow or not len(self._rows):
            return
        row, left = self._rows.index(self.cursor), max(0, min(above, self.height - 1))
        while row > 0 and left > 0:
            row -= 1
            left -= self._height_of(self._rows.serial(row))
        self.top = min(Part(self._rows.serial(row), max(0, -left)), self._lowest_top())

    @property
    def cursor_line(self) -> int:
        """How far below the top the cursor's line begins; 0 where it is not in view."""
        return next((line for line, part in enumerate(self.parts()) if part.serial == self.cursor), 0)

    # -- movement

    def move(self, by: int) -> None:
        """The cursor by rows; where its line goes on beyond the view, the view by one line of the terminal."""
        if not len(self._rows):
            return
        parts = self.parts()
        if by == 1 and parts and parts[-1].serial == self.cursor and self._goes_on(parts[-1]):
            self.scroll(1, drag_cursor=False)
        elif by == -1 and parts and parts[0].serial == self.cursor and parts[0].part:
            self.scroll(-1, drag_cursor=False)
        else:
            self.go_to_row(self._rows.index(self.cursor) + by)

    def _goes_on(self, part: Part) -> bool:
        return part.part + 1 < self._height_of(part.serial)

    def go_to_row(self, row: int) -> None:
        """Puts the cursor there and pauses, and brings it into view."""
        if not len(self._rows):
            return
        self.follow = False
        row = max(0, min(row, len(self._rows) - 1))
        self.cursor = self._rows.serial(row)
        if (self.cursor, 0) < self.top:
            self.top = Part(self.cursor, 0)
            return
        lowest = self._top_that_ends_with(row)
        if self.top < lowest:
            # A line higher than the view shows its beginning.
            self.top = min(lowest, Part(self.cursor, 0))

    def reveal(self) -> None:
        """The cursor's line became higher or lower: it stays where it begins, and as much of it as fits is shown."""
        self.go_to_row(self._rows.index(self.cursor))
        self.top = min(self.top, self._lowest_top())

    def go_to(self, serial: int) -> None:
        """As `go_to_row`, by line; one out of view comes to the middle."""
        in_view = any(part.serial == serial for part in self.parts())
        self.go_to_row(self._rows.index(serial))
        if not in_view:
            self.settle_around_cursor(self.height // 2)

    def page(self, pages: int) -> None:
        if not len(self._rows):
            return
        above = self.cursor_line
        self.follow = False
        self.scroll(pages * max(1, self.height - 1), drag_cursor=False)
        parts = self.parts()
        at_end = pages > 0 and self.top >= self._lowest_top()
        at_start = pages < 0 and self.top_row == 0 and self.top.part == 0
        line = len(parts) - 1 if at_end else 0 if at_start else min(above, len(parts) - 1)
        self.cursor = parts[line].serial

    def scroll(self, lines: int, *, drag_cursor: bool = True) -> None:
        """Moves the view by lines of the terminal and pauses; the cursor stays in it."""
        if not len(self._rows):
            return
        self.follow = False
        row, part = self.top_row, self.top.part + lines
        while part < 0 and row > 0:
            row -= 1
            part += self._height_of(self._rows.serial(row))
        while part > 0 and row < len(self._rows) - 1 and part >= (height := self._height_of(self._rows.serial(row))):
            row += 1
            part -= height
        self.top = min(Part(self._rows.serial(row), max(0, part)), self._lowest_top())
        if drag_cursor:
            self._drag_cursor()

    def scroll_to_row(self, row: int) -> None:
        """As a scroll bar is dragged."""
        if len(self._rows):
            self.follow = False
            row = max(0, min(row, len(self._rows) - 1))
            self.top = min(Part(self._rows.serial(row), 0), self._lowest_top())
            self._drag_cursor()

    def _drag_cursor(self) -> None:
        parts = self.parts()
        if parts:
            self.cursor = max(parts[0].serial, min(self.cursor, parts[-1].serial))
