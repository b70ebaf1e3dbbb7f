"""The client of an exchange that takes its time, or goes through a proxy: its trust as elsewhere, its troubles ours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from aicompute_tui.domain.errors import InvalidInput, NotConfigured, TimedOut, Unreachable
from aicompute_tui.domain.nearby import is_near
from aicompute_tui.domain.redaction import redact
from aicompute_tui.http.addresses import addresses_of
from aicompute_tui.http.trust import trust

if TYPE_CHECKING:
    import httpx

_CONNECT_SECONDS = 10.0


async def client_for(url: str, tls_ca: str | None) -> httpx.AsyncClient:
    """One for each call: a server that stalls holds up nobody else. Addresses nearby go past a proxy.

    Its name is looked up before, in threads of our own, for the client would do so in those of everybody.
    Raises NotTrusted for certificates that cannot be read, NotConfigured for a proxy that cannot be used, and
    Unreachable, TimedOut or InvalidInput for the name.
    """
    import httpx

    secure = await asyncio.to_thread(trust, tls_ca) if url.startswith("https") else False
    if not is_proxied(url):
        await _look_up(url)
    silence = httpx.Timeout(None, connect=_CONNECT_SECONDS)
    try:
        return httpx.AsyncClient(verify=secure, timeout=silence, trust_env=not is_near(url))
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        step = "Name one that begins with http://, or none for these addresses in NO_PROXY."
        message = "The proxy that the environment names cannot be used."
        details = type(error).__name__ if isinstance(error, httpx.InvalidURL) else redact(str(error))
        raise NotConfigured(message, step, details) from None


def is_packed(response: httpx.Response) -> bool:
    """Whether it is compressed though it was asked for plain: a little of it may be a gigabyte once it is opened."""
    return response.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}


def is_proxied(url: str) -> bool:
    """Whether the environment names a proxy for it."""
    if is_near(url):
        return False
    parts = urlsplit(url)
    found = getproxies()
    return bool(found.get(parts.scheme) or found.get("all")) and not proxy_bypass(parts.hostname or "")


async def _look_up(url: str) -> None:
    host = urlsplit(url).hostname or ""
    try:
        async with asyncio.timeout(_CONNECT_SECONDS):
            await addresses_of(host)
    except TimeoutError:
        step = "Is the name right, and does the resolver of this machine work?"
        raise TimedOut(f"No address of {host} is found within {_CONNECT_SECONDS:g} s.", step) from None
    except UnicodeError:
        raise InvalidInput(f"{host} is no name that can be looked up.", "Give the address again.") from None
    except OSError as error:
        step = "Is it running, and is the address right?"
        raise Unreachable(f"Nothing answers at {url}.", step, str(error)) from None
