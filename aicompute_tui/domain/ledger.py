"""The rules of the launch ledger: what a row becomes when the cloud speaks, is silent, or denies it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from aicompute_tui.domain.errors import SetupFailed
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.instance import RUNNING_STATES, DesiredState, Instance, InstanceState
from aicompute_tui.domain.launch import LOOKUP_WINDOW_SECONDS
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.domain.node import SetupStep, describe_failure, failed_step, is_set_up
from aicompute_tui.domain.remote import TAG_EXPIRES_AT, TAG_OWNER, RemoteMachine, RemoteState

LOST_AFTER = timedelta(seconds=60)
"""Two denials must lie this far apart before a machine counts as lost."""
EMPTY_LOOKS_NEEDED = 2
SILENT_SETUP = timedelta(minutes=10)
"""A machine that answers for so long without a word of its set-up has none."""
SETUP_FAILED = SetupFailed.__name__

_ENDED_ITSELF = "Client.InstanceInitiatedShutdown"
_ENDING = frozenset({RemoteState.SHUTTING_DOWN, RemoteState.TERMINATED})
_UNBILLED = frozenset({RemoteState.SHUTTING_DOWN, RemoteState.STOPPED})
_TOLD_STATES = frozenset({InstanceState.DEGRADED, InstanceState.DRAINING})
ENDED_BY_ITSELF = "ended by its own dead-man unit or a shutdown on the machine"
_END_REASONS = {
    _ENDED_ITSELF: ENDED_BY_ITSELF,
    "Client.UserInitiatedShutdown": "terminated on request",
    "Server.SpotInstanceTermination": "taken back by the cloud (spot interruption)",
    "Server.SpotInstanceShutdown": "taken back by the cloud (spot interruption)",
    "Server.InsufficientInstanceCapacity": "the cloud had no capacity to start it",
}


def settle(instance: Instance, now: datetime, *, runs_on: bool) -> Instance:
    """Books the cost up to `now`; `runs_on` says whether it costs from here on."""
    stops = instance.billing_since is not None and not runs_on
    return replace(
        instance,
        settled_nano_usd=instance.cost_nano_usd(now),
        billing_since=now if runs_on else None,
        billed_until=now if stops else instance.billed_until,
    )


def reprice(instance: Instance, price: Decimal, source: str, as_of: datetime | None, now: datetime) -> Instance:
    """A new price from `now` on; what ran before is booked at the old one, and where none was known, at the new one."""
    if instance.price_usd_per_hour is not None and instance.billing_since is not None:
        instance = settle(instance, now, runs_on=True)
    return replace(instance, price_usd_per_hour=price, price_source=source, price_as_of=as_of)


def accept(instance: Instance, machine: RemoteMachine, now: datetime) -> Instance:
    """The row once the cloud has said which machine came of it."""
    launched_at = machine.launched_at or now
    accepted = replace(
        instance,
        remote_id=machine.remote_id,
        account_id=machine.account_id,
        zone=machine.zone or instance.zone,
        launched_at=launched_at,
        billing_since=_billing_start(instance, launched_at),
        ended_at=None,
        end_reason=None,
        error_kind=None,
        error_message=None,
        empty_looks=0,
        empty_since=None,
        state=InstanceState.LAUNCHING if instance.is_final else instance.state,
    )
    return advance(accepted, machine, now)


def _billing_start(instance: Instance, launched_at: datetime) -> datetime:
    """Where the meter goes on: at the end we believed in, for a machine that had one, else at its launch."""
    if instance.launched_at is None:
        return launched_at
    return instance.billing_since or instance.ended_at or launched_at


def revive(instance: Instance, machine: RemoteMachine, now: datetime) -> Instance:
    """A row we had closed whose machine turns out to live: it is open again, and ended unless it was only lost."""
    was_failed = instance.state is InstanceState.FAILED
    desired = DesiredState.TERMINATED if was_failed else instance.desired_state
    return accept(replace(instance, desired_state=desired, acknowledged_at=None), machine, now)


def advance(instance: Instance, machine: RemoteMachine, now: datetime) -> Instance:
    """The row after the cloud described its machine."""
    state = _state_for(instance, machine)
    seen = replace(
        instance,
        last_seen_at=now,
        empty_looks=0,
        empty_since=None,
        zone=machine.zone or instance.zone,
        public_address=machine.public_address,
        private_address=machine.private_address,
        spot_request_id=machine.spot_request_id or instance.spot_request_id,
        node_expires_at=parse_moment(machine.tags.get(TAG_EXPIRES_AT)),
    )
    if state is not instance.state:
        seen = replace(seen, state=state, state_since=now)
    is_over = seen.error_kind == SETUP_FAILED and state not in _TOLD_STATES
    if instance.state is InstanceState.LOST or machine.state in _ENDING or is_over:
        seen = replace(seen, error_kind=None, error_message=None)
    if state not in RUNNING_STATES or state is InstanceState.BOOTING:
        seen = replace(seen, endpoint=None)
    if state is InstanceState.READY and seen.ready_at is None:
        seen = replace(seen, ready_at=now)
    if state is InstanceState.TERMINATED:
        ended_itself = machine.state_reason_code == _ENDED_ITSELF
        return _ended(seen, now, _end_reason(instance, machine), _own_end(instance, now) if ended_itself else now)
    if machine.state in _UNBILLED:
        return settle(seen, now, runs_on=False) if seen.billing_since is not None else seen
    if seen.billing_since is None:
        began = _own_end(instance, instance.state_since) if instance.state is InstanceState.LOST else now
        return replace(seen, billing_since=began)
    return seen


def _state_for(instance: Instance, machine: RemoteMachine) -> InstanceState:
    if machine.state is RemoteState.TERMINATED:
        return InstanceState.TERMINATED
    if machine.state is RemoteState.SHUTTING_DOWN or instance.desired_state is DesiredState.TERMINATED:
        return InstanceState.TERMINATING
    if machine.state is RemoteState.STOPPED:
        return InstanceState.STOPPED
    if machine.state is RemoteState.STOPPING or instance.desired_state is DesiredState.STOPPED:
        return InstanceState.STOPPING
    if machine.state is RemoteState.PENDING:
        return InstanceState.BOOTING
    return _running_state(instance, machine)


def _running_state(instance: Instance, machine: RemoteMachine) -> InstanceState:
    """What the machine itself has told stands above the cloud's checks; one with a server is ready by its word only."""
    failed = instance.state is InstanceState.DEGRADED and instance.error_kind == SETUP_FAILED
    if instance.state is InstanceState.DRAINING or failed:
        return instance.state
    serves = instance.framework in FRAMEWORKS
    if instance.state in {InstanceState.READY, InstanceState.DEGRADED}:
        if machine.checks_passed is None:
            return instance.state
        return InstanceState.READY if machine.checks_passed else InstanceState.DEGRADED
    if serves and (machine.checks_passed or instance.state is InstanceState.PREPARING):
        return InstanceState.PREPARING
    return InstanceState.READY if machine.checks_passed else InstanceState.BOOTING


