"""Points at which a process may die or freeze, found by hooks around the wire and the database, outside the product.

A point is (call, phase): the first RunInstances `after send`, the fourth commit `before`. Run with a file to list the
points a command passes, and with one of them to be killed there by a real SIGKILL, or frozen by a SIGSTOP.
"""

from __future__ import annotations

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from botocore.client import BaseClient
from botocore.httpsession import URLLib3Session
from sqlalchemy.engine.default import DefaultDialect

WATCHED = {"RunInstances", "TerminateInstances", "CancelSpotInstanceRequests"}
"""Calls that change what is paid for; reads before them cannot lose anything."""


class Points:
    """Counts the points this process passes, notes them, and signals itself where that was asked for."""

    def __init__(self, list_file: Path, signals: Mapping[str, signal.Signals]) -> None:
        self._list_file = list_file
        self._signals = signals
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def call_number(self, name: str) -> int:
        with self._lock:
            self._counts[name] += 1
            return self._counts[name]

    def reach(self, name: str, number: int, phase: str) -> None:
        point = f"{name} {number}, {phase}"
        with self._lock, self._list_file.open("a") as file:
            file.write(json.dumps(point) + "\n")
        if point in self._signals:
            os.kill(os.getpid(), self._signals[point])


def install(list_file: Path, signals: Mapping[str, signal.Signals]) -> None:
    """Puts the hooks around botocore and SQLAlchemy; `signals` maps a point to what this process gets there."""
    points = Points(list_file, signals)
    _watch_wire(points)
    _watch_commits(points)


def _watch_wire(points: Points) -> None:
    send: Callable[..., Any] = URLLib3Session.send
    call: Callable[..., Any] = BaseClient._make_api_call
    current = threading.local()

    def watched_send(self: Any, request: Any) -> Any:
        name = getattr(current, "name", "")
        if name not in WATCHED:
            return send(self, request)
        points.reach(name, current.number, "before send")
        answer = send(self, request)
        points.reach(name, current.number, "after send")
        return answer

    def watched_call(self: Any, name: str, parameters: Any) -> Any:
        if name not in WATCHED:
            return call(self, name, parameters)
        current.name, current.number = name, points.call_number(name)
        try:
            answer = call(self, name, parameters)
            points.reach(name, current.number, "after the answer")
            return answer
        finally:
            current.name = ""

    URLLib3Session.send = watched_send
    BaseClient._make_api_call = watched_call


def _watch_commits(points: Points) -> None:
    commit: Callable[..., Any] = DefaultDialect.do_commit

    def watched_commit(self: Any, connection: Any) -> Any:
        number = points.call_number("commit")
        points.reach("commit", number, "before")
        done = commit(self, connection)
        points.reach("commit", number, "after")
        return done

    DefaultDialect.do_commit = watched_commit  # type: ignore[method-assign]
