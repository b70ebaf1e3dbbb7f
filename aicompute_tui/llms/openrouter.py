"""What OpenRouter's list tells of its models: what they ask, how much they take in, and what kinds."""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.modalities import KINDS, Modalities, in_order
from aicompute_tui.domain.money import nano_from_usd
from aicompute_tui.domain.token_prices import TokenPrices
from aicompute_tui.llms.base import as_count, as_object, as_text, objects_in

SOURCE = "openrouter.ai"
_MILLION = 1_000_000
_MOST_USD = 10_000
_OUR_NAMES = {"file": "pdf", "embeddings": "embedding", "rerank": "score"}
_KEPT = ("id", "context_length", "architecture", "pricing")


class RoutedModel(NamedTuple):
    """`prices` None where they vary: with the model that answers, or with the hour."""

    id: str
    as_of: date
    prices: TokenPrices | None
    context_tokens: int | None
    modalities: Modalities
    asks_per_call: bool
    """Besides what its tokens cost."""


def worth_keeping(body: Json) -> list[Json] | None:
    """Of the whole answer, None where it is no list of models."""
    listed = body.get("data") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        return None
    return [{name: each.get(name) for name in _KEPT} for each in objects_in(listed) if as_text(each.get("id"))]


def routed_models(kept: Json, as_of: date) -> dict[str, RoutedModel]:
    """By id, of what `worth_keeping` left."""
    return {str(each["id"]): _model(each, as_of) for each in objects_in(kept) if as_text(each.get("id"))}


def _model(values: JsonObject, as_of: date) -> RoutedModel:
    architecture, pricing = as_object(values.get("architecture")), as_object(values.get("pricing"))
    context = as_count(values.get("context_length"))
    kinds = Modalities(_kinds(architecture.get("input_modalities")), _kinds(architecture.get("output_modalities")))
    prices = _prices(pricing, kinds, context, as_of)
    per_call = pricing.get("request")
    asks_per_call = per_call is not None and _nano(per_call) != 0
    return RoutedModel(str(values["id"]), as_of, prices, context, kinds, asks_per_call)


def _prices(pricing: JsonObject, kinds: Modalities, context: int | None, as_of: date) -> TokenPrices | None:
    asked, made = _nano(pricing.get("prompt")), _nano(pricing.get("completion"))
    others = objects_in(pricing.get("overrides"))
    longer = [as_count(each.get("min_prompt_tokens")) for each in others]
    if asked is None or made is None or not all(longer):
        return None  # dearer at some hours is no one price
    makes_none = kinds.makes is not None and not {*kinds.makes} - {"embedding", "score"}
    return TokenPrices(
        input_nano_usd=asked,
        output_nano_usd=None if makes_none else made,
        cached_nano_usd=_nano(pricing.get("input_cache_read")),
        written_nano_usd=_nano(pricing.get("input_cache_write")),
        most_input_tokens=min((count - 1 for count in longer if count), default=None),
        context_tokens=context,
        modalities=kinds,
        source=SOURCE,
        as_of=as_of.isoformat(),
    )


def _nano(usd_per_token: Json) -> int | None:
    """Per million tokens; None for what varies, which is told as -1, and for what no model asks."""
    if not isinstance(usd_per_token, str):
        return None
    try:
        usd = Decimal(usd_per_token) * _MILLION
    except InvalidOperation:
        return None
    return nano_from_usd(usd) if usd.is_finite() and 0 <= usd < _MOST_USD else None


def _kinds(told: Json) -> tuple[str, ...] | None:
    """None where one of them has no name here: a part of them would say that the rest is not taken."""
    found = {_OUR_NAMES.get(str(each), str(each)) for each in told} if isinstance(told, list) else set()
    return in_order(found) if found <= set(KINDS) else None
