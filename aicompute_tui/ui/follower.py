"""Follows the store in a thread of its own: a poll of microseconds, and a whole reading only when something changed."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from aicompute_tui.domain.clock import Clock
from aicompute_tui.store.fast import Follower, read_snapshot
from aicompute_tui.store.rows import Snapshot

POLL_SECONDS = 0.25
PUSHED_POLL_SECONDS = 2.0
"""How often to look while an agent tells of changes by itself."""
_LEAST_PAUSE_SECONDS = 0.1
_SHARE = 10
"""A reading is followed by a pause this many times its CPU time, so that a busy store never takes the console's."""


class StoreFollower:
    """`deliver` is called in the thread; it must only hand the reading over to the event loop."""

    def __init__(self, path: Path, clock: Clock, deliver: Callable[[Snapshot | None], None]) -> None:
        self.poll_seconds = POLL_SECONDS
        self._path = path
        self._clock = clock
        self._deliver = deliver
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="store follower", daemon=True)

    def start(self, seen: int) -> None:
        """Follows on from change number `seen`; -1 reads at once."""
        self._seen = seen
        self._thread.start()

    def wake(self) -> None:
        """Looks now."""
        self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def _run(self) -> None:
        connection: Follower | None = None
        while not self._stopped:
            pause = self.poll_seconds
            try:
                if connection is None:
                    connection = Follower(self._path)
                if connection.latest() != self._seen:
                    pause = self._read()
            except sqlite3.Error:
                if connection is not None:
                    connection.close()
                connection = None
                if self._seen != -1:
                    self._read()
            self._wait(pause)
        if connection is not None:
            connection.close()

    def _read(self) -> float:
        """Reads everything and answers how long to leave the store alone."""
        began = time.thread_time()
        snapshot = read_snapshot(self._path, self._clock.now().timestamp(), with_utilisation=True)
        self._seen = snapshot.latest_change if snapshot is not None and not snapshot.problem else -1
        if not self._stopped:
            self._deliver(snapshot)
        return max(_LEAST_PAUSE_SECONDS, _SHARE * (time.thread_time() - began))

    def _wait(self, pause: float) -> None:
        """Until the pause is over; a wake cuts a poll short, never the pause after a reading."""
        if pause < self.poll_seconds:
            time.sleep(pause)
        else:
            self._wake.wait(pause)
        self._wake.clear()
