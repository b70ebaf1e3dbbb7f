"""What a server offers that is not kept as a connection yet; nothing is written down."""

from __future__ import annotations

from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.errors import NotAllowed
from aicompute_tui.domain.json import Json
from aicompute_tui.llms.base import Endpoint
from aicompute_tui.llms.presets import preset_of
from aicompute_tui.services.arguments import text
from aicompute_tui.services.connection_arguments import base_url, checked_key
from aicompute_tui.services.connection_views import model_view
from aicompute_tui.services.context import Arguments, Context


async def offers(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.offers`. A key that a form holds goes to that address alone; no parameter names it."""
    from aicompute_tui.llms.calls import list_models

    preset = preset_of(text(arguments, "preset") or "openai-compatible")
    where = base_url(arguments, preset)
    if not context.clouds.may_reach(where):
        raise NotAllowed("The demo reaches nothing but this machine.", "Leave the demo to use your own connections.")
    actor = context.actor
    asked = Connection(
        id="", owner=actor.owner, created_by=actor.name, name=where, kind=preset.name, base_url=where,
        created_at=context.clock.now(),
    )  # fmt: skip
    key = text(arguments, "typed_key")
    endpoint = Endpoint(asked, preset, None if key is None else checked_key(key))
    return [model_view(model) for model in await list_models(endpoint)]
