"""What the console knows: rows by id as the store last told them, and what each new reading changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.job import Job
from aicompute_tui.domain.remote import Sighting

Row = TypeVar("Row")


class StoredView(Protocol):
    """One reading of the store."""

    @property
    def instances(self) -> Sequence[Instance]: ...

    @property
    def sightings(self) -> Sequence[Sighting]: ...

    @property
    def jobs(self) -> Sequence[Job]: ...

    @property
    def change_number(self) -> int: ...


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

    def __bool__(self) -> bool:
        return bool(self.instances or self.sightings or self.jobs)


def sighting_id(sighting: Sighting) -> str:
    """The cloud's key of a machine without a row."""
    return f"{sighting.account_id}/{sighting.region}/{sighting.remote_id}"


@dataclass(slots=True)
class ConsoleState:
    """Changed on the event loop only, by `apply`; screens read it."""

    instances: dict[str, Instance] = field(default_factory=dict)
    sightings: dict[str, Sighting] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    change_number: int = -1
    read_at: datetime | None = None
    """When the reading shown was taken; None before the first."""

    def apply(self, view: StoredView, now: datetime) -> StateChange:
        """Takes a reading over and says what is different."""
        self.change_number = view.change_number
        self.read_at = now
        return StateChange(
            _merge(self.instances, {row.id: row for row in view.instances}),
            _merge(self.sightings, {sighting_id(row): row for row in view.sightings}),
            _merge(self.jobs, {row.id: row for row in view.jobs}),
        )

    def running_jobs(self) -> list[Job]:
        """Jobs not ended yet, oldest first."""
        return sorted((job for job in self.jobs.values() if not job.is_final), key=lambda job: job.created_at)

    def latest_job(self, ids: Iterable[str]) -> Job | None:
        """The newest of `ids` that is known."""
        known = [self.jobs[job_id] for job_id in ids if job_id in self.jobs]
        return max(known, key=lambda job: job.created_at, default=None)


def _merge(held: dict[str, Row], fresh: Mapping[str, Row]) -> RowChange:
    added = frozenset(fresh.keys() - held.keys())
    removed = frozenset(held.keys() - fresh.keys())
    changed = frozenset(key for key in fresh.keys() & held.keys() if fresh[key] != held[key])
    held.clear()
    held.update(fresh)
    return RowChange(added, changed, removed)
