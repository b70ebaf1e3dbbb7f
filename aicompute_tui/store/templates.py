"""Launches kept by a name, one of each name for an owner."""

from __future__ import annotations

import builtins
from dataclasses import replace

from sqlalchemy import delete, insert, select, update

from aicompute_tui.domain.errors import Conflict, NotFound
from aicompute_tui.domain.template import LaunchTemplate
from aicompute_tui.store.tables import launch_templates, to_model, to_row
from aicompute_tui.store.work import Work


class LaunchTemplates:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(self, owner: str) -> builtins.list[LaunchTemplate]:
        """By name."""
        statement = select(launch_templates).where(launch_templates.c.owner == owner).order_by(launch_templates.c.name)
        return [to_model(LaunchTemplate, row) for row in await self._work.rows(statement)]

    async def find(self, owner: str, name: str) -> LaunchTemplate | None:
        statement = select(launch_templates).where(
            (launch_templates.c.owner == owner) & (launch_templates.c.name == name)
        )
        row = await self._work.first(statement)
        return None if row is None else to_model(LaunchTemplate, row)

    async def get(self, owner: str, name: str) -> LaunchTemplate:
        found = await self.find(owner, name)
        if found is None:
            raise NotFound(f"There is no template “{name}”.", "See `aic-tui template list`.")
        return found

    async def insert(self, template: LaunchTemplate) -> None:
        """Raises Conflict where the owner has one of that name."""
        try:
            await self._work.write(insert(launch_templates).values(to_row(template)))
        except Conflict as conflict:
            raise Conflict(
                f"There is a template “{template.name}” already.", "Add --replace, or choose another name."
            ) from conflict
        self._work.changed("launch_templates", template.id)

    async def replace(self, seen: LaunchTemplate, changed: LaunchTemplate) -> LaunchTemplate:
        """Raises Conflict where it is no longer the version that was seen."""
        written = replace(changed, id=seen.id, version=seen.version + 1)
        statement = (
            update(launch_templates)
            .where((launch_templates.c.id == seen.id) & (launch_templates.c.version == seen.version))
            .values(to_row(written))
        )
        if not await self._work.write(statement):
            raise changed_meanwhile(seen.name)
        self._work.changed("launch_templates", seen.id)
        return written

    async def remove(self, seen: LaunchTemplate) -> None:
        """Raises Conflict where it is no longer the version that was seen."""
        statement = delete(launch_templates).where(
            (launch_templates.c.id == seen.id) & (launch_templates.c.version == seen.version)
        )
        if not await self._work.write(statement):
            raise changed_meanwhile(seen.name)
        self._work.changed("launch_templates", seen.id)


def changed_meanwhile(name: str) -> Conflict:
    return Conflict(f"The template “{name}” was changed meanwhile.", "Look at it again, then repeat what you meant.")
