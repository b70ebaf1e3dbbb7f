"""What is asked of a connection itself: its models, whether it works, and an answer to a prompt."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from fnmatch import fnmatchcase

from aicompute_tui.domain.call import Operation
from aicompute_tui.domain.connection import Connection, Ending, Message, Prompt, Usage
from aicompute_tui.domain.connection_choices import TEST_PROMPT
from aicompute_tui.domain.errors import AicError, InvalidInput, NotAllowed, NotFound, RateLimited
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.token_prices import cost_nano_usd, most_input_tokens
from aicompute_tui.llms.addresses import lists_models
from aicompute_tui.llms.base import Endpoint
from aicompute_tui.llms.gemini import model_id
from aicompute_tui.llms.presets import preset_of
from aicompute_tui.services.arguments import flag, integer, required_text, text, texts
from aicompute_tui.services.call_recording import answered, embedded, ranked, refuse_silent
from aicompute_tui.services.connection_views import (
    ending_view,
    milliseconds,
    model_view,
    prices_view,
    tested_view,
)
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.embedding_views import embedding_view
from aicompute_tui.services.health_checks import refuse_resting
from aicompute_tui.services.keyed_rows import CONNECTIONS

_TEST_TOKENS = 50
_MOST_DOCUMENTS = 1_000
_ROLES = ("user", "assistant", "system")


async def models(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.models`: as the server tells them now."""
    from aicompute_tui.llms.calls import list_models

    endpoint = await endpoint_of(context, required_text(arguments, "name"))
    return [model_view(model) for model in await list_models(endpoint)]


