"""What the console knows: rows by id as the store last told them, and what each new reading changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from aicompute_tui.services.attention import title_of
from aicompute_tui.services.health_age import unchecked_after, unchecked_for
from aicompute_tui.store.rows import (
    ConnectionRow,
    ContainerRow,
    HostRow,
    InstanceRow,
    JobRow,
    NodeRow,
    QuotaRequestRow,
    ServerRow,
    SightingRow,
    Snapshot,
    TunnelRow,
)

Row = TypeVar("Row")

FAILED_JOB, DONE_JOB, CANCELLED_JOB, QUEUED_JOB = "failed", "done", "cancelled", "queued"
FINAL_JOB_STATES = frozenset({DONE_JOB, FAILED_JOB, CANCELLED_JOB})
ORPHAN = "orphan"
"""Words of rows, spelled out here so that the first frame need not import the models they come from."""


class RowChange(NamedTuple):
    """Ids that came, that look different now, and that are gone."""

    added: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    @property
    def present(self) -> frozenset[str]:
        return self.added | self.changed


class StateChange(NamedTuple):
    """What one reading changed, table by table."""

    instances: RowChange = RowChange()
    sightings: RowChange = RowChange()
    jobs: RowChange = RowChange()
    nodes: RowChange = RowChange()
    """By machine, like `tunnels`."""
    tunnels: RowChange = RowChange()
    hosts: RowChange = RowChange()
    containers: RowChange = RowChange()
    connections: RowChange = RowChange()
    servers: RowChange = RowChange()
    quota_requests: RowChange = RowChange()

    def __bool__(self) -> bool:
        return any(self)

    @property
    def machines(self) -> frozenset[str]:
        """Machines of which anything looks different now."""
        changes = (self.instances, self.nodes, self.tunnels)
        return frozenset().union(*(change.present | change.removed for change in changes))

    @property
    def touches_containers(self) -> bool:
        return bool(self.hosts or self.containers)


def sighting_id(sighting: SightingRow) -> str:
    """The cloud's key of a machine without a row."""
    return f"{sighting.account_id}/{sighting.region}/{sighting.remote_id}"


class Tables(NamedTuple):
    """Rows by id in their natural order."""

    instances: dict[str, InstanceRow]
    sightings: dict[str, SightingRow]
    jobs: dict[str, JobRow]
    nodes: dict[str, NodeRow]
    tunnels: dict[str, tuple[TunnelRow, ...]]
    hosts: dict[str, HostRow]
    containers: dict[str, ContainerRow]
    connections: dict[str, ConnectionRow]
    servers: dict[str, ServerRow]
    quota_requests: dict[str, QuotaRequestRow]
    problem: str = ""


TABLES = StateChange._fields
"""Tables by the names they have in a change, in `Tables` and in the state."""
NO_ROWS = Tables({}, {}, {}, {}, {}, {}, {}, {}, {}, {})


class StateUpdate(NamedTuple):
    """A reading with its tables and what they change; one that could not be read has neither."""

    snapshot: Snapshot | None
    tables: Tables | None = None
    change: StateChange = StateChange()


