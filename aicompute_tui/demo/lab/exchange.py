"""One request to an engine and its answer: whole, in parts without end, or as a connection given over both ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from aicompute_tui.domain.json import Json, JsonObject

_MOST_BODY = 8 << 20
_LOST = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError)


class RefusedByEngine(Exception):
    """What an engine answers instead of doing it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    lists: Mapping[str, list[str]] = field(default_factory=dict)
    """All values of what the query names, where one is named more than once."""

    def fields(self) -> JsonObject:
        """The JSON object of its body, an empty one where there is none."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def asks(self, name: str) -> bool:
        return self.query.get(name, "").lower() in {"1", "true", "t", "yes"}


class Exchange:
    """`request` and the ways to answer it, of which one is taken."""

    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.request = request
        self.reader = reader
        self._writer = writer
        self.has_begun = False
        self.is_given_over = False

    async def answer(self, content: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        await self.text(json.dumps(content).encode(), "application/json", status, headers)

    async def text(
        self,
        body: bytes,
        content_type: str = "text/plain; charset=utf-8",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.has_begun = True
        told = [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        self._writer.write(_head(status, content_type, "\r\n".join(told)) + body)
        await self._writer.drain()

    async def done(self, status: int = 204) -> None:
        """Carried out, and there is nothing to say."""
        self.has_begun = True
        self._writer.write(_head(status, "", "" if status == 204 else "Content-Length: 0"))
        await self._writer.drain()

    async def begin(self, content_type: str = "application/json") -> None:
        self.has_begun = True
        self._writer.write(_head(200, content_type, "Transfer-Encoding: chunked"))
        await self._writer.drain()

    async def send(self, part: bytes) -> None:
        if part:
            self._writer.write(b"%x\r\n%b\r\n" % (len(part), part))
            await self._writer.drain()

    async def line(self, content: Json) -> None:
        await self.send(json.dumps(content).encode() + b"\n")

    async def finish(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def give_over(self) -> None:
        """From here on both sides say what they like."""
        self.has_begun = self.is_given_over = True
        head = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
        self._writer.write(f"{head}Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
        await self._writer.drain()

    async def say(self, data: bytes) -> None:
        """On a connection that was given over."""
        self._writer.write(data)
        await self._writer.drain()

    async def until_gone(self) -> None:
        """The other side has closed the connection. What it says meanwhile is lost."""
        while await self.reader.read(4096):
            pass


Answer = Callable[[Exchange], Awaitable[None]]


async def serve(answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Requests one after the other until either side closes."""
    try:
        while (request := await _read(reader)) is not None:
            exchange = Exchange(request, reader, writer)
            try:
                await answer(exchange)
            except RefusedByEngine as refused:
                if exchange.has_begun:
                    break
                await exchange.answer({"message": str(refused)}, refused.status)
            if exchange.is_given_over or request.headers.get("connection", "").lower() == "close":
                break
    except _LOST:
        pass
    finally:
        writer.close()


def _head(status: int, content_type: str, length: str) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Api-Version: 1.51", "Server: Docker/28.5.1 (linux)"]
    lines += [f"Content-Type: {content_type}"] if content_type else []
    lines += [length] if length else []
    return "\r\n".join([*lines, "", ""]).encode()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """None at the end of the connection, or for what is no request."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *rest = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3:
        return None
    pairs = (line.partition(":") for line in rest if ":" in line)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    body = await _body(reader, headers)
    if body is None:
        return None
    parts = urlsplit(words[1])
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    lists = parse_qs(parts.query, keep_blank_values=True)
    return Request(words[0], unquote(parts.path), query, headers, body, lists)


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes | None:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _MOST_BODY:
        return None
    return await reader.readexactly(int(length)) if int(length) else b""


async def _chunks(reader: asyncio.StreamReader) -> bytes | None:
    body = bytearray()
    while True:
        size = (await reader.readuntil(b"\r\n")).partition(b";")[0].strip()
        try:
            length = int(size, 16)
        except ValueError:
            return None
        body += (await reader.readexactly(length + 2))[:-2]
        if not length:
            return bytes(body)
        if len(body) > _MOST_BODY:
            return None
