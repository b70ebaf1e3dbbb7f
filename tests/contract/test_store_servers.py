"""Servers in the store: names, what was read of them, and history that grows coarser without gaps or doubles."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import Conflict, InvalidInput, NotFound, Unreachable
from aicompute_tui.domain.server import (
    ModelServer,
    ModelState,
    ServerCounters,
    ServerFacts,
    ServerFigures,
    ServerModel,
    ServerOptions,
    ServerReading,
    ServerReport,
    ServerSample,
)
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.services.server_readings import take_readings
from aicompute_tui.store.database import Store
from tests.contract.store_world import START, opened

MODEL = ServerModel(id="org/m", state=ModelState.LOADED, size_bytes=5, memory_bytes=4, quantisation="Q4")


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "aic-tui.db") as opened_store:
        yield opened_store


async def added(store: Store, server_id: str = "01990001", name: str = "box") -> ModelServer:
    made = ModelServer(
        id=server_id,
        owner="ann",
        created_by="ann@box",
        name=name,
        kind=ServerKind.LLAMACPP_ROUTER,
        base_url="http://box:8000",
        options=ServerOptions(timeout_seconds=3, expected_status=404),
        tags=("lab",),
        created_at=START,
    )
    async with store.write() as transaction:
        await transaction.servers.insert(made)
    return made


def reading(server: ModelServer, at: datetime, *, facts: ServerFacts | None = None, **figures: float) -> ServerReading:
    return ServerReading(
        server_id=server.id,
        read_at=at,
        facts=facts,
        figures=ServerFigures(**figures),
        counters=ServerCounters(tokens=9),
    )


async def take(store: Store, *readings: ServerReading) -> dict[str, ServerReport]:
    async with store.write() as transaction:
        return await take_readings(transaction, readings)


@pytest.mark.asyncio
async def test_a_server_is_found_by_name_and_id_and_changed_once(store: Store) -> None:
    server = await added(store)
    async with store.read() as transaction:
        assert await transaction.servers.list() == [server]
        assert await transaction.servers.find("box") == await transaction.servers.find("0199") == server
        with pytest.raises(NotFound):
            await transaction.servers.find("other")
    async with store.write() as transaction:
        written = await transaction.servers.update(server, replace(server, is_active=False))
        assert (written.version, written.is_active) == (2, False)
        with pytest.raises(Conflict):
            await transaction.servers.update(server, server)
    with pytest.raises(Conflict, match="already"):
        await added(store, "01990002")
    await added(store, "01990002", "rack")
    async with store.read() as transaction:
        with pytest.raises(InvalidInput):
            await transaction.servers.find("0199")


@pytest.mark.asyncio
async def test_a_report_keeps_models_over_looks_that_did_not_ask_for_them(store: Store) -> None:
    server = await added(store)
    facts = ServerFacts(version="1", models=(MODEL,))
    await take(store, reading(server, START, facts=facts, requests_running=2))
    later = START + timedelta(seconds=30)
    given = await take(store, reading(server, later, cache_share=0.5))
    async with store.read() as transaction:
        kept = await transaction.server_reports.list()
    assert kept == given
    report = kept[server.id]
    assert (report.facts, report.facts_at, report.read_at) == (facts, START, later)
    assert (report.figures, report.counters.tokens) == (ServerFigures(cache_share=0.5), 9)
    down = ServerReading(server_id=server.id, read_at=later + timedelta(seconds=30), problem=Unreachable("no"))
    report = (await take(store, down))[server.id]
    assert (report.facts, report.read_at, report.figures) == (facts, later, ServerFigures())


@pytest.mark.asyncio
async def test_figures_are_no_news_and_models_are(store: Store) -> None:
    server = await added(store)
    await take(store, reading(server, START, facts=ServerFacts(models=(MODEL,))))
    at = await store.latest_change()
    await take(store, reading(server, START + timedelta(seconds=30), requests_running=9))
    assert await store.latest_change() == at
    await take(store, reading(server, START + timedelta(seconds=60), facts=ServerFacts()))
    async with store.read() as transaction:
        changes = await transaction.changes.since(at)
    assert [(each.table, each.row_id) for each in changes] == [("server_reports", server.id)]


@pytest.mark.asyncio
async def test_of_a_server_that_was_removed_meanwhile_nothing_is_kept(store: Store) -> None:
    server = await added(store)
    await take(store, reading(server, START, requests_running=1))
    async with store.write() as transaction:
        await transaction.servers.remove(server.id)
    await take(store, reading(server, START + timedelta(seconds=30)))
    async with store.read() as transaction:
        assert await transaction.server_reports.list() == {}
        assert await transaction.server_samples.list(server.id, START) == []


@pytest.mark.asyncio
async def test_a_server_without_figures_makes_no_samples(store: Store) -> None:
    server = await added(store)
    await take(store, reading(server, START))
    async with store.read() as transaction:
        assert await transaction.server_samples.list(server.id, START) == []


@pytest.mark.asyncio
async def test_history_grows_coarser_without_gaps_or_doubles(store: Store) -> None:
    server = await added(store)
    begin = START - timedelta(days=40)
    moments = [begin + timedelta(seconds=30 * number) for number in range(240)]
    await take(store, *(reading(server, at, requests_running=float(number)) for number, at in enumerate(moments)))

    async def spans(now: datetime) -> dict[int, list[ServerSample]]:
        async with store.write() as transaction:
            await transaction.server_samples.thin_out(now)
        async with store.read() as transaction:
            found = {}
            for span in (30, 300, 3600):
                rows = await transaction.server_samples.list(server.id, begin - timedelta(hours=1), span)
                found[span] = [each for each in rows if each.span_seconds == span]
            return found

    halfway = await spans(moments[0] + timedelta(hours=25, seconds=47 * 60))
    raw = halfway[30]
    assert 0 < len(raw) < 240, "some are older than a day, some are not"
    assert (raw[0].at - begin).total_seconds() % 300 == 0, "no bucket is torn in two"
    assert len(halfway[300]) == 24, "merged ones, and younger ones merged as they are read"
    assert [each.requests_running for each in halfway[300]] == [10 * bucket + 4.5 for bucket in range(24)]
    final = await spans(START)
    assert (final[30], len(final[3600])) == ([], 3)
    total = sum(each.requests_running or 0 for each in final[3600])
    assert total > 0
    assert (await spans(START + timedelta(days=400)))[3600] == []


@pytest.mark.asyncio
async def test_what_is_unknown_stays_unknown_when_it_is_merged(store: Store) -> None:
    server = await added(store)
    for number, value in enumerate((4.0, None, 8.0)):
        figures = ServerFigures(requests_running=1.0, cache_share=value)
        seen = reading(server, START + timedelta(seconds=30 * number))
        await take(store, replace(seen, figures=figures))
    async with store.read() as transaction:
        (merged,) = await transaction.server_samples.list(server.id, START - timedelta(hours=1), 300)
    assert (merged.cache_share, merged.first_token_seconds) == (6.0, None)


@pytest.mark.asyncio
async def test_an_hour_that_is_thinned_out_in_part_is_still_told_whole(store: Store) -> None:
    server = await added(store)
    hour = START.replace(minute=0, second=0, microsecond=0)
    moments = [hour + timedelta(seconds=30 * number) for number in range(120)]
    await take(store, *(reading(server, at, requests_running=float(number >= 60)) for number, at in enumerate(moments)))
    async with store.write() as transaction:
        assert await transaction.server_samples.thin_out(hour + timedelta(hours=24, minutes=30)) == 60
    async with store.read() as transaction:
        (whole,) = await transaction.server_samples.list(server.id, hour, 3600)
    assert (whole.at, whole.requests_running) == (hour, 0.5)
