"""How targets answer, as the store keeps it: what is news, what is thinned out, and figures over a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.health import HealthReport, HealthSample, HealthState, TargetKind
from aicompute_tui.store.database import Store
from tests.contract.store_world import START, opened

pytestmark = pytest.mark.asyncio
REPORT = HealthReport(
    target_id="one",
    target_kind=TargetKind.SERVER,
    state=HealthState.UP,
    since=START,
    checked_at=START,
    latency_microseconds=4_200,
    successes=3,
)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest_asyncio.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(tmp_path / "aic-tui.db") as opened_store:
        yield opened_store


def sample(at: datetime, latency: int | None, target: str = "one") -> HealthSample:
    failed = int(latency is None)
    return HealthSample(
        target_id=target,
        span_seconds=30,
        at=at,
        checks=1,
        failed_checks=failed,
        latency_microseconds=latency,
        slowest_microseconds=latency,
    )


async def put(store: Store, *reports: HealthReport) -> list[str]:
    """What the change feed told of it."""
    before = await store.latest_change()
    async with store.write() as transaction:
        await transaction.health_reports.put(reports)
    async with store.read() as transaction:
        return [each.row_id for each in await transaction.changes.since(before)]


async def test_reports_come_back_as_they_were_given(store: Store) -> None:
    down = replace(REPORT, target_id="two", state=HealthState.DOWN, problem="gone", is_held_back=True)
    await put(store, REPORT, down)
    async with store.read() as transaction:
        assert await transaction.health_reports.get("one") == REPORT
        assert await transaction.health_reports.list() == {"one": REPORT, "two": down}
        assert await transaction.health_reports.list(["two", "three"]) == {"two": down}


async def test_only_what_a_person_would_notice_is_news(store: Store) -> None:
    await put(store, REPORT)
    later = replace(REPORT, checked_at=START + HOUR, latency_microseconds=9, successes=4)
    assert await put(store, later) == []
    async with store.read() as transaction:
        assert await transaction.health_reports.get("one") == later
    assert await put(store, replace(later, problem="slow")) == ["one"]
    assert await put(store, replace(later, problem="slow", state=HealthState.DEGRADED)) == ["one"]
    assert await put(store, replace(later, is_held_back=True)) == ["one"]


async def test_reports_of_what_is_gone_are_forgotten(store: Store) -> None:
    await put(store, REPORT, replace(REPORT, target_id="two"))
    async with store.write() as transaction:
        assert await transaction.health_reports.keep(["one"]) == 1
    async with store.read() as transaction:
        assert list(await transaction.health_reports.list()) == ["one"]


async def test_a_thousand_reports_are_one_write(store: Store) -> None:
    many = [replace(REPORT, target_id=f"t{number}") for number in range(1_200)]
    await put(store, *many)
    assert await put(store, *(replace(each, latency_microseconds=1) for each in many)) == []
    async with store.read() as transaction:
        found = await transaction.health_reports.list(each.target_id for each in many)
    assert {each.latency_microseconds for each in found.values()} == {1}
    assert len(found) == 1_200


async def test_samples_are_thinned_out_and_not_lost(store: Store) -> None:
    old = START - 2 * DAY
    checks = [sample(old + timedelta(seconds=30 * step), 1_000 * (step + 1)) for step in range(3)]
    checks += [sample(old + timedelta(seconds=90), None), sample(START - HOUR, 7_000)]
    async with store.write() as transaction:
        await transaction.health_samples.append(checks)
        await transaction.health_samples.append(checks[:1])
        assert await transaction.health_samples.thin_out(START) == 4
    async with store.read() as transaction:
        merged = await transaction.health_samples.list("one", old - HOUR, 300)
        assert await transaction.health_samples.list("one", old) == checks[-1:]
        uptime = await transaction.health_samples.uptimes(["one"], old - HOUR, START)
    assert [(each.checks, each.failed_checks) for each in merged] == [(4, 1)]
    assert (merged[0].latency_microseconds, merged[0].slowest_microseconds) == (2_000, 3_000)
    assert uptime["one"].percent == pytest.approx(80.0)
    assert uptime["one"].first_at == merged[0].at
    async with store.write() as transaction:
        await transaction.health_samples.thin_out(START + timedelta(days=40))
        assert [each.checks for each in await transaction.health_samples.list("one", old - HOUR, 3600)] == [4, 1]
        await transaction.health_samples.thin_out(START + timedelta(days=500))
        assert await transaction.health_samples.uptimes(["one"], old - HOUR, START) == {}


async def test_no_check_is_lost_where_a_stretch_is_old_only_in_part(store: Store) -> None:
    old = START.replace(minute=0, second=0, microsecond=0) - 32 * DAY
    checks = [replace(sample(old + timedelta(minutes=5 * step), 1_000), span_seconds=300) for step in range(12)]
    async with store.write() as transaction:
        await transaction.health_samples.append(checks)
        for minutes in (32, 65, 92, 130):
            await transaction.health_samples.thin_out(old + 30 * DAY + timedelta(minutes=minutes))
    async with store.read() as transaction:
        assert [each.checks for each in await transaction.health_samples.list("one", old - HOUR, 3600)] == [12]
        assert await transaction.health_samples.list("one", old - HOUR, 300) == []


async def test_latencies_are_those_that_so_many_answers_did_not_exceed(store: Store) -> None:
    async with store.write() as transaction:
        await transaction.health_samples.append(
            sample(START - timedelta(seconds=30 * step), (step + 1) * 1_000) for step in range(100)
        )
        await transaction.health_samples.append([sample(START - HOUR, None), sample(START, 5, "two")])
    async with store.read() as transaction:
        found = await transaction.health_samples.latencies(["one", "two", "three"], START - DAY, START)
    assert found == {"one": (50_000, 95_000), "two": (5, 5)}


async def test_checks_that_were_merged_weigh_as_many_as_they_were(store: Store) -> None:
    """A fast month of five-minute stretches is not outvoted by one slow hour."""
    quick = replace(sample(START - 10 * DAY, 1_000), span_seconds=300, checks=12, failed_checks=2)
    slow = [sample(START - timedelta(seconds=30 * step), 9_000) for step in range(5)]
    async with store.write() as transaction:
        await transaction.health_samples.append([quick, *slow])
    async with store.read() as transaction:
        found = await transaction.health_samples.latencies(["one"], START - 30 * DAY, START)
    assert found == {"one": (1_000, 9_000)}


async def test_a_time_is_told_in_even_stretches(store: Store) -> None:
    begin = START.replace(minute=0, second=0, microsecond=0)
    checks = [sample(begin, 1_000), sample(begin + timedelta(seconds=60), 3_000), sample(begin + HOUR, None)]
    async with store.write() as transaction:
        await transaction.health_samples.append(checks)
    async with store.read() as transaction:
        found = await transaction.health_samples.stretches("one", begin, begin + HOUR, 300)
        none = await transaction.health_samples.stretches("one", begin - DAY, begin - HOUR, 300)
    assert [(each.at, each.checks, each.failed_checks, each.latency_microseconds) for each in found] == [
        (begin, 2, 0, 2_000),
        (begin + HOUR, 1, 1, None),
    ]
    assert none == []


async def test_what_a_wrong_clock_left_in_the_future_does_not_count(store: Store) -> None:
    async with store.write() as transaction:
        await transaction.health_samples.append([sample(START, 1_000), sample(START + 400 * DAY, None)])
    async with store.read() as transaction:
        assert (await transaction.health_samples.uptimes(["one"], START - DAY, START))["one"].percent == 100.0


async def test_samples_of_what_is_gone_are_forgotten(store: Store) -> None:
    async with store.write() as transaction:
        await transaction.health_samples.append([sample(START, 1), sample(START, 1, "two")])
        assert await transaction.health_samples.keep(["two"]) == 1
