"""Models as rows, shipped ones and those of the hub alike: unknown is None, and every row says where it is from."""

from __future__ import annotations

from datetime import datetime

from aicompute_tui.domain.fit import ENGINES, Use, memory_needed
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.model_advice import EMBEDDING_TASKS, IMAGE_TASKS, RERANKING_TASKS
from aicompute_tui.domain.model_shape import ModelShape
from aicompute_tui.domain.moments import format_moment, parse_moment
from aicompute_tui.domain.serving_context import USUAL_TOKENS
from aicompute_tui.hub.base import HubModel, Reading
from aicompute_tui.hub.curated import CuratedModel, curated_model, variant_named

_STORED_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "F8_E8M0", "I8", "U8", "BOOL"), 1),
}
_PACKED = frozenset({"I64", "U64", "I32", "U32", "I16", "U16", "U8", "I8"})
"""Types in which quantisers store several numbers as one."""
_GGUF = "gguf"
_QUANTISATION_TAGS = ("awq", "gptq", "gguf", "fp8", "bitsandbytes", "exl2", "mlx", "4-bit", "8-bit", "onnx")


def curated_row(model: CuratedModel, now: datetime) -> JsonObject:
    source = f"{model.parameters_source.title}, {model.parameters_source.as_of}"
    needed, basis = vram(model.shape(), usual_engine(model.task, None))
    return {
        **_identity(model.hub_id, model.hub_id.partition("/")[0]),
        "purpose": model.purpose,
        "task": model.task,
        "library": model.library,
        "format": "safetensors",
        "quantisation": None,
        "quantisations": [each.quantisation for each in model.variants],
        "dtype": model.dtype,
        "parameters": model.parameters,
        "size_bytes": model.weights_bytes,
        "vram_bytes": needed,
        "vram_basis": basis,
        "context_length": model.shape().context_length,
        "architecture": model.architecture,
        "downloads": None,
        "likes": None,
        "trending_score": None,
        "licence": model.licence,
        "gated": model.gated,
        "created_at": None,
        "updated_at": None,
        **curated_words(model),
        "source": "shipped",
        "source_note": f"parameters: {source}; read {model.read_at:%Y-%m-%d}",
        "read_at": format_moment(model.read_at),
        "age_seconds": _age(model.read_at, now),
        "problem": None,
        "next_step": None,
        "next_cursor": None,
    }


def curated_words(model: CuratedModel | None) -> JsonObject:
    """What ships about a model that the hub does not tell."""
    if model is None:
        return {"ollama": None, "quality": None, "quality_source": None, "curated_name": None}
    quality = model.quality_source
    return {
        "ollama": model.ollama_tag,
        "quality": model.quality,
        "quality_source": None if quality is None else f"{quality.title} ({quality.as_of}), {quality.url}",
        "curated_name": model.name,
    }


def hub_row(model: HubModel, reading: Reading, now: datetime, next_cursor: str | None = None) -> JsonObject:
    known = curated_model(model.id)
    kind = format_of(model)
    needed, basis = _told_vram(model) if known is None else _curated_vram(known, model)
    return {
        **_identity(model.id, model.author),
        "purpose": _purpose(model, known),
        "task": model.task,
        "library": model.library,
        "format": kind,
        "quantisation": model.quantisation,
        "quantisations": _quantisations(model),
        "dtype": _main_dtype(model),
        "parameters": parameters_of(model) or (known.parameters if known else None),
        "size_bytes": stored_bytes(model) or _shipped_size(known, model),
        "vram_bytes": needed,
        "vram_basis": basis,
        "context_length": model.gguf_context_length or (known.shape().context_length if known else None),
        "architecture": next(iter(model.architectures), None) or model.gguf_architecture,
        "downloads": model.downloads,
        "likes": model.likes,
        "trending_score": model.trending_score,
        "licence": model.licence,
        "gated": model.gated,
        "created_at": _moment(model.created_at),
        "updated_at": _moment(model.updated_at),
        **curated_words(known),
        **read_words(reading, now),
        "next_cursor": next_cursor,
    }


def read_words(reading: Reading, now: datetime) -> JsonObject:
    """Where it is from, when it was read, and why it is not fresh."""
    return {
        "source": "kept" if reading.is_kept else "hub",
        "source_note": "as it was last seen" if reading.is_kept else "the hub",
        "read_at": format_moment(reading.read_at),
        "age_seconds": _age(reading.read_at, now),
        "problem": reading.problem or None,
        "next_step": reading.next_step or None,
    }


