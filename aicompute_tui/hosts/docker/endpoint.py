"""Where an engine's HTTP is: a socket, TCP or TLS; and connections to it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp

from aicompute_tui.domain.errors import NotConfigured
from aicompute_tui.domain.host import Host

CONNECT_SECONDS = 5.0
READ_BUFFER_BYTES = 1 << 20
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`base` is what paths are put behind; over a socket its host name means nothing."""

    base: str
    socket_path: str | None = None
    tls: ssl.SSLContext | aiohttp.Fingerprint | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def session(self, total_seconds: float | None, *, is_unchunked: bool = False) -> aiohttp.ClientSession:
        """Without a limit of connections, without cookies, and no proxy of the environment in between.

        An engine sends each line of a log as a chunk of its own, which costs more to part than the line to read.
        `is_unchunked` asks for none by speaking HTTP/1.0; then the end of the connection is the end of the answer.
        """
        connector: aiohttp.BaseConnector
        if self.socket_path is not None:
            connector = aiohttp.UnixConnector(self.socket_path, limit=0)
        else:
            tls: ssl.SSLContext | aiohttp.Fingerprint | bool = True if self.tls is None else self.tls
            connector = aiohttp.TCPConnector(ssl=tls, limit=0, limit_per_host=0)
        return aiohttp.ClientSession(
            connector=connector,
            headers=self.headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=total_seconds, sock_connect=CONNECT_SECONDS),
            read_bufsize=READ_BUFFER_BYTES,
            version=aiohttp.HttpVersion10 if is_unchunked else aiohttp.HttpVersion11,
            trust_env=False,
        )


async def endpoint_of(host: Host, socket_path: str | None = None) -> Endpoint:
    """`socket_path` is this end of a tunnel. Raises NotConfigured where TLS files cannot be used."""
    if socket_path is not None:
        return Endpoint("http://engine", socket_path)
    parts = urlsplit(host.url)
    if parts.scheme == "unix":
        return Endpoint("http://engine", parts.path)
    is_tls = parts.scheme == "https" or bool(host.tls_ca or host.tls_cert or host.tls_pin)
    scheme = "https" if is_tls else "http"
    name = parts.hostname or ""
    port = parts.port or _DEFAULT_PORTS[scheme]
    where = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    tls = await tls_of(host) if is_tls else None
    return Endpoint(f"{scheme}://{where}{parts.path.rstrip('/')}", tls=tls)


async def portainer_endpoint(host: Host, token: str) -> Endpoint:
    """The part of a Portainer server that passes everything on to one engine."""
    server = await endpoint_of(host)
    base = f"{server.base}/api/endpoints/{host.environment}/docker"
    return Endpoint(base, tls=server.tls, headers={"X-API-Key": token})


async def tls_of(host: Host) -> ssl.SSLContext | aiohttp.Fingerprint:
    """What the server must show, and what we show. Raises NotConfigured where a file cannot be used."""
    if host.tls_pin and not host.tls_cert:
        return aiohttp.Fingerprint(bytes.fromhex(host.tls_pin))
    return await asyncio.to_thread(_context, host)


async def tls_context(host: Host) -> ssl.SSLContext | None:
    """For a client that knows no pins; None where the usual authorities are meant. Raises NotConfigured."""
    return await asyncio.to_thread(_context, host) if host.tls_ca or host.tls_cert else None


def _context(host: Host) -> ssl.SSLContext:
    for path in (host.tls_ca, host.tls_cert, host.tls_key):
        if path and not Path(path).is_file():
            raise NotConfigured(f"The TLS file {path} of {host.name} is missing.", "Put it back, or name another one.")
    try:
        context = ssl.create_default_context(cafile=host.tls_ca)
        if host.tls_cert:
            context.load_cert_chain(host.tls_cert, host.tls_key)
    except (OSError, ValueError) as error:
        raise NotConfigured(
            f"The TLS files of {host.name} cannot be used together.",
            "Give PEM files that you can read: the authority's certificate, your own, and its key without passphrase.",
            f"{type(error).__name__}: {error}",
        ) from error
    return context
