"""A hang-up, an interrupt or a polite kill restores the terminal and ends the console; jobs go on in the agent."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress


def end_on_signals(leave: Callable[[int], object]) -> None:
    """`leave` is called with the exit code a shell expects of a program that a signal ended."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, leave, 128 + number)

    def interrupted(number: int, _frame: object) -> None:
        if loop.is_closed():
            raise KeyboardInterrupt
        loop.call_soon_threadsafe(leave, 128 + number)

    with suppress(ValueError):
        # Not by the loop: a shell that has the terminal takes this signal's handler away for a while.
        signal.signal(signal.SIGINT, interrupted)
