"""The calls themselves, over HTTP: a list, a probe, and an answer as it is made; each ends in time and can be left."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

import httpx

from aicompute_tui.domain.connection import Ending, Prompt, ServedModel
from aicompute_tui.domain.errors import (
    AicError,
    BadAnswer,
    InvalidInput,
    NotFound,
    NotTrusted,
    RateLimited,
    TimedOut,
    Unreachable,
)
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.http.client import client_for, is_packed
from aicompute_tui.llms.addresses import lists_models
from aicompute_tui.llms.base import Dialect, Endpoint, Reading, Request, as_object
from aicompute_tui.llms.dialects import RESPONSES, answered_as_usual, answered_by_responses, chat_dialect, dialect_of
from aicompute_tui.llms.lines import END, lines_of, payloads
from aicompute_tui.llms.problems import problem_of, stream_problem, wants_responses

_LIST_SECONDS = 30.0
_MOST_BYTES = 16 << 20
_MOST_ERROR_BYTES = 64 << 10
_MOST_PAGES = 50
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_TAIL_SECONDS = 5.0
"""So long usage may follow after a server said that the answer was all; some then never close."""


@dataclass(slots=True)
class Times:
    """Of one call, on the monotonic clock."""

    began: float
    connected: float | None = None
    first: float | None = None
    last: float | None = None

    async def trace(self, name: str, _info: object) -> None:
        """httpx tells what it does; the last of these before the request is when the connection stood."""
        if name in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self.connected = time.monotonic()

    def since(self, moment: float | None) -> float | None:
        return None if moment is None else moment - self.began


async def list_models(endpoint: Endpoint) -> list[ServedModel]:
    """What the server offers now, by id. Raises AicError, NotFound where its address has no list."""
    if not lists_models(endpoint.connection):
        step = f"Name one yourself: aic-tui connection edit {endpoint.connection.word} --model MODEL"
        raise NotFound(f"The address of “{endpoint.connection.name}” lists no models.", step)
    dialect = dialect_of(endpoint)
    found: dict[str, ServedModel] = {}
    page: str | None = None
    async with _within(endpoint, _LIST_SECONDS, is_chosen=False), await _client(endpoint) as client:
        for _ in range(_MOST_PAGES):
            read = dialect.read_models(await _json(client, endpoint, dialect.models(endpoint, page)))
            if read is None:
                raise BadAnswer(f"“{endpoint.connection.name}” gave no list of models.", "Check the address and kind.")
            found |= {model.id: model for model in read.models}
            page = read.next_page
            if page is None:
                break
    return [found[key] for key in sorted(found)]


async def check_key(endpoint: Endpoint) -> None:
    """Asks what costs nothing and wants the key, where a list of models proves nothing. Raises AicError.

    Where there is no list, that it is told so is all that can be asked for nothing.
    """
    path, has_list = endpoint.preset.probe_path, lists_models(endpoint.connection)
    if path is None and has_list:
        return
    async with _within(endpoint, _LIST_SECONDS, is_chosen=False), await _client(endpoint) as client:
        try:
            await _json(client, endpoint, Request(path or "/models"))
        except NotFound:
            if has_list:
                raise


async def fetch(endpoint: Endpoint, request: Request, reading: Reading | None = None) -> Json:
    """What one call gives that comes whole; `reading` tells also after a failure. Raises AicError."""
    seconds = float(endpoint.connection.options.timeout_seconds)
    async with _within(endpoint, seconds), await _client(endpoint) as client:
        return await _json(client, endpoint, request, reading)


async def answer(
    endpoint: Endpoint, prompt: Prompt, *, retries: int = 0, reading: Reading | None = None
) -> AsyncGenerator[str | Ending, None]:
    """The pieces of an answer as they come, and last how it ended. Raises AicError, also after some pieces.

    Leaving it early closes the connection, which makes most servers stop.
    It is asked up to `retries` times again, but only where nobody began to make an answer.
    What was told so far stands in `reading` also where it fails.
    """
    async with _within(endpoint, float(endpoint.connection.options.timeout_seconds)):
        made = await _client(endpoint)
    reading = Reading() if reading is None else reading
    async with made as client, AsyncExitStack() as stack:
        times = Times(time.monotonic())
        asked = _Asked(client, endpoint, prompt, times, chat_dialect(endpoint, prompt.model))
        try:
            response = await _begun(stack, asked, retries)
        except _ByResponses as refusal:
            asked = asked._replace(dialect=RESPONSES)
            response = await _begun_otherwise(stack, asked, retries, refusal.error)
        reading.has_begun = True
        lines = await stack.enter_async_context(aclosing(lines_of(response.aiter_bytes())))
        sent = payloads(lines, is_event_stream=asked.dialect.is_event_stream)
        pieces = await stack.enter_async_context(aclosing(sent))
        while (payload := await _next(asked, pieces, reading)) is not None:
            piece = asked.dialect.read(payload, reading)
            if reading.problem is not None:
                raise stream_problem(endpoint, reading.problem, prompt.model)
            times.last = time.monotonic()
            if piece:
                times.first = times.first or times.last
                yield piece
    if not reading.is_ended:
        raise BadAnswer(f"The answer of “{endpoint.connection.name}” was cut off in the middle.", "Ask again.")
    yield Ending(
        model=reading.model,
        finish_reason=reading.finish_reason,
        usage=reading.usage,
        connect_seconds=times.since(times.connected),
        first_token_seconds=times.since(times.first),
        total_seconds=(times.last or time.monotonic()) - times.began,
    )


class _Asked(NamedTuple):
    client: httpx.AsyncClient
    endpoint: Endpoint
    prompt: Prompt
    times: Times
    dialect: Dialect

    @property
    def seconds(self) -> float:
        return float(self.endpoint.connection.options.timeout_seconds)


async def _begun(stack: AsyncExitStack, asked: _Asked, retries: int) -> httpx.Response:
    """The response, closed with `stack`, once somebody answers."""
    tries = 0
    while True:
        try:
            return await stack.enter_async_context(_sent(asked))
        except AicError as error:
            if isinstance(error, NotFound):
                answered_as_usual(asked.endpoint, asked.prompt.model)
            pause = _pause(error, tries, was_connected=asked.times.connected is not None)
            if pause is None or tries >= retries:
                raise
        tries += 1
        await asyncio.sleep(pause)


class _ByResponses(Exception):
    """The server answers this model by responses alone; `error` is how it refused."""

    def __init__(self, error: AicError) -> None:
        super().__init__(error.message)
        self.error = error


async def _begun_otherwise(stack: AsyncExitStack, asked: _Asked, retries: int, error: AicError) -> httpx.Response:
    """By responses, and so from now on. Raises `error`, the first refusal, where the server knows no such call."""
    try:
        response = await _begun(stack, asked, retries)
    except NotFound:
        raise error from None
    answered_by_responses(asked.endpoint, asked.prompt.model)
    return response


def _pause(error: AicError, tries: int, *, was_connected: bool) -> float | None:
    """Seconds after which to ask again; None where it may have been heard, or would be no better then."""
    growing = _FIRST_PAUSE_SECONDS * 2**tries
    if isinstance(error, RateLimited):
        wait = growing if error.retry_after is None else error.retry_after
        return wait if wait <= _LONGEST_PAUSE_SECONDS else None
    return growing if type(error) is Unreachable and not was_connected else None


@asynccontextmanager
async def _sent(asked: _Asked) -> AsyncIterator[httpx.Response]:
    """The answer to a prompt, its headers read. Raises the error it is."""
    client, endpoint, prompt, seconds = asked.client, asked.endpoint, asked.prompt, asked.seconds
    request = _built(client, endpoint, asked.dialect.chat(endpoint, prompt))
    request.extensions = {**request.extensions, "trace": asked.times.trace}
    async with _within(endpoint, seconds):
        response = await client.send(request, stream=True)
    try:
        _refuse_packed(endpoint, response)
        if response.status_code != 200:
            async with _within(endpoint, seconds):
                body = await _body(response, _MOST_ERROR_BYTES)
            error = problem_of(endpoint, response.status_code, response.headers, body, prompt.model)
            if asked.dialect is not RESPONSES and wants_responses(endpoint, response.status_code, body):
                raise _ByResponses(error)
            raise error
        if "html" in response.headers.get("content-type", ""):
            raise _web_page(endpoint)
        yield response
    finally:
        await response.aclose()


async def _next(asked: _Asked, pieces: AsyncIterator[Json], reading: Reading) -> JsonObject | None:
    """The following piece, None at the end; what goes wrong once the server said that this was all is the end too."""
    if reading.is_final:
        return None
    seconds = min(asked.seconds, _TAIL_SECONDS) if reading.is_ended else asked.seconds
    try:
        async with _within(asked.endpoint, seconds):
            payload = await anext(pieces, None)
        if payload is END:
            reading.is_ended = True
            return None
        return None if payload is None else _checked(asked.endpoint, payload)
    except AicError:
        if reading.is_ended:
            return None
        raise


def _checked(endpoint: Endpoint, payload: Json) -> JsonObject:
    if not isinstance(payload, dict):
        raise BadAnswer(f"“{endpoint.connection.name}” sent what cannot be read.", "Check the address and kind.")
    return payload


async def _json(
    client: httpx.AsyncClient, endpoint: Endpoint, request: Request, reading: Reading | None = None
) -> Json:
    """Raises AicError for anything but JSON with 200, and for an error within it."""
    response = await client.send(_built(client, endpoint, request), stream=True)
    try:
        _refuse_packed(endpoint, response)
        is_good = response.status_code == 200
        if reading is not None:
            reading.has_begun = is_good
        body = await _body(response, _MOST_BYTES if is_good else _MOST_ERROR_BYTES)
    finally:
        await response.aclose()
    if not is_good:
        raise problem_of(endpoint, response.status_code, response.headers, body)
    if len(body) >= _MOST_BYTES:
        raise BadAnswer(f"“{endpoint.connection.name}” sent far too much.", "Check the address and kind.")
    try:
        decoded: Json = json.loads(body)
    except (ValueError, RecursionError):
        raise _web_page(endpoint) from None
    if as_object(decoded).get("error"):
        raise stream_problem(endpoint, as_object(decoded)["error"], None)
    return decoded


def _refuse_packed(endpoint: Endpoint, response: httpx.Response) -> None:
    if is_packed(response):
        step = "Check the address: a proxy may stand there that changes what is sent."
        raise BadAnswer(f"“{endpoint.connection.name}” sent compressed what was asked for plain.", step)


def _web_page(endpoint: Endpoint) -> AicError:
    step = "Check the address: a proxy or another server may stand there."
    return BadAnswer(f"“{endpoint.connection.name}” sent no JSON.", step)


async def _body(response: httpx.Response, most: int) -> bytes:
    """No more than `most`."""
    parts, size = [], 0
    async for part in response.aiter_bytes():
        parts.append(part)
        size += len(part)
        if size >= most:
            break
    return b"".join(parts)[:most]


def _built(client: httpx.AsyncClient, endpoint: Endpoint, request: Request) -> httpx.Request:
    """Raises InvalidInput for what cannot be sent, as half of a pair of surrogates in a prompt."""
    headers = {"Accept-Encoding": "identity", **endpoint.headers(), **dict(request.headers)}
    try:
        url = httpx.URL(endpoint.connection.base_url + request.path, params=request.query or None)
        return client.build_request("GET" if request.body is None else "POST", url, json=request.body, headers=headers)
    except httpx.InvalidURL:
        step = f"Give another: aic-tui connection edit {endpoint.connection.word} --base-url URL"
        raise InvalidInput(f"Nothing can be sent to the address of “{endpoint.connection.name}”.", step) from None
    except UnicodeError:
        raise InvalidInput("What is asked holds characters that cannot be sent.", "Write it anew.") from None


async def _client(endpoint: Endpoint) -> httpx.AsyncClient:
    connection = endpoint.connection
    return await client_for(connection.base_url, connection.options.tls_ca)


@asynccontextmanager
async def _within(endpoint: Endpoint, seconds: float, *, is_chosen: bool = True) -> AsyncIterator[None]:
    """What goes wrong on the way, in our errors; `is_chosen` where the connection's options set the seconds."""
    name, url = endpoint.connection.name, endpoint.connection.base_url
    try:
        async with asyncio.timeout(seconds):
            yield
    except httpx.ConnectTimeout:
        raise TimedOut(f"“{name}” cannot be reached: {url} does not answer.", "Check the address.") from None
    except (TimeoutError, httpx.TimeoutException):
        more = f"Try again, or give it more: aic-tui connection edit {endpoint.connection.word} --timeout SECONDS"
        step = more if is_chosen else "Try again later."
        raise TimedOut(f"“{name}” said nothing for {seconds:g} seconds.", step) from None
    except httpx.ConnectError as error:
        if "CERTIFICATE" in str(error) or "certificate" in str(error):
            step = "If it is your own server, give its certificate with --tls-ca."
            raise NotTrusted(f"The certificate of {url} is not trusted.", step, str(error)) from None
        if "SSL" in str(error):
            step = "If it speaks plain HTTP, give the address with http://."
            raise NotTrusted(f"No secure connection to {url} comes about.", step, str(error)) from None
        raise Unreachable(f"Nothing answers at {url}.", "Is it running, and is the address right?") from None
    except httpx.RemoteProtocolError as error:
        raise BadAnswer(f"The answer of “{name}” was cut off.", "Try again.", type(error).__name__) from None
    except (httpx.ReadError, httpx.WriteError) as error:  # it may have been heard, and may be billed
        raise BadAnswer(f"The connection to {url} broke.", "Try again.", type(error).__name__) from None
    except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError, OSError) as error:
        raise Unreachable(f"The connection to {url} broke.", "Try again.", type(error).__name__) from None
