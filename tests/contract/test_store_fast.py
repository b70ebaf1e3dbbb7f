"""The first snapshot: the same as the repositories say, read fast and from the standard library alone."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.credential import Credential
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.gpu import GpuSample
from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState, Market
from aicompute_tui.domain.job import JobState
from aicompute_tui.domain.remote import Ownership, RemoteState, Sighting
from aicompute_tui.domain.spend import spend
from aicompute_tui.store.database import Store
from aicompute_tui.store.fast import InstanceRow, latest_change, read_snapshot, schema_state
from aicompute_tui.store.following import Follower
from tests.contract.store_world import START, instance, job, opened

pytestmark = pytest.mark.asyncio
NOW = START + timedelta(hours=5)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "aic-tui.db") as store:
        yield store


def path_of(store: Store) -> Path:
    assert store.database_path is not None
    return store.database_path


def full(name: str, **fields: object) -> Instance:
    """A row in which every column holds something."""
    row = instance(name)
    return replace(
        row,
        zone="ca-central-1a",
        remote_id=f"i-{name}",
        gpu_name="NVIDIA A10G",
        gpu_count=1,
        gpu_memory_mib=22_888,
        framework="vllm",
        models=("Qwen/Qwen3-8B",),
        state=InstanceState.READY,
        desired_state=DesiredState.RUNNING,
        protected=True,
        price_source="spot history",
        price_as_of=START,
        billing_since=START,
        settled_nano_usd=5,
        ttl_seconds=28_800,
        max_ttl_seconds=86_400,
        idle_seconds=1_800,
        expires_at=START + timedelta(hours=8),
        node_expires_at=START + timedelta(hours=8),
        launched_at=START,
        ready_at=START,
        last_seen_at=START + timedelta(microseconds=1),
        public_address="192.0.2.1",
        endpoint="http://192.0.2.1:8000/v1",
        job_id=row.id,
        error_kind="Unreachable",
        error_message="no answer",
        **fields,  # type: ignore[arg-type]
    )


def agrees(row: InstanceRow, model: Instance) -> None:
    for name, shown in row._asdict().items():
        stored = getattr(model, name)
        if name == "models":
            assert tuple(json.loads(shown)) == stored
        elif hasattr(stored, "timestamp"):
            assert shown == pytest.approx(stored.timestamp(), abs=1e-6)
        elif isinstance(stored, Decimal):
            assert shown == float(stored)
        else:
            assert shown == stored, name
    assert row.is_final == model.is_final
    cost = model.cost_nano_usd(NOW)
    assert (row.cost_nano_usd(NOW.timestamp()) is None) == (cost is None)
    assert row.cost_nano_usd(NOW.timestamp()) == pytest.approx(cost, abs=1_000)


async def test_the_snapshot_agrees_with_the_repositories(store: Store) -> None:
    async with store.write() as transaction:
        for row in (full("full"), instance("bare", price_usd_per_hour=None), instance("bare2", settled_nano_usd=None)):
            await transaction.instances.insert(row)
        for name, minutes in (("just", 30), ("long", 90)):
            ended_at = NOW - timedelta(minutes=minutes)
            await transaction.instances.insert(
                instance(name, state=InstanceState.TERMINATED, ended_at=ended_at, settled_nano_usd=7, launched_at=START)
            )
        await transaction.instances.insert(
            instance(
                "last-month",
                state=InstanceState.TERMINATED,
                requested_at=START - timedelta(days=60),
                ended_at=START - timedelta(days=40),
                settled_nano_usd=10**12,
            )
        )
        await transaction.settings.set("monthly_cap_usd", "50", by="ann@box")
        await transaction.credentials.upsert(
            Credential(id="aws:env", cloud="aws", name="env", method="env", checked_at=START)
        )
    snapshot = read_snapshot(path_of(store), NOW.timestamp())
    assert snapshot is not None
    assert (snapshot.problem, snapshot.store_id) == ("", store.store_id)
    assert snapshot.latest_change == await store.latest_change()
    async with store.read() as transaction:
        models = {row.id: row for row in await transaction.instances.list(include_final=True)}
    assert [row.name for row in snapshot.instances] == ["just", "bare2", "bare", "full"], "newest first"
    for shown in snapshot.instances:
        agrees(shown, models[shown.id])
    assert snapshot.settings == {"monthly_cap_usd": "50"}
    assert [(row.id, row.checked_at) for row in snapshot.credentials] == [("aws:env", START.timestamp())]
    by_ledger = spend(models.values(), NOW).month_to_date_nano_usd
    assert snapshot.month_to_date_nano_usd(NOW.timestamp()) == pytest.approx(by_ledger, abs=1_000)


async def test_a_machine_that_ran_over_the_months_end_counts_from_its_begin(store: Store) -> None:
    began = START - timedelta(days=30)
    row = replace(full("long-running"), launched_at=began, billing_since=began, requested_at=began)
    ended = replace(
        full("ended"),
        state=InstanceState.TERMINATED,
        launched_at=began,
        billing_since=None,
        requested_at=began,
        ended_at=START,
        settled_nano_usd=303 * 10**9,
    )
    async with store.write() as transaction:
        await transaction.instances.insert_many([row, ended])
    snapshot = read_snapshot(path_of(store), NOW.timestamp())
    assert snapshot is not None
    by_ledger = spend([row, ended], NOW).month_to_date_nano_usd
    assert snapshot.month_to_date_nano_usd(NOW.timestamp()) == pytest.approx(by_ledger, abs=10_000)


async def test_jobs_sightings_and_events(store: Store) -> None:
    seen = Sighting(
        cloud="aws",
        account_id="1",
        region="eu-west-1",
        remote_id="i-9",
        ownership=Ownership.ORPHAN,
        credential_id="aws:env",
        store_id=store.store_id,
        owner="ann",
        name="lost sheep",
        instance_type="g5.xlarge",
        market=Market.SPOT,
        state=RemoteState.RUNNING,
        zone=None,
        launched_at=START,
        expires_at="2026-11-20T17:00:00Z",
        price_usd_per_hour="0.4210",
        first_seen_at=START,
        last_seen_at=START,
    )
    async with store.write() as transaction:
        await transaction.sightings.record(seen)
        waiting, earlier, later = job(), job(), job()
        for row in (waiting, earlier, later):
            await transaction.jobs.insert(row)
        await transaction.jobs.update(later, state=JobState.FAILED, ended_at=NOW, error_message="no capacity")
        await transaction.jobs.update(earlier, state=JobState.DONE, ended_at=START)
        for number in range(25):
            await transaction.events.append(
                Event(
                    id=f"e{number}",
                    at=START,
                    actor="ann@box",
                    kind="k",
                    subject_kind="instance",
                    subject_id="x",
                    subject_name="x",
                    message="m",
                )
            )
    snapshot = read_snapshot(path_of(store))
    assert snapshot is not None
    assert [(row.id, row.state) for row in snapshot.jobs] == [
        (waiting.id, "queued"),
        (later.id, "failed"),
        (earlier.id, "done"),
    ], "the open ones, then those that ended last"
    (sighting,) = snapshot.sightings
    assert (sighting.ownership, sighting.expires_at, sighting.price_usd_per_hour) == ("orphan", seen.expires_at, 0.421)
    assert sighting.first_seen_at == START.timestamp()
    assert [event.id for event in snapshot.events] == [f"e{number}" for number in range(24, 4, -1)]


async def test_no_database_is_none_and_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "none.db"
    assert read_snapshot(path) is None
    assert latest_change(path) == 0
    assert schema_state(path).is_absent
    assert not path.exists()
    path.touch()
    assert read_snapshot(path) is None


@pytest.mark.parametrize(
    ("version", "said"), [(99, "newer"), (0, "another program"), (-1, "older")], ids=["newer", "foreign", "older"]
)
async def test_tables_we_cannot_read_are_a_sentence(store: Store, version: int, said: str) -> None:
    connection = sqlite3.connect(path_of(store))
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    snapshot = read_snapshot(path_of(store))
    assert snapshot is not None
    assert said in snapshot.problem
    assert (snapshot.schema_version, snapshot.instances) == (version, [])


async def test_a_damaged_or_locked_file_is_a_sentence(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(b"damaged" * 1000)
    snapshot = read_snapshot(damaged)
    assert snapshot is not None
    assert "damaged" in snapshot.problem
    assert latest_change(damaged) == 0
    path = tmp_path / "locked.db"
    async with opened(path):
        pass
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = exclusive")
    holder.execute("BEGIN EXCLUSIVE")
    begun = time.monotonic()
    snapshot = read_snapshot(path)
    holder.close()
    assert snapshot is not None
    assert "busy" in snapshot.problem
    assert time.monotonic() - begun < 4.5, "a first paint does not wait for a lock"


async def test_a_writer_does_not_hold_up_a_reader(store: Store) -> None:
    async with store.write() as transaction:
        await transaction.instances.insert(instance("alpha"))
        snapshot = await asyncio.to_thread(read_snapshot, path_of(store))
        assert snapshot is not None
        assert (snapshot.problem, snapshot.instances) == ("", [])


async def test_the_use_of_gpus_is_a_mean_for_each_of_the_last_ten_minutes(store: Store) -> None:
    row = instance("alpha")
    minute = NOW.replace(second=0, microsecond=0)
    shown = {1: (40.0, 60.0), 9: (None, 20.0), 12: (90.0, 90.0)}
    samples = [
        GpuSample(
            instance_id=row.id,
            gpu_index=gpu,
            at=minute - timedelta(minutes=ago, seconds=-5),
            span_seconds=30,
            utilisation_percent=percent,
        )
        for ago, percents in shown.items()
        for gpu, percent in enumerate(percents)
    ]
    async with store.write() as transaction:
        await transaction.instances.insert(row)
        await transaction.gpu_samples.append(samples)
    now = NOW.timestamp()
    read = await asyncio.to_thread(read_snapshot, path_of(store), now, with_utilisation=True)
    assert read is not None
    assert read.utilisation == {row.id: (20.0, *[None] * 7, 50.0, None)}
    first = await asyncio.to_thread(read_snapshot, path_of(store), now)
    assert first is not None
    assert first.utilisation == {}


async def test_a_follower_sees_what_changed_and_that_something_was_pruned(store: Store) -> None:
    follower = Follower(path_of(store))
    assert follower.latest() == 0
    row = instance("alpha")
    async with store.write() as transaction:
        await transaction.instances.insert(row)
    assert follower.latest() == latest_change(path_of(store)) == 1
    assert follower.since(0) == [(1, "instances", row.id)]
    async with store.write() as transaction:
        await transaction.instances.update(row, zone="z")
        await transaction.changes.prune(keep=1)
    assert [change.number for change in follower.since(0)] == [2], "number 1 is gone: read everything anew"
    follower.close()


async def test_it_needs_the_standard_library_alone() -> None:
    code = (
        "import sys, aicompute_tui.store.fast\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & "
        "{'sqlalchemy', 'pydantic', 'alembic', 'aiosqlite', 'asyncio', 'cryptography', 'textual', 'decimal'}))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
