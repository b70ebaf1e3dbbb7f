"""How a type's spot price moved over days, by zone; kept for a while, and told with its age where it is not new."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from aicompute_tui.clouds.aws.prices import SPOT_SOURCE
from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound, Refused
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.domain.spot import SpotPoint, ZoneHistory, by_zone
from aicompute_tui.services.arguments import integer, required_text, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.launch_spec import region_without_a_word
from aicompute_tui.services.offers import current_offers
from aicompute_tui.services.views import usd_or_none
from aicompute_tui.store.kept_answers import keep_answer, kept_answer

LONGEST_DAYS = 90
USUAL_DAYS = 30
_FRESH = timedelta(minutes=10)
_TYPE = re.compile(r"[a-z0-9-]+\.[a-z0-9-]+")
_REGION = re.compile(r"[a-z]{2,3}(?:-[a-z]+)+-\d{1,2}")


async def price_history(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `price.history`: a row for each zone, the one that is cheapest now first.

    Without an account that may ask, the one figure that is known. Raises NotFound where there is none either.
    """
    machine_type = required_text(arguments, "type").lower()
    days = integer(arguments, "days", least=1, most=LONGEST_DAYS) or USUAL_DAYS
    zones = texts(arguments, "zone")
    table = await current_offers(context)
    now = context.clock.now()
    try:
        credential = await context.clouds.resolve(text(arguments, "profile"))
        region = _checked(
            machine_type, text(arguments, "region") or region_without_a_word(context.preferences, credential)
        )
        points, read_at, why = await _points(context, credential.id, region, machine_type, days)
    except InvalidInput:
        raise
    except AicError as error:
        if text(arguments, "profile") and isinstance(error, NotFound):
            raise
        region = _checked(machine_type, text(arguments, "region") or region_without_a_word(context.preferences, None))
        return [_one_figure(table, region, machine_type, days, error, now)]
    wanted = [point for point in points if not zones or point.zone in zones]
    since = read_at - timedelta(days=days)
    found = by_zone(wanted, since, read_at)
    if not found:
        where = f"{', '.join(zones)} of {region}" if zones else region
        raise NotFound(f"AWS has no spot price of {machine_type} in {where}.", "Choose another region, zone or type.")
    row = _row_of(table, region, machine_type)
    on_demand = None if row is None else table.figure("on_demand_nano", row)
    return [_view(each, region, machine_type, days, on_demand, read_at, why, now) for each in found]


def _checked(machine_type: str, region: str) -> str:
    """Raises InvalidInput for what no type or region is called."""
    if not _TYPE.fullmatch(machine_type):
        raise InvalidInput(f"“{machine_type}” is no machine type of AWS.", "Write it like g5.xlarge.")
    if not _REGION.fullmatch(region):
        raise InvalidInput(f"“{region}” is no region of AWS.", "Write it like ca-central-1; see `aic-tui region list`.")
    return region


async def _points(
    context: Context, credential_id: str, region: str, machine_type: str, days: int
) -> tuple[Sequence[SpotPoint], datetime, str | None]:
    """The points, when they were read, and why they are not new where they are not. Raises AicError."""
    now = context.clock.now()
    name = f"history-{region}-{machine_type}-{days}-{sha256(credential_id.encode()).hexdigest()[:8]}"
    kept = await asyncio.to_thread(kept_answer, context.places.cache, name)
    known = None if kept is None else (_read(kept[1]), kept[0])
    if known is not None and abs(now - known[1]) < _FRESH:
        return known[0], known[1], None
    try:
        cloud = await context.clouds.cloud(credential_id)
        points = await cloud.spot_history(region, machine_type, now - timedelta(days=days))
    except AicError as error:
        if known is None:
            raise
        return known[0], known[1], f"{error.message} {error.next_step}".strip()
    with suppress(Refused):  # a cache that cannot be written costs the next question a call
        await asyncio.to_thread(keep_answer, context.places.cache, name, now, _written(points))
    return points, now, None


def _written(points: Sequence[SpotPoint]) -> Json:
    return [[point.zone, point.at.timestamp(), str(point.usd_per_hour)] for point in points]


def _read(kept: Json) -> list[SpotPoint]:
    """Nothing where it is not what `_written` made."""
    try:
        return [_point(each) for each in kept] if isinstance(kept, list) else []
    except (TypeError, ValueError, ArithmeticError):
        return []


def _point(kept: Json) -> SpotPoint:
    """Raises TypeError, ValueError or ArithmeticError for what `_written` did not make."""
    match kept:
        case [str(zone), float(at) | int(at), str(usd)]:
            return SpotPoint(zone=zone, at=datetime.fromtimestamp(at, UTC), usd_per_hour=Decimal(usd))
    raise ValueError("point")


def _row_of(table: OfferTable, region: str, machine_type: str) -> int | None:
    wanted = f"aws/{region}/{machine_type}"
    return next((row for row in range(len(table)) if table.row_id(row) == wanted), None)


def _view(
    found: ZoneHistory,
    region: str,
    machine_type: str,
    days: int,
    on_demand_nano: int | None,
    read_at: datetime,
    why: str | None,
    now: datetime,
) -> JsonObject:
    return {
        "type": machine_type,
        "region": region,
        "zone": found.zone,
        "days": days,
        "now_usd_per_hour": usd_or_none(found.now),
        "least_usd_per_hour": usd_or_none(found.least),
        "median_usd_per_hour": usd_or_none(found.median),
        "most_usd_per_hour": usd_or_none(found.most),
        "changes_per_day": round(found.changes_per_day, 2),
        "on_demand_usd_per_hour": None if on_demand_nano is None else on_demand_nano / 1e9,
        "points": [[int(point.at.timestamp()), usd_or_none(point.usd_per_hour)] for point in found.points],
        "source": SPOT_SOURCE,
        "as_of": format_moment(read_at),
        "age_seconds": max(0, int((now - read_at).total_seconds())),
        "note": why,
    }


def _one_figure(
    table: OfferTable, region: str, machine_type: str, days: int, error: AicError, now: datetime
) -> JsonObject:
    """What the lists know, with the reason why there is no more."""
    row = _row_of(table, region, machine_type)
    nano = None if row is None else table.figure("spot_nano", row)
    if row is None or nano is None:
        raise NotFound(
            f"No spot price of {machine_type} in {region} is known, and no account can be asked: {error.message}",
            error.next_step or "Choose another region or type.",
        )
    at = table.figure("spot_at", row) or 0
    usd, on_demand = nano / 1e9, table.figure("on_demand_nano", row)
    return {
        "type": machine_type,
        "region": region,
        "zone": table.word("zone", row) or None,
        "days": days,
        "now_usd_per_hour": usd,
        "least_usd_per_hour": None,
        "median_usd_per_hour": None,
        "most_usd_per_hour": None,
        "changes_per_day": None,
        "on_demand_usd_per_hour": None if on_demand is None else on_demand / 1e9,
        "points": [[at, usd]],
        "source": table.word("spot_source", row),
        "as_of": format_moment(datetime.fromtimestamp(at, UTC)) if table.figure("spot_dated", row) == 1 else None,
        "age_seconds": max(0, int(now.timestamp()) - at),
        "note": f"History needs an account: {error.message} {error.next_step}".strip(),
    }
