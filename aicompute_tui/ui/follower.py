"""Follows the store in a thread of its own: a poll of microseconds, and when something changed the rows that did."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from aicompute_tui.domain.clock import Clock
from aicompute_tui.services.attention import Attention
from aicompute_tui.store.fast import read_snapshot
from aicompute_tui.store.following import Follower
from aicompute_tui.store.rows import Snapshot
from aicompute_tui.ui.overview import Sums, summed
from aicompute_tui.ui.state import NO_ROWS, StateUpdate, compared

POLL_SECONDS = 0.25
PUSHED_POLL_SECONDS = 2.0
"""How often to look while an agent tells of changes by itself."""
_LEAST_PAUSE_SECONDS = 0.1
_SHARE = 10
"""A reading is followed by a pause this many times its CPU time, so that a busy store never takes the console's."""


Deliver = Callable[[StateUpdate, Sums | None], None]


class StoreFollower:
    """`deliver` is called in the thread; it must only hand the update over to the event loop."""

    def __init__(self, path: Path, clock: Clock, deliver: Deliver) -> None:
        self.poll_seconds = POLL_SECONDS
        self._path = path
        self._clock = clock
        self._deliver = deliver
        self._wake = threading.Event()
        self._stopped = False
        self._held: Snapshot | None = None
        self._read_minute = 0.0
        self._tables = NO_ROWS
        self._attention = Attention()
        self._thread = threading.Thread(target=self._run, name="store follower", daemon=True)

    def start(self, held: Snapshot | None) -> None:
        """Follows on from a reading that was taken over elsewhere; without one it reads at once."""
        if held is not None:
            self._keep(held)
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
                if self._held is None or connection.latest() != self._held.latest_change or self._is_next_minute():
                    pause = self._read(connection)
            except sqlite3.Error:
                if connection is not None:
                    connection.close()
                connection = None
                if self._held is not None:
                    self._read(None)
            self._wait(pause)
        if connection is not None:
            connection.close()

    def _read(self, connection: Follower | None) -> float:
        """Reads what changed, or everything, and answers how long to leave the store alone."""
        began, now = time.thread_time(), self._clock.now().timestamp()
        self._read_minute = now // 60
        fresh = connection.renew(self._held, now) if connection is not None and self._held is not None else None
        if fresh is None:
            fresh = read_snapshot(self._path, now)
        if fresh is None or fresh.problem:
            self._held, update, sums = None, StateUpdate(fresh), None
        else:
            if connection is not None:
                fresh = fresh._replace(utilisation=connection.utilisation(self._held, now))
            update = self._keep(fresh)
            sums = summed(self._attention, self._tables, fresh, now)
        if not self._stopped:
            self._deliver(update, sums)
        return max(_LEAST_PAUSE_SECONDS, _SHARE * (time.thread_time() - began))

    def _is_next_minute(self) -> bool:
        """What machines, hosts and servers do is measured all the time, and no change tells of it."""
        held = self._held
        has_told = held is not None and bool(held.nodes or held.hosts or held.connections or held.servers)
        return has_told and self._clock.now().timestamp() // 60 != self._read_minute

    def _keep(self, fresh: Snapshot) -> StateUpdate:
        tables, change = compared(self._tables, fresh)
        fresh = fresh._replace(instances=list(tables.instances.values()), nodes=tables.nodes)
        self._held, self._tables = fresh, tables
        return StateUpdate(fresh, tables, change)

    def _wait(self, pause: float) -> None:
        """Until the pause is over; a wake cuts a poll short, never the pause after a reading."""
        if pause < self.poll_seconds:
            time.sleep(pause)
        else:
            self._wake.wait(pause)
        self._wake.clear()
