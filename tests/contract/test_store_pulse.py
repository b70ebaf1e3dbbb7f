"""The number of the last change, asked past the transactions: current after each commit, and in our errors."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import AicError
from aicompute_tui.store.schema import SCHEMA_VERSION
from tests.contract.store_world import opened

pytestmark = pytest.mark.asyncio


async def test_it_follows_what_is_committed_and_nothing_else(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store, opened(tmp_path / "a.db") as other:
        before = await store.latest_change()
        async with other.write() as transaction:
            await transaction.settings.set("theme", "dark", "me")
            assert await store.latest_change() == before
        assert await store.latest_change() == before + 1
        async with store.read() as transaction:
            assert await transaction.changes.latest() == before + 1


async def test_it_tells_when_a_newer_program_has_upgraded_the_tables(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        assert await store.schema_version() == SCHEMA_VERSION
        with closing(sqlite3.connect(tmp_path / "a.db")) as newer:
            newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        assert await store.schema_version() == SCHEMA_VERSION + 1


async def test_it_follows_the_file_that_is_put_in_its_place(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store, opened(tmp_path / "b.db") as other:
        async with other.write() as transaction:
            await transaction.settings.set("theme", "dark", "me")
        changes = await other.latest_change()
        assert changes != await store.latest_change()
        await other.backup_to(tmp_path / "copy.db")
        (tmp_path / "copy.db").replace(tmp_path / "a.db")
        assert await store.latest_change() == changes


async def test_a_damaged_database_is_told_in_our_words(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        path.write_bytes(b"x" * 8192)
        with pytest.raises(AicError):
            await store.latest_change()


async def test_after_its_end_it_says_so_in_our_words(tmp_path: Path) -> None:
    async with opened(tmp_path / "a.db") as store:
        pass
    with pytest.raises(AicError):
        await store.latest_change()
