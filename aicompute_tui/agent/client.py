"""The other end of the agent's socket, for the console and the command line. Standard library only."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING

from aicompute_tui.agent.peer import check_private, is_ours
from aicompute_tui.agent.protocol import (
    MAX_LINE,
    AgentInfo,
    SessionSecrets,
    decode_line,
    encode_line,
    error_from,
    info_from,
    program_version,
)
from aicompute_tui.domain.errors import AicError, BadAnswer, Refused, Unreachable
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.store.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from aicompute_tui.settings.places import Places

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
QUERY_SECONDS = 120.0

ChangeListener = Callable[[int], None]


def no_agent() -> Unreachable:
    return Unreachable("No agent is running.", "Start one: aic-tui agent")


class AgentClient:
    """One connection. `on_changed` is called on the event loop with the newest change number, `on_closed` once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.on_changed: ChangeListener | None = None
        self.on_closed: Callable[[], None] | None = None
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._waiting: dict[str, asyncio.Queue[JsonObject | AicError]] = {}
        self._listener = asyncio.create_task(self._listen(), name="agent client")
        self._is_closed = False

    @classmethod
    async def connect(cls, places: Places, seconds: float = CONNECT_SECONDS) -> AgentClient:
        """Raises Unreachable where no agent listens, Refused where what listens is not ours."""
        path = places.agent_socket
        if not path.parent.is_dir():
            raise no_agent()
        check_private(path.parent)
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_unix_connection(str(path), limit=MAX_LINE + 2)
        except (OSError, TimeoutError) as error:
            raise no_agent() from error
        if not is_ours(writer.get_extra_info("socket")):
            writer.close()
            raise Refused("The agent's socket belongs to another user.", "Remove it, then start aic-tui again.")
        return cls(reader, writer)

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    async def hello(self, session: SessionSecrets | None = None, seconds: float = ANSWER_SECONDS) -> AgentInfo:
        """Says who we are, hands over what only this session has, and asks to be told of changes."""
        request: dict[str, object] = {"version": program_version(), "schema": SCHEMA_VERSION}
        if session:
            request["session"] = session.to_json()
        return info_from(await self._ask("hello", request, seconds))

    async def ask_about(self, seconds: float = ANSWER_SECONDS) -> AgentInfo:
        """What the agent says about itself; unlike `hello` it neither counts us nor makes an older one leave."""
        return info_from(await self._ask("about", {}, seconds))

    async def nudge(self, what: str = "jobs", seconds: float = ANSWER_SECONDS) -> None:
        """`jobs`: look for new jobs now. `reconcile`: follow the machines now."""
        await self._ask("nudge", {"what": what}, seconds)

    async def query(self, action_id: str, arguments: Mapping[str, object], seconds: float = QUERY_SECONDS) -> Json:
        """The answer; giving up waiting cancels the question at the agent. Raises AicError."""
        return await self._ask("query", {"action": action_id, "arguments": dict(arguments)}, seconds)

    async def stream(self, action_id: str, arguments: Mapping[str, object]) -> AsyncGenerator[Json, None]:
        """What comes, one by one, without an end of its own; closing the iterator cancels the question."""
        request_id = str(next(self._ids))
        question = {"action": action_id, "arguments": dict(arguments)}
        async with contextlib.aclosing(self._messages(request_id, "query", question)) as messages:
            async for message in messages:
                if "item" in message:
                    yield message["item"]

    async def cancel(self, request_id: str) -> None:
        """Gives a question up; its answer no longer comes."""
        self._waiting.pop(request_id, None)
        if not self._is_closed:
            self._writer.write(encode_line({"id": request_id, "op": "cancel"}))

    async def aclose(self) -> None:
        self._listener.cancel()
        await asyncio.wait({self._listener})
        self._end()

    async def _ask(self, op: str, request: Mapping[str, object], seconds: float) -> Json:
        request_id = str(next(self._ids))
        parts: list[str] = []
        try:
            async with asyncio.timeout(seconds):
                async for message in self._messages(request_id, op, request):
                    if "part" in message:
                        parts.append(str(message["part"]))
                    elif message.get("ok") is True:
                        return _whole(parts) if message.get("in_parts") is True else message.get("result")
        except TimeoutError:
            raise Unreachable(
                f"The agent did not answer within {seconds:g} seconds.", "Try again; “aic-tui agent --status” shows it."
            ) from None
        raise BadAnswer("The agent ended without an answer.", "Try again.")

    async def _messages(
        self, request_id: str, op: str, request: Mapping[str, object]
    ) -> AsyncGenerator[JsonObject, None]:
        """Every message about one request up to its last; raises the error it ends with."""
        queue: asyncio.Queue[JsonObject | AicError] = asyncio.Queue()
        self._waiting[request_id] = queue
        is_over = False
        try:
            await self._send({"id": request_id, "op": op, **request})
            while not is_over:
                message = await queue.get()
                is_over = isinstance(message, AicError) or "ok" in message
                if isinstance(message, AicError):
                    raise message
                if message.get("ok") is False:
                    raise error_from(message.get("error"))
                yield message
        finally:
            self._waiting.pop(request_id, None)
            if not is_over:
                await self.cancel(request_id)

    async def _send(self, message: Mapping[str, object]) -> None:
        line = encode_line(message)
        if self._is_closed:
            raise no_agent()
        if len(line) > MAX_LINE:
            raise Refused("The question is too long for the agent.", "Ask for less at once.")
        try:
            self._writer.write(line)
            await self._writer.drain()
        except OSError as error:
            raise Unreachable("The agent went away.", "Try again.") from error

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                self._take(decode_line(line))
        except (OSError, ValueError, AicError):
            return
        finally:
            self._end()

    def _take(self, message: JsonObject) -> None:
        if message.get("op") == "changed":
            number = message.get("number")
            if self.on_changed is not None and isinstance(number, int):
                self.on_changed(number)
            return
        queue = self._waiting.get(str(message.get("id")))
        if queue is not None:
            queue.put_nowait(message)

    def _end(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        with contextlib.suppress(OSError):
            self._writer.close()
        for queue in self._waiting.values():
            queue.put_nowait(Unreachable("The agent went away.", "Try again."))
        if self.on_closed is not None:
            self.on_closed()


def _whole(parts: list[str]) -> Json:
    try:
        answer: Json = json.loads("".join(parts))
    except ValueError as error:
        raise BadAnswer("The agent's answer cannot be read.", "Try again.") from error
    return answer
