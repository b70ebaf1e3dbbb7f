"""What cannot be done to a row as it stands now, said before anything is asked or written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.states import RUNNING_STATES, DesiredState, InstanceState, Market
from aicompute_tui.ui import container_rules, server_rules
from aicompute_tui.ui.state import FINAL_JOB_STATES

Row = Mapping[str, Json]
_STOPPABLE = RUNNING_STATES - {InstanceState.STOPPING}


def refusal(action_id: str, row: Row) -> Refused | None:
    """Why `action_id` cannot be done to `row`, None where it can or where only the agent can tell."""
    rule = _RULES.get(action_id)
    return rule(row) if rule is not None and row.get("state") else None


def check(action_id: str, rows: Iterable[Row]) -> None:
    """Raises Refused for the first row it cannot be done to."""
    for row in rows:
        refused = refusal(action_id, row)
        if refused is not None:
            raise refused


def _ended(row: Row) -> Refused | None:
    if row.get("state") in (InstanceState.TERMINATED, InstanceState.FAILED):
        return Refused(f"{row.get('name')} has ended already.", "n launches another one.")
    return None


def _goes_on(row: Row) -> Refused | None:
    if row.get("desired_state") == DesiredState.TERMINATED:
        return _ended(row) or Refused(
            f"{row.get('name')} is being terminated.", "It stays listed until the cloud says it is gone."
        )
    return _ended(row)


def _stop(row: Row) -> Refused | None:
    if row.get("market") == Market.SPOT:
        return Refused(f"{row.get('name')} is a one-time spot machine, which cannot be stopped.", "t terminates it.")
    if row.get("state") in (InstanceState.STOPPED, InstanceState.STOPPING):
        return Refused(f"{row.get('name')} is {row.get('state')} already.", "u starts it.")
    return _goes_on(row) or _unless(row, _STOPPABLE, "Only a running machine can be stopped.")


def _start(row: Row) -> Refused | None:
    return _goes_on(row) or _unless(row, {InstanceState.STOPPED}, "Only a stopped machine can be started.")


def _reboot(row: Row) -> Refused | None:
    return _goes_on(row) or _unless(row, RUNNING_STATES, "Only a running machine can be rebooted.")


def _extend(row: Row) -> Refused | None:
    refused = _goes_on(row)
    if refused is None and "expires_at" in row and row["expires_at"] is None:
        return Refused(f"{row.get('name')} never ends by itself, so there is no end to move.", "t terminates it.")
    return refused


def _reach(row: Row) -> Refused | None:
    return _ended(row) or _unless(row, RUNNING_STATES, "Only a running machine can be reached.")


def _acknowledge(row: Row) -> Refused | None:
    """One that is ending or in doubt may be given up where its account can be asked no more: the agent tells."""
    if row.get("desired_state") == DesiredState.TERMINATED:
        return _ended(row)
    known = {InstanceState.LOST, InstanceState.UNKNOWN}
    return _ended(row) or _unless(row, known, "Only a lost machine is acknowledged.")


def _cancel(row: Row) -> Refused | None:
    if row.get("state") in FINAL_JOB_STATES:
        return Refused(f"This job is {row.get('state')} already.", "enter shows what became of it.")
    return None


def _unless(row: Row, states: Iterable[str], step: str) -> Refused | None:
    state = row.get("state")
    return None if state in set(states) else Refused(f"{row.get('name')} is {state}.", step)


_RULES: Mapping[str, Callable[[Row], Refused | None]] = {
    "instance.stop": _stop,
    "instance.start": _start,
    "instance.reboot": _reboot,
    "instance.extend": _extend,
    "instance.protect": _goes_on,
    "instance.terminate": _ended,
    "instance.acknowledge": _acknowledge,
    "instance.ssh": _reach,
    "instance.forward": _reach,
    "instance.logs": _ended,
    "job.cancel": _cancel,
    **container_rules.RULES,
    **server_rules.RULES,
}
