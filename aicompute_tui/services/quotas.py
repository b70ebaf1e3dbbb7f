"""What is left of the quotas that count machines: of every family in the regions of use, or for some types now."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.quota import FAMILIES, KeptQuota, QuotaRequest, quota_family
from aicompute_tui.services.arguments import flag, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.launch_spec import market_named, region_without_a_word
from aicompute_tui.services.quota_fit import preferred_types, vcpus_of
from aicompute_tui.services.quota_places import places_of
from aicompute_tui.services.quota_readings import refresh, stale
from aicompute_tui.services.quota_views import kept_view, reading_view


async def list_quotas(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `quota.list`: a row for each family and market; with types, one for each type as it stands now."""
    names = texts(arguments, "type")
    regions = texts(arguments, "region")
    named = text(arguments, "market")
    if names:
        return await _of_types(context, arguments, names, regions)
    places = await places_of(context, text(arguments, "profile"), regions, everywhere=flag(arguments, "everywhere"))
    asked = places if flag(arguments, "fresh") else await stale(context, places)
    fresh = {each.key: each for each in await refresh(context, asked)}
    market = None if named is None else market_named(named)
    wanted = preferred_types(context.preferences)
    now = context.clock.now()
    async with context.store.read() as transaction:
        kept = {each.key: each for each in await transaction.quotas.list()} | fresh
        requests = latest_requests(await transaction.quota_requests.list())
    keys = {place.key for place in places}
    return [
        kept_view(each, requests.get(each.key), wanted, now)
        for each in sorted(kept.values(), key=_order)
        if (each.cloud, each.account_id, each.region) in keys and market in (None, each.market)
    ]


def _order(kept: KeptQuota) -> tuple[str, str, bool, int]:
    """Regions by their name, spot before on-demand, the families of GPUs first."""
    families = FAMILIES[kept.market]
    place = families.index(kept.family) if kept.family in families else 0
    return kept.account_id, kept.region, kept.market is not Market.SPOT, place


async def _of_types(context: Context, arguments: Arguments, names: Sequence[str], regions: Sequence[str]) -> list[Json]:
    credential = await context.clouds.resolve(text(arguments, "profile"))
    market = market_named(text(arguments, "market") or context.preferences.text("market").strip() or "spot")
    cloud = await context.clouds.cloud(credential.id)
    rows: list[Json] = []
    for region in regions or (region_without_a_word(context.preferences, credential),):
        readings = await cloud.quotas(region, list(dict.fromkeys(names)), market)
        rows += [
            {
                "type": name,
                "market": market.value,
                "region": region,
                "family": quota_family(name, market.value),
                **reading_view(reading, name, vcpus_of(name)),
            }
            for name, reading in readings.items()
        ]
    return rows


def latest_requests(requests: Sequence[QuotaRequest]) -> dict[str, QuotaRequest]:
    """By the key of the quota they are about; an open one goes before one that was answered."""
    found: dict[str, QuotaRequest] = {}
    for each in sorted(requests, key=lambda request: (request.is_open, request.created_at)):
        found[each.quota_key] = each
    return found
