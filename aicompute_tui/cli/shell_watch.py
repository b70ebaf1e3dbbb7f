"""Looks at an open shell whose engine says nothing to what is typed, and tells the person how to leave it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING

from aicompute_tui.domain.errors import AicError, NotFound

if TYPE_CHECKING:
    from aicompute_tui.hosts.base import Shell

QUIET_SECONDS = 2.0
"""A terminal gives back what is typed within a moment; a program that reads a password does not."""
ANSWER_SECONDS = 3.0


class ShellWatch:
    """Nothing is asked of an engine while nobody types, nor while it answers what is typed."""

    def __init__(self, shell: Shell, tell: Callable[[float], None]) -> None:
        """`tell` is given the seconds for which nothing came back; once, until something does."""
        self._shell = shell
        self._tell = tell
        self._waits = asyncio.Event()
        self._since = 0.0
        self._has_told = False

    def typed(self) -> None:
        if not self._waits.is_set():
            self._since = monotonic()
            self._waits.set()

    def heard(self) -> None:
        self._waits.clear()
        self._has_told = False

    async def until_gone(self) -> None:
        """Returns when the engine says that the process has ended, or knows nothing of it."""
        while True:
            await self._waits.wait()
            await asyncio.sleep(QUIET_SECONDS)
            if not self._waits.is_set():
                continue
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    if await self._shell.exit_code() is not None:
                        return
            except NotFound:
                return
            except (AicError, TimeoutError):
                self._say()
            else:
                self.heard()

    def _say(self) -> None:
        if self._waits.is_set() and not self._has_told:
            self._has_told = True
            self._tell(monotonic() - self._since)
