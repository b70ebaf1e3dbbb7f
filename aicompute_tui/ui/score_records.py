"""Placement scores as a list: how likely spot machines can be had in each zone, by AWS's own figure."""

from __future__ import annotations

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.format import age
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column


def _columns(session: Session) -> list[RowColumn]:
    def score(row: JsonObject) -> Cell:
        found = number(row, "score")
        return Cell(session.glyphs.unknown, "dim") if found is None else Cell(f"{found:.0f} of 10")

    def zone(row: JsonObject) -> Cell:
        return Cell(text(row, "zone")) if text(row, "zone") else Cell("any", "dim")

    return [
        Column(key="score", title="score", width=8, align="right", letter="S", descending=True, cell=score,
               sort=lambda row: number(row, "score")),
        Column(key="zone", title="zone", width=14, weight=1, most=20, letter="Z", cell=zone,
               sort=lambda row: text(row, "zone")),
        plain_column("region", "region", 14, weight=1, most=20, letter="R"),
        plain_column("zone_id", "zone id", 10, letter="I", needs=60),
        Column(key="as_of", title="asked", width=6, align="right", letter="A", needs=70,
               cell=lambda row: Cell(_asked(session, row), "dim"), sort=lambda row: text(row, "as_of") or None),
    ]  # fmt: skip


def _asked(session: Session, row: JsonObject) -> str:
    when = parse_moment(text(row, "as_of"))
    return age(None if when is None else when.timestamp(), session.now().timestamp(), session.glyphs)


def _told(_: Session, row: JsonObject) -> str:
    count = number(row, "count") or 1
    wish = f"{count:.0f} machines in " if count > 1 else ""
    where = text(row, "zone") or text(row, "region")
    told = f"{wish}{where}: {text(row, 'score')} of 10; 10 means that they can very likely be had now."
    return f"{told}  {text(row, 'note')}".strip()


SCORES = RecordList(
    question="price.score", title="Placement score", key="zone_id", columns=_columns, told=_told, marks=False,
    empty="AWS gives no placement score for this.",
)  # fmt: skip
