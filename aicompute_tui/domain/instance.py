"""A machine we rent: its states, and the row that stands for it from before it exists until the cloud says gone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from aicompute_tui.domain.money import accrued_nano_usd
from aicompute_tui.domain.states import FINAL_STATES, RUNNING_STATES, DesiredState, InstanceState, Market

__all__ = ["FINAL_STATES", "RUNNING_STATES", "DesiredState", "Instance", "InstanceState", "Market"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One row of the ledger. Times are UTC; `None` means not known or not yet."""

    id: str
    owner: str
    created_by: str
    version: int = 1
    name: str
    cloud: str
    credential_id: str
    account_id: str | None = None
    region: str
    zone: str | None = None
    remote_id: str | None = None
    spot_request_id: str | None = None
    instance_type: str
    market: Market
    gpu_name: str | None = None
    gpu_count: int | None = None
    gpu_memory_mib: int | None = None
    framework: str = "none"
    models: tuple[str, ...] = ()
    state: InstanceState = InstanceState.REQUESTED
    desired_state: DesiredState = DesiredState.RUNNING
    protected: bool = False
    price_usd_per_hour: Decimal | None = None
    price_source: str | None = None
    price_as_of: datetime | None = None
    settled_nano_usd: int | None = 0
    billing_since: datetime | None = None
    billed_until: datetime | None = None
    """Where the meter last stopped; None while it never has."""
    ttl_seconds: int | None = None
    max_ttl_seconds: int | None = None
    idle_seconds: int | None = None
    expires_at: datetime | None = None
    node_expires_at: datetime | None = None
    requested_at: datetime
    launched_at: datetime | None = None
    ready_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: str | None = None
    state_since: datetime
    last_seen_at: datetime | None = None
    empty_looks: int = 0
    empty_since: datetime | None = None
    acknowledged_at: datetime | None = None
    public_address: str | None = None
    private_address: str | None = None
    login: str | None = None
    """The user that ssh logs in as, by the image; None for a machine we did not launch."""
    awake_until: datetime | None = None
    """Before this moment idleness ends nothing: somebody extended it."""
    endpoint: str | None = None
    node_endpoint: str | None = None
    host_id: str
    job_id: str | None = None
    job_ordinal: int = 0
    spec_json: str = "{}"
    error_kind: str | None = None
    error_message: str | None = None

    @property
    def is_final(self) -> bool:
        return self.state in FINAL_STATES

    @property
    def max_expires_at(self) -> datetime | None:
        """The latest end an extension may ask for; None where the machine has no end at all."""
        if self.max_ttl_seconds is None:
            return None
        return self.requested_at + timedelta(seconds=self.max_ttl_seconds)

    def cost_nano_usd(self, now: datetime) -> int | None:
        """Cost so far: settled plus running on at the present price; None where price or machine are not known."""
        if self.state is InstanceState.UNKNOWN and self.remote_id is None:
            return None
        if self.billing_since is None or self.settled_nano_usd is None:
            return self.settled_nano_usd
        if self.price_usd_per_hour is None:
            return None
        return self.settled_nano_usd + accrued_nano_usd(self.price_usd_per_hour, now - self.billing_since)
