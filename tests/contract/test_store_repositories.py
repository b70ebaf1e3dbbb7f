"""The repositories: what is stored comes back, what clashes is refused, and the feed tells of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.credential import Credential
from aicompute_tui.domain.errors import Conflict, InvalidInput, NotFound
from aicompute_tui.domain.event import Event, EventFilter
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState, Market
from aicompute_tui.domain.launch import AttemptState, LaunchAttempt
from aicompute_tui.domain.remote import Ownership, RemoteState, Sighting
from aicompute_tui.store.database import Store
from tests.contract.store_world import START, instance, job, opened

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "aic-tui.db") as store:
        yield store


async def put(store: Store, *rows: Instance) -> None:
    async with store.write() as transaction:
        for row in rows:
            await transaction.instances.insert(row)


async def test_an_update_names_the_version_it_saw(store: Store) -> None:
    row = instance("alpha")
    await put(store, row)
    async with store.write() as transaction:
        newer = await transaction.instances.update(row, zone="ca-central-1a", state=InstanceState.LAUNCHING)
    assert (newer.version, newer.zone) == (2, "ca-central-1a")
    with pytest.raises(Conflict):
        async with store.write() as transaction:
            await transaction.instances.update(row, zone="ca-central-1b")
    async with store.read() as transaction:
        assert await transaction.instances.get(row.id) == newer


async def test_an_update_of_an_unknown_field_is_an_error_of_the_program(store: Store) -> None:
    row = instance("alpha")
    await put(store, row)
    with pytest.raises(TypeError):
        async with store.write() as transaction:
            await transaction.instances.update(row, colour="red")


async def test_a_name_is_free_again_when_its_machine_has_ended(store: Store) -> None:
    first = instance("alpha")
    await put(store, first)
    with pytest.raises(Conflict, match="alpha"):
        await put(store, instance("alpha"))
    await put(store, instance("alpha", owner="bob"))
    async with store.write() as transaction:
        assert await transaction.instances.name_taken("ann", "alpha")
        await transaction.instances.update(first, state=InstanceState.TERMINATED, ended_at=START)
        assert not await transaction.instances.name_taken("ann", "alpha")
        await transaction.instances.insert(instance("alpha"))


async def test_one_machine_has_one_row_that_has_not_ended(store: Store) -> None:
    row = instance("alpha", remote_id="i-1")
    await put(store, row)
    with pytest.raises(Conflict):
        await put(store, instance("beta", remote_id="i-1"))
    await put(store, instance("gamma", remote_id="i-1", account_id="999999999999"))
    async with store.write() as transaction:
        await transaction.instances.update(row, state=InstanceState.FAILED, ended_at=START)
        again = instance("delta", remote_id="i-1")
        await transaction.instances.insert(again)
        found = await transaction.instances.by_remote("aws", "123456789012", "ca-central-1", "i-1")
        assert found == again
        assert await transaction.instances.by_remote("aws", "123456789012", "eu-west-1", "i-1") is None
        by_key = await transaction.instances.of_machines(["i-1", "i-2"])
        assert by_key["aws", "123456789012", "ca-central-1", "i-1"] == again
        assert {account for _, account, _, _ in by_key} == {"123456789012", "999999999999"}


async def test_many_are_seen_at_once_and_who_wrote_meanwhile_is_left_alone(store: Store) -> None:
    calm, wanted = instance("calm"), instance("wanted")
    await put(store, calm, wanted)
    later = START + timedelta(hours=1)
    async with store.write() as transaction:
        ended = await transaction.instances.update(wanted, desired_state=DesiredState.TERMINATED)
    async with store.write() as transaction:
        await transaction.instances.saw([calm, wanted], later)
    async with store.read() as transaction:
        seen = await transaction.instances.get(calm.id)
        assert (seen.last_seen_at, seen.version) == (later, calm.version + 1)
        assert await transaction.instances.get(wanted.id) == ended
        assert {change.row_id for change in await transaction.changes.since(3)} >= {calm.id}


async def test_a_job_launches_each_ordinal_once(store: Store) -> None:
    await put(store, instance("b", job_id="j", job_ordinal=1), instance("a", job_id="j", job_ordinal=0))
    with pytest.raises(Conflict):
        await put(store, instance("c", job_id="j", job_ordinal=1))
    async with store.read() as transaction:
        assert [row.name for row in await transaction.instances.by_job("j")] == ["a", "b"]


async def test_find_by_name_id_prefix_and_remote_id(store: Store) -> None:
    one = instance("alpha", id="01aaaaaa-0000-7000-8000-000000000001", remote_id="i-1")
    two = instance("beta", id="01aaaaaa-0000-7000-8000-000000000002", remote_id="i-2")
    named_like_an_id = instance(two.id)
    await put(store, one, two, named_like_an_id)
    async with store.write() as transaction:
        find = transaction.instances.find
        assert await find("alpha") == one
        assert await find(one.id) == one
        assert await find("01AAAAAA-0000-7000-8000-000000000001") == one
        assert await find("i-2") == two
        assert (await find(two.id)).id == named_like_an_id.id, "a name comes first"
        with pytest.raises(InvalidInput, match="alpha"):
            await find("01aaaa")
        for absent in ("01a", "nope", "i-9", "%", "01aa%"):
            with pytest.raises(NotFound):
                await find(absent)
        ended = await transaction.instances.update(one, state=InstanceState.TERMINATED, ended_at=START)
        assert await find("alpha") == ended
        assert await find("i-1") == ended
        with pytest.raises(NotFound):
            await find("alpha", include_final=False)


async def test_lists_newest_first_and_known_ids_forget_nothing(store: Store) -> None:
    rows = [instance(f"n{number}") for number in range(3)]
    await put(store, *rows)
    async with store.write() as transaction:
        await transaction.instances.update(rows[1], state=InstanceState.FAILED, ended_at=START)
    async with store.read() as transaction:
        assert [row.name for row in await transaction.instances.list()] == ["n2", "n0"]
        assert [row.name for row in await transaction.instances.list(include_final=True, limit=2)] == ["n2", "n1"]
        for moment, names in ((START, ["n2", "n1", "n0"]), (START + timedelta(seconds=1), ["n2", "n0"])):
            assert [row.name for row in await transaction.instances.list(ended_since=moment)] == names
        assert await transaction.instances.known_ids() == {row.id for row in rows}


async def test_attempts_keep_their_order_and_their_token_is_unique(store: Store) -> None:
    row = instance("alpha")
    attempts = [
        LaunchAttempt(
            id=f"a{number}",
            instance_id=row.id,
            number=number,
            zone=None,
            subnet_id=None,
            client_token=f"t{number}",
            state=AttemptState.WRITTEN,
            written_at=START,
        )
        for number in (1, 2)
    ]
    await put(store, row)
    async with store.write() as transaction:
        for attempt in reversed(attempts):
            await transaction.attempts.insert(attempt)
        done = await transaction.attempts.update(attempts[0], state=AttemptState.ACCEPTED, ended_at=START)
        assert await transaction.attempts.list(row.id) == [done, attempts[1]]
    for stale in (attempts[0],):
        with pytest.raises(Conflict):
            async with store.write() as transaction:
                await transaction.attempts.update(stale, state=AttemptState.ABSENT)
    with pytest.raises(Conflict):
        async with store.write() as transaction:
            await transaction.attempts.insert(replace(attempts[0], id="a3", number=3))


async def test_events_stand_in_the_order_of_their_commits(store: Store) -> None:
    def event(name: str) -> Event:
        return Event(
            id=new_id(START),
            at=START,
            actor="ann@box",
            kind="instance.launched",
            subject_kind="instance",
            subject_id=f"id-{name}",
            subject_name=name,
            message=f"{name} was launched",
            before={"state": "requested"},
            after={"state": "launching", "wörd": "“q”"},
        )

    first, second, third = event("a"), event("b"), event("a")
    for one in (first, second, third):
        async with store.write() as transaction:
            await transaction.events.append(one)
    async with store.read() as transaction:
        assert await transaction.events.list() == [third, second, first]
        assert await transaction.events.list(limit=1) == [third]
        assert await transaction.events.list(after_id=first.id) == [second, third]
        assert await transaction.events.list(wanted=EventFilter(subject="a")) == [third, first]
        assert await transaction.events.list(wanted=EventFilter(subject="id-b")) == [second]


async def test_the_feed_has_one_line_for_each_row_of_a_transaction(store: Store) -> None:
    row = instance("alpha")
    async with store.write() as transaction:
        await transaction.instances.insert(row)
        row = await transaction.instances.update(row, zone="z")
        await transaction.settings.set("theme", "dark", by="ann@box")
    async with store.read() as transaction:
        lines = await transaction.changes.since(0)
        assert [(line.number, line.table, line.row_id) for line in lines] == [
            (1, "instances", row.id),
            (2, "settings", "theme"),
        ]

    async def clash() -> None:
        async with store.write() as transaction:
            await transaction.settings.set("theme", "light", by="ann@box")
            await transaction.instances.insert(replace(row, id="other"))

    with pytest.raises(Conflict):
        await clash()
    assert await store.latest_change() == 2, "what was rolled back is not in the feed"
    async with store.write() as transaction:
        await transaction.instances.update(row, zone="y")
        assert await transaction.changes.latest() == 3, "the number is known inside the transaction"
    async with store.write() as transaction:
        await transaction.changes.prune(keep=1)
        assert await transaction.changes.oldest() == 3
        assert await transaction.changes.latest() == 3


async def test_renewing_a_lease_is_no_change(store: Store) -> None:
    work = job()
    async with store.write() as transaction:
        await transaction.jobs.insert(work)
        claimed = await transaction.jobs.claim(work.id, "one", START)
        lease = await transaction.leases.acquire("reconcile", "one", 30, START)
    before = await store.latest_change()
    assert claimed is not None
    assert lease is not None
    async with store.write() as transaction:
        await transaction.jobs.hold(claimed, START)
        await transaction.leases.hold(lease, 30, START)
    assert await store.latest_change() == before


async def test_settings_credentials_and_secrets(store: Store) -> None:
    credential = Credential(id="aws:vault:x", cloud="aws", name="x", method="vault", checked_at=START)
    async with store.write() as transaction:
        await transaction.settings.set("a", "1", by="ann@box")
        await transaction.settings.set("a", "2", by="bob@box")
        await transaction.credentials.upsert(credential)
        await transaction.credentials.upsert(replace(credential, account_id="1"))
        await transaction.secrets.put("x", b"one")
        await transaction.secrets.put("x", b"two")
    async with store.write() as transaction:
        assert await transaction.settings.all() == {"a": "2"}
        assert await transaction.settings.get("b") is None
        assert await transaction.credentials.list() == [replace(credential, account_id="1")]
        assert await transaction.secrets.get("x") == b"two"
        assert await transaction.secrets.names() == ["x"]
        assert await transaction.secrets.remove("x")
        assert not await transaction.secrets.remove("x")
        assert await transaction.secrets.get("x") is None
        assert await transaction.credentials.remove(credential.id)
        with pytest.raises(NotFound):
            await transaction.credentials.get(credential.id)
        assert await transaction.settings.remove("a")


def sighting(remote_id: str) -> Sighting:
    return Sighting(
        cloud="aws",
        account_id="1",
        region="eu-west-1",
        remote_id=remote_id,
        ownership=Ownership.FOREIGN,
        credential_id="aws:default",
        store_id="other",
        owner="bob",
        name="theirs",
        instance_type="g5.xlarge",
        market=Market.ON_DEMAND,
        state=RemoteState.RUNNING,
        zone=None,
        launched_at=START,
        expires_at="none",
        price_usd_per_hour="1.0060",
        first_seen_at=START,
        last_seen_at=START,
    )


async def test_sightings_keep_their_first_moment_and_are_forgotten_by_place(store: Store) -> None:
    one, two, elsewhere = sighting("i-1"), sighting("i-2"), replace(sighting("i-1"), region="us-east-1")
    async with store.write() as transaction:
        for seen in (one, two, elsewhere):
            await transaction.sightings.record(seen)
    before = await store.latest_change()
    later = replace(one, first_seen_at=START + timedelta(hours=1), last_seen_at=START + timedelta(hours=1))
    async with store.write() as transaction:
        await transaction.sightings.record(later)
    assert await store.latest_change() == before, "seen again just as it was is no news"
    async with store.write() as transaction:
        await transaction.sightings.record(replace(later, state=RemoteState.TERMINATED))
        kept = await transaction.sightings.by_remote_id("i-1")
        assert {(found.region, found.first_seen_at) for found in kept} == {("eu-west-1", START), ("us-east-1", START)}
        await transaction.sightings.keep_only("aws", "1", "eu-west-1", {"i-2"})
        assert {(found.region, found.remote_id) for found in await transaction.sightings.list()} == {
            ("eu-west-1", "i-2"),
            ("us-east-1", "i-1"),
        }
    assert await store.latest_change() == before + 1, "changed and forgotten in one transaction is one line"
