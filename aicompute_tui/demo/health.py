"""How the demo's connections and servers answered before it began: a month of checks, with the bad hours of some."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta

from aicompute_tui.domain.health import HealthReport, HealthSample, HealthState

_HISTORY = (
    (3_600, timedelta(days=30), timedelta(hours=24)),
    (300, timedelta(hours=24), timedelta(hours=1)),
    (30, timedelta(hours=1), timedelta(0)),
)
"""A span of samples, and between which ages they lie; where two meet, the finer one goes on."""
_EACH_SECONDS = 30


def past_samples(report: HealthReport, usual_milliseconds: int, began: datetime) -> Iterator[HealthSample]:
    """Up to the moment of its last report, which they agree with: none succeeded since it is down."""
    luck = random.Random(zlib.crc32(report.target_id.encode()))  # noqa: S311 - checks of a demo
    down_since = report.since if report.state is HealthState.DOWN and report.since is not None else None
    for span, oldest, newest in _HISTORY:
        at = began - oldest
        while at < began - newest:
            yield _sample(report, span, at, usual_milliseconds, down_since, luck)
            at += timedelta(seconds=span)


def _sample(
    report: HealthReport, span: int, at: datetime, usual: int, down_since: datetime | None, luck: random.Random
) -> HealthSample:
    checks = span // _EACH_SECONDS
    is_down = down_since is not None and at >= down_since
    failed = checks if is_down else _hiccups(checks, luck)
    by_day = 1.0 + 0.5 * max(0.0, 1.0 - abs(at.hour - 14) / 7)
    latency = round(usual * 1_000 * by_day * luck.uniform(0.85, 1.3)) if failed < checks else None
    return HealthSample(
        target_id=report.target_id,
        span_seconds=span,
        at=at.replace(microsecond=0),
        checks=checks,
        failed_checks=failed,
        latency_microseconds=latency,
        slowest_microseconds=None if latency is None else round(latency * luck.uniform(1.0, 2.5)),
    )


def _hiccups(checks: int, luck: random.Random) -> int:
    """A check now and then, and seldom more of them."""
    if luck.random() < 0.002 * checks:
        return min(checks, luck.choice((1, 1, 1, 2, 6)))
    return 0
