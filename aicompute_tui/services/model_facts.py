"""What is known of a model's memory by its name alone: of a shipped one at once, of any other through the hub."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound
from aicompute_tui.domain.gguf_model import shape_of_gguf
from aicompute_tui.domain.model_advice import usual_gguf
from aicompute_tui.domain.model_config import quantisation_of, shape_of_config
from aicompute_tui.domain.model_shape import ModelShape
from aicompute_tui.domain.model_variants import ModelVariant, variant_called, variants_of
from aicompute_tui.hub.base import Hub, HubModel, Reading
from aicompute_tui.hub.curated import CuratedModel, curated_model, curated_models, variant_named
from aicompute_tui.services.context import Context
from aicompute_tui.services.hub_access import open_hub

__all__ = ["CuratedModel", "ModelFacts", "curated_model", "curated_models", "facts_of", "model_shape"]

_NAMED_AT_ONCE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """`shape` is that of the chosen variant; its `missing` says what could not be read and does not ship either."""

    model: HubModel
    reading: Reading
    variants: tuple[ModelVariant, ...]
    chosen: ModelVariant | None
    shape: ModelShape


async def model_shape(context: Context, named: str, variant: str | None = None) -> ModelShape:
    """By id on the hub, shipped name or Ollama tag; `variant` is a quantisation or a file of the repository.

    A shipped model is answered without asking anybody, a variant of it with its shape and the size of its own files;
    what could not be read of another, as of a gated one, is among what is missing. Raises NotFound, Unreachable,
    RateLimited, and InvalidInput where it has no such variant.
    """
    known = await asyncio.to_thread(curated_model, named)
    if known is not None:
        own = variant_named(known, named)
        quantisation = variant or own
        if quantisation is None or quantisation in {each.quantisation for each in known.variants}:
            return known.shape(quantisation)
        named = known.hub_id if own is None else named
    return (await facts_of(await open_hub(context), named, variant)).shape


async def facts_of(hub: Hub, model_id: str, variant: str | None = None) -> ModelFacts:
    """Raises what the hub raises, and InvalidInput where no such variant is there."""
    model, reading = await hub.model(model_id)
    variants = _as_told(model, variants_of({file.path: file.size_bytes for file in model.files}))
    chosen = _chosen(model.id, variants, variant)
    shape, quantisation = await _shape(hub, model, chosen, model_id)
    if chosen is not None and quantisation is not None and (chosen is variants[0] or _has_own_config(model, chosen)):
        named = replace(chosen, quantisation=quantisation)
        variants, chosen = tuple(named if each is chosen else each for each in variants), named
    return ModelFacts(model=model, reading=reading, variants=variants, chosen=chosen, shape=shape)


def _as_told(model: HubModel, variants: tuple[ModelVariant, ...]) -> tuple[ModelVariant, ...]:
    """What is told of a repository's quantisation is told of the weights that engines load by themselves."""
    if not variants or variants[0].format == "gguf" or "/" in variants[0].first_file:
        return variants
    return (replace(variants[0], quantisation=model.quantisation), *variants[1:])


def _chosen(model_id: str, variants: Sequence[ModelVariant], named: str | None) -> ModelVariant | None:
    """Named, else what engines load by themselves, else the usual quantisation."""
    if named is not None:
        found = variant_called(variants, named)
        if found is None:
            raise InvalidInput(f"{model_id} has no variant “{named}”.", f"It has {_names(variants)}.")
        return found
    first = next(iter(variants), None)
    return usual_gguf(variants) if first is not None and first.format == "gguf" else first


def _names(variants: Sequence[ModelVariant]) -> str:
    names = [each.name for each in variants]
    if not names:
        return "no weights at all"
    rest = f" and {len(names) - _NAMED_AT_ONCE} more" if len(names) > _NAMED_AT_ONCE else ""
    return f"{', '.join(names[:_NAMED_AT_ONCE])}{rest}"


async def _shape(hub: Hub, model: HubModel, chosen: ModelVariant | None, asked: str) -> tuple[ModelShape, str | None]:
    """With the quantisation that its config names."""
    if chosen is None:
        return ModelShape(name=model.id, missing=("its weights: no file of them is in its repository",)), None
    quantisation = None
    try:
        shape, quantisation = await _read_shape(hub, model, chosen)
    except AicError as error:
        shape = ModelShape(name=model.id, missing=(f"its shape ({error.message.rstrip('.')})",))
    if shape.missing:
        shape = _shipped_shape(model, chosen, asked) or shape
    size = chosen.size_bytes
    missing = shape.missing if size is not None else (*shape.missing, f"the size of its weights ({_why(chosen)})")
    parts = chosen.first_file if len(chosen.paths) == 1 else f"{len(chosen.paths)} files, {chosen.first_file} …"
    return replace(shape, weights_bytes=size, weights_source=f"{parts} on the hub", missing=missing), quantisation


def _shipped_shape(model: HubModel, chosen: ModelVariant, asked: str) -> ModelShape | None:
    """Of a gated model what ships tells what the hub shows nobody yet; another model beside it may be shaped else."""
    known = curated_model(asked) or curated_model(model.id)
    if known is None or _has_own_config(model, chosen):
        return None
    shape = known.shape(variant_named(known, asked) or variant_named(known, model.id))
    return replace(shape, dtype=chosen.quantisation or shape.dtype)


def _why(chosen: ModelVariant) -> str:
    return chosen.note or "the hub does not tell it"


async def _read_shape(hub: Hub, model: HubModel, chosen: ModelVariant) -> tuple[ModelShape, str | None]:
    if chosen.format == "gguf":
        files = {file.path: file for file in model.files}
        return shape_of_gguf(await hub.gguf_header(model.id, files[chosen.first_file]), model.id), None
    if _is_pipeline(model):
        return ModelShape(name=model.id, missing=("how an engine uses the parts of a pipeline",)), None
    text, _ = await hub.text(model.id, _config_beside(model, chosen))
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        config = None
    if not isinstance(config, dict):
        raise InvalidInput("its config.json is no JSON object.", "Choose another model.")
    return shape_of_config(config, model.id), quantisation_of(config)


def _is_pipeline(model: HubModel) -> bool:
    return "model_index.json" in {file.path for file in model.files}


def _has_own_config(model: HubModel, chosen: ModelVariant) -> bool:
    """Whether it is a model of its own in a folder of the repository."""
    folder = chosen.first_file.rpartition("/")[0]
    in_folder = bool(folder) and f"{folder}/config.json" in {file.path for file in model.files}
    return in_folder and not _is_pipeline(model)


def _config_beside(model: HubModel, chosen: ModelVariant) -> str:
    """In the folder of the weights where that has one, since a repository may hold several models. Raises NotFound."""
    folder = chosen.first_file.rpartition("/")[0]
    there = {file.path for file in model.files}
    beside = f"{folder}/config.json" if folder else "config.json"
    for path in (beside, "config.json"):
        if path in there:
            return path
    raise NotFound(f"{model.id} has no config.json.", "Give --config or --gguf with a file of yours.")
