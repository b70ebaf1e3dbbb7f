"""Keeping the price of running machines true: spot prices move while a machine runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.ledger import reprice
from aicompute_tui.domain.offer import PriceQuote
from aicompute_tui.services.audit import save
from aicompute_tui.services.context import Context
from aicompute_tui.services.fence import Hold

_AGE_GRAIN = timedelta(hours=1)
"""How often a price that stays the same is written down again, for its age."""


async def refresh_prices(context: Context, cloud: Cloud, account_id: str, hold: Hold) -> int:
    """Books each open machine at its old price and goes on at the new one; how many changed.

    A price that cannot be read leaves the old one standing with its age.
    """
    async with context.store.read() as transaction:
        rows = await transaction.instances.list()
    rows = [row for row in rows if row.cloud == cloud.name and row.account_id == account_id and row.billing_since]
    changed = 0
    for region in sorted({row.region for row in rows}):
        members = [row for row in rows if row.region == region]
        try:
            quotes = await cloud.prices(region, sorted({row.instance_type for row in members}))
        except AicError:
            continue
        for row in members:
            quote = quotes.get((row.instance_type, row.market))
            if quote is not None and quote.as_of is not None:
                changed += await _reprice(context, row, quote, hold)
    return changed


async def _reprice(context: Context, row: Instance, quote: PriceQuote, hold: Hold) -> bool:
    price = quote.by_zone.get(row.zone or "", quote.usd_per_hour)
    is_same = (price, quote.source) == (row.price_usd_per_hour, row.price_source)
    if is_same and row.price_as_of and quote.as_of and quote.as_of - row.price_as_of < _AGE_GRAIN:
        return False
    now = context.clock.now()
    async with context.store.write() as transaction:
        await hold(transaction)
        present = await transaction.instances.get(row.id)
        if present.is_final or present.billing_since is None:
            return False
        if is_same:
            await save(transaction, present, replace(present, price_as_of=quote.as_of))
        else:
            await save(transaction, present, reprice(present, price, quote.source, quote.as_of, now))
    return not is_same
