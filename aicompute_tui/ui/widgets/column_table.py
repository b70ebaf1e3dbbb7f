"""A table whose rows are numbers into columns: no object for a row, only for the lines in view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, Protocol, overload

from aicompute_tui.ui.widgets.column_fields import Figures, Words
from aicompute_tui.ui.widgets.table_model import TableModel
from aicompute_tui.ui.widgets.virtual_table import VirtualTable


class RowNames(Protocol):
    """How many rows there are, and what each is called."""

    def __len__(self) -> int: ...

    def row_id(self, row: int) -> str: ...

    def row_of(self, row_id: str) -> int | None: ...


class _NoRows:
    def __len__(self) -> int:
        return 0

    def row_id(self, row: int) -> str:
        raise IndexError(row)

    def row_of(self, row_id: str) -> int | None:  # noqa: ARG002
        return None


class _Rows(Mapping[str, int]):
    """Every row by what it is called."""

    def __init__(self, names: RowNames) -> None:
        self._names = names

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return map(self._names.row_id, range(len(self._names)))

    def __getitem__(self, row_id: str) -> int:
        row = self._names.row_of(row_id)
        if row is None:
            raise KeyError(row_id)
        return row


class _Order(Sequence[str]):
    """What the rows shown are called, made where one is looked at."""

    def __init__(self, names: RowNames, rows: Sequence[int]) -> None:
        self._names = names
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return list(map(self._names.row_id, self.rows[place]))
        return self._names.row_id(self.rows[place])


class ColumnModel(TableModel[int]):
    """As every table's, with a mask instead of a predicate and figures instead of keys."""

    def __init__(self) -> None:
        super().__init__()
        self.names: RowNames = _NoRows()
        self.mask: bytes | None = None
        """1 where a row is shown; None shows all."""

    def take(self, names: RowNames, mask: bytes | None) -> bool:
        """Other rows. True where the lines are others than before."""
        self.names, self.mask = names, mask
        self.rows = _Rows(names)
        self.marked = {row_id for row_id in self.marked if row_id in self.rows}
        return self.reorder()

    def line_of(self, row_id: str) -> int | None:
        row, order = self.names.row_of(row_id), self.order
        if row is None or not isinstance(order, _Order):
            return None
        try:
            return order.rows.index(row)
        except ValueError:
            return None

    def selected_ids(self) -> list[str]:
        if not self.marked:
            return super().selected_ids()
        places = {row_id: self.line_of(row_id) for row_id in sorted(self.marked)}
        return sorted(places, key=lambda row_id: (places[row_id] is None, places[row_id] or 0))

    def reorder(self) -> bool:
        count = len(self.names)
        rows: Sequence[int] = range(count) if self.mask is None else list(compress(range(count), self.mask))
        if self.sort is not None and self.sort[0].sort is not None:
            rows = _sorted(rows, self.sort[0].sort, descending=self.sort[1])
        self.order = _Order(self.names, rows)
        found = self.line_of(self.cursor_id) if self.cursor_id is not None else None
        self.go_to(self.cursor if found is None else found)
        return True


def _sorted(rows: Sequence[int], key: Callable[[int], Any], *, descending: bool) -> list[int]:
    """Unknown figures come last either way."""
    if not isinstance(key, Figures | Words):
        return sorted(rows, key=key, reverse=descending)
    vector, least = key.vector, key.least
    known = [row for row in rows if vector[row] >= least]
    unknown = [row for row in rows if vector[row] < least] if len(known) != len(rows) else []
    known.sort(key=vector.__getitem__, reverse=descending)
    return known + unknown


class ColumnTable(VirtualTable[int]):
    """`show_rows` gives it columns; a cell is told the number of its row."""

    def _make_model(self) -> ColumnModel:
        self._columns_model = ColumnModel()
        return self._columns_model

    def show_rows(self, names: RowNames, mask: bytes | None) -> None:
        """Other rows; the cursor and the marks stay where those are still there."""
        self._painter.forget_all()
        self._changing((), lambda: self._columns_model.take(names, mask))

    def set_mask(self, mask: bytes | None) -> None:
        """Shows only the rows marked in it."""
        if mask != self._columns_model.mask:
            self._columns_model.mask = mask
            self._changing((), self._columns_model.reorder)

    def unsort(self) -> None:
        """Back to the order the rows came in, at the next change of them."""
        self._columns_model.sort = None
