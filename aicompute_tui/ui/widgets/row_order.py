"""Which rows are shown, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aicompute_tui.ui.widgets.columns import Column, Row


def order_of(
    rows: Mapping[str, Row], predicate: Callable[[Row], bool] | None, sort: tuple[Column[Row], bool] | None
) -> list[str]:
    """Ids of the rows the predicate takes, sorted; equal ones keep their natural order, unknown values come last."""
    ids = list(rows) if predicate is None else [row_id for row_id, row in rows.items() if predicate(row)]
    if sort is None or sort[0].sort is None:
        return ids
    value_of = sort[0].sort
    values = [value_of(rows[row_id]) for row_id in ids]
    known = [place for place, value in enumerate(values) if value is not None]
    known.sort(key=values.__getitem__, reverse=sort[1])
    ordered = [ids[place] for place in known]
    if len(known) < len(ids):
        ordered += [ids[place] for place, value in enumerate(values) if value is None]
    return ordered
