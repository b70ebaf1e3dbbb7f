"""The number of the last change, asked past the transactions: current after each commit, and in our errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from aicompute_tui.domain.errors import AicError
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


async def test_a_damaged_database_is_told_in_our_words(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with opened(path) as store:
        path.write_bytes(b"x" * 8192)
        with pytest.raises(AicError):
            await store.latest_change()
