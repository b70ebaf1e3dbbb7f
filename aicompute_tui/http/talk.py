"""One connection that is asked for one thing after another: what comes back is taken apart as it comes, and bounded."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httptools

_MOST_HEADER_BYTES = 64 << 10
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_TARGET = re.compile(r"[\x21-\x7e]+")


class NoHttpError(Exception):
    """What came is no HTTP, or breaks off."""


class CannotBeSentError(Exception):
    """Something of a request holds what HTTP does not carry."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by small names; `is_whole` is False where there was more than was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


def request_head(target: str, headers: Mapping[str, str]) -> bytes:
    """A GET, RFC 9112 §3. Raises CannotBeSentError."""
    if not _TARGET.fullmatch(target):
        raise CannotBeSentError
    lines = [f"GET {target} HTTP/1.1\r\n"]
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise CannotBeSentError
        lines.append(f"{name}: {value}\r\n")
    return "".join((*lines, "\r\n")).encode("latin-1")


class Talk(asyncio.Protocol):
    """Answers come in the order of the questions, of which there is one at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: asyncio.Future[Answer] | None = None
        self._is_over = False
        self._is_spoiled = False
        self._forget()

    @property
    def can_go_on(self) -> bool:
        """Whether it can be asked for another thing."""
        return not self._is_over and not self._is_spoiled and self._answer is None

    async def ask(self, head: bytes, most_bytes: int) -> Answer:
        """Raises NoHttpError, and ConnectionError where it is ended before anything is said."""
        transport, self._most_bytes = self._transport, most_bytes
        if transport is None or self._is_over:
            raise ConnectionResetError("it is closed")
        self._answer = asyncio.get_running_loop().create_future()
        transport.write(head)
        try:
            return await self._answer
        except asyncio.CancelledError:
            self.abort()
            raise
        finally:
            self._answer = None

    def abort(self) -> None:
        """Without the closing handshake, which could take as long as it likes."""
        self._is_over = True
        if self._transport is not None:
            self._transport.abort()

    # -- what the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done() or self._parser is None:
            self._is_spoiled = True
            return
        self._heard_bytes += len(data)
        self._idle_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # is no HttpParserError
            self._is_spoiled = True
            self._fail(NoHttpError("it changes to another protocol"))
        except httptools.HttpParserError as error:
            self._is_spoiled = True
            self._fail(NoHttpError(str(error)))  # unless what came before it was all that was asked for
        if self._idle_bytes > _MOST_HEADER_BYTES:
            self._fail(NoHttpError("its headers have no end"))

    def connection_lost(self, error: Exception | None) -> None:
        self._is_over = True
        self._parser = None  # it holds this talk, and this talk it
        if error is not None:
            self._fail(error)
        elif not self._heard_bytes:
            self._fail(ConnectionResetError("it said nothing"))
        elif self._has_head and not {"content-length", "transfer-encoding"} & self._headers.keys():
            self._succeed(is_whole=True)
        else:
            self._fail(NoHttpError("it breaks off"))

    # -- what the parser tells

    def on_message_begin(self) -> None:
        self._is_spoiled |= self._answer is None or self._answer.done()  # nobody asked for it

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._has_head:
            return  # a trailer: what reads headers must not be told other ones
        key, told = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {told}" if key in self._headers else told

    def on_headers_complete(self) -> None:
        if self._parser is not None:
            self._status, self._has_head = self._parser.get_status_code(), True
        self._idle_bytes = 0

    def on_body(self, data: bytes) -> None:
        self._idle_bytes = 0
        self._body += data
        if len(self._body) > self._most_bytes:
            self._is_spoiled = True
            if self._transport is not None:
                self._transport.pause_reading()
            self._succeed(is_whole=False)

    def on_message_complete(self) -> None:
        if self._status < 200:  # only said in passing, RFC 9110 §15.2
            self._forget()
            return
        self._is_spoiled |= self._parser is None or not self._parser.should_keep_alive()
        self._is_spoiled |= self._headers.keys() >= {"content-length", "transfer-encoding"}  # RFC 9112 §6.3
        self._succeed(is_whole=True)

    # -- what becomes of it

    def _forget(self) -> None:
        self._status, self._has_head, self._heard_bytes = 0, False, 0
        self._idle_bytes = 0  # of headers, trailers and what stands between chunks, since the last that got on
        self._headers: dict[str, str] = {}
        self._body = bytearray()

    def _succeed(self, *, is_whole: bool) -> None:
        if self._answer is not None and not self._answer.done():
            body = bytes(self._body[: self._most_bytes])
            self._answer.set_result(Answer(self._status, self._headers, body, is_whole))
        self._forget()

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
