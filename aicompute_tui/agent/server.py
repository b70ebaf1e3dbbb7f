"""The agent's end of the socket: greets, answers queries, is nudged, and tells of changes; no client can hold it up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Protocol

from aicompute_tui.agent.peer import is_ours
from aicompute_tui.agent.protocol import (
    MAX_LINE,
    AgentInfo,
    SessionSecrets,
    answer_lines,
    decode_line,
    encode_line,
    error_line,
    secrets_from,
)
from aicompute_tui.domain.errors import AicError, InvalidInput, RateLimited
from aicompute_tui.domain.json import Json, JsonObject

_WAITING_LINES = 64
_SEND_SECONDS = 15.0
_QUERIES_AT_ONCE = 16

log = logging.getLogger(__name__)

Answer = Awaitable[Json] | AsyncIterator[Json]


class Desk(Protocol):
    """What the server passes on to; every method may raise AicError."""

    def info(self) -> AgentInfo: ...

    async def greet(self, version: str, schema: int, secrets: SessionSecrets) -> None:
        """A client said hello; one of a newer program makes this agent leave."""
        ...

    def nudge(self, what: str) -> None: ...

    def ask(self, action_id: str, arguments: Mapping[str, object]) -> Answer:
        """The answer of a query, or what streams."""
        ...


class Server:
    """Listens on one socket. `clients` counts connections that said hello."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def clients(self) -> int:
        return sum(connection.has_greeted for connection in self._connections)

    async def start(self, path: Path) -> None:
        """Takes the place of a socket that a dead agent left; the caller holds the lock. Raises OSError."""
        remove_socket(path)
        previous = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._accept, str(path), limit=MAX_LINE)
        finally:
            os.umask(previous)

    def tell(self, number: int) -> None:
        """Tells every client the newest change number."""
        for connection in self._connections:
            connection.tell(number)

    async def aclose(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer), name="agent connection")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not is_ours(writer.get_extra_info("socket")):
            log.warning("a connection of another user was refused")
            writer.close()
            return
        connection = _Connection(self._desk, reader, writer)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)


def remove_socket(path: Path) -> None:
    path.unlink(missing_ok=True)


