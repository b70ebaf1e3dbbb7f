"""How likely AWS thinks it is that spot machines of some types can be had, by zone, on request."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256

from aicompute_tui.domain.errors import InvalidInput, Refused
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.spot import PlacementScore
from aicompute_tui.services.arguments import integer, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.launch_spec import region_without_a_word
from aicompute_tui.services.views import moment_or_none
from aicompute_tui.store.kept_answers import keep_answer, kept_answer

_FRESH = timedelta(hours=4)
_MOST_REGIONS = 10
_MOST_TYPES = 100
_MOST_MACHINES = 1000
_FEW_TYPES = 3
_FEW_NOTE = "AWS scores fewer than three types low: name more that would do as well."


async def placement_scores(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `price.score`: a row for each zone, best first. Asked of AWS at most once in four hours."""
    types = sorted(dict.fromkeys(texts(arguments, "type")))
    if not types or len(types) > _MOST_TYPES:
        raise InvalidInput(
            f"A score is of 1 to {_MOST_TYPES} machine types.", "Name them: aic-tui price score g5.xlarge."
        )
    credential = await context.clouds.resolve(text(arguments, "profile"))
    named = texts(arguments, "region") or (region_without_a_word(context.preferences, credential),)
    regions = sorted(dict.fromkeys(named))
    if len(regions) > _MOST_REGIONS:
        raise InvalidInput(f"AWS scores at most {_MOST_REGIONS} regions at once.", "Name fewer.")
    count = integer(arguments, "count", least=1, most=_MOST_MACHINES) or 1
    now = context.clock.now()
    wish = f"{credential.id} {regions} {types} {count}"
    name = f"score-{sha256(wish.encode()).hexdigest()[:24]}"
    kept = await asyncio.to_thread(kept_answer, context.places.cache, name)
    if kept is not None and abs(now - kept[0]) < _FRESH and isinstance(kept[1], list):
        return [{**row, "as_of": moment_or_none(kept[0])} for row in kept[1] if isinstance(row, dict)]
    cloud = await context.clouds.cloud(credential.id)
    found = await cloud.placement_scores(regions, types, count)
    rows = [_view(each, types, count) for each in found]
    with suppress(Refused):  # a cache that cannot be written costs the next question a call
        await asyncio.to_thread(keep_answer, context.places.cache, name, now, [*rows])
    return [{**row, "as_of": moment_or_none(now)} for row in rows]


def _view(each: PlacementScore, types: Sequence[str], count: int) -> JsonObject:
    return {
        "region": each.region,
        "zone": each.zone,
        "zone_id": each.zone_id or None,
        "score": each.score,
        "types": list(types),
        "count": count,
        "note": _FEW_NOTE if len(types) < _FEW_TYPES else None,
    }
