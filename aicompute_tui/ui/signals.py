"""A hang-up or a polite kill restores the terminal and ends the console; jobs go on in the agent."""

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
