"""What is left of the quotas that count machine types."""

from __future__ import annotations

from aicompute_tui.domain.json import Json
from aicompute_tui.domain.launch import DEFAULT_INSTANCE_TYPE
from aicompute_tui.services.arguments import text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.launch_spec import market_named, region_without_a_word


async def list_quotas(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `quota.list`: a row for each type asked about; what cannot be read is None with a note."""
    credential = await context.clouds.resolve(text(arguments, "profile"))
    region = text(arguments, "region") or region_without_a_word(context.preferences, credential)
    market = market_named(text(arguments, "market") or context.preferences.text("market").strip() or "spot")
    preferred = context.preferences.text("instance_type").strip() or DEFAULT_INSTANCE_TYPE
    names = texts(arguments, "type") or (preferred,)
    cloud = await context.clouds.cloud(credential.id)
    readings = await cloud.quotas(region, list(dict.fromkeys(names)), market)
    return [
        {
            "type": name,
            "market": market.value,
            "region": region,
            "name": reading.name,
            "code": reading.code,
            "limit_vcpus": reading.limit_vcpus,
            "used_vcpus": reading.used_vcpus,
            "free_vcpus": reading.free_vcpus,
            "note": reading.note or None,
        }
        for name, reading in readings.items()
    ]
