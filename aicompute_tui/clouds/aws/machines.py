"""Machines as EC2 lists them, and the verbs on one that is there."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aicompute_tui.clouds.aws.catalogue import chunks
from aicompute_tui.clouds.aws.errors import is_unknown_outcome
from aicompute_tui.clouds.aws.session import PAGE_SIZE, AwsSession
from aicompute_tui.clouds.aws.tags import ec2_tags
from aicompute_tui.domain.errors import AicError, NotFound
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.remote import TAG_LAUNCH, TAG_STORE, RemoteMachine, RemoteState

_LOG = logging.getLogger(__name__)
_FILTER_VALUES = 100
_LIVE_REQUESTS = {"open", "active", "disabled"}


def machines(session: AwsSession, region: str) -> list[RemoteMachine]:
    """All with a store tag, in every state the cloud still lists."""
    return _listed(session, region, "tag-key", [TAG_STORE])


def describe(session: AwsSession, region: str, remote_ids: Sequence[str]) -> list[RemoteMachine]:
    """A filter, unlike a list of ids, does not fail over one that is unknown."""
    found: list[RemoteMachine] = []
    for some in chunks(sorted(set(remote_ids)), _FILTER_VALUES):
        passed = None
        reservations = list(_reservations(session, region, "instance-id", some))
        running = [
            entry["InstanceId"]
            for reservation in reservations
            for entry in reservation.get("Instances", [])
            if _state(entry) is RemoteState.RUNNING
        ]
        if running:
            passed = _checks(session, region, running)
        for reservation in reservations:
            found += machines_of(region, reservation, passed)
    return found


def find_launch(session: AwsSession, region: str, launch_id: str, client_tokens: Sequence[str]) -> list[RemoteMachine]:
    """By tag and by token, each machine once."""
    found = _listed(session, region, f"tag:{TAG_LAUNCH}", [launch_id])
    if client_tokens:
        found += _listed(session, region, "client-token", client_tokens)
    return list({machine.remote_id: machine for machine in found}.values())


def terminate(session: AwsSession, region: str, remote_id: str) -> None:
    """Ends the machine, then its spot request. Raises where either outcome is unknown, so that a later pass repeats."""
    try:
        session.ask("ec2", "terminate_instances", region, InstanceIds=[remote_id])
    except NotFound:
        _LOG.info("machine %s in %s is already gone", remote_id, region)
    try:
        _cancel_spot_request(session, region, remote_id)
    except AicError as error:
        # A one-time request ends with its machine, so a plain refusal to cancel it leaves nothing running.
        if is_unknown_outcome(error):
            raise
        _LOG.warning("the spot request of %s in %s was not cancelled: %s", remote_id, region, error.message)


def _cancel_spot_request(session: AwsSession, region: str, remote_id: str) -> None:
    filters = [{"Name": "instance-id", "Values": [remote_id]}]
    answer = session.ask("ec2", "describe_spot_instance_requests", region, Filters=filters)
    live = [
        entry["SpotInstanceRequestId"]
        for entry in answer.get("SpotInstanceRequests", [])
        if entry.get("State", "active") in _LIVE_REQUESTS
    ]
    if live:
        session.ask("ec2", "cancel_spot_instance_requests", region, SpotInstanceRequestIds=live)


def act(session: AwsSession, operation: str, region: str, remote_id: str) -> None:
    """`stop_instances`, `start_instances` or `reboot_instances` on one machine."""
    session.ask("ec2", operation, region, InstanceIds=[remote_id])


def set_tags(session: AwsSession, region: str, remote_id: str, tags: Mapping[str, str]) -> None:
    """Adds them, or gives those that are there a new value. Raises InvalidInput for what EC2 would not take."""
    session.ask("ec2", "create_tags", region, Resources=[remote_id], Tags=ec2_tags(tags))


def machines_of(
    region: str, reservation: Mapping[str, Any], passed: Mapping[str, bool] | None = None
) -> list[RemoteMachine]:
    """The machines of one reservation, which alone names the account."""
    account = str(reservation.get("OwnerId", ""))
    return [_machine(entry, region, account, passed) for entry in reservation.get("Instances", [])]


def _machine(entry: Mapping[str, Any], region: str, account: str, passed: Mapping[str, bool] | None) -> RemoteMachine:
    tags = {tag["Key"]: tag["Value"] for tag in entry.get("Tags", [])}
    reason = entry.get("StateReason", {})
    remote_id = entry["InstanceId"]
    return RemoteMachine(
        cloud="aws",
        account_id=account,
        region=region,
        remote_id=remote_id,
        state=_state(entry),
        instance_type=entry["InstanceType"],
        market=Market.SPOT if entry.get("InstanceLifecycle") == "spot" else Market.ON_DEMAND,
        zone=entry.get("Placement", {}).get("AvailabilityZone") or None,
        name=tags.get("Name"),
        tags=tags,
        client_token=entry.get("ClientToken") or None,
        spot_request_id=entry.get("SpotInstanceRequestId") or None,
        public_address=entry.get("PublicIpAddress") or None,
        private_address=entry.get("PrivateIpAddress") or None,
        launched_at=_moment(entry.get("LaunchTime")),
        state_reason_code=reason.get("Code") or None,
        state_reason=reason.get("Message") or None,
        checks_passed=None if passed is None else passed.get(remote_id),
    )


def _state(entry: Mapping[str, Any]) -> RemoteState:
    return RemoteState(entry["State"]["Name"])


def _moment(value: datetime | None) -> datetime | None:
    return None if value is None else value.astimezone(UTC)


def _listed(session: AwsSession, region: str, name: str, values: Sequence[str]) -> list[RemoteMachine]:
    found: list[RemoteMachine] = []
    for some in chunks(values, _FILTER_VALUES):
        for reservation in _reservations(session, region, name, some):
            found += machines_of(region, reservation)
    return found


def _reservations(session: AwsSession, region: str, name: str, values: Sequence[str]) -> list[Mapping[str, Any]]:
    pages = session.pages(
        "ec2", "describe_instances", region, page_size=PAGE_SIZE, Filters=[{"Name": name, "Values": list(values)}]
    )
    return [reservation for page in pages for reservation in page.get("Reservations", [])]


def _checks(session: AwsSession, region: str, remote_ids: Sequence[str]) -> dict[str, bool] | None:
    """Whether both checks pass, where that is known; unreadable ones, None, must not hide the machines."""
    try:
        answer = session.ask("ec2", "describe_instance_status", region, InstanceIds=list(remote_ids))
    except AicError as error:
        _LOG.info("the status checks in %s could not be read: %s", region, error.message)
        return None
    verdicts = {entry["InstanceId"]: _verdict(entry) for entry in answer.get("InstanceStatuses", [])}
    return {remote_id: verdict for remote_id, verdict in verdicts.items() if verdict is not None}


def _verdict(entry: Mapping[str, Any]) -> bool | None:
    """None while EC2 itself does not know yet, as in the first minutes after a boot."""
    words = {entry.get(part, {}).get("Status") for part in ("SystemStatus", "InstanceStatus")}
    return False if "impaired" in words else True if words == {"ok"} else None
