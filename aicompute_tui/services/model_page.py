"""All that is known of one model: what its page says, its files and variants, who may have it, and what serves it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

from aicompute_tui.domain.container_framework import CONTAINER_FRAMEWORKS
from aicompute_tui.domain.errors import AicError, RateLimited, Unreachable
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.model_advice import Advice, advice_for
from aicompute_tui.domain.model_card import description_of
from aicompute_tui.domain.model_shape import ModelShape
from aicompute_tui.domain.model_variants import ModelVariant
from aicompute_tui.hub.base import STORE_TOKEN, Hub, HubModel, withheld
from aicompute_tui.hub.curated import CuratedModel, curated_model
from aicompute_tui.services.arguments import required_text, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.hub_access import open_hub
from aicompute_tui.services.model_facts import ModelFacts, facts_of
from aicompute_tui.services.model_rows import curated_row, hub_row, usual_engine, vram

_README = "README.md"
_PULLED_BY = {"ollama": ("ollama",)}
"""Which kinds of model servers fetch by that name."""


async def show_model(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `model.show`: a shipped model is shown from what ships where the hub cannot be asked."""
    named = required_text(arguments, "model")
    known = await asyncio.to_thread(curated_model, named)
    hub = await open_hub(context)
    asked = named if known is None or "/" in named else known.hub_id
    now = context.clock.now()
    try:
        facts = await facts_of(hub, asked, text(arguments, "variant"))
    except (Unreachable, RateLimited) as error:
        if known is None:
            raise
        return _shipped_page(known, hub.address, error, now)
    description, access = await asyncio.gather(_description(hub, facts.model), _access(hub, facts.model))
    known = known or curated_model(facts.model.id)
    page = _page(facts, known, now)
    is_renamed = facts.model.id.lower() != asked.lower()
    del page["next_cursor"]
    return {**page, "description": description, "access": access, "renamed_from": asked if is_renamed else None}


def _page(facts: ModelFacts, known: CuratedModel | None, now: datetime) -> JsonObject:
    model, shape = facts.model, facts.shape
    row = hub_row(model, facts.reading, now)
    kind = facts.chosen.format if facts.chosen is not None else None
    needed, basis = vram(shape, usual_engine(model.task, kind))
    sizes = [file.size_bytes for file in model.files if file.size_bytes is not None]
    return {
        **row,
        "format": kind or row["format"],
        "quantisation": (facts.chosen.quantisation if facts.chosen else None) or row["quantisation"],
        "size_bytes": shape.weights_bytes,
        "vram_bytes": needed,
        "vram_basis": basis,
        "context_length": shape.context_length or row["context_length"],
        "revision": model.revision,
        "architectures": [*model.architectures],
        "chat_template": model.has_chat_template,
        "licence_url": model.licence_url,
        "base_models": [*model.base_models],
        "tags": [*model.tags],
        "variant": facts.chosen.name if facts.chosen is not None else None,
        "variants": [_variant(each, facts) for each in facts.variants],
        "files": [{"path": file.path, "size_bytes": file.size_bytes} for file in model.files],
        "file_count": len(model.files),
        "total_bytes": sum(sizes) if len(sizes) == len(model.files) else None,
        "advice": _advice(advice_for(model.id, model.task, facts.variants, known.ollama_tag if known else None)),
        "missing": [*shape.missing],
    }


def _variant(variant: ModelVariant, facts: ModelFacts) -> JsonObject:
    """Variants in one format have one shape: they differ in what their weights take."""
    is_alike = facts.chosen is not None and variant.format == facts.chosen.format
    kept = [words for words in facts.shape.missing if not words.startswith("the size of its weights")]
    shape = replace(facts.shape, weights_bytes=variant.size_bytes, missing=tuple(kept))
    needed, _ = vram(shape, usual_engine(facts.model.task, variant.format)) if is_alike else (None, None)
    return {
        "name": variant.name,
        "format": variant.format,
        "quantisation": variant.quantisation,
        "size_bytes": variant.size_bytes,
        "files": len(variant.paths),
        "first_file": variant.first_file,
        "vram_bytes": needed,
        "note": variant.note or None,
    }


async def _description(hub: Hub, model: HubModel) -> str | None:
    if _README not in {file.path for file in model.files}:
        return None
    try:
        readme, _ = await hub.text(model.id, _README)
    except AicError:
        return None
    return description_of(readme)


async def _access(hub: Hub, model: HubModel) -> JsonObject:
    """Whether it must be asked for, whether this token has it, and how it is come by."""
    url = f"{hub.address}/{model.id}"
    if model.gated is None or model.gated == "no":
        needed = None if model.gated is None else False
        return {"needed": needed, "granted": None, "how": None, "url": url}
    if hub.withholds_token:
        unsent = withheld(hub.address)
        return {"needed": True, "granted": None, "how": f"{unsent.message} {unsent.next_step}", "url": url}
    granted = await hub.may_download(model.id)
    if granted:
        return {"needed": True, "granted": True, "how": "Your token opens it.", "url": url}
    who = "its authors say yes" if model.gated == "manual" else "you agreed to its terms"
    how = f"Ask for access at {url}; it is given once {who}. Then, with that account's token: {STORE_TOKEN}"
    return {"needed": True, "granted": granted, "how": how, "url": url}


def _advice(found: tuple[Advice, ...]) -> list[Json]:
    return [
        {
            "framework": each.framework,
            "title": CONTAINER_FRAMEWORKS[each.framework].title,
            "model": each.model,
            "why": each.why,
            "launch": each.framework in FRAMEWORKS,
            "deploy": each.framework in CONTAINER_FRAMEWORKS,
            "kinds": [*_PULLED_BY.get(each.framework, ())],
        }
        for each in found
    ]


def _shipped_page(known: CuratedModel, address: str, error: AicError, now: datetime) -> JsonObject:
    """What only the hub tells is unknown."""
    shape: ModelShape = known.shape()
    variant = ModelVariant(
        name="safetensors", format="safetensors", quantisation=None, paths=("",), size_bytes=known.weights_bytes
    )
    needed = None if known.gated is None else known.gated != "no"
    return {
        **curated_row(known, now),
        "problem": error.message,
        "next_step": error.next_step,
        "revision": None,
        "architectures": [known.architecture],
        "chat_template": None,
        "licence_url": None,
        "base_models": [],
        "tags": [],
        "variant": None,
        "variants": [],
        "files": [],
        "file_count": None,
        "total_bytes": None,
        "advice": _advice(advice_for(known.hub_id, known.task, [variant], known.ollama_tag)),
        "missing": [*shape.missing],
        "description": None,
        "access": {"needed": needed, "granted": None, "how": None, "url": f"{address}/{known.hub_id}"},
        "renamed_from": None,
    }
