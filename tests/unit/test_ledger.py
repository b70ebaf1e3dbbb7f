"""The ledger's rules under any sequence of what a cloud may say: nothing paid for is ever forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState, Market
from aicompute_tui.domain.ledger import (
    SILENT_SETUP,
    accept,
    acknowledge,
    advance,
    deny,
    find_nothing,
    hear,
    reprice,
    revive,
)
from aicompute_tui.domain.money import accrued_nano_usd
from aicompute_tui.domain.node import SetupStage, SetupStep, StepState
from aicompute_tui.domain.remote import TAG_EXPIRES_AT, RemoteMachine, RemoteState
from aicompute_tui.domain.spend import month_end, spend

START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def row(**changes: object) -> Instance:
    base = Instance(
        id="0199-launch",
        owner="ada",
        created_by="ada@jump",
        name="one",
        cloud="aws",
        credential_id="aws:env",
        account_id="1",
        region="ca-central-1",
        instance_type="g5.xlarge",
        market=Market.SPOT,
        price_usd_per_hour=Decimal("0.42"),
        requested_at=START,
        state_since=START,
        expires_at=START + timedelta(hours=8),
        host_id="host-1",
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def machine(state: RemoteState, *, checks_passed: bool | None = None) -> RemoteMachine:
    return RemoteMachine(
        cloud="aws",
        account_id="1",
        region="ca-central-1",
        remote_id="i-1",
        state=state,
        instance_type="g5.xlarge",
        market=Market.SPOT,
        launched_at=START,
        checks_passed=checks_passed,
    )


words = st.one_of(st.sampled_from(list(RemoteState)), st.none())
steps = st.lists(st.tuples(words, st.integers(1, 400), st.booleans()), max_size=25)


@given(steps, st.sampled_from(list(DesiredState)))
def test_a_row_with_a_machine_closes_only_when_the_cloud_says_gone(
    said: list[tuple[RemoteState | None, int, bool]], desired: DesiredState
) -> None:
    now = START
    present = replace(accept(row(), machine(RemoteState.PENDING), now), desired_state=desired)
    denied_at: datetime | None = None
    for word, seconds, passed in said:
        now += timedelta(seconds=seconds)
        before = present
        if word is None:
            present = deny(present, now)
            denied_at = denied_at or now
        else:
            present = advance(present, machine(word, checks_passed=passed), now)
            denied_at = None
        if present.is_final:
            gone = word is RemoteState.TERMINATED
            denied_twice = denied_at is not None and now - denied_at >= timedelta(seconds=60)
            assert gone or (denied_twice and desired is DesiredState.TERMINATED)
            return
        assert present.remote_id == "i-1"
        if present.state is InstanceState.LOST and before.state is not InstanceState.LOST:
            assert denied_at is not None
            assert now - denied_at >= timedelta(seconds=60)


@given(steps)
def test_cost_never_falls_and_never_exceeds_the_price_times_the_time(
    said: list[tuple[RemoteState | None, int, bool]],
) -> None:
    now = START
    present = accept(row(), machine(RemoteState.PENDING), now)
    last = 0
    for word, seconds, passed in said:
        now += timedelta(seconds=seconds)
        if present.is_final:
            break
        present = deny(present, now) if word is None else advance(present, machine(word, checks_passed=passed), now)
        cost = present.cost_nano_usd(now)
        assert cost is not None
        assert last <= cost <= accrued_nano_usd(Decimal("0.42"), now - START) + len(said)
        last = cost


@given(st.lists(st.integers(0, 200), max_size=12))
def test_a_doubtful_launch_fails_only_after_the_window_and_two_empty_looks_in_it(pauses: list[int]) -> None:
    now, present, looks_after = START, row(state=InstanceState.LAUNCHING), 0
    for pause in pauses:
        now += timedelta(seconds=pause)
        present = find_nothing(present, START, now)
        looks_after += now - START >= timedelta(seconds=300)
        assert (present.state is InstanceState.FAILED) == (looks_after >= 2)
        if present.is_final:
            return
        assert present.state is InstanceState.UNKNOWN


def test_a_failed_row_whose_machine_lives_is_open_again_and_wished_to_end() -> None:
    failed = row(state=InstanceState.FAILED, ended_at=START)
    opened = revive(failed, machine(RemoteState.RUNNING), START + timedelta(hours=1))
    assert opened.desired_state is DesiredState.TERMINATED
    assert opened.state is InstanceState.TERMINATING
    assert opened.cost_nano_usd(START + timedelta(hours=1)) == accrued_nano_usd(Decimal("0.42"), timedelta(hours=1))


def test_a_new_price_counts_from_now_on_only() -> None:
    running = accept(row(), machine(RemoteState.RUNNING), START)
    later = START + timedelta(hours=1)
    dearer = reprice(running, Decimal("1.00"), "spot history", later, later)
    cost = dearer.cost_nano_usd(later + timedelta(hours=1))
    assert cost == accrued_nano_usd(Decimal("1.42"), timedelta(hours=1))


def test_a_stopped_machine_costs_no_machine_hours() -> None:
    running = accept(row(), machine(RemoteState.RUNNING), START)
    stopped = advance(running, machine(RemoteState.STOPPED), START + timedelta(hours=1))
    assert stopped.cost_nano_usd(START + timedelta(hours=9)) == accrued_nano_usd(Decimal("0.42"), timedelta(hours=1))


def test_what_ran_last_month_is_not_this_months_cost() -> None:
    october = START.replace(month=10)
    asked = row(requested_at=october, state_since=october, expires_at=None)
    running = accept(asked, replace(machine(RemoteState.RUNNING), launched_at=october), october)
    stopped = advance(running, machine(RemoteState.STOPPED), october + timedelta(hours=10))
    assert spend([stopped], START).total_nano_usd == 0
    ended = advance(stopped, machine(RemoteState.TERMINATED), START)
    assert spend([ended], START).total_nano_usd == 0, "what a stopped machine cost stays where it fell"


def test_a_machine_lost_acknowledged_and_found_again_costs_each_hour_once() -> None:
    present = accept(row(), machine(RemoteState.RUNNING), START)
    for hours in (1, 72):
        present = deny(present, START + timedelta(hours=hours))
    assert present.state is InstanceState.LOST
    later = START + timedelta(hours=80)
    found = revive(acknowledge(present, later), machine(RemoteState.RUNNING), later)
    assert found.cost_nano_usd(later) == accrued_nano_usd(Decimal("0.42"), timedelta(hours=80))


def test_a_machine_that_powered_itself_off_unseen_costs_to_its_own_end() -> None:
    tagged = replace(machine(RemoteState.RUNNING), tags={TAG_EXPIRES_AT: "2026-11-20T16:00:00Z"})
    running = accept(row(), tagged, START)
    gone = replace(tagged, state=RemoteState.TERMINATED, state_reason_code="Client.InstanceInitiatedShutdown")
    ended = advance(running, gone, START + timedelta(hours=30))
    assert ended.cost_nano_usd(START + timedelta(hours=30)) == accrued_nano_usd(Decimal("0.42"), timedelta(hours=8))
    assert ended.ended_at == START + timedelta(hours=8)


def test_a_machine_without_an_end_is_counted_to_the_end_of_the_month() -> None:
    running = accept(row(expires_at=None), machine(RemoteState.RUNNING), START)
    expected = accrued_nano_usd(Decimal("0.42"), month_end(START) - START)
    assert spend([running], START).committed_nano_usd == expected


BOOTED = SetupStep(stage=SetupStage.BOOT, state=StepState.DONE)
PULLING = SetupStep(stage=SetupStage.IMAGE, state=StepState.RUNNING, percent=40)
SERVING = SetupStep(stage=SetupStage.READY, state=StepState.DONE)
NO_DISK = SetupStep(stage=SetupStage.IMAGE, state=StepState.FAILED, detail="the disk is full.")


def served(state: InstanceState = InstanceState.BOOTING, **changes: object) -> Instance:
    started = accept(row(framework="ollama"), machine(RemoteState.RUNNING), START)
    return replace(started, state=state, **changes)  # type: ignore[arg-type]


def told(present: Instance, *steps: SetupStep, notice: str = "", had_steps: bool = True, minutes: int = 1) -> Instance:
    return hear(present, steps, notice, START + timedelta(minutes=minutes), had_steps=had_steps)


def checked(present: Instance, passed: bool | None = True) -> Instance:
    return advance(present, machine(RemoteState.RUNNING, checks_passed=passed), START + timedelta(minutes=2))


def test_a_machine_with_a_server_is_ready_by_its_own_word_only() -> None:
    assert checked(served()).state is InstanceState.PREPARING
    answering = told(served(), had_steps=False)
    assert answering.state is InstanceState.PREPARING
    assert checked(answering).state is InstanceState.PREPARING
    assert told(answering, BOOTED, PULLING).state is InstanceState.PREPARING
    ready = told(answering, BOOTED, SERVING)
    assert (ready.state, ready.ready_at) == (InstanceState.READY, START + timedelta(minutes=1))
    assert checked(ready).state is InstanceState.READY


def test_a_machine_without_a_server_is_ready_by_the_clouds_checks() -> None:
    booting = accept(row(), machine(RemoteState.RUNNING), START)
    assert told(booting, BOOTED).state is InstanceState.BOOTING
    assert checked(booting).state is InstanceState.READY


@pytest.mark.parametrize("framework", ["ollama", "none"])
def test_a_failed_step_degrades_until_a_later_reading_is_fine(framework: str) -> None:
    booting = replace(served(), framework=framework)
    failed = told(booting, BOOTED, NO_DISK)
    assert (failed.state, failed.error_kind) == (InstanceState.DEGRADED, "SetupFailed")
    assert failed.error_message == "Set-up failed at the image: the disk is full."
    assert checked(failed) == replace(failed, last_seen_at=START + timedelta(minutes=2)), "the cloud knows no better"
    mended = told(failed, BOOTED, SERVING)
    assert (mended.error_kind, mended.error_message) == (None, None)
    assert checked(mended).state is InstanceState.READY


def test_a_failed_step_is_forgotten_with_the_next_start() -> None:
    failed = told(served(), NO_DISK)
    stopped = advance(failed, machine(RemoteState.STOPPED), START + timedelta(hours=1))
    started = advance(stopped, machine(RemoteState.PENDING), START + timedelta(hours=2))
    assert (started.state, started.error_message) == (InstanceState.BOOTING, None)


def test_a_rebooted_machine_prepares_itself_again() -> None:
    ready = served(InstanceState.READY)
    assert told(ready, had_steps=True).state is InstanceState.PREPARING
    assert told(ready, BOOTED, PULLING).state is InstanceState.PREPARING


def test_a_ready_machine_that_never_told_of_steps_stays_ready() -> None:
    ready = served(InstanceState.READY, ready_at=START)
    assert told(ready, had_steps=False, minutes=60) == ready


def test_a_machine_that_never_tells_of_a_set_up_is_not_waited_for_for_ever() -> None:
    preparing = served(InstanceState.PREPARING)
    minutes = int(SILENT_SETUP.total_seconds() // 60)
    assert told(preparing, had_steps=False, minutes=minutes - 1) == preparing
    failed = told(preparing, had_steps=False, minutes=minutes)
    assert (failed.state, failed.error_kind) == (InstanceState.DEGRADED, "SetupFailed")
    assert told(failed, had_steps=False, minutes=minutes + 1) == failed
    assert told(failed, BOOTED, SERVING, had_steps=False).state is InstanceState.READY


def test_what_the_cloud_takes_back_is_draining_to_its_end() -> None:
    noticed = told(served(InstanceState.READY), SERVING, notice="The cloud takes it back at 10:00.")
    assert noticed.state is InstanceState.DRAINING
    assert checked(noticed).state is InstanceState.DRAINING
    assert told(noticed, SERVING).state is InstanceState.DRAINING
    assert advance(noticed, machine(RemoteState.TERMINATED), START).state is InstanceState.TERMINATED


def test_failed_checks_of_the_cloud_are_the_clouds_to_take_back() -> None:
    impaired = checked(served(InstanceState.READY), passed=False)
    assert impaired.state is InstanceState.DEGRADED
    assert told(impaired, BOOTED, SERVING) == impaired
    assert checked(impaired).state is InstanceState.READY


@pytest.mark.parametrize("wish", [DesiredState.STOPPED, DesiredState.TERMINATED])
def test_a_machine_that_is_to_end_is_not_made_ready_again(wish: DesiredState) -> None:
    present = served(InstanceState.READY, desired_state=wish)
    assert told(present, NO_DISK) == present


def test_no_endpoint_outlives_the_machines_run() -> None:
    ready = served(InstanceState.READY, endpoint="http://127.0.0.1:18000/v1")
    for state in (RemoteState.STOPPING, RemoteState.STOPPED, RemoteState.TERMINATED, RemoteState.PENDING):
        assert advance(ready, machine(state), START).endpoint is None
    lost = deny(deny(ready, START), START + timedelta(minutes=2))
    assert (lost.state, lost.endpoint) == (InstanceState.LOST, None)
