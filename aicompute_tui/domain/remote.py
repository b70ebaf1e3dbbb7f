"""A machine as its cloud reports it, and whose it is by its tags."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from aicompute_tui.domain.instance import Market

TAG_STORE = "aic-tui:store"
TAG_LAUNCH = "aic-tui:launch"
TAG_OWNER = "aic-tui:owner"
TAG_EXPIRES_AT = "aic-tui:expires-at"
TAG_AWAKE_UNTIL = "aic-tui:awake-until"
"""Before this moment idleness does not end the machine."""
NO_EXPIRY = "none"


class RemoteState(StrEnum):
    """The cloud's word, in EC2's vocabulary."""

    PENDING = "pending"
    RUNNING = "running"
    SHUTTING_DOWN = "shutting-down"
    TERMINATED = "terminated"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Ownership(StrEnum):
    """Whose a machine is: ours, ours without a row, another store's, or none of our business."""

    OURS = "ours"
    ORPHAN = "orphan"
    FOREIGN = "foreign"
    UNTAGGED = "untagged"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteMachine:
    cloud: str
    account_id: str
    region: str
    remote_id: str
    state: RemoteState
    instance_type: str
    market: Market
    zone: str | None = None
    name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    client_token: str | None = None
    spot_request_id: str | None = None
    public_address: str | None = None
    private_address: str | None = None
    launched_at: datetime | None = None
    state_reason_code: str | None = None
    state_reason: str | None = None
    checks_passed: bool | None = None
    """True when the cloud's own system and instance checks pass, None where that is not known."""

    @property
    def is_gone(self) -> bool:
        return self.state is RemoteState.TERMINATED

    @property
    def launch_id(self) -> str | None:
        return self.tags.get(TAG_LAUNCH)


def ownership(machine: RemoteMachine, store_id: str, known_instance_ids: Collection[str]) -> Ownership:
    """Whose `machine` is, by its tags alone."""
    store = machine.tags.get(TAG_STORE)
    if not store:
        return Ownership.UNTAGGED
    if store != store_id:
        return Ownership.FOREIGN
    return Ownership.OURS if machine.launch_id in known_instance_ids else Ownership.ORPHAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A machine seen in the cloud that has no row of ours: an orphan or a foreign one."""

    cloud: str
    account_id: str
    region: str
    remote_id: str
    ownership: Ownership
    credential_id: str
    store_id: str
    owner: str
    name: str
    instance_type: str
    market: Market
    state: RemoteState
    zone: str | None
    launched_at: datetime | None
    expires_at: str | None
    price_usd_per_hour: str | None
    first_seen_at: datetime
    last_seen_at: datetime
