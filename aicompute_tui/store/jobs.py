"""Work as rows: jobs that one process at a time carries out, and named leases that guard a loop."""

from __future__ import annotations

import builtins
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, insert, literal, or_, select, update

from aicompute_tui.domain.errors import Conflict, InvalidInput, LeaseLost, NotFound
from aicompute_tui.domain.job import FINAL_JOB_STATES, JOB_LEASE_SECONDS, Job, JobState, Lease
from aicompute_tui.store.columns import EPOCH
from aicompute_tui.store.named_rows import SHORTEST_PREFIX
from aicompute_tui.store.tables import jobs, leases, to_model, to_row
from aicompute_tui.store.work import Work

_NOT_FINAL = jobs.c.state.not_in(sorted(FINAL_JOB_STATES))
_NO_HOLDER = ""
_SKEW = timedelta(minutes=5)
"""A lease that ends by more than this too late was written by a clock that stood wrong: it keeps nobody out, and
its fence keeps its holder from acting all the same."""


class Jobs:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def insert(self, job: Job) -> None:
        await self._work.write(insert(jobs).values(to_row(job)))
        self._work.changed("jobs", job.id)

    async def get(self, job_id: str) -> Job:
        row = await self._work.first(select(jobs).where(jobs.c.id == job_id))
        if row is None:
            raise _not_found(job_id)
        return to_model(Job, row)

    async def find(self, reference: str) -> Job:
        """By id or by the beginning of one. Raises NotFound, InvalidInput where several are meant."""
        condition: ColumnElement[bool] = jobs.c.id.in_({reference, reference.lower()})
        if len(reference) >= SHORTEST_PREFIX:
            condition |= jobs.c.id.startswith(reference.lower(), autoescape=True)
        rows = await self._work.rows(select(jobs).where(condition).limit(2))
        if len(rows) > 1:
            raise InvalidInput(f"“{reference}” fits more than one job.", "Give more of the id.")
        if not rows:
            raise _not_found(reference)
        return to_model(Job, rows[0])

    async def list(self, limit: int = 200, include_final: bool = True) -> builtins.list[Job]:
        """Newest first."""
        statement = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)
        if not include_final:
            statement = statement.where(_NOT_FINAL)
        return [to_model(Job, row) for row in await self._work.rows(statement)]

    async def claimable(self, host_id: str, now: datetime) -> builtins.list[Job]:
        """Those that wait, or whose holder's lease has ended, and that `host_id` may run; oldest first."""
        statement = (
            select(jobs)
            .where(_free(now), or_(jobs.c.host_id.is_(None), jobs.c.host_id == host_id))
            .order_by(jobs.c.created_at, jobs.c.id)
        )
        return [to_model(Job, row) for row in await self._work.rows(statement)]

    async def claim(self, job_id: str, holder: str, now: datetime) -> Job | None:
        """Takes the job with a new fence; None where somebody else has it or it has ended."""
        statement = (
            update(jobs)
            .where(jobs.c.id == job_id, _free(now))
            .values(
                state=JobState.RUNNING,
                holder=holder,
                fence=jobs.c.fence + 1,
                lease_expires_at=now + timedelta(seconds=JOB_LEASE_SECONDS),
                started_at=func.coalesce(jobs.c.started_at, literal(now, jobs.c.started_at.type)),
                version=jobs.c.version + 1,
            )
        )
        if not await self._work.write(statement):
            return None
        self._work.changed("jobs", job_id)
        return await self.get(job_id)

    async def hold(self, job: Job, now: datetime) -> Job:
        """Renews the lease and gives the job as it stands now. Raises LeaseLost where it is no longer ours.

        Nobody watches a lease, so this adds nothing to the change feed.
        """
        lease_expires_at = now + timedelta(seconds=JOB_LEASE_SECONDS)
        if not await self._work.write(update(jobs).where(*_ours(job)).values(lease_expires_at=lease_expires_at)):
            raise _lease_lost()
        return await self.get(job.id)

    async def update(self, job: Job, **changed: Any) -> Job:
        """Writes `changed`; a held job only while it is ours, another only as it was read.

        Raises LeaseLost or Conflict. What others wrote meanwhile (`cancel_requested`) is in the job it gives.
        """
        replace(job, **changed)
        if job.holder is None:
            condition = [jobs.c.id == job.id, jobs.c.holder.is_(None), jobs.c.version == job.version]
        else:
            condition = _ours(job)
        statement = update(jobs).where(*condition).values(**changed, version=jobs.c.version + 1)
        if not await self._work.write(statement):
            if job.holder is not None:
                raise _lease_lost()
            raise Conflict("This job was changed by somebody else.", "Look at it again, then repeat.")
        self._work.changed("jobs", job.id)
        return await self.get(job.id)

    async def request_cancel(self, job_id: str) -> Job:
        """Asks the job's runner to stop; a job that has ended stays as it is."""
        statement = (
            update(jobs)
            .where(jobs.c.id == job_id, _NOT_FINAL)
            .values(cancel_requested=True, version=jobs.c.version + 1)
        )
        if await self._work.write(statement):
            self._work.changed("jobs", job_id)
        return await self.get(job_id)

    async def active_subject(self, subject: str) -> Job | None:
        """The newest job about `subject` that has not ended."""
        statement = select(jobs).where(jobs.c.subject == subject, _NOT_FINAL).order_by(jobs.c.created_at.desc())
        row = await self._work.first(statement)
        return None if row is None else to_model(Job, row)