class _Connection:
    """One client. Its answers wait in its own queue: where it does not read, its questions wait and nobody else's."""

    def __init__(self, desk: Desk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.has_greeted = False
        self._desk = desk
        self._reader = reader
        self._writer = writer
        self._lines: asyncio.Queue[bytes] = asyncio.Queue(_WAITING_LINES)
        self._news: int | None = None
        self._queries: dict[str, asyncio.Task[None]] = {}

    def tell(self, number: int) -> None:
        """Only the newest number matters: older ones that were not yet sent are forgotten."""
        if not self.has_greeted:
            return
        self._news = number
        if self._lines.empty():
            self._lines.put_nowait(b"")

    async def serve(self) -> None:
        sender = asyncio.create_task(self._send(), name="agent sender")
        receiver = asyncio.create_task(self._receive(), name="agent receiver")
        try:
            await asyncio.wait({sender, receiver}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            tasks = [sender, receiver, *self._queries.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            with contextlib.suppress(OSError):
                self._writer.close()

    async def _send(self) -> None:
        """Ends, and with it the connection, where the client takes nothing for too long."""
        while True:
            line = await self._lines.get()
            if self._news is not None:
                line += encode_line({"op": "changed", "number": self._news})
                self._news = None
            try:
                self._writer.write(line)
                async with asyncio.timeout(_SEND_SECONDS):
                    await self._writer.drain()
            except (OSError, TimeoutError):
                return

    async def _receive(self) -> None:
        while True:
            try:
                line = await self._line()
            except InvalidInput as error:
                await self._lines.put(error_line(None, error))
                continue
            if not line:
                return
            await self._take(line)

    async def _line(self) -> bytes:
        """The next line, empty at the end. Raises InvalidInput for one that is too long, after skipping it."""
        is_too_long = False
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as overrun:
                is_too_long = True
                await self._reader.readexactly(max(1, overrun.consumed))
                continue
            except asyncio.IncompleteReadError:
                return b""
            except OSError:
                return b""
            if is_too_long:
                raise InvalidInput("A line is longer than 1 MiB.", "Ask for less at once.")
            return line

    async def _take(self, line: bytes) -> None:
        request_id: Json = None
        try:
            message = decode_line(line)
            request_id = message.get("id")
            await self._carry_out(request_id, message)
        except AicError as error:
            await self._lines.put(error_line(request_id, error))

    async def _carry_out(self, request_id: Json, message: JsonObject) -> None:
        match message.get("op"):
            case "hello":
                await self._greet(request_id, message)
            case "about":
                await self._answer(request_id, self._desk.info().to_json())
            case "nudge":
                self._desk.nudge(str(message.get("what") or "jobs"))
                await self._answer(request_id, None)
            case "query":
                self._start_query(request_id, message)
            case "cancel":
                query = self._queries.get(str(request_id))
                if query is not None:
                    query.cancel()
            case "changed":
                self.has_greeted = True
                await self._answer(request_id, None)
            case _:
                raise InvalidInput("The agent does not know this request.", "Use a console of the same version.")

    async def _greet(self, request_id: Json, message: JsonObject) -> None:
        version, schema = message.get("version"), message.get("schema")
        if not isinstance(version, str) or not isinstance(schema, int):
            raise InvalidInput("A hello names version and schema.", "Use a console of the same version.")
        await self._desk.greet(version, schema, secrets_from(message.get("session")))
        self.has_greeted = True
        await self._answer(request_id, self._desk.info().to_json())

    def _start_query(self, request_id: Json, message: JsonObject) -> None:
        action_id, arguments = message.get("action"), message.get("arguments") or {}
        if not isinstance(request_id, str) or not isinstance(action_id, str) or not isinstance(arguments, dict):
            raise InvalidInput("A query names its id, action and arguments.", "Use a console of the same version.")
        if request_id in self._queries:
            raise InvalidInput("This query id is in use.", "Use each id once.")
        if len(self._queries) >= _QUERIES_AT_ONCE:
            raise RateLimited("Too many questions at once.", "Wait for some answers.", retry_after=1.0)
        task = asyncio.create_task(self._query(request_id, action_id, arguments), name=f"query {action_id}")
        self._queries[request_id] = task
        task.add_done_callback(lambda _: self._queries.pop(request_id, None))

    async def _query(self, request_id: str, action_id: str, arguments: JsonObject) -> None:
        """The error boundary of a query: whatever goes wrong inside is answered, its details in the log only."""
        try:
            answer = self._desk.ask(action_id, arguments)
            if isinstance(answer, AsyncIterator):
                await self._pass_on(request_id, answer)
            else:
                await self._put(answer_lines(request_id, await answer))
        except AicError as error:
            log.info("query %s: %s %s", action_id, error.message, error.details)
            await self._lines.put(error_line(request_id, error))
        except Exception as error:
            log.exception("query %s failed unexpectedly", action_id)
            unexpected = AicError(
                f"Something went wrong inside the agent ({type(error).__name__}).", "The agent's log has the details."
            )
            await self._lines.put(error_line(request_id, unexpected))

    async def _pass_on(self, request_id: str, items: AsyncIterator[Json]) -> None:
        try:
            async for item in items:
                line = encode_line({"id": request_id, "item": item})
                if len(line) <= MAX_LINE:
                    await self._lines.put(line)
        finally:
            close: Callable[[], Awaitable[None]] | None = getattr(items, "aclose", None)
            if close is not None:
                await close()
        await self._answer(request_id, None)

    async def _answer(self, request_id: Json, result: Json) -> None:
        await self._put(answer_lines(request_id, result))

    async def _put(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            await self._lines.put(line)
