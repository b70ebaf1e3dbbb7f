"""Following a store by its changes gives the same rows as reading it anew, and leaves alone what did not change."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.instance import InstanceState, Market
from aicompute_tui.domain.node import NodeReport
from aicompute_tui.domain.remote import Ownership, RemoteState, Sighting
from aicompute_tui.store.columns import to_microseconds
from aicompute_tui.store.database import Store
from aicompute_tui.store.fast import read_snapshot
from aicompute_tui.store.following import MOST_CHANGES, Follower
from aicompute_tui.store.rows import Snapshot
from tests.contract.store_world import START, instance, job, opened

pytestmark = pytest.mark.asyncio
NOW = START + timedelta(hours=5)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "aic-tui.db") as store:
        yield store


class Reader:
    """Follows one store; `whole` is what a reading from nothing says at the same moment."""

    def __init__(self, store: Store) -> None:
        assert store.database_path is not None
        self.path = store.database_path
        self.follower = Follower(self.path)
        self.held = self.whole(NOW)

    def whole(self, now: datetime) -> Snapshot:
        read = read_snapshot(self.path, now.timestamp())
        assert read is not None
        return read

    async def renewed(self, now: datetime = NOW) -> Snapshot:
        fresh = await asyncio.to_thread(self.follower.renew, self.held, now.timestamp())
        assert fresh is not None, "it had to read everything anew"
        self.held = fresh
        return fresh


def sighting(remote_id: str) -> Sighting:
    return Sighting(
        cloud="aws",
        account_id="123456789012",
        region="ca-central-1",
        remote_id=remote_id,
        ownership=Ownership.ORPHAN,
        credential_id="aws:env",
        store_id="s",
        owner="ann",
        name=remote_id,
        instance_type="g5.xlarge",
        market=Market.SPOT,
        state=RemoteState.RUNNING,
        zone=None,
        launched_at=None,
        expires_at=None,
        price_usd_per_hour=None,
        first_seen_at=START,
        last_seen_at=START,
    )


async def test_each_kind_of_change_is_followed(store: Store) -> None:
    rows = [instance(name) for name in ("alpha", "beta", "gamma")]
    async with store.write() as transaction:
        await transaction.instances.insert_many(rows)
    reader = Reader(store)
    async with store.write() as transaction:
        beta = await transaction.instances.update(rows[1], state=InstanceState.READY)
    fresh = await reader.renewed()
    assert fresh == reader.whole(NOW)
    assert [row.state for row in fresh.instances] == ["requested", "ready", "requested"]

    late = instance("delta", requested_at=NOW)
    task = job()
    async with store.write() as transaction:
        await transaction.instances.insert(late)
        await transaction.instances.update(beta, state=InstanceState.TERMINATED, ended_at=NOW, settled_nano_usd=7)
        await transaction.node_reports.put(NodeReport(instance_id=rows[0].id, host_id="box"))
        await transaction.jobs.insert(task)
        await transaction.sightings.record(sighting("i-1"))
        await transaction.settings.set("monthly_cap_usd", "50", by="ann@box")
    fresh = await reader.renewed()
    assert fresh == reader.whole(NOW)
    assert fresh.instances[0].name == "delta", "the newest stands first"
    assert rows[0].id in fresh.nodes
    assert fresh.jobs[0].id == task.id

    async with store.write() as transaction:
        await transaction.node_reports.remove(rows[0].id)
        await transaction.sightings.remove("aws", "123456789012", "ca-central-1", "i-1")
    fresh = await reader.renewed()
    assert fresh == reader.whole(NOW)
    assert not fresh.nodes
    assert not fresh.sightings


async def test_rows_that_did_not_change_stay_the_same_objects(store: Store) -> None:
    rows = [instance(f"m{number}") for number in range(1_200)]
    async with store.write() as transaction:
        await transaction.instances.insert_many(rows)
    reader = Reader(store)
    before = {row.id: row for row in reader.held.instances}
    async with store.write() as transaction:
        for row in rows[:700]:
            await transaction.instances.update(row, zone="z")
    fresh = await reader.renewed()
    assert fresh == reader.whole(NOW)
    same = [row for row in fresh.instances if row is before[row.id]]
    assert len(same) == 500


async def test_a_machine_that_ended_long_ago_leaves_the_view_and_keeps_its_cost(store: Store) -> None:
    row = instance("alpha", launched_at=START)
    async with store.write() as transaction:
        await transaction.instances.insert(row)
    reader = Reader(store)
    async with store.write() as transaction:
        await transaction.instances.update(row, state=InstanceState.TERMINATED, ended_at=NOW, settled_nano_usd=9)
    await reader.renewed()
    later = NOW + timedelta(hours=2)
    async with store.write() as transaction:
        await transaction.settings.set("monthly_cap_usd", "50", by="ann@box")
    fresh = await reader.renewed(later)
    assert fresh == reader.whole(later)
    assert not fresh.instances
    assert fresh.month_to_date_nano_usd(later.timestamp()) == 9
    async with store.write() as transaction:
        ended = await transaction.instances.get(row.id)
        await transaction.instances.update(ended, state=InstanceState.READY, ended_at=None)
    assert await asyncio.to_thread(reader.follower.renew, fresh, later.timestamp()) is None, "it came back: read anew"


async def test_a_gap_and_a_flood_are_read_anew(store: Store) -> None:
    row = instance("alpha")
    async with store.write() as transaction:
        await transaction.instances.insert(row)
    reader = Reader(store)
    async with store.write() as transaction:
        for number in range(3):
            row = await transaction.instances.update(row, zone=f"z{number}")
            await transaction.settings.set("monthly_cap_usd", f"{number}", by="ann@box")
        await transaction.changes.prune(keep=0)
    assert await asyncio.to_thread(reader.follower.renew, reader.held, NOW.timestamp()) is None
    reader.held = reader.whole(NOW)
    async with store.write() as transaction:
        await transaction.instances.insert_many([instance(f"m{number}") for number in range(MOST_CHANGES + 1)])
    assert await asyncio.to_thread(reader.follower.renew, reader.held, NOW.timestamp()) is None


async def test_a_connection_is_read_with_how_it_answers_and_when_it_was_used(store: Store) -> None:
    connection = Connection(
        id="c1", owner="ann", created_by="ann@box", name="groq", kind="groq", base_url="https://api.groq.com/openai/v1",
        secret_id="connection/c1", tags=("cheap",), created_at=START,
    )  # fmt: skip
    async with store.write() as transaction:
        await transaction.connections.insert(connection)
    reader = Reader(store)
    (row,) = reader.held.connections
    assert (row.state, row.has_key, row.latency_seconds, row.used_at) == ("waiting", 1, None, None)
    assert "connection/c1" not in repr(row), "where the key lies is nobody's business here"

    _execute(reader.path, _DOWN, (to_microseconds(NOW), 12_500))
    _execute(reader.path, _TOLD, ())
    fresh = await reader.renewed()
    assert fresh == reader.whole(NOW)
    (row,) = fresh.connections
    assert (row.state, row.problem, row.failures) == ("down", "It refuses the key.", 3)
    assert row.latency_seconds == pytest.approx(0.0125)

    called = NOW + timedelta(seconds=20)
    _execute(reader.path, _CALLED, (to_microseconds(called),))
    assert (await reader.renewed()).connections[0].used_at is None, "no news for the feed within the minute"
    fresh = await reader.renewed(NOW + timedelta(minutes=1))
    assert fresh.connections[0].used_at == called.timestamp()


_DOWN = (
    "INSERT INTO health_reports (target_id, target_kind, state, checked_at, latency_microseconds, failures, successes,"
    " problem_kind, problem, next_step, is_held_back)"
    " VALUES ('c1', 'connection', 'down', ?, ?, 3, 0, 'AuthFailed', 'It refuses the key.', '', 0)"
)
_TOLD = "UPDATE counters SET value = value + 1 WHERE name = 'changes'"
_CALLED = (
    "INSERT INTO calls (id, at, connection_id, connection_name, caller, operation, model, is_ok, problem_kind)"
    " VALUES ('k1', ?, 'c1', 'groq', 'cli', 'ask', 'llama', 1, '')"
)


def _execute(path: Path, statement: str, values: tuple[object, ...]) -> None:
    """As another process writes."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement, values)
        if statement is _TOLD:
            number = connection.execute("SELECT value FROM counters WHERE name = 'changes'").fetchone()[0]
            told = "INSERT INTO changes (number, table_name, row_id) VALUES (?, 'health_reports', 'c1')"
            connection.execute(told, (number,))
