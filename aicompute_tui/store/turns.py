"""Turns at a file of the cache: one at a time within this process and among all processes, ended by their own end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from aicompute_tui.domain.errors import Conflict, Refused

_LOOK_SECONDS = 0.02


@asynccontextmanager
async def turn(path: Path, seconds: float) -> AsyncIterator[bool]:
    """Whether another was waited for. Raises Conflict after so many seconds, Refused where the cache is not ours."""
    descriptor = _open(path)
    try:
        has_waited, deadline = False, time.monotonic() + seconds
        while not _locked(descriptor):
            has_waited = True
            _check(path, deadline)
            await asyncio.sleep(_LOOK_SECONDS)
        yield has_waited
    finally:
        os.close(descriptor)


@contextmanager
def turn_in_thread(path: Path, seconds: float) -> Iterator[None]:
    """Blocking; raises as `turn` does."""
    descriptor = _open(path)
    try:
        deadline = time.monotonic() + seconds
        while not _locked(descriptor):
            _check(path, deadline)
            time.sleep(_LOOK_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    """The file itself stays, since removing it would let two in."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        step = f"Free some space, or make {path.parent} yours."
        raise Refused(f"Nothing can be kept in {path.parent}: {error.strerror}.", step) from None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _check(path: Path, deadline: float) -> None:
    if time.monotonic() > deadline:
        step = "End the aic-tui process that stands still, then try again."
        raise Conflict(f"Another aic-tui has held {path} for too long.", step)
