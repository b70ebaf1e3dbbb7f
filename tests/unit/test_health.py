"""The rule that turns checks into a state: three failures down, two successes up, and no clock that confuses it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.agent.health_watch import next_due
from aicompute_tui.domain.health import (
    NO_RULES,
    SLOW,
    Check,
    HealthReport,
    HealthRules,
    HealthState,
    TargetKind,
    advance,
)

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
NEW = HealthReport(target_id="one", target_kind=TargetKind.CONNECTION)


def after(text: str, rules: HealthRules = NO_RULES, report: HealthReport = NEW) -> HealthReport:
    """`x` fails, `.` answers, `d` answers and says that not all is well, `s` takes two seconds."""
    for letter in text:
        report = advance(report, check(letter, (report.checked_at or START) + timedelta(seconds=30)), rules)
    return report


def check(letter: str, at: datetime = START) -> Check:
    if letter == "x":
        return Check(at=at, problem_kind="Unreachable", problem="Nothing answers.")
    problem = "It is overloaded." if letter == "d" else ""
    return Check(at=at, latency_microseconds=2_000_000 if letter == "s" else 5_000, problem=problem)


def test_three_failures_in_a_row_are_down_and_two_successes_up_again() -> None:
    assert after("").state is HealthState.WAITING
    assert after("xx").state is HealthState.WAITING
    assert after(".").state is HealthState.UP
    assert after(".xx").state is HealthState.UP
    assert after(".xx.xx").state is HealthState.UP
    assert after(".xxx").state is HealthState.DOWN
    assert after(".xxx.").state is HealthState.DOWN
    assert after(".xxx.x.").state is HealthState.DOWN
    assert after(".xxx..").state is HealthState.UP


def test_the_first_failure_says_why_before_anything_is_down() -> None:
    assert after(".x").problem == "Nothing answers."
    assert after(".x.").problem == ""


def test_what_answers_and_is_not_well_is_degraded() -> None:
    assert after("d").state is HealthState.DEGRADED
    assert after("d.").state is HealthState.UP
    assert after("xxxd").state is HealthState.DOWN
    assert after("xxxdd").state is HealthState.DEGRADED


def test_a_state_counts_from_the_check_that_told_it() -> None:
    report = after(".xxx")
    assert report.since == report.checked_at
    assert after("xx", report=report).since == report.since


def test_slow_answers_are_told_of_when_there_are_two_and_forgotten_after_two_fast_ones() -> None:
    rules = HealthRules(slow_microseconds=1_000_000)
    assert after("s", rules).problem_kind == ""
    assert after(".s.s.s", rules).state is HealthState.UP
    slow = after(".ss", rules)
    assert (slow.state, slow.problem_kind, slow.problem) == (HealthState.DEGRADED, SLOW, "answers slower than 1,000 ms")
    assert after(".ss.s.", rules).problem_kind == SLOW
    assert after(".ss..", rules).state is HealthState.UP


def test_it_is_held_back_after_so_many_failures_until_it_recovers() -> None:
    rules = HealthRules(hold_back_after=5)
    assert not after(".xxxx", rules).is_held_back
    assert after(".xxxxx", rules).is_held_back
    assert after(".xxxxx.", rules).is_held_back
    assert after(".xxxxx.x", rules).is_held_back
    assert not after(".xxxxx..", rules).is_held_back
    assert not after(".xxxxx").is_held_back


def test_held_back_ends_where_nobody_wants_it_any_more() -> None:
    assert not after("x", report=after(".xxxxx", HealthRules(hold_back_after=5))).is_held_back


@given(st.text("x.ds", max_size=40), st.sampled_from([NO_RULES, HealthRules(1_000_000, 4)]))
def test_whatever_is_checked_the_figures_agree_with_each_other(text: str, rules: HealthRules) -> None:
    report = after(text, rules)
    tail = len(text) - len(text.rstrip("x"))
    assert report.failures == tail
    assert not (report.failures and report.successes)
    assert (report.latency_microseconds is None) == (not text or text[-1] == "x")
    if tail >= 3:
        assert report.state is HealthState.DOWN
    if len(text) >= 2 and "x" not in text[-2:]:
        assert report.state in {HealthState.UP, HealthState.DEGRADED}
        assert not report.is_held_back
    if report.state is HealthState.UP:
        pairs = (place for place in range(2, len(text) + 1) if "x" not in text[place - 2 : place])
        assert "xxx" not in text[max(pairs, default=0) :]


@given(st.lists(st.tuples(st.sampled_from("x.ds"), st.integers(-10_000_000, 10_000_000)), min_size=1, max_size=20))
def test_a_clock_that_jumps_leaves_nothing_in_the_future(steps: list[tuple[str, int]]) -> None:
    report, at = NEW, START
    for letter, seconds in steps:
        at += timedelta(seconds=seconds)
        report = advance(report, check(letter, at))
        assert report.checked_at == at
        assert report.since is not None
        assert report.since <= at


def test_the_steps_stay_even_however_long_an_answer_takes() -> None:
    assert next_due(START, START + timedelta(seconds=9.5), 30, None) == START + timedelta(seconds=30)


@given(st.floats(-1e7, 1e7), st.floats(10, 3_600), st.none() | st.floats(0, 1e6))
def test_no_clock_and_no_server_puts_the_next_look_off_for_long(
    moved: float, interval: float, retry_after: float | None
) -> None:
    now = START + timedelta(seconds=moved)
    wait = (next_due(START, now, interval, retry_after) - now).total_seconds()
    assert 0 < wait <= max(interval, min(retry_after or 0.0, 3_600.0)) + 1e-3
    assert wait >= min(retry_after or 0.0, 3_600.0) - 1e-3
