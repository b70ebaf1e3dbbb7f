"""The ledger: rows of machines and of their launch attempts."""

from __future__ import annotations

import builtins
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, insert, or_, select, update

from aicompute_tui.domain.errors import Conflict, InvalidInput, NotFound
from aicompute_tui.domain.instance import FINAL_STATES, Instance
from aicompute_tui.domain.launch import LaunchAttempt
from aicompute_tui.store.id_parts import id_parts
from aicompute_tui.store.named_rows import SHORTEST_PREFIX
from aicompute_tui.store.tables import attempts, instances, to_model, to_row
from aicompute_tui.store.work import Work

MachineKey = tuple[str, str, str, str]
"""Cloud, account, region and remote id."""
_NOT_FINAL = instances.c.state.not_in(sorted(FINAL_STATES))


class Instances:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def insert(self, instance: Instance) -> None:
        """Raises Conflict where the owner's name or the machine's cloud key is taken by a row that has not ended."""
        try:
            await self._work.write(insert(instances).values(to_row(instance)))
        except Conflict as conflict:
            raise Conflict(
                f"There is already an instance named “{instance.name}”, or a row for this very machine.",
                "Choose another name, or end the other one first.",
                details=conflict.details,
            ) from conflict
        self._work.changed("instances", instance.id)

    async def insert_many(self, rows: Iterable[Instance]) -> None:
        """Many rows by one statement."""
        values = [to_row(instance) for instance in rows]
        if values:
            await self._work.write(insert(instances), values)
        for value in values:
            self._work.changed("instances", value["id"])

    async def get(self, instance_id: str) -> Instance:
        row = await self._work.first(select(instances).where(instances.c.id == instance_id))
        if row is None:
            raise _not_found(instance_id)
        return to_model(Instance, row)

    async def find(self, reference: str, include_final: bool = True) -> Instance:
        """By name among those not ended, then id, id prefix and remote id; at last by the name of one that has ended.

        Raises NotFound, and InvalidInput where several are meant.
        """
        steps: list[ColumnElement[bool]] = [
            (instances.c.name == reference) & _NOT_FINAL,
            instances.c.id.in_({reference, reference.lower()}),
        ]
        if len(reference) >= SHORTEST_PREFIX:
            steps.append(instances.c.id.startswith(reference.lower(), autoescape=True))
        steps.append((instances.c.remote_id == reference) & _NOT_FINAL)
        for step in steps:
            found = await self._matching(step, include_final)
            if len(found) > 1:
                names = ", ".join(f"{one.name} ({one.id})" for one in found[:4])
                raise InvalidInput(f"“{reference}” fits more than one instance: {names}.", "Give the id.")
            if found:
                return found[0]
        ended = (instances.c.remote_id == reference) | (instances.c.name == reference)
        found = await self._matching(ended, include_final) if include_final else []
        if not found:
            raise _not_found(reference)
        return found[0]

    async def list(
        self, include_final: bool = False, limit: int | None = None, ended_since: datetime | None = None
    ) -> builtins.list[Instance]:
        """Newest first. `ended_since` adds of those that have ended only the ones that did so from then on."""
        statement = select(instances).order_by(instances.c.requested_at.desc(), instances.c.id.desc()).limit(limit)
        if ended_since is not None:
            statement = statement.where(or_(_NOT_FINAL, instances.c.ended_at >= ended_since))
        elif not include_final:
            statement = statement.where(_NOT_FINAL)
        return [to_model(Instance, row) for row in await self._work.rows(statement)]

    async def by_job(self, job_id: str) -> builtins.list[Instance]:
        statement = select(instances).where(instances.c.job_id == job_id).order_by(instances.c.job_ordinal)
        return [to_model(Instance, row) for row in await self._work.rows(statement)]

    async def by_remote(self, cloud: str, account_id: str, region: str, remote_id: str) -> Instance | None:
        """The row of a machine by its cloud key; one that has not ended before one that has."""
        found = await self._matching(
            (instances.c.cloud == cloud)
            & (instances.c.account_id == account_id)
            & (instances.c.region == region)
            & (instances.c.remote_id == remote_id),
            include_final=True,
        )
        return min(found, key=lambda one: one.is_final, default=None)

    async def of_machines(self, remote_ids: Iterable[str]) -> dict[MachineKey, Instance]:
        """Like `by_remote` for many machines at once, by its cloud key."""
        found: dict[MachineKey, Instance] = {}
        for part in id_parts(remote_ids):
            for one in await self._matching(instances.c.remote_id.in_(part), include_final=True):
                key = (one.cloud, one.account_id or "", one.region, one.remote_id or "")
                held = found.get(key)
                if held is None or (held.is_final and not one.is_final):
                    found[key] = one
        return found

    async def known_ids(self) -> set[str]:
        """The ids of all rows there ever were."""
        return {row.id for row in await self._work.rows(select(instances.c.id))}

    async def name_taken(self, owner: str, name: str) -> bool:
        statement = select(instances.c.id).where(instances.c.owner == owner, instances.c.name == name, _NOT_FINAL)
        return await self._work.first(statement) is not None

    async def saw(self, rows: Iterable[Instance], at: datetime) -> None:
        """Keeps of many machines only that they were seen; a row that somebody else wrote meanwhile stays as it is."""
        seen = [{"row_id": row.id, "row_version": row.version} for row in rows]
        if not seen:
            return
        statement = (
            update(instances)
            .where(instances.c.id == bindparam("row_id"), instances.c.version == bindparam("row_version"))
            .values(last_seen_at=at, version=instances.c.version + 1)
        )
        await self._work.write(statement, seen)
        for each in seen:
            self._work.changed("instances", str(each["row_id"]))

    async def update(self, instance: Instance, **changed: Any) -> Instance:
        """Writes `changed` if nobody else wrote since `instance` was read. Raises Conflict otherwise."""
        new = replace(instance, **changed, version=instance.version + 1)
        statement = (
            update(instances)
            .where(instances.c.id == instance.id, instances.c.version == instance.version)
            .values(**changed, version=new.version)
        )
        if not await self._work.write(statement):
            await self.get(instance.id)
            raise Conflict(f"“{instance.name}” was changed by somebody else.", "Look at it again, then repeat.")
        self._work.changed("instances", instance.id)
        return new

    async def _matching(self, condition: ColumnElement[bool], include_final: bool) -> builtins.list[Instance]:
        statement = select(instances).where(condition).order_by(instances.c.requested_at.desc(), instances.c.id.desc())
        if not include_final:
            statement = statement.where(_NOT_FINAL)
        return [to_model(Instance, row) for row in await self._work.rows(statement)]


class Attempts:
    """The calls of a launch, each written before it is made."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def insert(self, attempt: LaunchAttempt) -> None:
        await self._work.write(insert(attempts).values(to_row(attempt)))
        self._work.changed("attempts", attempt.id)

    async def list(self, instance_id: str) -> builtins.list[LaunchAttempt]:
        """In the order they were made."""
        statement = select(attempts).where(attempts.c.instance_id == instance_id).order_by(attempts.c.number)
        return [to_model(LaunchAttempt, row) for row in await self._work.rows(statement)]

    async def update(self, attempt: LaunchAttempt, **changed: Any) -> LaunchAttempt:
        """Writes `changed` if the attempt still stands as it was read. Raises Conflict otherwise."""
        new = replace(attempt, **changed)
        statement = (
            update(attempts).where(attempts.c.id == attempt.id, attempts.c.state == attempt.state).values(**changed)
        )
        if not await self._work.write(statement):
            raise Conflict("This launch attempt was changed by somebody else.", "Look at it again, then repeat.")
        self._work.changed("attempts", attempt.id)
        return new


def _not_found(reference: str) -> NotFound:
    return NotFound(f"There is no instance “{reference}”.", "See “aic-tui instance list --all”.")
