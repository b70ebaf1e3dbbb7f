"""Every prompt that a connection is asked is written down: by whom, how long it took, its cost, and no word of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

from aicompute_tui.domain.call import CANCELLED, Call, Operation
from aicompute_tui.domain.connection import Connection, Embeddings, Ending, Prompt, Ranking, Usage
from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.ids import new_id
from aicompute_tui.llms.base import Endpoint, Reading
from aicompute_tui.services.context import Context
from aicompute_tui.services.request_rate import within_rate
from aicompute_tui.store.settling import settled

_SECONDS = 5.0
_MICRO = 1_000_000

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Recording:
    """What is known of one call so far."""

    connection: Connection
    operation: Operation
    model: str
    """The one that was asked, then the one that answered."""
    began: float = field(default_factory=time.monotonic)
    first: float | None = None
    ended: float | None = None
    usage: Usage = field(default_factory=Usage)
    reading: Reading = field(default_factory=Reading)
    """What was told until it failed, or was stopped."""
    asked: str = field(init=False)

    def __post_init__(self) -> None:
        self.asked = self.model

    def take(self, piece: str | Ending) -> None:
        """A piece of an answer, or how it ended."""
        if isinstance(piece, Ending):
            self.end(piece.usage, piece.model)
        elif self.first is None:
            self.first = time.monotonic()

    def end(self, usage: Usage, model: str | None) -> None:
        """It was answered whole; `model` is who answered."""
        self.ended, self.usage, self.model = time.monotonic(), usage, model or self.model

    @property
    def told_usage(self) -> Usage:
        """Of an answer that did not end nobody knows how much was made: counts of it are those of its beginning."""
        if self.ended is not None:
            return self.usage
        return replace(self.reading.usage, output_tokens=None, reasoning_tokens=None)


async def answered(
    context: Context, endpoint: Endpoint, prompt: Prompt, operation: Operation = Operation.CHAT
) -> AsyncGenerator[str | Ending, None]:
    """As `llms.calls.answer`, and written down however it ends. A test is made once, else as often as is chosen.

    Raises InvalidInput, without asking, where nothing of its kind answers prompts.
    """
    from aicompute_tui.llms.calls import answer

    refuse_silent(endpoint)
    retries = 0 if operation is Operation.TEST else endpoint.connection.options.retries
    async with (
        within_rate(context, endpoint.connection),
        recorded(context, endpoint.connection, operation, prompt.model) as recording,
        aclosing(answer(endpoint, prompt, retries=retries, reading=recording.reading)) as pieces,
    ):
        async for piece in pieces:
            recording.take(piece)
            yield piece


def refuse_silent(endpoint: Endpoint) -> None:
    """Raises InvalidInput where nothing of its kind answers prompts."""
    if not endpoint.preset.answers:
        step = "Ask it for embeddings or a ranking, or a connection of another kind for an answer."
        raise InvalidInput(f"{endpoint.preset.title} answers no prompts.", step)


async def embedded(context: Context, endpoint: Endpoint, texts: Sequence[str], model: str) -> Embeddings:
    """As `llms.embedding.embed`, and written down however it ends."""
    from aicompute_tui.llms.embedding import embed

    async with (
        within_rate(context, endpoint.connection),
        recorded(context, endpoint.connection, Operation.EMBED, model) as recording,
    ):
        found = await embed(endpoint, texts, model, recording.reading)
        recording.end(found.usage, found.model)
        return found


async def ranked(context: Context, endpoint: Endpoint, query: str, documents: Sequence[str], model: str) -> Ranking:
    """As `llms.ranking.rerank`, and written down however it ends."""
    from aicompute_tui.llms.ranking import rerank

    async with (
        within_rate(context, endpoint.connection),
        recorded(context, endpoint.connection, Operation.RERANK, model) as recording,
    ):
        found = await rerank(endpoint, query, documents, model, recording.reading)
        recording.end(found.usage, found.model)
        return found


@asynccontextmanager
async def recorded(
    context: Context, connection: Connection, operation: Operation, model: str
) -> AsyncIterator[Recording]:
    """Around one call. What leaves it without an error before its end was stopped by who asked."""
    recording = Recording(connection, operation, model)
    problem = CANCELLED
    try:
        yield recording
        problem = ""
    except AicError as error:
        problem = error.kind
        raise
    finally:
        await settled(_keep(context, recording, "" if recording.ended is not None else problem))


async def _keep(context: Context, recording: Recording, problem: str) -> None:
    """An answer is never lost because its use could not be written down."""
    try:
        async with asyncio.timeout(_SECONDS), context.store.write() as transaction:
            await transaction.calls.append(_call(context, recording, problem), has_begun=recording.reading.has_begun)
    except (AicError, TimeoutError) as error:
        log.warning("a call to %s was not written down: %s", recording.connection.name, error)


def _call(context: Context, recording: Recording, problem: str) -> Call:
    from aicompute_tui.llms.prices import cost_of

    now, usage, connection = context.clock.now(), recording.told_usage, recording.connection
    ended = recording.ended or time.monotonic()
    cost = cost_of(connection, usage, recording.model, recording.asked)
    return Call(
        id=new_id(now),
        at=now,
        connection_id=connection.id,
        connection_name=connection.name,
        caller=context.caller,
        operation=recording.operation,
        model=recording.model,
        is_ok=not problem,
        problem_kind=problem,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cost_nano_usd=None if cost is None else cost.nano_usd,
        first_token_microseconds=_since(recording, recording.first),
        total_microseconds=_since(recording, ended),
    )


def _since(recording: Recording, moment: float | None) -> int | None:
    return None if moment is None else round((moment - recording.began) * _MICRO)
