"""The past checks of the demo agree with what its reports say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from aicompute_tui.demo.health import past_samples
from aicompute_tui.domain.health import HealthReport, HealthState, TargetKind

BEGAN = datetime(2026, 11, 20, 14, 5, tzinfo=UTC)


def report(state: HealthState, since: datetime) -> HealthReport:
    return HealthReport(target_id="one", target_kind=TargetKind.SERVER, state=state, since=since, checked_at=BEGAN)


def test_what_is_up_answered_for_a_month_but_for_some_hiccups() -> None:
    samples = list(past_samples(report(HealthState.UP, BEGAN - timedelta(days=30)), 12, BEGAN))
    checks, failed = sum(each.checks for each in samples), sum(each.failed_checks for each in samples)
    assert checks == 30 * 24 * 120
    assert 0 < failed < checks // 50
    assert len({(each.span_seconds, each.at) for each in samples}) == len(samples)
    assert max(each.at for each in samples) < BEGAN


def test_what_is_down_has_not_answered_since() -> None:
    since = BEGAN - timedelta(minutes=37)
    samples = list(past_samples(report(HealthState.DOWN, since), 12, BEGAN))
    down = [each for each in samples if each.at >= since]
    assert down
    assert all(each.failed_checks == each.checks and each.latency_microseconds is None for each in down)
    assert any(each.latency_microseconds for each in samples if each.at < since)
