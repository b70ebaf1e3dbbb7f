"""What people set: shared settings, credentials by reference, and their secrets, sealed before they come here."""

from __future__ import annotations

import builtins
from typing import Any

from sqlalchemy import Table, delete, insert, select, update

from aicompute_tui.domain.credential import Credential
from aicompute_tui.domain.errors import NotFound
from aicompute_tui.store.tables import credentials, secrets, settings, to_model, to_row
from aicompute_tui.store.work import Work


class Settings:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def all(self) -> dict[str, str]:
        statement = select(settings.c.key, settings.c.value).order_by(settings.c.key)
        return {row.key: row.value for row in await self._work.rows(statement)}

    async def get(self, key: str) -> str | None:
        value: str | None = await self._work.value(select(settings.c.value).where(settings.c.key == key))
        return value

    async def set(self, key: str, value: str, by: str) -> None:
        await _put(self._work, settings, "key", {"key": key, "value": value}, by)

    async def remove(self, key: str) -> bool:
        return await _remove(self._work, settings, "key", key)


class Credentials:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def upsert(self, credential: Credential, by: str = "") -> None:
        await _put(self._work, credentials, "id", to_row(credential), by)

    async def list(self) -> builtins.list[Credential]:
        statement = select(credentials).order_by(credentials.c.id)
        return [to_model(Credential, row) for row in await self._work.rows(statement)]

    async def get(self, credential_id: str) -> Credential:
        row = await self._work.first(select(credentials).where(credentials.c.id == credential_id))
        if row is None:
            raise NotFound(f"There is no credential “{credential_id}”.", "See “aic-tui credential list”.")
        return to_model(Credential, row)

    async def remove(self, credential_id: str) -> bool:
        return await _remove(self._work, credentials, "id", credential_id)


class Secrets:
    """Tokens as the vault sealed them; what they hold never comes here."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def put(self, name: str, token: bytes, by: str = "") -> None:
        await _put(self._work, secrets, "name", {"name": name, "token": token}, by)

    async def get(self, name: str) -> bytes | None:
        token: bytes | None = await self._work.value(select(secrets.c.token).where(secrets.c.name == name))
        return token

    async def remove(self, name: str) -> bool:
        return await _remove(self._work, secrets, "name", name)

    async def names(self) -> builtins.list[str]:
        return [row.name for row in await self._work.rows(select(secrets.c.name).order_by(secrets.c.name))]


async def _put(work: Work, table: Table, key: str, values: dict[str, Any], by: str) -> None:
    """Replaces the row of that key, or makes it; whoever made it stays its owner."""
    replaced = update(table).where(table.c[key] == values[key]).values(**values, version=table.c.version + 1)
    if not await work.write(replaced):
        await work.write(insert(table).values(**values, owner=by, created_by=by, version=1))
    work.changed(table.name, values[key])


async def _remove(work: Work, table: Table, key: str, value: str) -> bool:
    removed = await work.write(delete(table).where(table.c[key] == value)) > 0
    if removed:
        work.changed(table.name, value)
    return removed
