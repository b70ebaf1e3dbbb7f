"""Bad days on request: which calls fail, and how."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aicompute_tui.demo.world.call import Answer, Call, CallError, error_answer


class ConnectionCut(Exception):
    """The socket is to be closed without an answer."""


class Faults:
    """Rules, tried in order; the first that fits a call is spent on it.

    A rule names an `action` (`*` for any) and may name a `region`, an `account`, form fields to `match`, and how many
    `times` it holds (1 unless told, negative for ever). Its effect is one of: `code` with `message` and `status`;
    `html` with `status`; `drop_before` or `drop_after` (the socket is closed, before or after the call was carried
    out); `hold_before` or `hold_after` (no answer until released). `delay` seconds come before any effect.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[dict[str, Any]] = []
        self._released = threading.Event()

    def replace(self, rules: Sequence[Mapping[str, Any]]) -> None:
        with self._lock:
            self._rules = [{"times": 1, "hits": 0, **rule} for rule in rules]

    def rules(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(rule) for rule in self._rules]

    def release(self) -> None:
        """Lets every held call go on."""
        with self._lock:
            old, self._released = self._released, threading.Event()
        old.set()

    def apply(self, call: Call, carry_out: Callable[[], Answer]) -> Answer:
        """The answer to `call`, as the rules will have it. Raises ConnectionCut."""
        rule, released = self._take(call)
        if rule is None:
            return carry_out()
        if rule.get("delay"):
            time.sleep(float(rule["delay"]))
        if rule.get("hold_before"):
            released.wait()
        if rule.get("drop_before"):
            raise ConnectionCut
        if "html" in rule:
            return Answer(int(rule.get("status", 200)), "text/html", str(rule["html"]).encode())
        if "code" in rule:
            return error_answer(call, CallError(rule["code"], rule.get("message", rule["code"]), rule.get("status")))
        answer = carry_out()
        if rule.get("hold_after"):
            released.wait()
        if rule.get("drop_after"):
            raise ConnectionCut
        return answer

    def _take(self, call: Call) -> tuple[dict[str, Any] | None, threading.Event]:
        with self._lock:
            for rule in self._rules:
                if rule["times"] != 0 and _fits(rule, call):
                    rule["times"] -= 1
                    rule["hits"] += 1
                    return dict(rule), self._released
            return None, self._released


def _fits(rule: Mapping[str, Any], call: Call) -> bool:
    return (
        rule.get("action", "*") in {call.action, "*"}
        and rule.get("region", call.region) == call.region
        and rule.get("account", call.account) == call.account
        and all(call.fields.get(name) == str(value) for name, value in rule.get("match", {}).items())
    )
