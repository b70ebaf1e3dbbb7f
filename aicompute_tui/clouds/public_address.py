"""This machine's address as the world sees it, asked of a public check-ip service."""

from __future__ import annotations

import ipaddress

CHECK_IP_URL = "https://checkip.amazonaws.com"
TIMEOUT_SECONDS = 3.0
_LONGEST_ADDRESS = 64


async def public_address(url: str = CHECK_IP_URL, timeout_seconds: float = TIMEOUT_SECONDS) -> str | None:
    """An IPv4 or IPv6 address, None where the service cannot be reached or answers anything else."""
    import asyncio

    import httpx

    try:
        async with (
            asyncio.timeout(timeout_seconds),
            httpx.AsyncClient(timeout=timeout_seconds) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != httpx.codes.OK:
                return None
            text = b""
            async for chunk in response.aiter_bytes():
                text += chunk
                if len(text) > _LONGEST_ADDRESS:
                    return None
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError):
        return None
    return _address(text.decode("ascii", "replace").strip())


def _address(text: str) -> str | None:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
