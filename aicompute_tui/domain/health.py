"""How a connection or a model server answers: the newest report, and the rule that turns checks into a state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

DOWN_AFTER = 3
"""Failed checks in a row; fewer are a hiccup."""
UP_AFTER = 2
"""Successes in a row after which what was down counts as up again."""
SLOW = "Slow"
"""The kind of a problem that is no failure: the answer takes longer than somebody wants."""


class TargetKind(StrEnum):
    CONNECTION = "connection"
    SERVER = "server"


class HealthState(StrEnum):
    WAITING = "waiting"
    """Not checked yet, or too seldom to say."""
    UP = "up"
    DEGRADED = "degraded"
    """It answers, and not all is well."""
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthReport:
    """`failures` and `successes` are those in a row until now; one of them is 0.

    `is_held_back` is a target taken out of use because it failed, and put back once it recovers.
    """

    target_id: str
    target_kind: TargetKind
    state: HealthState = HealthState.WAITING
    since: datetime | None = None
    checked_at: datetime | None = None
    latency_microseconds: int | None = None
    failures: int = 0
    successes: int = 0
    problem_kind: str = ""
    problem: str = ""
    next_step: str = ""
    is_held_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthSample:
    """Checks of one target within `span_seconds` from `at`; latencies are of those that succeeded."""

    target_id: str
    span_seconds: int
    at: datetime
    checks: int
    failed_checks: int
    latency_microseconds: int | None = None
    slowest_microseconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One look at a target: the time its answer took, None where it failed.

    A problem beside an answer is what the target says itself.
    """

    at: datetime
    latency_microseconds: int | None = None
    problem_kind: str = ""
    problem: str = ""
    next_step: str = ""

    @property
    def is_failed(self) -> bool:
        return self.latency_microseconds is None


class HealthRules(NamedTuple):
    """What somebody set; None is off."""

    slow_microseconds: int | None = None
    hold_back_after: int | None = None
    """Failed checks in a row."""


NO_RULES = HealthRules()


def news(report: HealthReport) -> tuple[object, ...]:
    """What a person would notice: figures that move by themselves and the moment of checking are none of it."""
    return report.state, report.problem_kind, report.problem, report.is_held_back


def advance(report: HealthReport, check: Check, rules: HealthRules = NO_RULES) -> HealthReport:
    """The report after one more check. A clock that went back leaves nothing that lies in the future."""
    failures = report.failures + 1 if check.is_failed else 0
    successes = 0 if check.is_failed else report.successes + 1
    problem = check.problem_kind, check.problem, check.next_step
    if not check.is_failed and not check.problem and _is_slow(report, check, rules.slow_microseconds):
        problem = SLOW, _slow_words(rules.slow_microseconds), "See how it went: the latency of the last hours tells."
    state = _state(report.state, failures, successes, is_well=not problem[1])
    since = check.at if state is not report.state or report.since is None else min(report.since, check.at)
    return replace(
        report,
        state=state,
        since=since,
        checked_at=check.at,
        latency_microseconds=check.latency_microseconds,
        failures=failures,
        successes=successes,
        problem_kind=problem[0],
        problem=problem[1],
        next_step=problem[2],
        is_held_back=_is_held_back(report, state, failures, rules.hold_back_after),
    )


def _state(before: HealthState, failures: int, successes: int, *, is_well: bool) -> HealthState:
    if failures:
        return HealthState.DOWN if failures >= DOWN_AFTER else before
    if before is HealthState.DOWN and successes < UP_AFTER:
        return before
    return HealthState.UP if is_well else HealthState.DEGRADED


def _is_slow(report: HealthReport, check: Check, limit: int | None) -> bool:
    """Two slow answers in a row begin it, two fast ones end it: one alone is chance."""
    if limit is None or check.latency_microseconds is None:
        return False
    was_slow = report.latency_microseconds is not None and report.latency_microseconds > limit
    is_slow = check.latency_microseconds > limit
    return is_slow if is_slow == was_slow else report.problem_kind == SLOW


def _slow_words(limit: int | None) -> str:
    return f"answers slower than {(limit or 0) / 1000:,.0f} ms"


def _is_held_back(report: HealthReport, state: HealthState, failures: int, after: int | None) -> bool:
    if after is None:
        return False
    return failures >= after or (report.is_held_back and state not in (HealthState.UP, HealthState.DEGRADED))
