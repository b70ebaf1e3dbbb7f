"""One GET, one connection, one time-out: what stalls holds up nobody else, and what sends too much is left."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import nullcontext
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

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
from aicompute_tui.http.talk import Answer, CannotBeSentError, NoHttpError, Talk, request_head
from aicompute_tui.http.trust import trust

_MOST_BYTES = 256 << 10
_ADDRESS_SECONDS = 3.0
"""For each but the last address of a name: one that leads nowhere must leave time for the next."""


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
    """A connection kept for the questions of one moment to one server; ended by `close`.

    Its owner gives all of them together their time.
    """

    def __init__(self) -> None:
        self._origin = ""
        self._open: Talk | None = None

    def take(self, origin: str) -> Talk | None:
        """What is open to `origin` and has nothing left to say."""
        found, self._open = self._open, None
        if found is None or (self._origin == origin and found.can_go_on):
            return found
        found.abort()
        return None

    def keep(self, origin: str, talk: Talk) -> None:
        """Ends what cannot be asked again, and what is one too many."""
        if talk.can_go_on and self._open is None:
            self._origin, self._open = origin, talk
        else:
            talk.abort()

    def close(self) -> None:
        found, self._open = self._open, None
        if found is not None:
            found.abort()


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

    Addresses nearby go past a proxy. The owner of a `line` bounds it in time, `seconds` does so where there is none.
    """
    address = _address(url)
    origin = address.origin
    try:
        async with asyncio.timeout(seconds) if line is None else nullcontext():
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
    except NoHttpError as error:
        raise BadAnswer(f"{origin} sent no proper HTTP.", "Check the address and the port.", str(error)) from None
    except CannotBeSentError:
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
    ends = {"Connection": "close"} if line is None else {}
    head = request_head(address.target, {"Host": address.netloc, **ends, "Accept-Encoding": "identity", **headers})
    kept = None if line is None else line.take(address.origin)
    talk = kept or await _connected(address, trust(tls_ca) if address.is_secure else None)
    try:
        answer = await talk.ask(head, most_bytes)
    except ConnectionError:
        talk.abort()
        if kept is None:
            raise
        return await _direct(address, headers, most_bytes, tls_ca, line)  # it was closed since the last question
    except NoHttpError:
        talk.abort()
        raise
    if line is None:
        talk.abort()
    else:
        line.keep(address.origin, talk)
    return answer


async def _connected(address: _Address, secure: ssl.SSLContext | None) -> Talk:
    """With the first address that takes it."""
    loop = asyncio.get_running_loop()
    name = address.host if secure is not None else None
    *others, last = await addresses_of(address.host)
    for other in others:
        try:
            async with asyncio.timeout(_ADDRESS_SECONDS):
                return (await loop.create_connection(Talk, other, address.port, ssl=secure, server_hostname=name))[1]
        except ssl.SSLError:
            raise
        except OSError:  # a time-out is one of them
            continue
    return (await loop.create_connection(Talk, last, address.port, ssl=secure, server_hostname=name))[1]


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
