"""Several connections in order: the first that answers does, the others are asked where it fails."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from aicompute_tui.client.connection import Answer, LlmConnection, check_request
from aicompute_tui.domain.connection import Message
from aicompute_tui.domain.errors import AicError, InvalidInput


class Fallback:
    """An answer that has begun is never begun again by another: what breaks then is raised."""

    def __init__(self, connections: Sequence[LlmConnection]) -> None:
        """Raises InvalidInput for none."""
        if not connections:
            raise InvalidInput("There is no connection to ask.", "Name at least one that is in use.")
        self.connections = tuple(connections)

    async def generate(
        self,
        prompt: str,
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        system: str | None = None,
        history: Sequence[Message] = (),
    ) -> Answer:
        """As a connection's. Raises the error of the last one, with what the others said in its details.

        InvalidInput where the request itself is at fault: then nobody is asked.
        """
        check_request(prompt, max_tokens, temperature)
        failed: dict[str, AicError] = {}
        for each in self.connections:
            said = ""
            asked = each.pieces(prompt, max_tokens, temperature, None, system, history)
            try:
                async with aclosing(asked) as pieces:
                    async for piece in pieces:
                        if isinstance(piece, Answer):
                            return replace(piece, text=said)
                        said += piece
            except AicError as error:
                if said:
                    raise
                failed[each.name] = error
        raise _all_failed(failed)

    async def stream(
        self,
        prompt: str,
        *,
        max_tokens: int | None = None,
        temperature: float | None = None,
        system: str | None = None,
        history: Sequence[Message] = (),
    ) -> AsyncGenerator[str, None]:
        """As a connection's. Raises the error of the last one where none began, InvalidInput as `generate` does."""
        check_request(prompt, max_tokens, temperature)
        failed: dict[str, AicError] = {}
        for each in self.connections:
            has_begun = False
            asked = each.stream(prompt, max_tokens=max_tokens, temperature=temperature, system=system, history=history)
            try:
                async with aclosing(asked) as pieces:
                    async for piece in pieces:
                        has_begun = True
                        yield piece
            except AicError as error:
                if has_begun:
                    raise
                failed[each.name] = error
            else:
                return
        raise _all_failed(failed)


def _all_failed(failed: dict[str, AicError]) -> AicError:
    error = list(failed.values())[-1]
    error.details = " ".join(f"{name}: {each.message}" for name, each in failed.items())
    return error
