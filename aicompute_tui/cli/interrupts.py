"""Signals: ctrl+c, a hang-up or a TERM cancels the work, which tidies up, and leaves the terminal as it was."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any

from aicompute_tui.cli.failure import Interrupted

if TYPE_CHECKING:
    from aicompute_tui.domain.instance import Instance

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class InFlight:
    """What to tell a person whose signal ended the command; filled in while the work is cancelled."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def add(self, row: Instance) -> None:
        """One machine, and what ends it."""
        from aicompute_tui.cli.table import clean
        from aicompute_tui.domain.moments import format_moment

        end = f"ends at {format_moment(row.expires_at)}" if row.expires_at else "NEVER ends by itself"
        self.lines.append(f"In flight: {clean(row.name)} ({row.id}), {row.state.value}, {end}.")
        self.lines.append(f"  End it now: aic-tui instance terminate {row.id} --yes")


def run_interruptible(work: Callable[[InFlight], Coroutine[Any, Any, int]]) -> int:
    """Runs `work` to its exit code. Raises Interrupted with what it said was in flight; a second signal kills."""
    flight = InFlight()
    with _terminal_kept():
        return asyncio.run(_guarded(work, flight))


async def _guarded(work: Callable[[InFlight], Coroutine[Any, Any, int]], flight: InFlight) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work(flight))
    caught: list[int] = []

    def on_signal(number: int) -> None:
        if caught:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        caught.append(number)
        task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not caught:
            raise
        raise Interrupted(caught[0], flight.lines) from None
    except Exception:
        if caught:
            raise Interrupted(caught[0], flight.lines) from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """While a question blocks the loop, a signal raises Interrupted out of it; the terminal is as before after it."""

    def on_signal(number: int, _frame: object) -> None:
        raise Interrupted(number)

    previous = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        with _terminal_kept():
            yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _terminal_kept() -> Iterator[None]:
    import termios

    try:
        descriptor = sys.stdin.fileno()
        saved = termios.tcgetattr(descriptor)
    except (termios.error, OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, saved)
