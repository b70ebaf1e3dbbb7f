"""Connections to hosts that everybody on the way can read, over which no secret goes silently."""

from __future__ import annotations

from urllib.parse import urlsplit

from aicompute_tui.domain.host import Host
from aicompute_tui.domain.nearby import is_loopback


def is_plain(host: Host) -> bool:
    """Without encryption, and not to this machine itself."""
    has_tls = host.scheme not in {"tcp", "http"} or bool(host.tls_ca or host.tls_cert or host.tls_pin)
    return not has_tls and not is_loopback(host.url)


def is_plain_address(url: str) -> bool:
    """Whether what is sent there can be read on the way: http, and not to this machine itself."""
    return urlsplit(url).scheme != "https" and not is_loopback(url)
