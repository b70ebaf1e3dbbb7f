"""Documents ranked by how well they answer a question: as Cohere, vLLM, llama.cpp and Infinity do, and as TEI does."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.connection import Rank, Ranking, Usage
from aicompute_tui.domain.errors import BadAnswer, InvalidInput
from aicompute_tui.domain.json import Json
from aicompute_tui.llms.base import Endpoint, Reading, Request, as_count, as_number, as_object, as_text, objects_in
from aicompute_tui.llms.calls import fetch


async def rerank(
    endpoint: Endpoint, query: str, documents: Sequence[str], model: str, reading: Reading | None = None
) -> Ranking:
    """Best first. Raises AicError, InvalidInput where the kind ranks nothing."""
    if not endpoint.preset.ranks:
        step = "Ask a connection of another kind for that."
        raise InvalidInput(f"{endpoint.preset.title} is asked for no ranking here.", step)
    if endpoint.preset.dialect == "tei":
        request = Request("/rerank", {"query": query, "texts": [*documents]})
    else:
        request = Request("/rerank", {"model": model, "query": query, "documents": [*documents]})
    answer = await fetch(endpoint, request, reading)
    ranks = _ranks(answer, len(documents))
    if not ranks:
        raise BadAnswer(f"“{endpoint.connection.name}” gave no scores.", "Choose a model that ranks.")
    values = as_object(answer)
    return Ranking(ranks=ranks, model=as_text(values.get("model")) or model, usage=_usage(values.get("usage")))


def _ranks(answer: Json, count: int) -> tuple[Rank, ...]:
    """A bare list with scores, or results with how relevant each is; what names no document of ours is left out."""
    listed = answer if isinstance(answer, list) else as_object(answer).get("results")
    found = []
    for each in objects_in(listed):
        index, score = as_count(each.get("index")), as_number(each.get("relevance_score", each.get("score")))
        if index is not None and index < count and score is not None:
            found.append(Rank(index, score))
    return tuple(sorted(found, key=lambda rank: rank.score, reverse=True))


def _usage(told: Json) -> Usage:
    """All its tokens are asked ones; what is billed by the search tells none."""
    values = as_object(told)
    tokens = as_count(values.get("prompt_tokens")) or as_count(values.get("total_tokens"))
    return Usage(input_tokens=tokens, output_tokens=None if tokens is None else 0)
