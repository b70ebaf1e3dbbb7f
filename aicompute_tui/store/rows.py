"""Rows as the console shows them: plain texts and figures, standard library only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from aicompute_tui.store.costs import Costs

SPEND_DAYS = 14
"""How many days of spending the console looks back on."""
UTILISATION_MINUTES = 10


class InstanceRow(NamedTuple):
    """A machine as the table shows it; times are seconds since 1970, prices dollars, `models` a JSON list."""

    id: str
    name: str
    state: str
    desired_state: str
    owner: str
    cloud: str
    account_id: str | None
    credential_id: str
    region: str
    zone: str | None
    remote_id: str | None
    instance_type: str
    market: str
    gpu_name: str | None
    gpu_count: int | None
    gpu_memory_mib: int | None
    framework: str
    models: str
    protected: int
    price_usd_per_hour: float | None
    price_source: str | None
    settled_nano_usd: int | None
    billing_since: float | None
    billed_until: float | None
    ttl_seconds: int | None
    idle_seconds: int | None
    expires_at: float | None
    node_expires_at: float | None
    requested_at: float
    launched_at: float | None
    ended_at: float | None
    end_reason: str | None
    state_since: float
    last_seen_at: float | None
    acknowledged_at: float | None
    public_address: str | None
    endpoint: str | None
    node_endpoint: str | None
    awake_until: float | None
    host_id: str
    job_id: str | None
    error_kind: str | None
    error_message: str | None
    version: int

    @property
    def is_final(self) -> bool:
        return self.state in ("terminated", "failed")

    def cost_nano_usd(self, now: float) -> int | None:
        """Cost so far, as the ledger counts it; None where price or machine are not known."""
        if self.state == "unknown" and self.remote_id is None:
            return None
        if self.billing_since is None or self.settled_nano_usd is None:
            return self.settled_nano_usd
        if self.price_usd_per_hour is None:
            return None
        running = max(0.0, now - self.billing_since)
        return self.settled_nano_usd + round(self.price_usd_per_hour * running / 3.6e-6)


class SightingRow(NamedTuple):
    """A machine in the cloud without a row of ours; `expires_at` is its tag as it stands there."""

    cloud: str
    account_id: str
    region: str
    remote_id: str
    ownership: str
    credential_id: str
    store_id: str
    owner: str
    name: str
    instance_type: str
    market: str
    state: str
    zone: str | None
    launched_at: float | None
    expires_at: str | None
    price_usd_per_hour: float | None
    first_seen_at: float
    last_seen_at: float


class NodeRow(NamedTuple):
    """What a machine last said; `steps`, `activity` and `gpus` are JSON as the store keeps them."""

    instance_id: str
    host_id: str
    read_at: float | None
    link: str
    problem_kind: str
    problem: str
    next_step: str
    steps: str
    activity: str
    gpus: str
    gpu_problem: str
    idle_since: float | None
    idle_ends_at: float | None


class TunnelRow(NamedTuple):
    instance_id: str
    host_id: str
    remote_port: int
    local_port: int
    is_endpoint: int
    state: str
    problem: str


class HostRow(NamedTuple):
    """A container host and how it answers; `facts` is JSON as the store keeps it, empty before the first answer."""

    id: str
    owner: str
    name: str
    kind: str
    url: str
    environment: int | None
    address: str | None
    kept_by: str
    created_at: float
    version: int
    state: str
    read_at: float | None
    since: float | None
    problem_kind: str
    problem: str
    next_step: str
    facts: str


class ContainerRow(NamedTuple):
    """A container as it was seen last; `ports`, `gpus` and `labels` are JSON, `gpus` empty where it asked for none."""

    host_id: str
    id: str
    name: str
    image: str
    image_id: str
    command: str
    state: str
    health: str
    exit_code: int | None
    is_out_of_memory: int
    error: str
    restart_count: int | None
    restart_policy: str
    created_at: float | None
    started_at: float | None
    finished_at: float | None
    ports: str
    gpus: str
    has_terminal: int | None
    labels: str
    project: str

    @property
    def key(self) -> str:
        """Its name in the change feed."""
        return f"{self.host_id}/{self.id}"

    @property
    def is_alive(self) -> bool:
        return self.state in ("running", "paused", "restarting")


class ConnectionRow(NamedTuple):
    """A connection and how it answers; `options`, `flags` and `tags` are JSON as the store keeps them."""

    id: str
    owner: str
    created_by: str
    version: int
    name: str
    kind: str
    base_url: str
    model: str | None
    has_key: int
    options: str
    flags: str
    tags: str
    is_active: int
    created_at: float
    description: str
    source: str | None
    inactive_reason: str | None
    """Why it was taken out of use by itself."""
    used_at: float | None
    """When it was called last: by the hour where the call itself is no longer kept."""
    state: str
    since: float | None
    checked_at: float | None
    latency_seconds: float | None
    failures: int
    problem_kind: str
    problem: str
    next_step: str
    is_held_back: int


class ServerRow(NamedTuple):
    """A model server, how it answers and what it last said of itself.

    `options`, `tags`, `models` and `figures` are JSON as the store keeps them, the last two empty before it answered.
    """

    id: str
    owner: str
    created_by: str
    version: int
    name: str
    kind: str
    base_url: str
    source: str | None
    has_key: int
    options: str
    tags: str
    is_active: int
    created_at: float
    state: str
    since: float | None
    checked_at: float | None
    latency_seconds: float | None
    failures: int
    problem_kind: str
    problem: str
    next_step: str
    is_held_back: int
    read_at: float | None
    server_version: str
    models: str
    figures: str


class QuotaRequestRow(NamedTuple):
    """What was asked for more of a quota, and how far it is."""

    id: str
    account_id: str
    region: str
    market: str
    family: str
    name: str
    desired_vcpus: int
    state: str
    created_at: float
    answered_at: float | None
    """When it was seen to be answered."""


class JobRow(NamedTuple):
    id: str
    action_id: str
    subject: str | None
    state: str
    progress: str
    created_by: str
    host_id: str | None
    credential_id: str | None
    holder: str | None
    cancel_requested: int
    created_at: float
    started_at: float | None
    ended_at: float | None
    error_kind: str | None
    error_message: str | None
    error_next_step: str | None
    version: int


class EventRow(NamedTuple):
    id: str
    at: float
    actor: str
    kind: str
    subject_kind: str
    subject_id: str
    subject_name: str
    message: str
    level: str


class CredentialRow(NamedTuple):
    id: str
    cloud: str
    name: str
    method: str
    profile: str | None
    region: str | None
    account_id: str | None
    checked_at: float | None
    error_kind: str | None
    error_message: str | None


class SpendRow(NamedTuple):
    """A machine that ended and is no longer shown, for what this month and the last two weeks have cost."""

    requested_at: float
    launched_at: float | None
    ended_at: float | None
    settled_nano_usd: int | None
    price_usd_per_hour: float | None
    gpu_count: int | None = None
    billed_until: float | None = None


class Snapshot(NamedTuple):
    """One moment of the store. With a `problem`, a sentence for people, the rest is empty."""

    schema_version: int
    store_id: str
    latest_change: int
    instances: list[InstanceRow]
    sightings: list[SightingRow]
    jobs: list[JobRow]
    events: list[EventRow]
    credentials: list[CredentialRow]
    settings: dict[str, str]
    spent: list[SpendRow]
    problem: str = ""
    nodes: dict[str, NodeRow] = {}  # noqa: RUF012 - never changed
    """By machine."""
    tunnels: list[TunnelRow] = []  # noqa: RUF012 - never changed
    hosts: list[HostRow] = []  # noqa: RUF012 - never changed
    """By name, as `containers` are."""
    containers: list[ContainerRow] = []  # noqa: RUF012 - never changed
    connections: list[ConnectionRow] = []  # noqa: RUF012 - never changed
    """By name, as `servers` are."""
    servers: list[ServerRow] = []  # noqa: RUF012 - never changed
    quota_requests: list[QuotaRequestRow] = []  # noqa: RUF012 - never changed
    utilisation: dict[str, tuple[float | None, ...]] = {}  # noqa: RUF012 - never changed
    """By machine, mean use of its GPUs in percent for each of the last ten minutes, oldest first; None: not measured.

    A first reading leaves it empty."""

    def costs(self, now: float) -> Costs:
        """What every machine has cost, for sums of several times; those without a known price are not in it."""
        return Costs(self.instances, self.spent, now)

    def month_to_date_nano_usd(self, now: float) -> int:
        """What all machines have cost since the month began."""
        return self.costs(now).since(month_start(now))

    def spent_since_nano_usd(self, since: float, now: float) -> int:
        """The part of that which fell after `since`, no earlier than the month's start or `SPEND_DAYS` ago."""
        return self.costs(now).since(since)

    def spent_by_day_nano_usd(self, now: float) -> list[int]:
        """What fell on each of the last `SPEND_DAYS` days in UTC, today last; the present price stands for all days."""
        return self.costs(now).by_day(SPEND_DAYS)

    def gpu_hours_since(self, since: float, now: float) -> float:
        """Billed hours times GPUs; machines whose price or GPUs are not known are not in it."""
        return self.costs(now).gpu_hours_since(since)


class ChangeRow(NamedTuple):
    number: int
    table_name: str
    row_id: str


def day_start(now: float) -> float:
    """Midnight UTC."""
    return now - now % 86_400


def month_start(now: float) -> float:
    moment = datetime.fromtimestamp(now, UTC)
    return moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0).timestamp()
