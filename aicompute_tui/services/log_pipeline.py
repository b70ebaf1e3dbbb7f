"""A log as a stream of items: lines in batches, and marks that say what a reader must know. Knows no transport."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.log_lines import LineSplitter, one_line

_FLUSH_SECONDS = 0.05
_ENOUGH_BYTES = 256 << 10
_MOST_WAITING_BYTES = 1 << 20
_LONGEST_TOLD = 16 << 10
_LONGEST_NUMBER = 18
_WAITS_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0, 7.0, 10.0)
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\S+")
_BEGUN_ANEW = frozenset({"rotated", "truncated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSoFar:
    """How far a log was read: a place in a file, or the moment its last lines begin with."""

    inode: str = ""
    offset: int = 0
    stamp: str = ""
    repeats: int = 0
    """How many of the last lines begin with `stamp`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """One opening of a log. What stands between `token` and the next line end is not of the log: its reader tells it.

    First comes either `log` or `file INODE OFFSET STATE` (where the bytes that follow begin; STATE is first, same,
    rotated or truncated). Then at any time `note TEXT`, or `stop TEXT`: there is no use in going on; and between whole
    lines `stream NAME`, which those that follow came on.
    """

    token: str
    read: ReadSoFar | None = None
    """None at the first opening."""


OpenLog = Callable[[Opening], AbstractAsyncContextManager[AsyncIterator[bytes]]]


async def log_items(chunks: AsyncIterator[bytes]) -> AsyncGenerator[JsonObject]:
    """The lines of `chunks`; a trickle comes at once, a flood in large items."""
    splitter = LineSplitter()
    async with paced(chunks) as blocks:
        async for block in blocks:
            for batch in splitter.feed(block):
                yield _lines(batch)
    for batch in splitter.finish():
        yield _lines(batch)


async def follow_source(open_log: OpenLog, *, clock: Clock, follow: bool) -> AsyncGenerator[JsonObject]:
    """Goes on over breaks of the connection; ends with an end mark, with `follow` only where the log's reader stops.

    Raises whatever the first opening raises, and later all but Unreachable.
    """
    reading = _Reading(clock)
    while not reading.stopped:
        try:
            async with open_log(reading.opening()) as chunks, paced(chunks) as blocks:
                async for block in blocks:
                    for item in reading.take(block):
                        yield item
            for item in reading.ended():
                yield item
            reading.stopped = reading.stopped or not follow
        except Unreachable as error:
            if not reading.was_opened:
                raise
            for item in reading.broke(error):
                yield item
        if not reading.stopped:
            await clock.sleep(reading.wait_seconds)
    yield mark("end", "The log ends here.", clock.now())


def mark(kind: str, text: str, at: datetime) -> JsonObject:
    return {"mark": kind, "text": text, "at": at.isoformat()}


