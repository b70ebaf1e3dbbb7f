"""Keys and pastes in their order: each is done with before the next one looks for what has the focus."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from textual import events
from textual.app import App
from textual.dom import DOMNode

_LONGEST_SECONDS = 1.0
"""How long one part may take over a key before the next key goes on without it."""
_STEP_SECONDS = 0.05
"""A pause of the whole process is no part's: however long it was, it counts as one such step."""
_ROUNDS = 3
"""The key itself, then what it made the parts tell one another, message upon message."""

Typed = events.Key | events.Paste


class KeyOrder:
    """Textual gives a key to what has the focus when it arrives, also while an earlier key is about to move it.

    Here a key that arrives while another is under way waits until every part on that one's path has dealt with it.
    """

    def __init__(self, app: App[Any], dispatch: Callable[[events.Event], Awaitable[None]]) -> None:
        self._app = app
        self._dispatch = dispatch
        self._waiting: deque[Typed] = deque()
        self._settling: asyncio.Task[None] | None = None
        self.read_at: float | None = None
        """When the key under way was read from the terminal, on the monotonic clock; None where none is."""

    async def take(self, event: Typed) -> None:
        """Carried out at once where nothing is under way."""
        if self._settling is not None:
            self._waiting.append(event)
        else:
            await self._carry_out(event)

    async def _carry_out(self, event: Typed) -> None:
        start = self._app.focused or self._app.screen
        self.read_at = event.time
        await self._dispatch(event)
        self._settling = asyncio.create_task(self._settle(start))

    async def _settle(self, start: DOMNode) -> None:
        for _ in range(_ROUNDS):
            part: DOMNode | None = start
            while part is not None:
                await _drained(part)
                part = part.parent
            start = self._app.focused or self._app.screen if self._app.screen_stack else self._app
        if not (self._waiting and self._app.call_later(self._go_on)):
            self._settling = self.read_at = None

    async def _go_on(self) -> None:
        """In the app's own turn, as if the key had only now arrived."""
        if self._waiting:
            await self._carry_out(self._waiting.popleft())


async def _drained(part: DOMNode) -> None:
    """Returns when the part has dealt with everything sent to it so far."""
    done = asyncio.Event()
    if not (part.is_running and part.call_later(done.set)):
        return
    for _ in range(round(_LONGEST_SECONDS / _STEP_SECONDS)):
        with suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), _STEP_SECONDS)
        if done.is_set():
            return
