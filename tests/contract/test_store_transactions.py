"""Transactions: the write lock from the first statement, all or nothing, and cancellation that leaves no doubt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event

from aicompute_tui.domain.errors import Conflict, NotFound
from aicompute_tui.store.database import Store
from aicompute_tui.store.settling import settled
from tests.contract.store_world import instance, opened

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "aic-tui.db") as store:
        yield store


def trace(store: Store) -> dict[int, list[str]]:
    """Every statement SQLite itself is given from now on, by connection."""
    seen: dict[int, list[str]] = {}

    @event.listens_for(store._engine.sync_engine.pool, "checkout")
    def checkout(connection: Any, record: Any, proxy: Any) -> None:
        statements = seen.setdefault(id(connection), [])
        connection.run_async(lambda driver: driver.set_trace_callback(statements.append))

    return seen


async def names(store: Store) -> list[str]:
    async with store.read() as transaction:
        return sorted(row.name for row in await transaction.instances.list())


async def test_every_write_stands_between_begin_immediate_and_commit(store: Store) -> None:
    seen = trace(store)

    async def edit(number: int) -> None:
        row = instance(f"n{number}")
        async with store.write() as transaction:
            await transaction.instances.insert(row)
        async with store.read() as transaction:
            assert await transaction.instances.get(row.id) == row
        async with store.write() as transaction:
            await transaction.instances.update(row, zone="z")

    await asyncio.gather(*(edit(number) for number in range(5)))
    begins = 0
    for statements in seen.values():
        inside = ""
        for statement in statements:
            if statement.startswith("BEGIN"):
                inside = statement
                begins += statement == "BEGIN IMMEDIATE"
            elif statement in ("COMMIT", "ROLLBACK"):
                inside = ""
            elif statement.startswith(("INSERT", "UPDATE", "DELETE")):
                assert inside == "BEGIN IMMEDIATE", statement
    assert begins == 10


async def test_an_exception_rolls_everything_back(store: Store) -> None:
    async def fail() -> None:
        async with store.write() as transaction:
            await transaction.instances.insert(instance("alpha"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await names(store) == []
    assert await store.latest_change() == 0


async def test_reading_takes_no_lock_and_sees_one_moment(store: Store) -> None:
    async with store.write() as writing:
        await writing.instances.insert(instance("alpha"))
        async with store.read() as reading:
            assert await reading.instances.list() == []
    async with store.read() as reading:
        assert len(await reading.instances.list()) == 1
        async with store.write() as writing:
            await writing.instances.insert(instance("beta"))
        assert len(await reading.instances.list()) == 1


async def test_a_transaction_for_reading_cannot_write(store: Store) -> None:
    with pytest.raises(RuntimeError, match="cannot write"):
        async with store.read() as transaction:
            await transaction.instances.insert(instance("alpha"))


async def test_a_write_inside_a_write_fails_at_once(store: Store) -> None:
    with pytest.raises(RuntimeError, match="wait for itself"):
        async with store.write(), store.write():
            pass
    async with store.write() as transaction:
        await transaction.instances.insert(instance("alpha"))


async def test_a_task_cancelled_in_its_commit_has_committed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    committing = asyncio.Event()
    commit = type(store._engine.connect()).commit

    async def slow_commit(connection: Any) -> None:
        committing.set()
        await asyncio.sleep(0)
        await commit(connection)

    monkeypatch.setattr(type(store._engine.connect()), "commit", slow_commit)

    async def launch() -> None:
        async with store.write() as transaction:
            await transaction.instances.insert(instance("alpha"))

    task = asyncio.create_task(launch())
    await committing.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(store) == ["alpha"], "the commit was waited for"


async def test_a_task_cancelled_before_its_commit_has_stored_nothing(store: Store) -> None:
    inside = asyncio.Event()

    async def launch() -> None:
        async with store.write() as transaction:
            await transaction.instances.insert(instance("alpha"))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(launch())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await names(store) == []
    async with store.write() as transaction:
        await transaction.instances.insert(instance("alpha"))


async def test_cancelled_at_any_moment_no_lock_stays_and_the_feed_agrees(tmp_path: Path) -> None:
    async def launch(store: Store, number: int) -> None:
        async with store.write() as transaction:
            await transaction.instances.insert(instance(f"n{number}"))
            await transaction.instances.name_taken("ann", "other")

    loop = asyncio.get_running_loop()
    path = tmp_path / "cancelled.db"
    told: set[str] = set()
    async with opened(path, busy_seconds=5.0) as store, opened(path, busy_seconds=5.0) as other:
        begun = loop.time()
        for number in range(-4, 0):
            await launch(store, number)
        whole = (loop.time() - begun) / 4
        for number in range(60):
            task = asyncio.create_task(launch(store, number))
            cancelling = loop.call_later(whole * 3 * number / 60, task.cancel)
            try:
                await task
                told.add(f"n{number}")
            except asyncio.CancelledError:
                pass
            cancelling.cancel()
            async with other.write() as transaction:
                await transaction.instances.name_taken("ann", "other")
        stored = await names(store)
        async with store.read() as transaction:
            feed = await transaction.changes.since(0)
    assert told <= set(stored)
    assert 4 < len(stored) < 64, "some were cancelled before, some after"
    assert [line.number for line in feed] == list(range(1, len(stored) + 1))


async def test_settled_gives_the_answer_or_the_error() -> None:
    async def answer() -> int:
        return 7

    async def failure() -> int:
        raise Conflict("no")

    assert await settled(answer()) == 7
    with pytest.raises(Conflict):
        await settled(failure())


async def test_two_stores_on_one_file_in_one_process_take_turns(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"
    async with opened(path) as one, opened(path) as two:
        assert one.store_id == two.store_id

        async def fill(store: Store, prefix: str) -> None:
            for number in range(20):
                async with store.write() as transaction:
                    await transaction.instances.insert(instance(f"{prefix}{number}"))

        await asyncio.gather(fill(one, "a"), fill(two, "b"))
        assert len(await names(one)) == 40
        assert await two.latest_change() == 40


async def test_a_thousand_rows_go_in_at_once(store: Store) -> None:
    rows = [instance(f"n{number}") for number in range(1_000)]
    async with store.write() as transaction:
        await transaction.instances.insert_many(rows)
    async with store.read() as transaction:
        assert len(await transaction.instances.list()) == 1_000
        assert await transaction.changes.latest() == 1_000
        with pytest.raises(NotFound):
            await transaction.instances.get("none")
