"""What at an endpoint answers prompts: a server that takes any model may have some that only embed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aicompute_tui.domain.connection import Connection, ServedModel, check_base_url
from aicompute_tui.domain.errors import AicError
from aicompute_tui.llms.base import Endpoint, Request, as_object
from aicompute_tui.llms.presets import preset_of
from aicompute_tui.services.connection_sources import Served
from aicompute_tui.services.context import Context

_SECONDS = 5.0
_MOST_ASKED = 8


async def as_it_answers(context: Context, served: Served) -> Served:
    """Without the models that an Ollama says answer none; all others tell no such thing."""
    if served.framework != "ollama" or not context.clouds.may_reach(served.url):
        return served
    endpoint = _endpoint(context, served)
    try:
        async with asyncio.timeout(_SECONDS):
            silent, heard = await _told(endpoint, served)
    except (AicError, TimeoutError):
        return served
    models = tuple(each for each in served.models if not {each, f"{each}:latest"} & silent)
    return replace(served, models=models, answers=bool(heard or models or not silent))


def _endpoint(context: Context, served: Served) -> Endpoint:
    preset = preset_of("ollama")
    connection = Connection(
        id="",
        owner=served.owner,
        created_by=context.actor.name,
        name=served.title,
        kind=preset.name,
        base_url=check_base_url(served.url, preset.usual_path),
        created_at=context.clock.now(),
    )
    return Endpoint(connection, preset, None)


async def _told(endpoint: Endpoint, served: Served) -> tuple[set[str], set[str]]:
    """Of the models meant, all where none is named, those that answer no prompts, and the others."""
    from aicompute_tui.llms.calls import list_models

    wanted = {*served.models, *(f"{each}:latest" for each in served.models)}
    meant = [each for each in await list_models(endpoint) if not wanted or each.id in wanted]
    silent = {each.id for each in meant[:_MOST_ASKED] if await _answers(endpoint, each) is False}
    return silent, {each.id for each in meant} - silent


async def _answers(endpoint: Endpoint, model: ServedModel) -> bool | None:
    """An older server lists no capabilities, and tells them of each model."""
    from aicompute_tui.llms.calls import fetch
    from aicompute_tui.llms.ollama import answers_by

    if model.answers is not None:
        return model.answers
    return answers_by(as_object(await fetch(endpoint, Request("/api/show", {"model": model.id}))))
