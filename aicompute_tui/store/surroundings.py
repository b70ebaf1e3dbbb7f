"""What lies around our own rows: machines seen in the cloud without one."""

from __future__ import annotations

import builtins
from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import ColumnElement, delete, insert, select, update

from aicompute_tui.domain.remote import Sighting
from aicompute_tui.store.tables import sightings, to_model, to_row
from aicompute_tui.store.work import Work


class Sightings:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def record(self, sighting: Sighting) -> None:
        """The moment of the first sighting stays; seen again just as it was is no news for the change feed."""
        here = _at(sighting.cloud, sighting.account_id, sighting.region, sighting.remote_id)
        row = await self._work.first(select(sightings).where(*here))
        if row is None:
            await self._work.write(insert(sightings).values(to_row(sighting)))
            self._work.changed("sightings", sighting.remote_id)
            return
        known = to_model(Sighting, row)
        new = replace(sighting, first_seen_at=known.first_seen_at)
        await self._work.write(update(sightings).where(*here).values(to_row(new)))
        if replace(new, last_seen_at=known.last_seen_at) != known:
            self._work.changed("sightings", sighting.remote_id)

    async def list(self) -> builtins.list[Sighting]:
        """Those seen first stand first."""
        statement = select(sightings).order_by(sightings.c.first_seen_at, sightings.c.remote_id)
        return [to_model(Sighting, row) for row in await self._work.rows(statement)]

    async def by_remote_id(self, remote_id: str) -> builtins.list[Sighting]:
        statement = select(sightings).where(sightings.c.remote_id == remote_id).order_by(sightings.c.account_id)
        return [to_model(Sighting, row) for row in await self._work.rows(statement)]

    async def keep_only(self, cloud: str, account_id: str, region: str, remote_ids: Collection[str]) -> None:
        """Forgets those of this account and region that are not among `remote_ids`."""
        statement = select(sightings.c.remote_id).where(
            sightings.c.cloud == cloud, sightings.c.account_id == account_id, sightings.c.region == region
        )
        for row in await self._work.rows(statement):
            if row.remote_id not in remote_ids:
                await self.remove(cloud, account_id, region, row.remote_id)

    async def remove(self, cloud: str, account_id: str, region: str, remote_id: str) -> bool:
        removed = await self._work.write(delete(sightings).where(*_at(cloud, account_id, region, remote_id))) > 0
        if removed:
            self._work.changed("sightings", remote_id)
        return removed


def _at(cloud: str, account_id: str, region: str, remote_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        sightings.c.cloud == cloud,
        sightings.c.account_id == account_id,
        sightings.c.region == region,
        sightings.c.remote_id == remote_id,
    )
