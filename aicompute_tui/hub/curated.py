"""Well-known models as they ship with the program: what each is for, its size and its shape, every figure sourced."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache

from aicompute_tui.domain.model_config import shape_of_config
from aicompute_tui.domain.model_shape import ModelShape
from aicompute_tui.settings.packaged import DATA

_FILE = "curated-models.json"
BYTES_PER_PARAMETER = {"float32": 4, "float16": 2, "bfloat16": 2, "fp8": 1}
_NO_CACHE = frozenset({"embedding", "reranking"})
"""What they are for; of these no layer keeps anything of a text once it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    title: str
    url: str
    as_of: str
    """The day it was written, as `2026-06-29`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CuratedVariant:
    """Another repository with the same model, its weights stored in fewer bits."""

    hub_id: str
    quantisation: str
    weights_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CuratedModel:
    """None is what no source told. `config` holds the keys of its config.json that decide its memory."""

    name: str
    title: str
    hub_id: str
    purpose: str
    task: str
    library: str
    licence: str
    gated: str | None
    ollama_tag: str | None
    quality: str | None
    quality_source: Source | None
    parameters: int
    parameters_source: Source
    dtype: str
    architecture: str
    config: Mapping[str, object] | None
    config_source: Source | None
    context_length: int | None
    context_source: Source | None
    variants: tuple[CuratedVariant, ...]
    read_at: datetime

    @property
    def weights_bytes(self) -> int:
        return self.parameters * BYTES_PER_PARAMETER[self.dtype]

    def shape(self, quantisation: str | None = None) -> ModelShape:
        """As it is published, or as the variant of that quantisation. Raises KeyError where there is none."""
        variants = {each.quantisation: each for each in self.variants}
        variant = None if quantisation is None else variants[quantisation]
        size = self.weights_bytes if variant is None else variant.weights_bytes
        how = f"{self.parameters:,} parameters in {self.dtype}"
        source = how if variant is None else f"computed from its shape in 4 bits ({variant.hub_id})"
        dtype = self.dtype if variant is None else variant.quantisation
        return replace(self._shape(), weights_bytes=size, weights_source=source, dtype=dtype)

    def _shape(self) -> ModelShape:
        if self.config is not None:
            return shape_of_config(self.config, self.title)
        missing = () if self.purpose in _NO_CACHE else ("how an engine uses its parts",)
        return ModelShape(name=self.title, context_length=self.context_length, missing=missing)


@cache
def curated_models() -> tuple[CuratedModel, ...]:
    """In the order of the file. Blocking: reads the packaged file once."""
    written = json.loads((DATA / _FILE).read_text(encoding="utf-8"))
    read_at = datetime.fromisoformat(written["read_at"]).replace(tzinfo=UTC)
    sources = {name: Source(**fields) for name, fields in written["sources"].items()}
    return tuple(_model(fields, sources, read_at) for fields in written["models"])


def curated_model(named: str) -> CuratedModel | None:
    """By its name, its id on the hub, that of a variant, or its Ollama tag."""
    wanted = named.strip().lower()
    for model in curated_models():
        called = {model.name, model.hub_id.lower(), model.ollama_tag, *(each.hub_id.lower() for each in model.variants)}
        if wanted in called:
            return model
    return None


def variant_named(model: CuratedModel, named: str) -> str | None:
    """The quantisation of the variant whose id on the hub that is."""
    wanted = named.strip().lower()
    return next((each.quantisation for each in model.variants if each.hub_id.lower() == wanted), None)


def _model(fields: Mapping[str, object], sources: Mapping[str, Source], read_at: datetime) -> CuratedModel:
    given = dict(fields)
    for key in ("quality_source", "parameters_source", "config_source", "context_source"):
        named = given[key]
        given[key] = None if named is None else sources[str(named)]
    listed = given["variants"]
    given["variants"] = tuple(CuratedVariant(**each) for each in listed) if isinstance(listed, list) else ()
    return CuratedModel(**given, read_at=read_at)  # type: ignore[arg-type]  # the file's integrity is tested
