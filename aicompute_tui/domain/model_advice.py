"""Which model servers suit a model, best first, and by what name each would be given it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aicompute_tui.domain.model_variants import ModelVariant

EMBEDDING_TASKS = frozenset({"sentence-similarity", "feature-extraction"})
RERANKING_TASKS = frozenset({"text-ranking"})
IMAGE_TASKS = frozenset({"text-to-image", "image-to-image", "text-to-video", "image-to-video"})
GENERATING_TASKS = frozenset({"text-generation", "image-text-to-text", "conversational", "any-to-any"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`model` is what goes into the field for the model; empty for a server that is given none."""

    framework: str
    model: str
    why: str


def advice_for(
    model_id: str, task: str | None, variants: Sequence[ModelVariant], ollama_tag: str | None
) -> tuple[Advice, ...]:
    """Nothing where neither its files nor its task tell what could serve it."""
    if task in EMBEDDING_TASKS:
        return _embedding(model_id, ollama_tag)
    if task in RERANKING_TASKS:
        return (Advice(framework="tei-reranker", model=model_id, why="a reranker, and TEI serves rerankers"),)
    if task in IMAGE_TASKS:
        return (Advice(framework="comfyui", model="", why="makes images; ComfyUI loads its files by hand"),)
    found: list[Advice] = []
    if any(each.format == "safetensors" for each in variants) and task in {*GENERATING_TASKS, None}:
        found += _safetensors(model_id, task)
    found += _gguf(model_id, [each for each in variants if each.format == "gguf"])
    if ollama_tag is not None:
        found.append(Advice(framework="ollama", model=ollama_tag, why="Ollama's own library has it"))
    return tuple(found)


def usual_gguf(variants: Sequence[ModelVariant]) -> ModelVariant | None:
    """The quantisation most people take, else the smallest that is whole."""
    whole = [each for each in variants if each.size_bytes is not None]
    usual = [each for wanted in ("Q4_K_M", "Q4_K_S", "Q4_0", "Q5_K_M", "Q8_0") for each in whole
             if (each.quantisation or "").removeprefix("UD-") == wanted]  # fmt: skip
    return next(iter([*usual, *whole, *variants]), None)


def _embedding(model_id: str, ollama_tag: str | None) -> tuple[Advice, ...]:
    found = [
        Advice(framework="tei", model=model_id, why="an embedder, and TEI serves embedders"),
        Advice(framework="infinity", model=model_id, why="serves embedders of more kinds"),
    ]
    if ollama_tag is not None:
        found.append(Advice(framework="ollama", model=ollama_tag, why="Ollama's own library has it"))
    return tuple(found)


def _safetensors(model_id: str, task: str | None) -> list[Advice]:
    doubt = "" if task is not None else "; its task is not told"
    return [
        Advice(framework="vllm", model=model_id, why=f"safetensors{doubt}"),
        Advice(framework="sglang", model=model_id, why=f"safetensors{doubt}"),
        Advice(framework="tgi", model=model_id, why=f"safetensors{doubt}"),
    ]


def _gguf(model_id: str, variants: Sequence[ModelVariant]) -> list[Advice]:
    chosen = usual_gguf(variants)
    if chosen is None:
        return []
    named = f"{model_id}:{chosen.quantisation}" if chosen.quantisation else model_id
    return [
        Advice(framework="llamacpp", model=named, why=f"GGUF, {chosen.name}"),
        Advice(framework="ollama", model=f"hf.co/{named}", why=f"GGUF, {chosen.name}"),
    ]