@dataclass(slots=True)
class ConsoleState:
    """Changed on the event loop only, by `apply` and `take`; screens read it."""

    instances: dict[str, InstanceRow] = field(default_factory=dict)
    sightings: dict[str, SightingRow] = field(default_factory=dict)
    jobs: dict[str, JobRow] = field(default_factory=dict)
    nodes: dict[str, NodeRow] = field(default_factory=dict)
    """What each machine last said, by machine."""
    tunnels: dict[str, tuple[TunnelRow, ...]] = field(default_factory=dict)
    """By machine."""
    hosts: dict[str, HostRow] = field(default_factory=dict)
    """Container hosts by id."""
    containers: dict[str, ContainerRow] = field(default_factory=dict)
    """By `ContainerRow.key`."""
    connections: dict[str, ConnectionRow] = field(default_factory=dict)
    """By id, as `servers` are."""
    servers: dict[str, ServerRow] = field(default_factory=dict)
    quota_requests: dict[str, QuotaRequestRow] = field(default_factory=dict)
    snapshot: Snapshot | None = None
    """The last reading that could be read; None before the first."""
    revision: int = 0
    """Grows with every reading."""
    problem: str = ""
    """Why the store cannot be read now; the rows are then those of the last good reading."""

    def apply(self, snapshot: Snapshot | None) -> StateChange:
        """Takes a reading over and says what is different. None stands for a database that is not there yet."""
        if snapshot is None or snapshot.problem:
            return self.take(StateUpdate(snapshot))
        return self.take(StateUpdate(snapshot, *compared(self.tables, snapshot)))

    def take(self, update: StateUpdate) -> StateChange:
        """Takes over what was compared beforehand with what is held here: no row is looked at."""
        if update.snapshot is None:
            return update.change
        self.problem = update.snapshot.problem
        self.revision += 1
        if update.tables is not None:
            self.snapshot = update.snapshot
            for name in TABLES:
                _refill(getattr(self, name), getattr(update.tables, name), getattr(update.change, name))
        return update.change

    @property
    def tables(self) -> Tables:
        return Tables(**{name: getattr(self, name) for name in TABLES})

    def unchecked_for(self, row: ConnectionRow | ServerRow, now: float) -> float | None:
        """Seconds for which nobody has checked one that was well; None where it is checked, rests or is down."""
        after = unchecked_after(self.snapshot.settings if self.snapshot is not None else {})
        return unchecked_for(row, now, after)

    def title_of(self, row_id: str) -> str:
        """`HOST/NAME` of a container, the name of a host, a connection or a server; empty for anything else."""
        named = self.servers.get(row_id) or self.connections.get(row_id)
        return named.name if named is not None else title_of(row_id, self.hosts, self.containers)

    def machines_of(self, job: JobRow) -> list[InstanceRow]:
        """The machines a job launched, else the one it is about."""
        launched = [row for row in self.instances.values() if row.job_id == job.id]
        about = self.instances.get(job.subject or "")
        return launched or ([about] if about is not None else [])

    def running_jobs(self) -> list[JobRow]:
        """Jobs not ended yet, oldest first."""
        return sorted((job for job in self.jobs.values() if job.state not in FINAL_JOB_STATES), key=_age)


def _age(job: JobRow) -> float:
    return job.created_at


def _by_machine(tunnels: Iterable[TunnelRow]) -> dict[str, tuple[TunnelRow, ...]]:
    found: dict[str, tuple[TunnelRow, ...]] = {}
    for tunnel in tunnels:
        found[tunnel.instance_id] = (*found.get(tunnel.instance_id, ()), tunnel)
    return found


def compared(held: Tables, snapshot: Snapshot) -> tuple[Tables, StateChange]:
    """The rows of a reading by id, those that look as before being the same objects, and what is different."""
    fresh = Tables(
        {row.id: row for row in snapshot.instances},
        {sighting_id(row): row for row in snapshot.sightings},
        {row.id: row for row in snapshot.jobs},
        dict(snapshot.nodes),
        _by_machine(snapshot.tunnels),
        {row.id: row for row in snapshot.hosts},
        {row.key: row for row in snapshot.containers},
        {row.id: row for row in snapshot.connections},
        {row.id: row for row in snapshot.servers},
        {row.id: row for row in snapshot.quota_requests},
    )
    return fresh, StateChange(**{name: _difference(getattr(held, name), getattr(fresh, name)) for name in TABLES})


def _refill(held: dict[str, Row], fresh: Mapping[str, Row], change: RowChange) -> None:
    """In place: screens keep hold of the table."""
    if change:
        held.clear()
        held.update(fresh)


def _difference(held: Mapping[str, Row], fresh: dict[str, Row]) -> RowChange:
    added: list[str] = []
    changed: list[str] = []
    for key, row in fresh.items():
        old = held.get(key)
        if old is None:
            added.append(key)
        elif old is not row:
            if old == row:
                fresh[key] = old
            else:
                changed.append(key)
    removed = frozenset(held.keys() - fresh.keys()) if len(held) + len(added) != len(fresh) else frozenset()
    return RowChange(frozenset(added), frozenset(changed), removed)
