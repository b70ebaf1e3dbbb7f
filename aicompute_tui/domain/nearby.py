"""How far away an address is, as far as it tells: this machine, a network of one's own, or anywhere."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

_NEAR_NAMES = (".local", ".lan", ".internal", ".home.arpa")


@lru_cache(4_096)
def is_loopback(address: str) -> bool:
    """Whether a host, with or without scheme and port, is this machine's own loopback, by number or as `localhost`.

    Raises ValueError for what cannot be an address.
    """
    host = _host(address)
    number = _number(host)
    return host == "localhost" if number is None else number.is_loopback


@lru_cache(4_096)
def is_near(address: str) -> bool:
    """Whether a host, with or without scheme and port, is this machine or one of a network of one's own.

    What is not routed globally is: private networks, and the shared ones (100.64.0.0/10) that overlay networks use.
    Raises ValueError for what cannot be an address.
    """
    host = _host(address)
    number = _number(host)
    return "." not in host or host.endswith(_NEAR_NAMES) if number is None else not number.is_global


def _host(address: str) -> str:
    return (urlsplit(address if "://" in address else f"//{address}").hostname or "").rstrip(".")


def _number(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
