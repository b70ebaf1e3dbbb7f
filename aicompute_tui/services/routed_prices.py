"""What OpenRouter asks for its models: read from its own list when its prices are asked for, and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.errors import AicError, BadAnswer, NotAllowed, Refused
from aicompute_tui.domain.json import Json
from aicompute_tui.llms.base import Endpoint, Request, as_object
from aicompute_tui.llms.openrouter import RoutedModel, routed_models, worth_keeping
from aicompute_tui.llms.presets import PRESETS, preset_of
from aicompute_tui.services.connection_calls import endpoint_of
from aicompute_tui.services.context import Context
from aicompute_tui.store.kept_answers import keep_answer, kept_answer

ROUTER = "openrouter"
_NAME = "openrouter-models"
_FRESH = timedelta(hours=1)


class Routed(NamedTuple):
    """What is known of its models, where that was read, and why it is not new where it is not."""

    models: Mapping[str, RoutedModel]
    address: str
    why_old: str | None = None


async def routed_prices(context: Context, connections: Sequence[Connection], *, asks: bool) -> Routed:
    """What was kept, and with `asks` what its list tells now where that is older. Raises AicError for want of both."""
    now = context.clock.now()
    own = next((each for each in connections if each.kind == ROUTER and each.is_active), None)
    address = PRESETS[ROUTER].base_url or "" if own is None else own.base_url
    kept = await asyncio.to_thread(kept_answer, context.places.cache, _NAME)
    known = None if kept is None or as_object(kept[1]).get("from") != address else kept
    if not asks or (known is not None and abs(now - known[0]) < _FRESH):
        return _routed(known, address)
    try:
        listed = worth_keeping(await _asked(context, own, address))
        if not listed:
            raise BadAnswer(f"{address} gave no list of models.", "Ask again later.")
    except AicError as error:
        if known is None:
            raise
        return _routed(known, address)._replace(why_old=f"{error.message} {error.next_step}".strip())
    answer: Json = {"from": address, "models": listed}
    with suppress(Refused):  # a cache that cannot be written costs the next question a call
        await asyncio.to_thread(keep_answer, context.places.cache, _NAME, now, answer)
    return _routed((now, answer), address)


def _routed(kept: tuple[datetime, Json] | None, address: str) -> Routed:
    models = {} if kept is None else routed_models(as_object(kept[1]).get("models"), kept[0].date())
    return Routed(models, address)


async def _asked(context: Context, own: Connection | None, address: str) -> Json:
    """By the user's own connection, else by the public address without a key. Raises AicError."""
    from aicompute_tui.llms.calls import fetch

    if own is not None:
        return await fetch(await endpoint_of(context, own.id), Request("/models"))
    if not context.clouds.may_reach(address):
        raise NotAllowed("The demo reaches nothing but this machine.", "Leave the demo to ask for prices.")
    actor = context.actor
    public = Connection(
        id="", owner=actor.owner, created_by=actor.name, name="OpenRouter", kind=ROUTER, base_url=address,
        created_at=context.clock.now(),
    )  # fmt: skip
    return await fetch(Endpoint(public, preset_of(ROUTER), None), Request("/models"))
