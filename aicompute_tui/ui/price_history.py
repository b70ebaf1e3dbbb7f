"""What spot machines cost before, as lists: a line for each zone, the same by days, and the lines of its chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.format import money
from aicompute_tui.ui.records import RecordList, RowColumn, number, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column
from aicompute_tui.ui.widgets.line_chart import Line

SPANS = (7, 30, 90)
"""Days that can be looked back."""
_DAY = 86_400.0


def _zone_columns(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs

    def zone(row: JsonObject) -> Cell:
        is_cheapest = bool(row.get("is_cheapest"))
        return Cell(text(row, "zone") or "any zone", "strong" if is_cheapest else "")

    def usd(key: str, title: str, letter: str, *, needs: int = 0) -> RowColumn:
        return Column(
            key=key, title=title, width=9, align="right", letter=letter, needs=needs,
            cell=lambda row: _usd(number(row, key), session), sort=lambda row: number(row, key),
        )  # fmt: skip

    def moves(row: JsonObject) -> str:
        changes = number(row, "changes_per_day")
        return glyphs.unknown if changes is None else f"{changes:.1f}"

    return [
        Column(key="zone", title="zone", width=16, letter="Z", cell=zone, sort=lambda row: text(row, "zone") or None),
        usd("now_usd_per_hour", "now/h", "N"),
        usd("least_usd_per_hour", "least", "L"),
        usd("median_usd_per_hour", "median", "M", needs=60),
        usd("most_usd_per_hour", "most", "O"),
        Column(key="changes_per_day", title="moves/day", width=9, align="right", letter="C", needs=70, cell=moves,
               sort=lambda row: number(row, "changes_per_day")),
    ]  # fmt: skip


def _usd(amount: float | None, session: Session) -> str:
    """Spot prices move in the third and fourth decimal."""
    return session.glyphs.unknown if amount is None else f"${amount:,.4f}"


def _told(session: Session, row: JsonObject) -> str:
    listed, now = number(row, "on_demand_usd_per_hour"), number(row, "now_usd_per_hour")
    saves = (
        f", {100 * (1 - now / listed):.0f}% less than the list's {money(listed, session.glyphs)}"
        if listed and now
        else ""
    )
    about = f"{text(row, 'zone') or 'any zone'} now {_usd(now, session)}/h{saves}"
    return "   ".join(part for part in (about, text(row, "source"), text(row, "note")) if part)


HISTORY = RecordList(
    question="price.history", title="Spot history", key="zone", columns=_zone_columns, told=_told,
    empty="Nobody tells what this machine cost before.",
)  # fmt: skip


def with_cheapest(rows: Sequence[JsonObject]) -> list[JsonObject]:
    """The zone that costs least now is told apart, where there is more than one."""
    known = [each for each in (number(row, "now_usd_per_hour") for row in rows) if each is not None]
    least = min(known) if len(known) > 1 else None
    return [{**row, "is_cheapest": least is not None and number(row, "now_usd_per_hour") == least} for row in rows]


def short_zone(zone: str) -> str:
    """`ca-central-1b` → `b`: the region stands above."""
    return zone[-1:] or "·"


def chart_of(rows: Sequence[JsonObject], strong: str) -> list[Line]:
    """Of rows with more than the figure of this moment."""
    return [
        Line(short_zone(text(row, "zone")), points, text(row, "zone") == strong)
        for row in rows
        if len(points := points_of(row)) > 1
    ]


def points_of(row: JsonObject) -> list[tuple[float, float]]:
    found = row.get("points")
    pairs = [each for each in found if isinstance(each, list) and len(each) == 2] if isinstance(found, list) else []
    return [
        (float(at), float(usd)) for at, usd in pairs if isinstance(at, (int, float)) and isinstance(usd, (int, float))
    ]


def days_of(rows: Sequence[JsonObject], days: int, now: datetime) -> dict[str, JsonObject]:
    """A row for each day, today first: what each zone cost at its end."""
    lines = {text(row, "zone"): Line(text(row, "zone"), points_of(row)) for row in rows}
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    found: dict[str, JsonObject] = {}
    for back in range(days):
        day = midnight - timedelta(days=back)
        end = min(day.timestamp() + _DAY, now.timestamp())
        found[f"{day:%Y-%m-%d}"] = {"day": f"{day:%Y-%m-%d}", **{zone: line.at(end) for zone, line in lines.items()}}
    return found


def day_columns(rows: Sequence[JsonObject], session: Session) -> list[RowColumn]:
    def usd(zone: str, row: JsonObject) -> str:
        return _usd(number(row, zone), session)

    return [
        Column(key="day", title="day (UTC)", width=10, letter="D", cell=lambda row: text(row, "day"),
               sort=lambda row: text(row, "day"), descending=True),
        *(
            Column(key=zone, title=zone or "any zone", width=14, align="right", cell=partial(usd, zone),
                   sort=partial(number, key=zone))
            for zone in (text(row, "zone") for row in rows)
        ),
    ]  # fmt: skip
