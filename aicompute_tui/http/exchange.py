"""One GET, one connection, one time-out: what stalls holds up nobody else, and what sends too much is left."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

import h11

from aicompute_tui.domain.errors import (
    AicError,
    BadAnswer,
    InvalidInput,
    NotTrusted,
    TimedOut,
    Unreachable,
)
from aicompute_tui.http.addresses import addresses_of
from aicompute_tui.http.client import client_for, is_proxied
from aicompute_tui.http.trust import trust

_MOST_BYTES = 256 << 10
_MOST_HEADER_BYTES = 64 << 10
_READ_BYTES = 64 << 10
_ADDRESS_SECONDS = 3.0
"""For each but the last address of a name: one that leads nowhere must leave time for the next."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` by small names; `is_whole` is False where there was more than was read."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


class _Address(NamedTuple):
    """What a URL names, in the parts a request needs."""

    origin: str
    host: str
    port: int
    netloc: str
    target: str

    @property
    def is_secure(self) -> bool:
        return self.origin.startswith("https:")


@lru_cache(4_096)
def _address(url: str) -> _Address:
    """Kept: the same servers are asked the same again and again."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return _Address(f"{parts.scheme}://{parts.netloc}", parts.hostname or "", port, parts.netloc, target)


class Line:
    """A connection kept for the questions of one moment to one server; ended by `close`."""

    def __init__(self) -> None:
        self._origin = ""
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter, h11.Connection] | None = None

    def take(self, origin: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, h11.Connection] | None:
        """What is open to `origin` and has nothing left to say."""
        found, self._open = self._open, None
        if found is None or self._origin != origin or found[0].at_eof():
            _end(found)
            return None
        return found

    def keep(
        self, origin: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, machine: h11.Connection
    ) -> None:
        """Ends what cannot be asked again, and what is one too many."""
        is_ready = machine.our_state is h11.DONE and machine.their_state is h11.DONE
        if is_ready and self._open is None:
            machine.start_next_cycle()
            self._origin, self._open = origin, (reader, writer, machine)
        else:
            writer.transport.abort()

    def close(self) -> None:
        found, self._open = self._open, None
        _end(found)


def _end(found: tuple[asyncio.StreamReader, asyncio.StreamWriter, h11.Connection] | None) -> None:
    if found is not None:
        found[1].transport.abort()


async def get(
    url: str,
    headers: Mapping[str, str],
    *,
    seconds: float,
    most_bytes: int = _MOST_BYTES,
    tls_ca: str | None = None,
    line: Line | None = None,
) -> Answer:
    """What a server answers, whatever its status; nothing is followed elsewhere. Raises AicError where none comes.

    Addresses nearby go past a proxy.
    """
    address = _address(url)
    origin = address.origin
    try:
        async with asyncio.timeout(seconds):
            if not is_proxied(url):
                return await _direct(address, headers, most_bytes, tls_ca, line)
            return await _through_proxy(url, headers, most_bytes, tls_ca)
    except TimeoutError:
        step = "Is it overloaded, or is something between that drops what is sent?"
        raise TimedOut(f"{origin} did not answer within {seconds:g} s.", step) from None
    except ssl.SSLCertVerificationError as error:
        step = "If it is your own server, give its certificate with --tls-ca."
        raise NotTrusted(f"The certificate of {origin} is not trusted.", step, error.verify_message) from None
    except ssl.SSLError as error:
        step = "If it speaks plain HTTP, give the address with http://."
        raise NotTrusted(f"No secure connection to {origin} comes about.", step, error.reason or "") from None
    except h11.RemoteProtocolError as error:
        raise BadAnswer(f"{origin} sent no proper HTTP.", "Check the address and the port.", str(error)) from None
    except h11.LocalProtocolError:
        raise InvalidInput("A header or the key holds what cannot be sent.", "Give it again.") from None
    except UnicodeError:
        raise InvalidInput(f"{origin} is no name that can be looked up.", "Give the address again.") from None
    except OSError as error:
        raise _unreachable(origin, error) from None


def _unreachable(origin: str, error: OSError) -> Unreachable:
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(f"Nothing answers at {origin}.", "Is it running, and is the address right?")
    if isinstance(error, ConnectionError):
        return Unreachable(f"{origin} ended the connection.", "Is it running, and is the address right?", str(error))
    return Unreachable(f"{origin} cannot be reached.", "Is the address right, and is the network up?", str(error))


async def _direct(
    address: _Address, headers: Mapping[str, str], most_bytes: int, tls_ca: str | None, line: Line | None
) -> Answer:
    kept = None if line is None else line.take(address.origin)
    if kept is None:
        secure = trust(tls_ca) if address.is_secure else None
        reader, writer = await _connected(address.host, address.port, secure)
        machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEADER_BYTES)
    else:
        reader, writer, machine = kept
    ends = {"Connection": "close"} if line is None else {}
    sent = {"Host": address.netloc, **ends, "Accept-Encoding": "identity", **headers}
    try:
        request = h11.Request(method="GET", target=address.target, headers=list(sent.items()))
        writer.write((machine.send(request) or b"") + (machine.send(h11.EndOfMessage()) or b""))
        answer = await _answer(machine, reader, most_bytes)
    except BaseException as error:
        writer.transport.abort()
        if kept is None or not isinstance(error, ConnectionError):
            raise
        return await _direct(address, headers, most_bytes, tls_ca, line)  # it was closed since the last question
    if line is None:
        writer.transport.abort()  # a closing handshake could take as long as it likes
    else:
        line.keep(address.origin, reader, writer, machine)
    return answer


async def _connected(
    host: str, port: int, secure: ssl.SSLContext | None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """With the first address that takes it."""
    *others, last = await addresses_of(host)
    name = host if secure is not None else None
    for address in others:
        try:
            async with asyncio.timeout(_ADDRESS_SECONDS):
                return await asyncio.open_connection(address, port, ssl=secure, server_hostname=name)
        except ssl.SSLError:
            raise
        except OSError:  # a time-out is one of them
            continue
    return await asyncio.open_connection(last, port, ssl=secure, server_hostname=name)


async def _answer(machine: h11.Connection, reader: asyncio.StreamReader, most_bytes: int) -> Answer:
    status, headers, pieces, size = 0, {}, [], 0
    while True:
        event = machine.next_event()
        if event is h11.NEED_DATA:
            data = await reader.read(_READ_BYTES)
            if not data and not status and not machine.trailing_data[0]:
                raise ConnectionResetError("it said nothing")
            machine.receive_data(data)
        elif isinstance(event, h11.Response):
            status = event.status_code
            headers = {name.decode("ascii"): value.decode("latin-1") for name, value in event.headers}
        elif isinstance(event, h11.Data):
            pieces.append(bytes(event.data))
            size += len(event.data)
            if size > most_bytes:
                return Answer(status, headers, b"".join(pieces)[:most_bytes], is_whole=False)
        elif isinstance(event, h11.EndOfMessage):
            return Answer(status, headers, b"".join(pieces), is_whole=True)
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("no answer")


async def _through_proxy(url: str, headers: Mapping[str, str], most_bytes: int, tls_ca: str | None) -> Answer:
    import httpx

    through = await client_for(url, tls_ca)
    try:
        async with (
            through as client,
            client.stream("GET", url, headers={"Accept-Encoding": "identity", **headers}) as response,
        ):
            pieces, size = [], 0
            async for piece in response.aiter_bytes():
                pieces.append(piece)
                size += len(piece)
                if size > most_bytes:
                    break
            body = b"".join(pieces)[:most_bytes]
            return Answer(response.status_code, dict(response.headers), body, is_whole=size <= most_bytes)
    except httpx.ConnectError as error:
        raise _cause(error, _address(url).origin) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        step = "Is the proxy right that the environment names?"
        raise Unreachable(f"The connection to {_address(url).origin} broke.", step, type(error).__name__) from None


def _cause(error: Exception, origin: str) -> AicError | ssl.SSLError:
    """What lies under an error of httpx, as it would have come without a proxy."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return Unreachable(f"{origin} cannot be reached.", "Is the proxy right that the environment names?", str(error))
