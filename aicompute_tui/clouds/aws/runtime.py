"""The threads AWS is called from, and the last check before a request leaves."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.errors import LeaseLost, Unreachable

T = TypeVar("T")
THREADS = 8


@dataclass(slots=True)
class Call:
    """One piece of work in a thread. `abandoned` is set when nobody waits for it any more."""

    send_by: datetime | None = None
    abandoned: threading.Event = field(default_factory=threading.Event)


class AwsRuntime:
    """One pool for every account; a thread cannot be interrupted, so an abandoned call may only not send any more."""

    def __init__(self, clock: Clock, threads: int = THREADS) -> None:
        self.clock = clock
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="aws")
        self._closed = threading.Event()
        self._current = threading.local()

    async def run(self, function: Callable[[], T], *, seconds: float, send_by: datetime | None = None) -> T:
        """The function's result from a thread. Raises Unreachable after `seconds`; the late result is dropped."""
        if self._closed.is_set():
            raise Unreachable("The connection to AWS is closed.", "Start aic-tui again.")
        call = Call(send_by)
        work = asyncio.get_running_loop().run_in_executor(self._pool, self._carry_out, call, function)
        try:
            async with asyncio.timeout(seconds):
                return await work
        except TimeoutError:
            raise Unreachable(
                f"AWS did not answer within {seconds:g} seconds.", "Check the network, then try again."
            ) from None
        finally:
            call.abandoned.set()

    def _carry_out(self, call: Call, function: Callable[[], T]) -> T:
        self._current.call = call
        try:
            return function()
        finally:
            self._current.call = None

    def check_send(self, operation: str) -> None:
        """Called in a thread right before a request leaves. Raises where it may not leave any more."""
        call: Call | None = getattr(self._current, "call", None)
        if self._closed.is_set() or (call is not None and call.abandoned.is_set()):
            raise Unreachable("The call to AWS was given up before it was sent.", "Try again.")
        if call is None or call.send_by is None or operation != "RunInstances":
            return
        if self.clock.now() >= call.send_by:
            raise LeaseLost("The time to send this launch has passed, so it was not sent.", "Launch again.")

    def pause(self, seconds: float) -> None:
        """Waits in a thread, no longer than until the runtime closes."""
        self._closed.wait(seconds)

    def close(self) -> None:
        """Drops what waits; what is under way ends by its own time-outs and sends nothing more."""
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