def format_of(model: HubModel) -> str | None:
    if model.stored_parameters:
        return "safetensors"
    if model.gguf_parameters is not None or model.gguf_architecture or _GGUF in model.tags:
        return _GGUF
    return "safetensors" if "safetensors" in model.tags else None


def stored_bytes(model: HubModel) -> int | None:
    """What its safetensors store, to the byte but for their headers; None with a type that is not known."""
    sizes = [count * _STORED_BYTES.get(kind, 0) for kind, count in model.stored_parameters]
    is_known = bool(sizes) and all(kind in _STORED_BYTES for kind, _ in model.stored_parameters)
    return sum(sizes) if is_known else None


def parameters_of(model: HubModel) -> int | None:
    """None where they are packed: what is counted then are the stored numbers, not the model's."""
    if model.gguf_parameters is not None:
        return model.gguf_parameters
    kinds = {kind for kind, _ in model.stored_parameters}
    if not kinds or (model.quantisation is not None and kinds & _PACKED):
        return None
    return sum(count for _, count in model.stored_parameters)


def usual_engine(task: str | None, kind: str | None) -> str | None:
    """Which model server's need is shown for a model; None where none of them serves it."""
    if task in IMAGE_TASKS:
        return None
    if task in EMBEDDING_TASKS | RERANKING_TASKS:
        return "tei"
    return "llamacpp" if kind == _GGUF else "vllm"


def vram(shape: ModelShape, engine: str | None) -> tuple[int | None, str | None]:
    """The least memory one GPU must report for it, and for which use that is."""
    if engine is None:
        return None, None
    use = Use(engine=ENGINES[engine], context=min(USUAL_TOKENS, shape.context_length or USUAL_TOKENS))
    needed = memory_needed(shape, use)
    cache = f", {use.context:,} tokens, one sequence" if use.engine.keeps_cache else ""
    return needed, None if needed is None else f"{engine}{cache}, on one GPU"


def _told_vram(model: HubModel) -> tuple[int | None, str | None]:
    """What a list tells is enough for models that keep no cache; of others the config must be read."""
    engine = usual_engine(model.task, format_of(model))
    if engine is None or ENGINES[engine].keeps_cache:
        return None, None
    return vram(ModelShape(name=model.id, weights_bytes=stored_bytes(model)), engine)


def _curated_vram(known: CuratedModel, model: HubModel) -> tuple[int | None, str | None]:
    shape = known.shape(variant_named(known, model.id))
    return vram(shape, usual_engine(known.task, None))


def _shipped_size(known: CuratedModel | None, model: HubModel) -> int | None:
    """Of a quantised variant that ships, where the hub's list does not tell what it stores."""
    quantisation = None if known is None else variant_named(known, model.id)
    return None if known is None or quantisation is None else known.shape(quantisation).weights_bytes


def _identity(model_id: str, author: str | None) -> JsonObject:
    return {"id": model_id, "name": model_id.rpartition("/")[2], "author": author}


def _purpose(model: HubModel, known: CuratedModel | None) -> str | None:
    if known is not None:
        return known.purpose
    by_task = ((EMBEDDING_TASKS, "embedding"), (RERANKING_TASKS, "reranking"), (IMAGE_TASKS, "images"))
    return next((purpose for tasks, purpose in by_task if model.task in tasks), None)


def _quantisations(model: HubModel) -> list[Json]:
    tags = {tag.lower() for tag in model.tags}
    found = [tag for tag in _QUANTISATION_TAGS if tag in tags]
    if model.quantisation is not None and model.quantisation not in found:
        found.insert(0, model.quantisation)
    return [*found]


def _main_dtype(model: HubModel) -> str | None:
    if not model.stored_parameters:
        return None
    return max(model.stored_parameters, key=lambda each: each[1] * _STORED_BYTES.get(each[0], 1))[0]


def _moment(text: str | None) -> str | None:
    moment = parse_moment(text)
    return None if moment is None else format_moment(moment)


def _age(read_at: datetime, now: datetime) -> int:
    return max(0, int((now - read_at).total_seconds()))
