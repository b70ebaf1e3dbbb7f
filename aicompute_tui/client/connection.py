"""One connection in a program's hands: it answers prompts whole or piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aicompute_tui.domain.connection import Connection, Ending, Message, Prompt
from aicompute_tui.domain.errors import InvalidInput, Refused
from aicompute_tui.domain.money import usd_from_nano
from aicompute_tui.services.context import Context

if TYPE_CHECKING:
    from aicompute_tui.llms.prices import Cost

Opened = Callable[[], AbstractAsyncContextManager[Context]]
_HOTTEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer and what it took. What the server did not tell, or whose price nobody knows, is None."""

    text: str
    connection: str
    """The name of the connection that answered."""
    model: str | None
    finish_reason: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: float | None
    first_token_seconds: float | None
    total_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A vector for each text, in their order, and what they took."""

    vectors: tuple[tuple[float, ...], ...]
    model: str
    input_tokens: int | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedDocument:
    """`index` is its place among those given."""

    index: int
    score: float
    document: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reranked:
    """The documents, best first, and what ranking them took."""

    documents: tuple[RankedDocument, ...]
    model: str
    input_tokens: int | None
    cost_usd: float | None


class LlmConnection:
    """As it was kept when it was asked for; its key, options and address are read anew for each call."""

    def __init__(self, connection: Connection, opened: Opened) -> None:
        self._kept = connection
        self._opened = opened

    def __repr__(self) -> str:
        return f"LlmConnection({self.name!r})"

    @property
    def id(self) -> str:
        return self._kept.id

    @property
    def name(self) -> str:
        return self._kept.name

    @property
    def kind(self) -> str:
        """What it is: `ollama`, `vllm`, `anthropic` …"""
        return self._kept.kind

    @property
    def base_url(self) -> str:
        return self._kept.base_url

    @property
    def model(self) -> str | None:
        return self._kept.model

    @property
    def description(self) -> str:
        return self._kept.description

    @property
    def tags(self) -> tuple[str, ...]:
        return self._kept.tags

    @property
    def priority(self) -> int:
        return self._kept.options.priority

    @property
    def use_in_livekit(self) -> bool:
        return "livekit" in self._kept.flags

    @property
    def use_in_mcp(self) -> bool:
        return "mcp" in self._kept.flags

    @property
    def use_in_automation(self) -> bool:
        return "automation" in self._kept.flags

    async def generate(
        self,
        prompt: str,
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        model: str | None = None,
        system: str | None = None,
        history: Sequence[Message] = (),
    ) -> Answer:
        """The whole answer. What is not named is as the connection has it. Raises AicError."""
        said = ""
        asked = self.pieces(prompt, max_tokens, temperature, model, system, history)
        async with aclosing(asked) as pieces:
            async for piece in pieces:
                if isinstance(piece, Answer):
                    return replace(piece, text=said)
                said += piece
        raise RuntimeError("an answer ended without saying how")

    async def stream(
        self,
        prompt: str,
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        model: str | None = None,
        system: str | None = None,
        history: Sequence[Message] = (),
    ) -> AsyncGenerator[str, None]:
        """The pieces as they come; leaving the loop ends the call. Raises AicError, also after some pieces."""
        asked = self.pieces(prompt, max_tokens, temperature, model, system, history)
        async with aclosing(asked) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    yield piece

    async def embed(self, texts: str | Sequence[str], *, model: str | None = None) -> Embedded:
        """One vector for each text. Raises AicError, InvalidInput where its kind has none to offer."""
        from aicompute_tui.llms.prices import cost_of
        from aicompute_tui.services.call_recording import embedded
        from aicompute_tui.services.connection_calls import endpoint_of, only_model

        given = [texts] if isinstance(texts, str) else [*texts]
        if not given or not all(each.strip() for each in given):
            raise InvalidInput("There is no text to embed, or one is empty.", "Give some words each.")
        async with self._opened() as context:
            endpoint = await endpoint_of(context, self.id)
            await _refuse_unused(context, endpoint.connection)
            asked = model or endpoint.connection.model or await only_model(endpoint, answers=False)
            found = await embedded(context, endpoint, given, asked)
        cost = cost_of(endpoint.connection, found.usage, found.model, asked)
        return Embedded(
            vectors=found.vectors,
            model=found.model,
            input_tokens=found.usage.input_tokens,
            cost_usd=_usd(cost),
        )

    async def rerank(self, query: str, documents: Sequence[str], *, model: str | None = None) -> Reranked:
        """The documents, best first. Raises AicError, InvalidInput where its kind ranks nothing."""
        from aicompute_tui.llms.prices import cost_of
        from aicompute_tui.services.call_recording import ranked
        from aicompute_tui.services.connection_calls import checked_documents, endpoint_of, only_model

        if not query.strip():
            raise InvalidInput("There is no question to rank by.", "Give some words.")
        given = checked_documents([*documents])
        async with self._opened() as context:
            endpoint = await endpoint_of(context, self.id)
            await _refuse_unused(context, endpoint.connection)
            asked = model or endpoint.connection.model or await only_model(endpoint, answers=False)
            found = await ranked(context, endpoint, query, given, asked)
        cost = cost_of(endpoint.connection, found.usage, found.model, asked)
        return Reranked(
            documents=tuple(
                RankedDocument(index=rank.index, score=rank.score, document=given[rank.index]) for rank in found.ranks
            ),
            model=found.model,
            input_tokens=found.usage.input_tokens,
            cost_usd=_usd(cost),
        )

    async def pieces(
        self,
        text: str,
        max_tokens: int | None,
        temperature: float | None,
        model: str | None,
        system: str | None,
        history: Sequence[Message],
    ) -> AsyncGenerator[str | Answer, None]:
        """The pieces as they come, and last an answer without its text. Raises AicError, also after some pieces."""
        from aicompute_tui.services.call_recording import answered
        from aicompute_tui.services.connection_calls import endpoint_of, only_model

        check_request(text, max_tokens, temperature)
        async with self._opened() as context:
            endpoint = await endpoint_of(context, self.id)
            await _refuse_unused(context, endpoint.connection)
            options = endpoint.connection.options
            told = () if system is None else (Message(role="system", text=system),)
            prompt = Prompt(
                text=text,
                model=model or endpoint.connection.model or await only_model(endpoint),
                max_tokens=options.max_tokens if max_tokens is None else max_tokens,
                temperature=options.temperature if temperature is None else str(temperature),
                earlier=(*told, *history),
            )
            async with aclosing(answered(context, endpoint, prompt)) as pieces:
                async for piece in pieces:
                    yield piece if isinstance(piece, str) else _answer(endpoint.connection, prompt.model, piece)


async def _refuse_unused(context: Context, connection: Connection) -> None:
    """Raises Refused where it was taken out of use, by a person or by itself."""
    async with context.store.read() as transaction:
        report = await transaction.health_reports.get(connection.id)
    held_back = report.problem if report is not None and report.is_held_back else ""
    if not connection.is_active or held_back:
        reason = connection.inactive_reason or held_back
        step = f"Put it back: aic-tui connection enable {connection.word}"
        raise Refused(f"“{connection.name}” is out of use{f': {reason}' if reason else ''}.", step)


def check_request(text: str, max_tokens: int | None, temperature: float | None) -> None:
    """Raises InvalidInput for what no connection could answer."""
    if not text.strip():
        raise InvalidInput("The prompt is empty.", "Give some words.")
    if max_tokens is not None and max_tokens < 1:
        raise InvalidInput(f"max_tokens must be at least 1, not {max_tokens}.", "Give another number.")
    if temperature is not None and not 0 <= temperature <= _HOTTEST:
        raise InvalidInput(f"{temperature} is not a temperature.", "Give a number from 0 to 2.")


def _answer(connection: Connection, asked: str, ending: Ending) -> Answer:
    from aicompute_tui.llms.prices import cost_of

    usage = ending.usage
    cost = cost_of(connection, usage, ending.model, asked)
    return Answer(
        text="",
        connection=connection.name,
        model=ending.model,
        finish_reason=ending.finish_reason,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        cost_usd=_usd(cost),
        first_token_seconds=ending.first_token_seconds,
        total_seconds=ending.total_seconds,
    )


def _usd(cost: Cost | None) -> float | None:
    return None if cost is None else float(usd_from_nano(cost.nano_usd))
