"""Texts turned into vectors: OpenAI's way, by Azure's deployments, and as Gemini, Ollama and TEI have their own."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from aicompute_tui.domain.connection import Embeddings, Usage
from aicompute_tui.domain.errors import BadAnswer, InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.llms.base import Endpoint, Reading, Request, as_count, as_number, as_object, as_text, objects_in
from aicompute_tui.llms.calls import fetch
from aicompute_tui.llms.gemini import model_path
from aicompute_tui.llms.openai import billed_nano_usd


async def embed(endpoint: Endpoint, texts: Sequence[str], model: str, reading: Reading | None = None) -> Embeddings:
    """One vector for each text, in their order. Raises AicError, InvalidInput where the kind has none to offer."""
    request = _requests(endpoint, texts, model).get(endpoint.preset.dialect)
    if request is None:
        step = "Ask a connection of another kind for them."
        raise InvalidInput(f"{endpoint.preset.title} is asked for no embeddings here.", step)
    answer = await fetch(endpoint, request, reading)
    vectors = _vectors(answer)
    if len(vectors) != len(texts) or not all(vectors):
        raise BadAnswer(f"“{endpoint.connection.name}” gave no embeddings.", "Choose a model that makes them.")
    values = as_object(answer)
    counts = as_object(values.get("usage"))
    told = counts.get("prompt_tokens", values.get("prompt_eval_count"))
    return Embeddings(
        vectors=tuple(vectors),
        model=as_text(values.get("model")) or model,
        usage=Usage(input_tokens=as_count(told), output_tokens=0, billed_nano_usd=billed_nano_usd(counts)),
    )


def _requests(endpoint: Endpoint, texts: Sequence[str], model: str) -> dict[str, Request]:
    """By dialect. How Gemini's are asked for is not settled."""
    body: JsonObject = {"model": model, "input": [*texts]}
    name = f"models/{model.removeprefix('models/')}"
    asked: list[Json] = [{"model": name, "content": {"parts": [{"text": each}]}} for each in texts]
    return {
        "openai": Request("/embeddings", body),
        "azure-deployments": Request(
            f"/deployments/{quote(model, safe='')}/embeddings",
            body,
            (("api-version", endpoint.api_version),),
        ),
        "gemini": Request(f"{model_path(model)}:batchEmbedContents", {"requests": asked}),
        "ollama": Request("/api/embed", body),
        "tei": Request("/embed", {"inputs": [*texts]}),
    }


def _vectors(answer: Json) -> list[tuple[float, ...]]:
    """OpenAI numbers them, Ollama lists them, Gemini has values in each, and TEI gives nothing but them."""
    if isinstance(answer, list):
        return [_vector(each) for each in answer]
    values = as_object(answer)
    numbered = sorted(objects_in(values.get("data")), key=lambda each: as_count(each.get("index")) or 0)
    listed = values.get("embeddings")
    found: list[Json] = [each.get("embedding") for each in numbered] or (listed if isinstance(listed, list) else [])
    return [_vector(each.get("values") if isinstance(each, dict) else each) for each in found]


def _vector(value: Json) -> tuple[float, ...]:
    """Empty where it is none."""
    numbers = value if isinstance(value, list) else []
    found = [number for each in numbers if (number := as_number(each)) is not None]
    return tuple(found) if len(found) == len(numbers) else ()
