"""What `doctor` says of quotas: whether they may be read, and how much of the usual machine fits."""

from __future__ import annotations

import asyncio

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.offer import QuotaReading
from aicompute_tui.domain.quota import machines_that_fit
from aicompute_tui.services.context import Context
from aicompute_tui.services.finding import OK, UNKNOWN, WARNING, finding
from aicompute_tui.services.launch_spec import market_named, region_without_a_word
from aicompute_tui.services.quota_fit import preferred_types, vcpus_of

_SECONDS = 15.0
_CHECK = "quotas"


async def quota_findings(context: Context) -> list[JsonObject]:
    """Nothing where no credential works: that has a line of its own."""
    try:
        credential = await context.clouds.resolve(None)
        cloud = await context.clouds.cloud(credential.id)
        names = preferred_types(context.preferences)
        market = market_named(context.preferences.text("market").strip() or "spot")
    except AicError:
        return []
    region = region_without_a_word(context.preferences, credential)
    try:
        async with asyncio.timeout(_SECONDS):
            readings = await cloud.quotas(region, names, market)
    except (AicError, TimeoutError) as error:
        why = error.message if isinstance(error, AicError) else f"{region} did not answer in time."
        return [finding(_CHECK, UNKNOWN, why, "aic-tui quota list")]
    return [_of(name, f"{region} {market.value}", readings[name]) for name in names]


def _of(name: str, where: str, reading: QuotaReading) -> JsonObject:
    limit, free = reading.limit_vcpus, reading.free_vcpus
    if limit is None or free is None:
        step = "Allow the credential what the README's policy lists under servicequotas and ec2:Describe."
        return finding(_CHECK, WARNING, f"{where}: {reading.note or 'not known'}", step)
    fits = machines_that_fit(free, vcpus_of(name))
    room = f"{free} of {limit} vCPU free" + (f", room for {fits} × {name}" if fits is not None else "")
    if fits == 0:
        step = f"Ask for more: aic-tui quota request {name} --vcpus {limit + (vcpus_of(name) or 0)}"
        return finding(_CHECK, WARNING, f"{where}: {room}", step)
    return finding(_CHECK, OK, f"{where}: {room}")