def hear(instance: Instance, steps: tuple[SetupStep, ...], notice: str, now: datetime, *, had_steps: bool) -> Instance:
    """The row after its machine said how far it is. `had_steps`: it named steps before, so none now is a new boot."""
    if instance.state not in RUNNING_STATES or instance.desired_state is not DesiredState.RUNNING:
        return instance
    state, failure = _told_state(instance, steps, now, had_steps=had_steps)
    if notice or instance.state is InstanceState.DRAINING:
        state = InstanceState.DRAINING
    heard = instance if state is instance.state else replace(instance, state=state, state_since=now)
    if failure:
        heard = replace(heard, error_kind=SETUP_FAILED, error_message=failure)
    elif heard.error_kind == SETUP_FAILED:
        heard = replace(heard, error_kind=None, error_message=None)
    if state is InstanceState.READY and heard.ready_at is None:
        heard = replace(heard, ready_at=now)
    return heard


def _told_state(
    instance: Instance, steps: tuple[SetupStep, ...], now: datetime, *, had_steps: bool
) -> tuple[InstanceState, str]:
    """The state, and why the set-up failed where it did."""
    step = failed_step(steps)
    if step is not None:
        return InstanceState.DEGRADED, describe_failure(step)
    has_failed = instance.state is InstanceState.DEGRADED and instance.error_kind == SETUP_FAILED
    if instance.state is InstanceState.DEGRADED and not has_failed:
        return instance.state, ""  # the cloud's checks fail, and take it back
    if instance.framework not in FRAMEWORKS:
        was_ready = InstanceState.BOOTING if instance.ready_at is None else InstanceState.READY
        return (was_ready if has_failed else instance.state), ""
    if not steps and not had_steps:
        return _silent_state(instance, now, has_failed=has_failed)
    return (InstanceState.READY if is_set_up(steps) else InstanceState.PREPARING), ""


def _silent_state(instance: Instance, now: datetime, *, has_failed: bool) -> tuple[InstanceState, str]:
    """Of a machine with a server that answers and has never told of its set-up; a ready one is of an older program."""
    if has_failed:
        return instance.state, instance.error_message or ""
    if instance.state is InstanceState.PREPARING and now - instance.state_since >= SILENT_SETUP:
        return InstanceState.DEGRADED, "Set-up failed at the boot: the machine answers but tells nothing of a set-up."
    return (instance.state if instance.state is InstanceState.READY else InstanceState.PREPARING), ""


