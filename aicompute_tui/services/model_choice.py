"""Which model a person means, by a file, a name or loose words, and which versions of it lie somewhere."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from aicompute_tui.domain.errors import NotFound
from aicompute_tui.domain.fit import ENGINES, Use
from aicompute_tui.domain.model_shape import ModelShape
from aicompute_tui.domain.quantisation import quantised
from aicompute_tui.domain.recommendation import Version
from aicompute_tui.services.context import Context
from aicompute_tui.services.model_facts import CuratedModel, curated_models, model_shape
from aicompute_tui.services.model_files import read_model

_HUB_SERVERS = ("vllm", "sglang", "tgi")
_EMBEDS, _EMBEDDING = "tei", frozenset({"embedding", "reranking"})
_OLLAMA, _OLLAMA_USUAL = "ollama", "q4_k_m"
"""What a tag of Ollama's library holds where it says nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownVersion:
    """Quantised weights that a model server can fetch."""

    engines: tuple[str, ...]
    quantisation: str
    served_as: str
    weights_bytes: int | None = None
    """None where nobody told: then as its quantisation makes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenModel:
    shape: ModelShape
    title: str
    served: Mapping[str, str] = field(default_factory=dict)
    """Model server → what it is told to fetch for the weights as they are."""
    known: tuple[KnownVersion, ...] = ()
    engine: str | None = None
    """What serves it usually, where that is not a server of language models."""
    also: tuple[str, ...] = ()
    """Others that the same words could mean."""


async def chosen_model(context: Context, named: str) -> ChosenModel:
    """Raises NotFound, InvalidInput, and what the hub answers about a model of its own."""
    path = await asyncio.to_thread(_path, named)
    if path is not None:
        shape = await asyncio.to_thread(read_model, path)
        return ChosenModel(shape=shape, title=shape.name)
    matching = matching_models(named, curated_models())
    if not matching:
        if "/" not in named:
            step = "Write it as its hub does, owner/name, or give a file; `aic-tui model popular` shows those known."
            raise NotFound(f"No known model has all of “{named}” in its name.", step)
        shape = await model_shape(context, named)
        return ChosenModel(shape=shape, title=shape.name, served=dict.fromkeys(_HUB_SERVERS, named))
    first = matching[0]
    return ChosenModel(
        shape=await model_shape(context, first.name),
        title=first.title,
        served=dict.fromkeys((*_HUB_SERVERS, _EMBEDS), first.hub_id),
        known=tuple(_known(first)),
        engine=_EMBEDS if first.purpose in _EMBEDDING else None,
        also=tuple(each.title for each in matching[1:]),
    )


def _path(named: str) -> Path | None:
    """Where it is a file or folder of this machine, or can only be meant as one."""
    path = Path(named).expanduser()
    return path if named.startswith((".", "/", "~")) or path.exists() else None


async def served_shape(context: Context, named: str, engine: str) -> ModelShape:
    """What a model server holds that is told this name. Raises what the hub answers about a model of its own."""
    shape = await model_shape(context, named)
    if engine != _OLLAMA:
        return shape
    made = {each.name: smaller for each, smaller in quantised(shape, engine)}
    return made.get(_OLLAMA_USUAL, shape)


def matching_models(named: str, models: Sequence[CuratedModel]) -> list[CuratedModel]:
    """One by its very name, else all that have every word of it: `llama 70b`."""
    wanted = named.strip().lower()
    for each in models:
        if wanted in {word.lower() for word in _names(each)}:
            return [each]
    if "/" in wanted:
        return []
    words = re.findall(r"[a-z0-9.]+", wanted)
    return [each for each in models if words and all(word in " ".join(_names(each)).lower() for word in words)]


def _names(model: CuratedModel) -> list[str]:
    return [model.name, model.title, model.hub_id, *([model.ollama_tag] if model.ollama_tag else [])]


def _known(model: CuratedModel) -> Iterator[KnownVersion]:
    for each in model.variants:
        yield KnownVersion(
            engines=_HUB_SERVERS,
            quantisation=each.quantisation,
            served_as=each.hub_id,
            weights_bytes=each.weights_bytes,
        )
    if model.ollama_tag:
        yield KnownVersion(engines=(_OLLAMA,), quantisation=_OLLAMA_USUAL, served_as=model.ollama_tag)


def smaller_versions(chosen: ChosenModel, use: Use, *, may_change_engine: bool) -> list[Version]:
    """Those that lie somewhere first, of the server asked for before those of another; then what could be made."""
    engines = [use.engine.name]
    if may_change_engine and use.engine.name in _HUB_SERVERS:
        engines.append(_OLLAMA)
    made = {(engine, each.name): shape for engine in engines for each, shape in quantised(chosen.shape, engine)}
    found: dict[tuple[str, str], Version] = {}
    for engine in engines:
        for known in chosen.known:
            key = (engine, known.quantisation)
            shape = _shape(chosen.shape, known, made.get(key)) if engine in known.engines else None
            if shape is not None:
                found[key] = _version(shape, use, key, known.served_as)
    for key, shape in made.items():
        if key not in found and key[0] == use.engine.name:
            found[key] = _version(shape, use, key, None)
    return list(found.values())


def _shape(own: ModelShape, known: KnownVersion, made: ModelShape | None) -> ModelShape | None:
    """None where its size cannot be told."""
    if known.weights_bytes is None:
        return made
    return replace(own, weights_bytes=known.weights_bytes, weights_source=known.served_as, dtype=known.quantisation)


def _version(shape: ModelShape, use: Use, key: tuple[str, str], served_as: str | None) -> Version:
    engine = ENGINES[key[0]]
    kept = use.kv_dtype if use.kv_dtype in engine.cache_types else "fp16"
    return Version(
        model=shape, use=replace(use, engine=engine, kv_dtype=kept), quantisation=key[1], served_as=served_as
    )
