"""What the console knows: rows by id as the store last told them, and what each new reading changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from aicompute_tui.store.rows import InstanceRow, JobRow, NodeRow, SightingRow, Snapshot, TunnelRow

Row = TypeVar("Row")

FAILED_JOB, DONE_JOB, CANCELLED_JOB, QUEUED_JOB = "failed", "done", "cancelled", "queued"
FINAL_JOB_STATES = frozenset({DONE_JOB, FAILED_JOB, CANCELLED_JOB})
ORPHAN = "orphan"
"""Words of rows, spelled out here so that the first frame need not import the models they come from."""


@dataclass(frozen=True, slots=True)
class RowChange:
    """Ids that came, that look different now, and that are gone."""

    added: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    removed: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)

    @property
    def present(self) -> frozenset[str]:
        return self.added | self.changed


@dataclass(frozen=True, slots=True)
class StateChange:
    """What one reading changed, table by table."""

    instances: RowChange = field(default_factory=RowChange)
    sightings: RowChange = field(default_factory=RowChange)
    jobs: RowChange = field(default_factory=RowChange)
    nodes: RowChange = field(default_factory=RowChange)
    """By machine, like `tunnels`."""
    tunnels: RowChange = field(default_factory=RowChange)

    def __bool__(self) -> bool:
        return bool(self.instances or self.sightings or self.jobs or self.nodes or self.tunnels)

    @property
    def machines(self) -> frozenset[str]:
        """Machines of which anything looks different now."""
        changes = (self.instances, self.nodes, self.tunnels)
        return frozenset().union(*(change.present | change.removed for change in changes))


def sighting_id(sighting: SightingRow) -> str:
    """The cloud's key of a machine without a row."""
    return f"{sighting.account_id}/{sighting.region}/{sighting.remote_id}"


@dataclass(slots=True)
class ConsoleState:
    """Changed on the event loop only, by `apply`; screens read it."""

    instances: dict[str, InstanceRow] = field(default_factory=dict)
    sightings: dict[str, SightingRow] = field(default_factory=dict)
    jobs: dict[str, JobRow] = field(default_factory=dict)
    nodes: dict[str, NodeRow] = field(default_factory=dict)
    """What each machine last said, by machine."""
    tunnels: dict[str, tuple[TunnelRow, ...]] = field(default_factory=dict)
    """By machine."""
    snapshot: Snapshot | None = None
    """The last reading that could be read; None before the first."""
    revision: int = 0
    """Grows with every reading."""
    problem: str = ""
    """Why the store cannot be read now; the rows are then those of the last good reading."""

    def apply(self, snapshot: Snapshot | None) -> StateChange:
        """Takes a reading over and says what is different. None stands for a database that is not there yet."""
        if snapshot is None:
            return StateChange()
        self.problem = snapshot.problem
        self.revision += 1
        if snapshot.problem:
            return StateChange()
        self.snapshot = snapshot
        return StateChange(
            _merge(self.instances, {row.id: row for row in snapshot.instances}),
            _merge(self.sightings, {sighting_id(row): row for row in snapshot.sightings}),
            _merge(self.jobs, {row.id: row for row in snapshot.jobs}),
            _merge(self.nodes, snapshot.nodes),
            _merge(self.tunnels, _by_machine(snapshot.tunnels)),
        )

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


def _merge(held: dict[str, Row], fresh: Mapping[str, Row]) -> RowChange:
    added = frozenset(fresh.keys() - held.keys())
    removed = frozenset(held.keys() - fresh.keys())
    changed = frozenset(key for key in fresh.keys() & held.keys() if fresh[key] != held[key])
    held.clear()
    held.update(fresh)
    return RowChange(added, changed, removed)
