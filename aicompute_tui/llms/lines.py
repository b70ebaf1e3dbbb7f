"""Streams cut into what was sent: lines of bytes, and the JSON in each or in each server-sent event."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator

from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.json import Json, JsonObject

_LONGEST_LINE = 4 << 20
_MOST_BYTES = 64 << 20
_DONE = b"[DONE]"
END: JsonObject = {}
"""What is given for the mark that all was sent; known by being this very object."""


async def lines_of(parts: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Without their ends; only a line feed ends one, since JSON may hold every other separator.

    Raises BadAnswer for a line or a stream far longer than any answer.
    """
    rest, size = bytearray(), 0
    async for part in parts:
        size += len(part)
        rest += part
        *whole, last = rest.split(b"\n") if b"\n" in part else (rest,)
        for line in whole:
            yield bytes(line.rstrip(b"\r"))
        rest = bytearray(last)
        if len(rest) > _LONGEST_LINE or size > _MOST_BYTES:
            raise BadAnswer("The answer is far too long.", "Check the address and kind of the connection.")
    if rest:
        yield bytes(rest.rstrip(b"\r"))


async def payloads(lines: AsyncIterator[bytes], *, is_event_stream: bool) -> AsyncGenerator[Json, None]:
    """The JSON of each piece, up to `END` where it says that it was the last. Raises BadAnswer for anything else."""
    async for line in lines:
        data = line.strip()
        if is_event_stream:
            if not line.startswith(b"data:"):
                if line.startswith(b"{"):  # an error or a whole answer where a stream was asked for
                    yield _decoded(line)
                continue
            data = line.removeprefix(b"data:").strip()
            if data == _DONE:
                yield END
                return
        if data:
            yield _decoded(data)


def _decoded(data: bytes) -> Json:
    try:
        decoded: Json = json.loads(data)
    except (ValueError, RecursionError):
        raise BadAnswer("The answer holds what cannot be read.", "Check the address and kind.") from None
    return decoded
