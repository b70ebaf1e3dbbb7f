"""What answers at the published ports of a container that was deployed in the demo: enough for a first question."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import time
from collections.abc import Iterable
from itertools import pairwise

from aicompute_tui.demo.lab.box import Box, base_name, stamp
from aicompute_tui.demo.lab.exchange import Exchange, RefusedByEngine, serve
from aicompute_tui.domain.json import Json, JsonObject

_LOOPBACK = "127.0.0.1"
_UNTIL_IT_LISTENS_SECONDS = 3.0
_VERSION = "0.33.0"
_ALIVE = frozenset({"/", "/health", "/health_generate", "/system_stats", "/info"})


class Endpoints:
    """Listens on loopback alone, whatever address was asked for."""

    def __init__(self) -> None:
        self._servers: dict[str, list[asyncio.Server]] = {}

    async def open(self, box: Box) -> None:
        """Raises RefusedByEngine where another program has the port."""
        servers: list[asyncio.Server] = []
        for _, _, _, port in box.published():
            try:
                servers.append(await self._listen(box, port))
            except OSError as error:
                await _close(servers)
                reason = "address already in use" if error.errno == errno.EADDRINUSE else str(error.strerror)
                raise RefusedByEngine(500, f"listen tcp4 {_LOOPBACK}:{port}: bind: {reason}") from error
        self._servers[box.id] = servers
        box.is_published = bool(servers)

    async def close(self, box: Box) -> None:
        box.is_published = False
        await _close(self._servers.pop(box.id, []))

    async def _listen(self, box: Box, port: int) -> asyncio.Server:
        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if box.began is None or time.time() - box.began < _UNTIL_IT_LISTENS_SECONDS:
                writer.close()
                return
            await serve(lambda exchange: _answer(box, exchange), reader, writer)

        return await asyncio.start_server(take, _LOOPBACK, port)


async def _close(servers: Iterable[asyncio.Server]) -> None:
    for server in servers:
        server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await server.wait_closed()


async def _answer(box: Box, exchange: Exchange) -> None:
    path = exchange.request.path
    is_ollama = base_name(box.image) == "ollama"
    if is_ollama and path == "/":
        await exchange.text(b"Ollama is running")
    elif is_ollama and path == "/api/version":
        await exchange.answer({"version": _VERSION})
    elif is_ollama and path in {"/api/tags", "/api/ps"}:
        models = [_model(name, box) for name in box.models] if path == "/api/tags" else []
        await exchange.answer({"models": [*models]})
    elif path == "/v1/models":
        names = box.models or [_served(box)]
        data: list[Json] = [
            {"id": name, "object": "model", "created": int(box.created), "owned_by": "library"}
            for name in names
            if name
        ]
        await exchange.answer({"object": "list", "data": data})
    elif not is_ollama and path in _ALIVE:
        await exchange.answer({"status": "ok"})
    else:
        await exchange.text(b"404 page not found", status=404)


def _model(name: str, box: Box) -> JsonObject:
    full = name if ":" in name else f"{name}:latest"
    return {"name": full, "model": full, "modified_at": stamp(box.began), "size": 4_920_753_328, "digest": box.id}


def _served(box: Box) -> str:
    """What its command names as its model."""
    words = [str(word) for word in box.request.get("Cmd") or []]
    for flag, value in pairwise(words):
        if flag in {"--model", "--model-id", "--model-path", "-hf"}:
            return value
    return ""