def _end_reason(instance: Instance, machine: RemoteMachine) -> str:
    code = machine.state_reason_code or ""
    if code == "Client.UserInitiatedShutdown":
        if instance.desired_state is not DesiredState.TERMINATED:
            return "terminated by somebody else in the cloud account"
        return instance.end_reason or _END_REASONS[code]
    return _END_REASONS.get(code, machine.state_reason or instance.end_reason or "the cloud says it is gone")


def _own_end(instance: Instance, now: datetime) -> datetime:
    """When a machine that ended unseen stopped costing: at the end it had itself, unless it was seen after that."""
    known = [moment for moment in (instance.node_expires_at, instance.last_seen_at) if moment is not None]
    return now if instance.node_expires_at is None else min(now, max(known))


def _ended(instance: Instance, now: datetime, reason: str, until: datetime | None = None) -> Instance:
    """Closed; the cost is booked to `until`, or to this moment, when the end was seen."""
    ended_at = until or now
    return replace(
        settle(instance, ended_at, runs_on=False),
        state=InstanceState.TERMINATED,
        state_since=now,
        ended_at=ended_at,
        end_reason=reason,
        public_address=None,
        endpoint=None,
    )


def hand_over(instance: Instance, machine: RemoteMachine, now: datetime) -> Instance:
    """Closed because the machine carries another store's tag by now: it is theirs to pay for and to end."""
    owner = machine.tags.get(TAG_OWNER) or "unknown"
    return _ended(instance, now, f"adopted by another store (owner {owner})")


def deny(instance: Instance, now: datetime) -> Instance:
    """The row after a successful answer in which the cloud does not know its machine."""
    if instance.empty_since is None:
        return replace(instance, empty_looks=1, empty_since=now)
    denied = replace(instance, empty_looks=instance.empty_looks + 1)
    if instance.state is InstanceState.LOST or now - instance.empty_since < LOST_AFTER:
        return denied
    if instance.desired_state is DesiredState.TERMINATED:
        return _ended(denied, now, "the cloud no longer knows it", _own_end(instance, now))
    return replace(
        settle(denied, _own_end(instance, now), runs_on=False),
        state=InstanceState.LOST,
        state_since=now,
        endpoint=None,
        error_kind="NotFound",
        error_message="The cloud no longer knows this machine.",
    )


def acknowledge(instance: Instance, now: datetime) -> Instance:
    """A lost row closed by its owner; it ended where its cost stopped."""
    reason = "the cloud denied it; acknowledged"
    closed = _ended(instance, now, reason, _own_end(instance, instance.state_since))
    return replace(closed, acknowledged_at=now)


def give_up(instance: Instance, now: datetime) -> Instance:
    """A row closed by its owner because nobody can ask its cloud; should its machine be seen again, it is ended."""
    reason = "its cloud could not be asked any more; given up, it may still run"
    closed = _ended(instance, now, reason, _own_end(instance, now))
    return replace(closed, desired_state=DesiredState.TERMINATED, acknowledged_at=now)


def doubt(instance: Instance, error_kind: str, message: str, now: datetime) -> Instance:
    """The row while nobody knows whether its machine exists."""
    state_since = instance.state_since if instance.state is InstanceState.UNKNOWN else now
    return replace(
        instance, state=InstanceState.UNKNOWN, state_since=state_since, error_kind=error_kind, error_message=message
    )


def find_nothing(instance: Instance, written_at: datetime, now: datetime) -> Instance:
    """The row after one successful look-up by tag and token found no machine of a launch whose answer was lost."""
    if now - written_at < timedelta(seconds=LOOKUP_WINDOW_SECONDS):
        return (
            instance
            if instance.state is InstanceState.UNKNOWN
            else doubt(
                instance, "Unreachable", "The cloud's answer to the launch was lost; it is being looked for.", now
            )
        )
    looked = replace(instance, empty_looks=instance.empty_looks + 1, empty_since=instance.empty_since or now)
    if looked.empty_looks < EMPTY_LOOKS_NEEDED:
        return doubt(looked, "Unreachable", "No machine came of this launch as far as one look-up can tell.", now)
    return fail(looked, "NotFound", "No machine came of this launch: two look-ups found nothing.", now)


def fail(instance: Instance, error_kind: str, message: str, now: datetime) -> Instance:
    """Closed without a machine."""
    return replace(
        instance,
        state=InstanceState.FAILED,
        state_since=now,
        ended_at=now,
        end_reason="never came to be",
        error_kind=error_kind,
        error_message=message,
        billing_since=None,
    )
