"""Whether something answers over HTTP."""

from __future__ import annotations

import asyncio

import aiohttp


async def answers(url: str, seconds: float = 5.0) -> bool:
    """True where it says anything below 400; where it leads elsewhere is not followed."""
    try:
        async with (
            asyncio.timeout(seconds),
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), trust_env=False) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            return response.status < 400
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False
