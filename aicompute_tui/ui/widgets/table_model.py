"""Rows of a table without its looks: which are shown, in which order, where the cursor stands and what is marked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Generic

from aicompute_tui.ui.widgets.columns import Column, Row


class TableModel(Generic[Row]):
    """The cursor belongs to a row, not to a line: it stays on its row for as long as that is shown."""

    def __init__(self) -> None:
        self.rows: Mapping[str, Row] = {}
        self.order: Sequence[str] = []
        self.cursor = 0
        self.cursor_id: str | None = None
        self.marked: set[str] = set()
        self.sort: tuple[Column[Row], bool] | None = None
        self.predicate: Callable[[Row], bool] | None = None

    def line_of(self, row_id: str) -> int | None:
        """Where a row stands, None where it is not shown."""
        try:
            return self.order.index(row_id)
        except ValueError:
            return None

    def selected_ids(self) -> list[str]:
        """The marked rows as they stand, those a filter hides last; without marks the one under the cursor."""
        if not self.marked:
            return [self.cursor_id] if self.cursor_id is not None else []
        shown = [row_id for row_id in self.order if row_id in self.marked]
        return shown + sorted(self.marked.difference(shown))

    def replace(self, rows: dict[str, Row]) -> bool:
        """All rows in their natural order. True where the lines are others than before."""
        self.rows = rows
        self.marked &= rows.keys()
        return self.reorder()

    def update(self, present: Mapping[str, Row], removed: Collection[str]) -> bool:
        """Adds and changes `present`, takes `removed` away. True where the lines are others than before."""
        moved = any(row_id in self.rows for row_id in removed) or any(
            row_id not in self.rows or self._moves(self.rows[row_id], row) for row_id, row in present.items()
        )
        rows = {**self.rows, **present}
        for row_id in removed:
            rows.pop(row_id, None)
        self.rows = rows
        self.marked &= rows.keys()
        return moved and self.reorder()

    def reorder(self) -> bool:
        """Filters and sorts anew. True where the lines are others than before."""
        order = order_of(self.rows, self.predicate, self.sort)
        if order == self.order:
            return False
        self.order = order
        found = self.line_of(self.cursor_id) if self.cursor_id is not None else None
        self.go_to(self.cursor if found is None else found)
        return True

    def go_to(self, line: int) -> None:
        """Puts the cursor on a line, or on the nearest there is."""
        self.cursor = max(0, min(line, len(self.order) - 1))
        self.cursor_id = self.order[self.cursor] if self.order else None

    def toggle_mark(self) -> str | None:
        """Marks or unmarks the row under the cursor and answers its id."""
        if self.cursor_id is not None:
            self.marked ^= {self.cursor_id}
        return self.cursor_id

    def _moves(self, old: Row, new: Row) -> bool:
        if self.predicate is not None and self.predicate(old) != self.predicate(new):
            return True
        sort = self.sort[0].sort if self.sort else None
        return sort is not None and sort(old) != sort(new)


_SHARED = 8
"""Rows for each value from which gathering them by value is cheaper than comparing them all."""


def order_of(
    rows: Mapping[str, Row], predicate: Callable[[Row], bool] | None, sort: tuple[Column[Row], bool] | None
) -> list[str]:
    """Ids of the rows the predicate takes, sorted; equal ones keep their natural order, unknown values come last."""
    shown = rows if predicate is None else {row_id: row for row_id, row in rows.items() if predicate(row)}
    if sort is None or sort[0].sort is None:
        return list(shown)
    return _sorted(list(shown), list(map(sort[0].sort, shown.values())), descending=sort[1])


def _sorted(ids: Sequence[str], values: Sequence[Any], *, descending: bool) -> list[str]:
    distinct = set(values)
    if len(distinct) * _SHARED < len(ids):
        return _gathered(ids, values, distinct, descending=descending)
    places: Iterable[int] = range(len(ids))
    unknown = [place for place in places if values[place] is None] if None in values else []
    if unknown:
        places = [place for place in places if values[place] is not None]
    ordered = sorted(places, key=values.__getitem__, reverse=descending)
    return [*map(ids.__getitem__, ordered), *map(ids.__getitem__, unknown)]


def _gathered(ids: Sequence[str], values: Sequence[Any], distinct: set[Any], *, descending: bool) -> list[str]:
    """As `_sorted`, for the many rows that share few values."""
    by_value: dict[Any, list[str]] = {value: [] for value in sorted(distinct - {None}, reverse=descending)}
    by_value[None] = []
    for row_id, value in zip(ids, values, strict=True):
        by_value[value].append(row_id)
    return list(chain.from_iterable(by_value.values()))
