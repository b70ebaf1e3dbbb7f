"""Connections to hosts that everybody on the way can read, over which no secret goes silently."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from aicompute_tui.domain.host import Host

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_NEAR_NAMES = (".local", ".lan", ".internal", ".home.arpa")


def is_plain(host: Host) -> bool:
    """Without encryption, and not to this machine itself."""
    has_tls = host.scheme not in {"tcp", "http"} or bool(host.tls_ca or host.tls_cert or host.tls_pin)
    return not has_tls and urlsplit(host.url).hostname not in _LOOPBACK


def is_plain_address(url: str) -> bool:
    """Whether what is sent there can be read on the way: http, and not to this machine itself."""
    parts = urlsplit(url)
    return parts.scheme != "https" and parts.hostname not in _LOOPBACK


def is_near(host: Host) -> bool:
    """In a network of one's own, as far as the address tells."""
    name = urlsplit(host.url).hostname or ""
    try:
        return not ip_address(name).is_global
    except ValueError:
        return "." not in name or name.endswith(_NEAR_NAMES)