class Leases:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def acquire(self, name: str, holder: str, seconds: float, now: datetime) -> Lease | None:
        """The lease with a new fence; None while another holds it."""
        expires_at = now + timedelta(seconds=seconds)
        free = or_(_is_over(leases.c.expires_at, seconds, now), leases.c.holder == holder)
        statement = (
            update(leases)
            .where(leases.c.name == name, free)
            .values(holder=holder, fence=leases.c.fence + 1, expires_at=expires_at)
        )
        if not await self._work.write(statement):
            if await self._work.first(select(leases.c.name).where(leases.c.name == name)) is not None:
                return None
            first = Lease(name=name, holder=holder, fence=1, expires_at=expires_at)
            await self._work.write(insert(leases).values(to_row(first)))
        self._work.changed("leases", name)
        row = await self._work.first(select(leases).where(leases.c.name == name))
        return None if row is None else to_model(Lease, row)

    async def hold(self, lease: Lease, seconds: float, now: datetime) -> Lease:
        """Renews it. Raises LeaseLost where another has taken it; adds nothing to the change feed."""
        renewed = replace(lease, expires_at=now + timedelta(seconds=seconds))
        statement = update(leases).where(*_held(lease)).values(expires_at=renewed.expires_at)
        if not await self._work.write(statement):
            raise _lease_lost()
        return renewed

    async def release(self, lease: Lease) -> None:
        """Gives it back; nothing happens where it is no longer ours. The row stays, for its fence must grow."""
        if await self._work.write(update(leases).where(*_held(lease)).values(holder=_NO_HOLDER, expires_at=EPOCH)):
            self._work.changed("leases", lease.name)


def _free(now: datetime) -> ColumnElement[bool]:
    abandoned = or_(jobs.c.lease_expires_at.is_(None), _is_over(jobs.c.lease_expires_at, JOB_LEASE_SECONDS, now))
    return or_(jobs.c.state == JobState.QUEUED, (jobs.c.state == JobState.RUNNING) & abandoned)


def _is_over(expires_at: ColumnElement[datetime], seconds: float, now: datetime) -> ColumnElement[bool]:
    return or_(expires_at <= now, expires_at > now + timedelta(seconds=seconds) + _SKEW)


def _ours(job: Job) -> builtins.list[ColumnElement[bool]]:
    return [jobs.c.id == job.id, jobs.c.holder == job.holder, jobs.c.fence == job.fence, _NOT_FINAL]


def _held(lease: Lease) -> builtins.list[ColumnElement[bool]]:
    return [leases.c.name == lease.name, leases.c.holder == lease.holder, leases.c.fence == lease.fence]


def _lease_lost() -> LeaseLost:
    return LeaseLost("Another process has taken over this work.", "Nothing is to be done: it goes on there.")


def _not_found(reference: str) -> NotFound:
    return NotFound(f"There is no job “{reference}”.", "See “aic-tui job list”.")
