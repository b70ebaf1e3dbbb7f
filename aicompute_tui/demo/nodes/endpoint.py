"""The model server of a machine of the demo, as an HTTP connection through a tunnel meets it."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus

import asyncssh

from aicompute_tui.demo.nodes import ollama_server, openai_server
from aicompute_tui.demo.nodes.box import Box
from aicompute_tui.demo.nodes.http_answer import Answer, Request

Reader = asyncssh.SSHReader[bytes]
Writer = asyncssh.SSHWriter[bytes]
_MOST_BODY = 8 << 20
_LOST = (BrokenPipeError, ConnectionError, asyncssh.Error, asyncio.IncompleteReadError)


class Endpoint:
    def __init__(self, box: Box) -> None:
        self._box = box

    def listens_at(self, port: int) -> bool:
        framework = self._box.framework
        return framework is not None and framework.node_port == port and self._box.answers(time.time())

    async def serve(self, reader: Reader, writer: Writer) -> None:
        """Requests one after the other until either side closes."""
        try:
            while True:
                request = await _read(reader)
                if request is None:
                    break
                await self._answer(request, writer)
                if request.headers.get("connection", "").lower() == "close":
                    break
        except _LOST:
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: Writer) -> None:
        began = time.time()
        if not self._box.answers(began):
            raise ConnectionAbortedError
        answer = await self._ask(request)
        if answer.stream is None:
            await _write(writer, answer)
        else:
            with self._box.work.real(began):
                await _write(writer, answer)
        self._box.work.tell(time.time(), f"{request.method} {request.path}", time.time() - began, answer.status)

    async def _ask(self, request: Request) -> Answer:
        box = self._box
        key = box.secrets.get("API_KEY")
        if box.facts.framework == "ollama":
            return ollama_server.answer(box, request)
        if key and request.path.startswith("/v1") and request.headers.get("authorization") != f"Bearer {key}":
            return Answer.json({"error": "Unauthorized"}, 401)
        return openai_server.answer(box, request)


async def _read(reader: Reader) -> Request | None:
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
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _MOST_BODY:
        return None
    body = await reader.readexactly(int(length)) if int(length) else b""
    return Request(words[0], words[1].partition("?")[0], headers, body)


async def _write(writer: Writer, answer: Answer) -> None:
    head = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", f"Content-Type: {answer.content_type}"]
    if answer.stream is None:
        head += [f"Content-Length: {len(answer.body)}", "", ""]
        writer.write("\r\n".join(head).encode() + answer.body)
        await writer.drain()
        return
    writer.write("\r\n".join([*head, "Transfer-Encoding: chunked", "", ""]).encode())
    async for part in answer.stream:
        writer.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()
