"""Models to choose from: the well-known ones that ship, what trends on the hub, and a search over all of it."""

from __future__ import annotations

import asyncio
import re

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json
from aicompute_tui.hub.base import SORTS, ModelQuery
from aicompute_tui.hub.curated import curated_models
from aicompute_tui.services.arguments import integer, text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.hub_access import open_hub
from aicompute_tui.services.model_rows import curated_row, hub_row

_USUAL_ROWS = 50
_MOST_ROWS = 100
_SPAN = re.compile(r"^(?P<sign>[<>]?)(?P<least>\d{1,4}(?:\.\d)?[kmbt]?)(?:-(?P<most>\d{1,4}(?:\.\d)?[kmbt]?))?$")
_YES_NO = {"yes": True, "no": False}


async def popular(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `model.popular`: asks nobody."""
    models = await asyncio.to_thread(curated_models)
    purpose = (text(arguments, "purpose") or "").lower()
    known = sorted({model.purpose for model in models})
    if purpose and purpose not in known:
        raise InvalidInput(f"No model here is for “{purpose}”.", f"Choose one of {', '.join(known)}.")
    limit = integer(arguments, "limit", least=1, most=_MOST_ROWS)
    wanted = [model for model in models if purpose in {"", model.purpose}]
    return [curated_row(model, context.clock.now()) for model in wanted[:limit]]


async def trending(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `model.trending`."""
    return await _page(context, {**arguments, "words": None, "sort": "trending"})


async def search(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `model.search`: one page, with what brings the next one on each of its rows."""
    return await _page(context, arguments)


async def _page(context: Context, arguments: Arguments) -> list[Json]:
    query = _query(arguments)
    page = await (await open_hub(context)).models(query)
    now = context.clock.now()
    return [hub_row(model, page.reading, now, page.next_cursor) for model in page.models]


def _query(arguments: Arguments) -> ModelQuery:
    gated = (text(arguments, "gated") or "").lower()
    if gated not in {"", *_YES_NO}:
        raise InvalidInput(f"“{gated}” is neither yes nor no (gated).", "Write --gated no.")
    sort = text(arguments, "sort") or ("downloads" if texts(arguments, "words") else "trending")
    if sort not in SORTS:
        raise InvalidInput(f"Models are not sorted by “{sort}”.", f"Choose one of {', '.join(SORTS)}.")
    licence, library = text(arguments, "licence"), text(arguments, "library")
    quantisation = text(arguments, "quantisation")
    tags = (library, None if licence is None else f"license:{licence.lower()}", quantisation and quantisation.lower())
    return ModelQuery(
        words=" ".join(texts(arguments, "words")),
        author=text(arguments, "author") or "",
        tags=tuple(tag for tag in tags if tag),
        task=text(arguments, "task") or "",
        gated=_YES_NO.get(gated),
        parameters=_span(text(arguments, "size")),
        sort=sort,
        limit=integer(arguments, "limit", least=1, most=_MOST_ROWS) or _USUAL_ROWS,
        cursor=text(arguments, "cursor") or "",
    )


def _span(written: str | None) -> str:
    """`7b-13b`, `<8b`, `>30b` in the hub's words."""
    if written is None:
        return ""
    match = _SPAN.match(written.replace(" ", "").lower())
    if match is None or (match["sign"] and match["most"]):
        raise InvalidInput(f"“{written}” is not a span of parameters.", "Write it like 7b-13b, <8b or >30b.")
    least, most = match["least"].upper(), (match["most"] or "").upper()
    if match["sign"] == "<":
        return f"max:{least}"
    if match["sign"] == ">":
        return f"min:{least}"
    return f"min:{least},max:{most or least}"
