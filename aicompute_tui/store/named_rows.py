"""Rows that people name: found by name, id or the beginning of one; changed only as they were seen."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sqlalchemy import Row, Table, delete, insert, select, update

from aicompute_tui.domain.errors import Conflict, InvalidInput, NotFound
from aicompute_tui.store.work import Work

SHORTEST_PREFIX = 4
"""Of an id: less of it could be a word."""


class Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


class Versioned(Named, Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def version(self) -> int: ...


Model = TypeVar("Model", bound=Named)
VersionedModel = TypeVar("VersionedModel", bound=Versioned)


class NamedRows(Generic[Model]):
    """Those of one table, one of each name for an owner; `word` is what a person calls one of them."""

    def __init__(
        self,
        work: Work,
        table: Table,
        word: str,
        row_of: Callable[[Model], dict[str, Any]],
        model_of: Callable[[Row[Any]], Model],
    ) -> None:
        self._work = work
        self._table = table
        self._word = word
        self._row_of = row_of
        self._model_of = model_of

    async def insert(self, one: Model) -> None:
        """Raises Conflict where the owner has one of that name."""
        try:
            await self._work.write(insert(self._table).values(self._row_of(one)))
        except Conflict as conflict:
            raise self._taken(one.name, conflict) from conflict
        self._work.changed(self._table.name, one.id)

    async def list(self) -> builtins.list[Model]:
        """By name."""
        statement = select(self._table).order_by(self._table.c.name, self._table.c.id)
        return [self._model_of(row) for row in await self._work.rows(statement)]

    async def find(self, reference: str) -> Model:
        """By name, id or the beginning of one. Raises NotFound, and InvalidInput where several are meant."""
        everything = await self.list()
        found = [each for each in everything if each.name == reference] or [
            each
            for each in everything
            if each.id == reference or (len(reference) >= SHORTEST_PREFIX and each.id.startswith(reference))
        ]
        if len(found) > 1:
            names = ", ".join(f"{each.name} ({each.id})" for each in found[:4])
            raise InvalidInput(f"“{reference}” fits more than one {self._word}: {names}.", "Give the id.")
        if not found:
            raise self._unknown(reference)
        return found[0]

    def _unknown(self, reference: str) -> NotFound:
        return NotFound(f"There is no {self._word} “{reference}”.", f"`aic-tui {self._word} list` shows them all.")

    def _taken(self, name: str, conflict: Conflict) -> Conflict:
        step = "Choose another name, or remove that one first."
        return Conflict(f"There is already a {self._word} named “{name}”.", step, conflict.details)


class VersionedRows(NamedRows[VersionedModel]):
    async def update(self, seen: VersionedModel, changed: VersionedModel) -> VersionedModel:
        """Raises Conflict where it is no longer the version that was seen, or the new name is taken."""
        written = replace(changed, version=seen.version + 1)
        here = (self._table.c.id == seen.id) & (self._table.c.version == seen.version)
        try:
            count = await self._work.write(update(self._table).where(here).values(self._row_of(written)))
        except Conflict as conflict:
            raise self._taken(changed.name, conflict) from conflict
        if not count:
            raise Conflict(f"“{seen.name}” was changed meanwhile.", "Look at it again, then repeat what you meant.")
        self._work.changed(self._table.name, seen.id)
        return written

    async def remove(self, row_id: str) -> None:
        await self._work.write(delete(self._table).where(self._table.c.id == row_id))
        self._work.changed(self._table.name, row_id)
