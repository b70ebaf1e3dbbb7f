"""What several servers took over from OpenAI: the list of models, and embeddings."""

from __future__ import annotations

from aicompute_tui.domain.errors import BadAnswer, InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.server import ModelState, ServerModel
from aicompute_tui.servers.base import (
    Embedding,
    Ranked,
    as_count,
    as_number,
    as_object,
    as_text,
    numbers_in,
    objects_in,
)
from aicompute_tui.servers.wire import Wire


def listed(wire: Wire, body: Json) -> list[JsonObject]:
    """The models under `data`. Raises BadAnswer where there is no such list."""
    found = as_object(body).get("data")
    if not isinstance(found, list):
        raise BadAnswer(f"“{wire.server.name}” gave no list of models.", "Check its address and kind.")
    return [each for each in objects_in(found) if as_text(each.get("id"))]


async def models(wire: Wire) -> tuple[ServerModel, ...]:
    return models_in(wire, await wire.get_json("/v1/models"))


def models_in(wire: Wire, body: Json) -> tuple[ServerModel, ...]:
    """All of them loaded: these servers list what they serve."""
    return tuple(
        ServerModel(
            id=str(each["id"]),
            state=ModelState.LOADED,
            context_tokens=as_count(each.get("max_model_len")) or as_count(each.get("max_input_tokens")),
            parent=as_text(each.get("parent")),
        )
        for each in listed(wire, body)
    )


async def only_model(wire: Wire, path: str = "/v1/models") -> str:
    """The one model of a server that serves one. Raises InvalidInput where there are several, or none."""
    found = [str(each["id"]) for each in listed(wire, await wire.get_json(path))]
    if len(found) != 1:
        count = "serves no model" if not found else f"serves {len(found)} models"
        raise InvalidInput(f"“{wire.server.name}” {count}, and none is named.", "Give --model MODEL.")
    return found[0]


async def embed(wire: Wire, text: str, model: str, path: str = "/v1/embeddings") -> Embedding:
    answer = as_object(await wire.try_out(path, {"model": model, "input": text}))
    for each in objects_in(answer.get("data")):
        vector = numbers_in(each.get("embedding"))
        if vector:
            return Embedding(vector, as_count(as_object(answer.get("usage")).get("prompt_tokens")))
    raise no_vector(wire)


def no_vector(wire: Wire) -> BadAnswer:
    return BadAnswer(f"“{wire.server.name}” gave no embedding.", "Is it a model that embeds?")


def ranked(wire: Wire, found: Json, score: str) -> list[Ranked]:
    """Best first. Raises BadAnswer where nothing is scored."""
    rows = [
        Ranked(index, value)
        for each in objects_in(found)
        if (index := as_count(each.get("index"))) is not None and (value := as_number(each.get(score))) is not None
    ]
    if not rows:
        raise BadAnswer(f"“{wire.server.name}” gave no scores.", "Is it a model that reranks?")
    return sorted(rows, key=lambda row: row.score, reverse=True)
