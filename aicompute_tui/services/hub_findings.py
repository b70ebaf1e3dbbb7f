"""What `doctor` says of the hub of models: whether it answers, whose token there is, and what that may."""

from __future__ import annotations

import asyncio

from aicompute_tui.domain.errors import AicError, AuthFailed, NotConfigured
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.hub.base import STORE_TOKEN, Hub, ModelQuery
from aicompute_tui.services.context import Context
from aicompute_tui.services.finding import OK, WARNING, finding
from aicompute_tui.services.hub_access import open_hub

_CHECK = "model hub"
_SECONDS = 12.0
_MAY = {"read": "may read", "write": "may read and write", "fineGrained": "may what was chosen for it"}


async def hub_findings(context: Context) -> list[JsonObject]:
    """Without the hub nothing fails: what ships, and what was seen, is still shown."""
    hub = await open_hub(context)
    if hub.is_offline:
        return [finding(_CHECK, OK, "not asked, as HF_HUB_OFFLINE wants; what ships and what was seen is shown")]
    try:
        async with asyncio.timeout(_SECONDS):
            try:
                account = await hub.account()
            except NotConfigured as error:
                await hub.models(ModelQuery(limit=1))
                return [_without_token(hub, error)]
    except TimeoutError:
        return [finding(_CHECK, WARNING, f"{hub.address} did not answer in time.", "Look at the network.")]
    except AuthFailed as error:
        return [finding(_CHECK, WARNING, error.message, error.next_step)]
    except AicError as error:
        reason = f"{error.message} Shipped models, and those seen before, are still shown."
        return [finding(_CHECK, WARNING, reason, "Look at the network, or set HF_HUB_OFFLINE=1 to ask no hub.")]
    may = _MAY.get(account.may or "", "may what the hub does not tell")
    return [finding(_CHECK, OK, f"{hub.address} answers; the token is {account.name}'s and {may}")]


def _without_token(hub: Hub, why: NotConfigured) -> JsonObject:
    if hub.withholds_token:
        return finding(_CHECK, WARNING, f"{hub.address} answers. {why.message}", why.next_step)
    return finding(_CHECK, OK, f"{hub.address} answers; there is no token", f"For gated models: {STORE_TOKEN}")