async def test(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.test`: what costs nothing first; `ok` is false where it does not answer as it should."""
    endpoint = await endpoint_of(context, required_text(arguments, "name"))
    connection = endpoint.connection
    view: JsonObject = {"ok": True, "name": connection.name, "kind": connection.kind, "base_url": connection.base_url}
    view |= dict.fromkeys(_TOLD)
    try:
        view |= await _probed(endpoint)
        if text(arguments, "prompt") is not None:
            view |= {**await _prompted(context, endpoint, arguments), "note": None}  # an answer proves more than a list
        elif view["model_is_listed"] is False:
            raise _not_listed(connection)
    except AicError as error:
        wait = error.retry_after if isinstance(error, RateLimited) else None
        problem: JsonObject = {"error_kind": error.kind, "error": error.message, "next_step": error.next_step}
        return {**view, "ok": False, **problem, "retry_after_seconds": wait, "details": error.details or None}
    return view


_TOLD = (
    "error_kind",
    "error",
    "latency_ms",
    "first_token_ms",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
    "note",
)
"""What a test's answer always has, unknown or not."""


async def estimate(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.estimate`: no call is made, except for the models where none is chosen."""
    endpoint = await endpoint_of(context, required_text(arguments, "name"))
    return await _estimated(endpoint, await _test_prompt(endpoint, arguments))


async def _estimated(endpoint: Endpoint, prompt: Prompt) -> JsonObject:
    """Tokens and cost that cannot be passed; unknown where a price is, or where nothing limits the answer."""
    from aicompute_tui.llms.prices import prices_of

    prices = prices_of(endpoint.connection, prompt.model)
    most = most_input_tokens(tuple(each.text for each in prompt.messages))
    usage = Usage(input_tokens=most, output_tokens=prompt.max_tokens)
    return {
        "name": endpoint.connection.name,
        "model": prompt.model,
        "prompt": prompt.text,
        "max_tokens": prompt.max_tokens,
        **prices_view(prices, cost_nano_usd(usage, prices)),
    }


async def _probed(endpoint: Endpoint) -> JsonObject:
    from aicompute_tui.llms.calls import check_key, list_models

    began = time.monotonic()
    await check_key(endpoint)
    if not lists_models(endpoint.connection):
        note = "It answers, and lists no models: whether it takes the key and has the model is told by --prompt alone."
        took = milliseconds(time.monotonic() - began)
        return {"latency_ms": took, "models": None, "model_is_listed": None, "note": note}
    listed = await list_models(endpoint)
    found, model = [each.id for each in listed], _chosen_model(endpoint, {})
    silent = [each.id for each in listed if each.answers is False]
    if endpoint.preset.answers and silent and _is_listed(model, silent):
        raise _embeds_only(endpoint.connection, model)
    return {
        "latency_ms": milliseconds(time.monotonic() - began),
        "models": len(found),
        "model": model,
        "model_is_listed": _is_listed(model, found) if endpoint.connection.kind not in _OWN_NAMES else None,
    }


def _embeds_only(connection: Connection, model: str | None) -> InvalidInput:
    step = f"Choose another to talk with: aic-tui connection edit {connection.word} --model MODEL"
    return InvalidInput(f"{model} answers no prompts: “{connection.name}” says that it only embeds.", step)


_OWN_NAMES = frozenset({"azure", "azure-deployments"})
"""Kinds that are asked by the name of a deployment, while models are what they list."""


def _is_listed(model: str | None, found: Sequence[str]) -> bool | None:
    """None where no model is chosen or none is told of. A tag that is left out is `latest`, a `*` stands for many."""
    if model is None or not found:
        return None
    names = {model, f"{model}:latest", model.removesuffix(":latest")}
    return any(fnmatchcase(model, each) if "*" in each else each in names for each in found)


def _not_listed(connection: Connection) -> NotFound:
    step = (
        f"See them: aic-tui connection models {connection.word}; choose one: aic-tui connection edit {connection.word}"
    )
    return NotFound(f"“{connection.name}” does not offer {connection.model}.", f"{step} --model MODEL")


async def _prompted(context: Context, endpoint: Endpoint, arguments: Arguments) -> JsonObject:
    prompt = await _test_prompt(endpoint, arguments)
    said = ""
    view: JsonObject = {}
    async with aclosing(answered(context, endpoint, prompt, Operation.TEST)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Ending):
                view = tested_view(endpoint.connection, prompt.model, piece)
            else:
                said += piece
    return {**view, "answer": said}


async def ask(context: Context, arguments: Arguments) -> AsyncIterator[JsonObject]:
    """Handler of `connection.ask`: the answer's pieces as they come, and last a row that says how it ended."""
    endpoint = await endpoint_of(context, required_text(arguments, "name"))
    is_test = flag(arguments, "test")
    if is_test:
        prompt = await _test_prompt(endpoint, arguments)
    else:
        prompt = await _prompt(endpoint, arguments, required_text(arguments, "prompt"), None)
    operation = Operation.TEST if is_test else Operation.CHAT
    async with aclosing(answered(context, endpoint, prompt, operation)) as pieces:
        async for piece in pieces:
            if isinstance(piece, Ending):
                yield {"text": "", **ending_view(endpoint.connection, prompt.model, piece)}
            else:
                yield {"text": piece, **dict.fromkeys(_ENDING)}


_ENDING = (
    "model",
    "finish_reason",
    "connect_seconds",
    "first_token_seconds",
    "total_seconds",
    "input_tokens",
    "cached_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost_usd",
    "cost_source",
)


async def _test_prompt(endpoint: Endpoint, arguments: Arguments) -> Prompt:
    return await _prompt(endpoint, arguments, text(arguments, "prompt") or TEST_PROMPT, _TEST_TOKENS)


async def _prompt(endpoint: Endpoint, arguments: Arguments, asked: str, most: int | None) -> Prompt:
    options = endpoint.connection.options
    given = integer(arguments, "max_tokens", least=1, most=10_000_000)
    return Prompt(
        text=asked,
        model=_chosen_model(endpoint, arguments) or await only_model(endpoint),
        max_tokens=given or most or options.max_tokens,
        temperature=options.temperature,
        earlier=_earlier(arguments),
    )


def _earlier(arguments: Arguments) -> tuple[Message, ...]:
    """ROLE=TEXT each. Raises InvalidInput for a role that nobody has."""
    found: list[Message] = []
    for said in texts(arguments, "earlier"):
        role, _, words = said.partition("=")
        if role not in _ROLES or not words:
            raise InvalidInput(
                f"“{said[:40]}” is no message.", f"Write it like user=Hello; known are {', '.join(_ROLES)}."
            )
        found.append(Message(role=role, text=words))
    return tuple(found)


def _chosen_model(endpoint: Endpoint, arguments: Arguments) -> str | None:
    """The one that is named for this call, else the connection's own; None where neither is."""
    model = text(arguments, "model") or endpoint.connection.model
    return None if model is None else model_id(endpoint.preset.dialect, model)


async def only_model(endpoint: Endpoint, *, answers: bool = True) -> str:
    """The one model that is told to answer prompts, or to answer none; where nobody tells each counts.

    Raises InvalidInput where there are several, or none.
    """
    from aicompute_tui.llms.calls import list_models

    if answers:
        refuse_silent(endpoint)
    name = endpoint.connection.name
    found = [model.id for model in await list_models(endpoint) if model.answers in (None, answers)]
    if len(found) != 1:
        count = "offers no model" if not found else f"offers {len(found)} models"
        step = f"aic-tui connection edit {endpoint.connection.word} --model MODEL"
        raise InvalidInput(f"“{name}” {count}, and none is chosen.", step)
    return found[0]


async def embed(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.embed`: how many numbers came, the first of them, and how alike a second text is."""
    endpoint = await endpoint_of(context, required_text(arguments, "name"))
    words, other = required_text(arguments, "text"), text(arguments, "other")
    model = _chosen_model(endpoint, arguments) or await only_model(endpoint, answers=False)
    began = time.monotonic()
    found = await embedded(context, endpoint, [words] if other is None else [words, other], model)
    return {
        "name": endpoint.connection.name,
        "model": found.model,
        **embedding_view(found.vectors[0], None if other is None else found.vectors[1]),
        "tokens": found.usage.input_tokens,
        "total_seconds": round(time.monotonic() - began, 4),
    }


async def rerank(context: Context, arguments: Arguments) -> Json:
    """Handler of `connection.rerank`: the documents, best first."""
    endpoint = await endpoint_of(context, required_text(arguments, "name"))
    query, documents = required_text(arguments, "query"), checked_documents(texts(arguments, "documents"))
    model = _chosen_model(endpoint, arguments) or await only_model(endpoint, answers=False)
    found = await ranked(context, endpoint, query, documents, model)
    return [
        {"score": round(rank.score, 6), "document": documents[rank.index], "index": rank.index} for rank in found.ranks
    ]


def checked_documents(documents: Sequence[str]) -> Sequence[str]:
    """Raises InvalidInput for none, for far too many, and for an empty one."""
    if not 0 < len(documents) <= _MOST_DOCUMENTS or not all(each.strip() for each in documents):
        raise InvalidInput("Give between 1 and 1,000 documents to rank, none of them empty.", "Each is one argument.")
    return documents


async def endpoint_of(context: Context, reference: str) -> Endpoint:
    """A connection by name or id, with its key. Raises NotFound, NotConfigured, AuthFailed, NotAllowed, Refused."""
    async with context.store.read() as transaction:
        connection: Connection = await transaction.connections.find(reference)
    if not context.clouds.may_reach(connection.base_url):
        raise NotAllowed("The demo reaches nothing but this machine.", "Leave the demo to use your own connections.")
    refuse_resting(connection)
    return Endpoint(connection, preset_of(connection.kind), await CONNECTIONS.opened_key(context, connection))
