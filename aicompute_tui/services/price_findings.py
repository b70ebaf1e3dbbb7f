"""What doctor says about prices: which feeds could not be believed or reached, and how old what is kept is."""

from __future__ import annotations

from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services.context import Context
from aicompute_tui.services.finding import OK, WARNING, finding
from aicompute_tui.services.price_feeds import feed_rows

_CHECK = "prices"


async def price_findings(context: Context) -> list[JsonObject]:
    """One line where all is well, else one for each feed that is not."""
    rows = await feed_rows(context)
    troubled = [row for row in rows if row["state"] in {"failed", "refused"}]
    if troubled:
        return [_trouble(row) for row in troubled]
    asked = [row for row in rows if row["state"] in {"new", "unchanged"} and row["checked_at"]]
    if not asked:
        return [finding(_CHECK, OK, "by the dated lists that ship: no feed was asked yet", "aic-tui price refresh")]
    ages = [age for row in asked if isinstance(age := row["age_seconds"], int)]
    oldest = f", the oldest {format_duration(max(ages))} old" if ages else ""
    return [finding(_CHECK, OK, f"{len(asked)} feeds{oldest}")]


def _trouble(row: JsonObject) -> JsonObject:
    age = row["age_seconds"]
    kept = f" What is kept is {format_duration(age)} old." if isinstance(age, int) else " Nothing of it is kept."
    return finding(_CHECK, WARNING, f"{row['problem']}{kept}", str(row["next_step"] or ""))
