"""Names to addresses, in threads of their own: one that stalls holds up no other work, and no other name."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache

_AT_ONCE, _MOST = 128, 256
_STALLING_AT_ONCE, _MOST_STALLING = 16, 32
"""Threads that get on, and with those that stall."""
_SLOW_SECONDS = 2.0
"""A look-up that takes longer counts no more among those at once, and its name goes to a lane of its like from then on,
until it is quick again."""


async def addresses_of(host: str) -> list[str]:
    """In the system's order, none twice. Raises OSError where the name is unknown."""
    if _is_address(host):
        return [host]
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    lookup = _names.look_up(host)

    def tell(_: object) -> None:
        with suppress(RuntimeError):  # the loop that asked has ended
            loop.call_soon_threadsafe(done.set)

    lookup.add_done_callback(tell)
    while not done.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(_SLOW_SECONDS):
                await done.wait()
        _names.go_on()  # those before it may stall
    return list(dict.fromkeys(lookup.result()))


def _resolved(host: str) -> list[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


@lru_cache(4_096)
def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class _Lane:
    """So many threads that get on, each only as long as there is something to look up; the end waits for none."""

    def __init__(self, at_once: int, most: int) -> None:
        self._at_once, self._most = at_once, most
        self._lock = threading.Lock()
        self._busy_since: dict[threading.Thread, float] = {}
        self._waiting: deque[tuple[str, Future[list[str]]]] = deque()

    def add(self, host: str, lookup: Future[list[str]]) -> None:
        with self._lock:
            self._waiting.append((host, lookup))
        self.go_on()

    def go_on(self) -> None:
        """One thread more where something waits and there is room."""
        with self._lock:
            if not self._waiting or len(self._busy_since) >= self._most:
                return
            young = time.monotonic() - _SLOW_SECONDS
            if sum(since > young for since in self._busy_since.values()) < self._at_once:
                thread = threading.Thread(target=self._work, name="resolver", daemon=True)
                with suppress(RuntimeError):  # this machine has no more; whoever waits tries again soon
                    thread.start()
                    self._busy_since[thread] = time.monotonic()

    def _work(self) -> None:
        thread = threading.current_thread()
        while True:
            with self._lock:
                if not self._waiting:
                    del self._busy_since[thread]
                    return
                host, lookup = self._waiting.popleft()
                self._busy_since[thread] = time.monotonic()
            try:
                found = _resolved(host)
            except (OSError, ValueError) as error:
                lookup.set_exception(error)
            else:
                lookup.set_result(found)


class _Names:
    """One look-up of a name at a time, whoever asks for it; those that stalled before wait for each other alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._quick = _Lane(_AT_ONCE, _MOST)
        self._stalling = _Lane(_STALLING_AT_ONCE, _MOST_STALLING)
        self._pending: dict[str, Future[list[str]]] = {}
        self._slow: set[str] = set()

    def go_on(self) -> None:
        self._quick.go_on()
        self._stalling.go_on()

    def look_up(self, host: str) -> Future[list[str]]:
        with self._lock:
            known = self._pending.get(host)
            if known is not None:
                return known
            lookup = self._pending[host] = Future[list[str]]()
            lane = self._stalling if host in self._slow else self._quick
        began = time.monotonic()
        lookup.add_done_callback(lambda _: self._ended(host, time.monotonic() - began))
        lane.add(host, lookup)
        return lookup

    def _ended(self, host: str, seconds: float) -> None:
        with self._lock:
            del self._pending[host]
            if seconds > _SLOW_SECONDS:
                self._slow.add(host)
            else:
                self._slow.discard(host)


_names = _Names()
