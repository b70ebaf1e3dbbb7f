"""Waiting for what must come true, with a deadline."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any


async def until(ask: Callable[[], object], what: str, seconds: float = 60.0) -> Any:
    """The first true answer of `ask`; fails saying `what` did not come true."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if inspect.isawaitable(answer):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        await asyncio.sleep(0.01)