class _Reading:
    """What is known from one opening of a log to the next."""

    def __init__(self, clock: Clock) -> None:
        self.was_opened = False
        self.stopped = False
        self._clock = clock
        self._read: ReadSoFar | None = None
        self._splitter = LineSplitter()
        self._token = b""
        self._carry = b""
        self._start = 0
        self._skip = 0
        self._failures = 0
        self._got_lines = False
        self._broken_at: datetime | None = None
        self._told_break = False
        self._stream = ""

    @property
    def wait_seconds(self) -> float:
        return _WAITS_SECONDS[min(self._failures, len(_WAITS_SECONDS)) - 1] if self._failures else _WAITS_SECONDS[0]

    def opening(self) -> Opening:
        token = f"@aic-tui-{secrets.token_hex(8)} "
        self._token, self._carry = token.encode(), b""
        self._splitter = LineSplitter()
        self._got_lines = False
        self._skip = self._read.repeats if self._read is not None else 0
        return Opening(token=token, read=self._read)

    def take(self, block: bytes) -> list[JsonObject]:
        items: list[JsonObject] = []
        text = self._carry + block if self._carry else block
        self._carry = b""
        while (at := text.find(self._token)) >= 0:
            end = text.find(b"\n", at)
            items += self._feed(text[:at])
            if end < 0:
                self._carry = text[at : at + _LONGEST_TOLD]
                return items
            items += self._told(one_line(text[at + len(self._token) : min(end, at + _LONGEST_TOLD)]))
            text = text[end + 1 :]
        at = text.rfind(b"@", max(0, len(text) - len(self._token)))
        if at >= 0 and self._token.startswith(text[at:]):
            text, self._carry = text[:at], text[at:]
        return items + self._feed(text)

    def ended(self) -> list[JsonObject]:
        """The reader came to its end by itself: of the log, or of a file in whose place another stands."""
        items = self._feed(self._carry) + self._items(self._splitter.finish())
        self._failures = 0 if self._got_lines else self._failures + 1
        return items

    def broke(self, error: Unreachable) -> list[JsonObject]:
        """An unfinished line is forgotten: it is read again. The second failed try is told."""
        self._failures += 1
        now = self._clock.now()
        if self._broken_at is None:
            self._broken_at = now
            return []
        if self._told_break:
            return []
        self._told_break = True
        return [mark("note", f"{error.message} Since {_time(self._broken_at)} nothing is read; still trying.", now)]

    def _feed(self, data: bytes) -> list[JsonObject]:
        return self._items(self._splitter.feed(data)) if data else []

    def _items(self, batches: Sequence[list[str]]) -> list[JsonObject]:
        made = [lines for batch in batches if (lines := self._unseen(batch))]
        if made:
            self._got_lines = True
            self._failures = 0
        read = self._read
        if read is not None and read.inode:
            self._read = replace(read, offset=self._start + self._splitter.consumed)
        elif made:
            self._stamp(made)
        return [_lines(batch, self._stream) for batch in made]

    def _unseen(self, batch: list[str]) -> list[str]:
        """Without the lines at a resumed beginning that were given already."""
        read = self._read
        if not self._skip or read is None or not read.stamp:
            return batch
        for index, line in enumerate(batch):
            if _STAMP.match(line) and (not line.startswith(read.stamp) or not self._skip):
                self._skip = 0
                return batch[index:]
            self._skip -= line.startswith(read.stamp)
        return []

    def _stamp(self, batches: Sequence[list[str]]) -> None:
        """Keeps the moment of the last line, and how many of the last ones share it."""
        before = self._read or ReadSoFar()
        stamp, repeats = "", 0
        for line in (line for batch in reversed(batches) for line in reversed(batch)):
            found = _STAMP.match(line)
            if found is None:
                continue
            stamp = stamp or found.group()
            if found.group() != stamp:
                self._read = ReadSoFar(stamp=stamp, repeats=repeats)
                return
            repeats += 1
        if stamp:
            more = before.repeats if before.stamp == stamp else 0
            self._read = ReadSoFar(stamp=stamp, repeats=repeats + more)

    def _told(self, text: str) -> list[JsonObject]:
        word, _, rest = text.partition(" ")
        if word == "file":
            return self._begins(rest.split())
        if word == "log":
            return self._mended("lines of that time may be missing or come twice")
        items = self._items(self._splitter.finish())
        if word == "stream":
            self._stream = rest
        if word == "stop":
            self.stopped = True
        return [*items, mark("note", rest, self._clock.now())] if word in {"note", "stop"} else items

    def _begins(self, words: Sequence[str]) -> list[JsonObject]:
        if len(words) != 3 or not words[1].isdecimal() or len(words[1]) > _LONGEST_NUMBER:
            return []
        inode, offset, state = words
        self._start = int(offset)
        self._splitter = LineSplitter()
        self._read = ReadSoFar(inode=inode, offset=self._start)
        if state not in _BEGUN_ANEW:
            return self._mended("nothing is missing")
        what = "was replaced by a new one" if state == "rotated" else "became shorter"
        if self._broken_at is not None:
            return self._mended(f"the file {what} meanwhile and is read from its beginning, so lines may be missing")
        return [mark("note", f"The file {what}: it is read from its beginning.", self._clock.now())]

    def _mended(self, consequence: str) -> list[JsonObject]:
        self.was_opened = True
        began, self._broken_at, self._told_break = self._broken_at, None, False
        if began is None:
            return []
        self._failures = 0
        now = self._clock.now()
        text = f"The connection was lost from {_time(began)} to {_time(now)}; {consequence}."
        return [mark("gap", text, now)]


class _Pump:
    """Reads ahead of its consumer, though never far, and gives what came in a few large blocks a second."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._waiting: list[bytes] = []
        self._size = 0
        self._came = asyncio.Event()
        self._enough = asyncio.Event()
        self._room = asyncio.Event()
        self.task = asyncio.create_task(self._pull(chunks))
        self.task.add_done_callback(self._over)

    def _over(self, task: asyncio.Task[None]) -> None:  # noqa: ARG002
        self._came.set()
        self._enough.set()

    async def _pull(self, chunks: AsyncIterator[bytes]) -> None:
        async for chunk in chunks:
            self._waiting.append(chunk)
            self._size += len(chunk)
            self._came.set()
            if self._size >= _ENOUGH_BYTES:
                self._enough.set()
            while self._size >= _MOST_WAITING_BYTES:
                self._room.clear()
                await self._room.wait()

    async def blocks(self) -> AsyncGenerator[bytes]:
        """Raises what reading raised, after all that came before it."""
        loop = asyncio.get_running_loop()
        due = 0.0
        while True:
            if not self._waiting:
                if self.task.done():
                    await self.task
                    return
                self._came.clear()
                await self._came.wait()
                continue
            if not self._enough.is_set():
                await _wait_until(self._enough, due)
            block = b"".join(self._waiting)
            self._waiting, self._size = [], 0
            self._room.set()
            if not self.task.done():
                self._enough.clear()
            due = loop.time() + _FLUSH_SECONDS
            yield block


async def _wait_until(event: asyncio.Event, moment: float) -> None:
    """Until `event`, at the longest until `moment` of the loop's time."""
    if moment <= asyncio.get_running_loop().time():
        return
    try:
        async with asyncio.timeout_at(moment):
            await event.wait()
    except TimeoutError:
        return


@asynccontextmanager
async def paced(chunks: AsyncIterator[bytes]) -> AsyncGenerator[AsyncIterator[bytes]]:
    """Blocks of `chunks`: at once after a pause, else at most every 50 ms or 256 KiB."""
    pump = _Pump(chunks)
    try:
        yield pump.blocks()
    finally:
        pump.task.cancel()
        await asyncio.gather(pump.task, return_exceptions=True)
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


def _lines(batch: list[str], stream: str = "") -> JsonObject:
    lines: list[Json] = [*batch]
    return {"lines": lines, "stream": stream} if stream else {"lines": lines}


def _time(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
