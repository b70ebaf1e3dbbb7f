"""How one model server is asked over HTTP: bounded in time and size, its errors in ours, its key for it alone."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from math import ceil
from typing import TYPE_CHECKING

from aicompute_tui.domain.errors import (
    AicError,
    AuthFailed,
    BadAnswer,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotTrusted,
    RateLimited,
    TimedOut,
    Unreachable,
)
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.redaction import redact
from aicompute_tui.domain.server import ModelServer
from aicompute_tui.http.client import client_for, is_packed
from aicompute_tui.http.exchange import Line, get
from aicompute_tui.http.talk import Answer
from aicompute_tui.http.waits import wait_of

if TYPE_CHECKING:
    import httpx

MOST_BYTES = 8 << 20
_MOST_ERROR_BYTES = 64 << 10
_LONGEST_LINE = 1 << 20
_LONGEST_SAYING = 300
_SILENCE_SECONDS = 600.0
"""The longest that a verb may say nothing: a model of many gigabytes is loaded in one call."""


class Wire:
    """One server with its key; the repr shows none of it."""

    def __init__(self, server: ModelServer, secret: str | None, line: Line | None = None) -> None:
        """With a `line`, which its owner closes, one connection serves all that is got."""
        self.server = server
        self._secret = secret
        self._line = line

    def __repr__(self) -> str:
        return f"Wire({self.server.name!r})"

    @property
    def has_key(self) -> bool:
        return bool(self._secret)

    async def get(self, path: str, *, most: int = MOST_BYTES) -> Answer:
        """Raises AicError for anything but 2xx."""
        answer = await self.ask(path, most=most)
        if not 200 <= answer.status < 300:
            raise self.problem(answer.status, answer.body, answer.headers)
        return answer

    async def ask(self, path: str, *, most: int = MOST_BYTES) -> Answer:
        """Whatever the status is. Raises AicError where no answer comes."""
        options = self.server.options
        return await get(
            self.server.base_url + path,
            self._headers(),
            seconds=float(options.timeout_seconds),
            most_bytes=most,
            tls_ca=options.tls_ca,
            line=self._line,
        )

    async def get_json(self, path: str) -> Json:
        """Raises BadAnswer for a web page, for far too much, and for what is no JSON."""
        answer = await self.get(path)
        if not answer.is_whole:
            raise BadAnswer(f"“{self.server.name}” sent far too much.", "Check its address and kind.")
        return self.decoded(answer.body)

    def decoded(self, body: bytes) -> Json:
        try:
            found: Json = json.loads(body)
        except (ValueError, RecursionError):
            step = "Check its address and kind: a proxy or another server may stand there."
            raise BadAnswer(f"“{self.server.name}” sent no JSON.", step) from None
        return found

    async def send(self, method: str, path: str, body: JsonObject | None = None) -> Json:
        """A call that changes something; None where the answer is empty or plain text. Raises AicError."""
        async with self._sent(method, path, body, _SILENCE_SECONDS) as response, self._within(_SILENCE_SECONDS):
            content = await _bounded(response, MOST_BYTES)
        try:
            found: Json = json.loads(content)
        except (ValueError, RecursionError):
            return None
        return found

    async def try_out(self, path: str, body: JsonObject) -> Json:
        """A question that changes nothing. Raises AicError."""
        async with self._sent("POST", path, body, _SILENCE_SECONDS) as response, self._within(_SILENCE_SECONDS):
            content = await _bounded(response, MOST_BYTES)
        return self.decoded(content)

    async def lines(self, path: str, body: JsonObject) -> AsyncGenerator[JsonObject, None]:
        """The objects of a stream with one on each line, however long it takes while something comes."""
        async with self._sent("POST", path, body, _SILENCE_SECONDS) as response, aclosing(_lines(response)) as lines:
            while True:
                async with self._within(_SILENCE_SECONDS):
                    line = await anext(lines, None)
                if line is None:
                    return
                found = self.decoded(line) if line.strip() else None
                if isinstance(found, dict):
                    yield found

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._secret}"} if self._secret else {}

    @asynccontextmanager
    async def _sent(
        self, method: str, path: str, body: JsonObject | None, seconds: float
    ) -> AsyncIterator[httpx.Response]:
        """The answer, its headers read. Raises the error it is."""
        url, tls_ca = self.server.base_url, self.server.options.tls_ca
        headers = {"Accept-Encoding": "identity", **self._headers()}
        async with await client_for(url, tls_ca) as client:
            async with self._within(seconds):
                request = client.build_request(method, url + path, json=body, headers=headers)
                response = await client.send(request, stream=True)
            try:
                if is_packed(response):
                    step = "Check its address: a proxy may stand there that changes what is sent."
                    raise BadAnswer(f"“{self.server.name}” sent compressed what was asked for plain.", step)
                if not 200 <= response.status_code < 300:
                    async with self._within(seconds):
                        said = await _bounded(response, _MOST_ERROR_BYTES)
                        raise self.problem(response.status_code, said, response.headers)
                yield response
            finally:
                await response.aclose()

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        """What goes wrong on the way, in our errors."""
        import httpx

        name, url = self.server.name, self.server.base_url
        try:
            async with asyncio.timeout(seconds):
                yield
        except (TimeoutError, httpx.TimeoutException):
            raise TimedOut(f"“{name}” said nothing in time.", "Look whether it is well, then repeat.") from None
        except httpx.ConnectError as error:
            if "certificate" in str(error).lower():
                step = "If it is your own server, give its certificate with --tls-ca."
                raise NotTrusted(f"The certificate of {url} is not trusted.", step, str(error)) from None
            raise Unreachable(f"Nothing answers at {url}.", "Is it running, and is the address right?") from None
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
            raise Unreachable(f"The connection to {url} broke.", "Try again.", type(error).__name__) from None

    def problem(self, status: int, body: bytes, headers: Mapping[str, str]) -> AicError:  # noqa: PLR0911 - a table
        """The error of an answer that is none of 2xx."""
        server = self.server
        said = self.saying(body)
        details = f"{status} {said}".strip()
        step = f"It says: {said}" if said else ""
        if status == 401:
            give = f"Give its key: aic-tui server edit {server.word} --stdin"
            refusal = "does not accept the key" if self.has_key else "wants a key, and none is kept"
            return AuthFailed(f"“{server.name}” {refusal}.", give, details)
        if status == 403:
            return NotAllowed(f"“{server.name}” does not allow this.", step, details)
        if status in {404, 405, 501}:
            return NotFound(f"“{server.name}” has no such thing.", step or "Check its address and kind.", details)
        if status in {429, 503, 529}:
            wait = wait_of(headers)
            later = "Try again in a moment." if not wait else f"Try again in {ceil(wait):,} s."
            return RateLimited(f"“{server.name}” is busy or not ready.", step or later, details, retry_after=wait)
        if status in {408, 504}:
            return TimedOut(f"“{server.name}” took longer than it gives itself.", "Try again.", details)
        if 300 <= status < 400:
            follow = "Give the address it leads to: nothing is sent on, since the key would go along."
            return BadAnswer(f"“{server.name}” points to another address.", follow, details)
        if 400 <= status < 500:
            return InvalidInput(f"“{server.name}” refused the request ({status}).", step, details)
        return BadAnswer(f"“{server.name}” failed with {status}.", step or "Look at its log.", details)

    def saying(self, body: bytes) -> str:
        """One line of what it said, whatever form it has, without our key, which some repeat."""
        text = _message(body)
        if self._secret:
            text = text.replace(self._secret, "…")
        line = " ".join(redact(text).split()).encode("utf-8", "replace").decode()
        return line if len(line) <= _LONGEST_SAYING else f"{line[: _LONGEST_SAYING - 1]}…"


def _message(body: bytes) -> str:
    """`{"error": text}`, `{"error": {"message"}}`, `detail`, `message`, `error_message`, or the text; no web page."""
    text = body[: 4 * _LONGEST_SAYING].decode("utf-8", "replace")
    try:
        found: Json = json.loads(body)
    except (ValueError, RecursionError):
        return "" if "<" in text[:64] else text
    if isinstance(found, str):
        return found
    values = found if isinstance(found, dict) else {}
    error = values.get("error")
    inner = error if isinstance(error, dict) else {}
    said = (error, inner.get("message"), *(values.get(name) for name in ("message", "detail", "error_message")))
    return next((each for each in said if isinstance(each, str) and each), "")


async def _bounded(response: httpx.Response, most: int) -> bytes:
    """No more than `most`."""
    found = bytearray()
    async for part in response.aiter_bytes():
        found += part
        if len(found) >= most:
            break
    return bytes(found[:most])


async def _lines(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """Raises BadAnswer for a line far longer than any."""
    rest = bytearray()
    async for part in response.aiter_bytes():
        rest += part
        while (end := rest.find(b"\n")) >= 0:
            yield bytes(rest[:end].rstrip(b"\r"))
            del rest[: end + 1]
        if len(rest) > _LONGEST_LINE:
            raise BadAnswer("The answer is far too long.", "Check the address and kind of the server.")
    if rest:
        yield bytes(rest)
