"""JSON that comes a line at a time on a connection that stays open."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import cast

import aiohttp

from aicompute_tui.domain.json import Json

_MOST_BYTES = 8 << 20


async def json_lines(response: aiohttp.ClientResponse) -> AsyncIterator[Json]:
    """Each whole line; raises ValueError for one that is no JSON or longer than anything an engine says."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _MOST_BYTES:
            raise ValueError("a line without end")
        for line in lines:
            if line.strip():
                yield cast("Json", json.loads(line))
    if rest.strip():
        yield cast("Json", json.loads(rest))
