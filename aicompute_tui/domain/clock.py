"""Time as the product sees it: injected, so that a test can move it."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """UTC-aware now, and a sleep that follows it."""

    def now(self) -> datetime: ...

    async def sleep(self, seconds: float) -> None: ...
