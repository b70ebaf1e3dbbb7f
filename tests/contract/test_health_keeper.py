"""The agent's watch over the health of connections: when it looks, what it writes down, and what follows from it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.agent import health_keeper
from aicompute_tui.agent.health_keeper import HealthKeeper
from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.health import HealthReport, HealthSample, HealthState, TargetKind
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.server import ModelServer
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.services import health_checks
from aicompute_tui.services.context import Actor, Context
from aicompute_tui.services.health import Target
from aicompute_tui.services.health_checks import prepared
from aicompute_tui.services.keyed_rows import CONNECTIONS
from aicompute_tui.services.servers import new_server
from tests.contract.llm_servers import KEY, LlmServer, Reply, llm_server
from tests.contract.server_standins import stand_in, vllm, vllm_page
from tests.moved_clock import MovedClock
from tests.unit.fake_cloud import Bench, bench
from tests.waiting import until

pytestmark = pytest.mark.asyncio
LIST = {"data": [{"id": "tiny"}]}


@dataclass
class Health:
    """A store with connections, and keepers that look each tenth of a second."""

    bench: Bench
    context: Context

    async def _make(self, _actor: Actor | None) -> Context:
        return self.context

    @asynccontextmanager
    async def kept(self, host_id: str = "box") -> AsyncIterator[HealthKeeper]:
        keeper = HealthKeeper(self._make, self.context.clock, host_id)
        running = asyncio.create_task(keeper.run())
        try:
            yield keeper
        finally:
            keeper.leave()
            await running

    async def add(self, name: str, url: str, **fields: object) -> Connection:
        now = self.context.clock.now()
        made = Connection(
            id=new_id(now),
            owner="ada",
            created_by="ada",
            name=name,
            kind=str(fields.pop("kind", "openai-compatible")),
            base_url=f"{url}/v1",
            created_at=now,
        )
        made = replace(made, **fields)  # type: ignore[arg-type]
        async with self.context.store.write() as transaction:
            if made.secret_id is not None:
                token = await self.context.clouds.seal(KEY)
                await transaction.secrets.put(made.secret_id, token, by="ada")
            await transaction.connections.insert(made)
        return made

    async def change(self, seen: Connection, **fields: object) -> Connection:
        async with self.context.store.write() as transaction:
            return await transaction.connections.update(seen, replace(seen, **fields))  # type: ignore[arg-type]

    async def report(self, connection: Connection) -> HealthReport | None:
        async with self.context.store.read() as transaction:
            return await transaction.health_reports.get(connection.id)

    async def state(self, connection: Connection) -> HealthState | None:
        report = await self.report(connection)
        return None if report is None else report.state

    async def reaches(self, connection: Connection, state: HealthState | None) -> None:
        async def is_there() -> bool:
            return await self.state(connection) is state

        await until(is_there, f"{connection.name} is {state}")

    async def samples(self, connection: Connection) -> list[HealthSample]:
        since = self.context.clock.now() - timedelta(hours=1)
        async with self.context.store.read() as transaction:
            return await transaction.health_samples.list(connection.id, since)

    async def events(self) -> list[Event]:
        """Oldest first."""
        async with self.context.store.read() as transaction:
            return list(reversed(await transaction.events.list()))


@pytest_asyncio.fixture
async def health(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Health]:
    monkeypatch.setattr(health_keeper, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(health_keeper, "WRITE_SECONDS", 0.1)
    monkeypatch.setattr(health_keeper, "_ASK_SECONDS", 0.05)
    async with bench(tmp_path) as made:
        made.preferences.values["health_interval_seconds"] = "0.1"
        yield Health(made, replace(made.context, clock=SystemClock()))


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with llm_server() as made:
        made.json("/v1/models", LIST)
        yield made


@pytest.fixture
def other_server() -> Iterator[LlmServer]:
    """What shows that looks go on."""
    with llm_server() as made:
        made.json("/v1/models", LIST)
        yield made


async def test_what_is_in_use_is_looked_at_and_its_history_kept(health: Health, server: LlmServer) -> None:
    box = await health.add("box", server.url, secret_id=CONNECTIONS.secret_name("box"))
    async with health.kept():
        await health.reaches(box, HealthState.UP)
        late = await health.add("late", server.url)
        await health.reaches(late, HealthState.UP)
        await until(lambda: len(server.asked) >= 8, "eight looks")
    report, samples = await health.report(box), await health.samples(box)
    assert report is not None
    assert 0 < (report.latency_microseconds or 0) < 5_000_000
    assert len(samples) >= 3
    assert not any(each.failed_checks for each in samples)
    assert {each.path for each in server.asked} == {"/v1/models"}
    assert await health.events() == []


async def test_it_goes_down_after_three_failures_and_is_told_of_once_each_way(
    health: Health, server: LlmServer
) -> None:
    box = await health.add("box", server.url)
    async with health.kept():
        await health.reaches(box, HealthState.UP)
        server.replies["/v1/models"] = Reply(500, (b'{"error": {"message": "out of memory"}}',))
        await health.reaches(box, HealthState.DOWN)
        down = await health.report(box)
        server.json("/v1/models", LIST)
        await health.reaches(box, HealthState.UP)
    assert down is not None
    assert (down.problem_kind, down.problem) == ("BadAnswer", "“box” failed with 500.")
    assert "out of memory" in down.next_step
    events = await health.events()
    assert [(each.kind, each.level, each.subject_name) for each in events] == [
        ("connection.down", "warning", "box"),
        ("connection.up", "info", "box"),
    ]
    samples = await health.samples(box)
    assert sum(each.failed_checks for each in samples) >= 3


async def test_what_is_not_in_use_is_asked_nothing_and_has_no_state(
    health: Health, server: LlmServer, other_server: LlmServer
) -> None:
    await health.add("other", other_server.url)
    idle = await health.add("idle", server.url, is_active=False)
    box = await health.add("box", server.url)
    async with health.kept():
        await health.reaches(box, HealthState.UP)
        await health.change(box, is_active=False)
        await health.reaches(box, None)
        asked, others_asked = len(server.asked), len(other_server.asked)
        await until(lambda: len(other_server.asked) >= others_asked + 6, "the other is looked at on and on")
        assert len(server.asked) <= asked + 1, "at most what was under way"
    assert await health.state(idle) is None


async def test_a_changed_address_counts_at_once(health: Health, server: LlmServer) -> None:
    health.bench.preferences.values["health_interval_seconds"] = "600"
    box = await health.add("box", "http://127.0.0.1:1")
    async with health.kept():
        await until(lambda: health.report(box), "a first look")
        await health.change(box, base_url=f"{server.url}/v1")
        await health.reaches(box, HealthState.UP)


async def test_what_is_in_use_is_looked_at_also_where_the_first_attempt_failed(
    health: Health, server: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow, failures = HealthKeeper._follow, iter([Unreachable("The database is busy."), OSError("no such file")])

    async def failing(keeper: HealthKeeper, context: Context) -> None:
        for failure in failures:
            raise failure
        await follow(keeper, context)

    monkeypatch.setattr(HealthKeeper, "_follow", failing)
    box = await health.add("box", server.url)
    keeper = HealthKeeper(health._make, health.context.clock, "box")
    with pytest.raises(OSError, match="no such file"):
        await keeper.run()
    running = asyncio.create_task(keeper.run())
    await health.reaches(box, HealthState.UP)
    keeper.leave()
    await running


async def test_those_that_stall_delay_no_other(
    health: Health, server: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda least, most: least)
    with llm_server() as stalling:
        stalling.stream("/v1/models", b" ", stalls=True)
        for number in range(30):
            await health.add(f"stalls{number}", stalling.url)
        box = await health.add("box", server.url)
        monkeypatch.setattr(health_checks, "ANSWER_SECONDS", 60.0)
        began = time.monotonic()
        async with health.kept():
            await health.reaches(box, HealthState.UP)
            asked = len(server.asked)
            await until(lambda: len(server.asked) >= asked + 5, "it is looked at on and on")
            assert time.monotonic() - began < 20


async def test_one_that_wants_fewer_requests_is_left_alone_for_so_long(
    health: Health, server: LlmServer, other_server: LlmServer
) -> None:
    await health.add("other", other_server.url)
    server.json("/v1/models", {"error": {"message": "slow down"}}, 429, Retry_After="3600")
    box = await health.add("box", server.url)
    async with health.kept():
        await health.reaches(box, HealthState.DEGRADED)
        others_asked = len(other_server.asked)
        await until(lambda: len(other_server.asked) >= others_asked + 6, "the other is looked at on and on")
        assert len(server.asked) == 1
    report = await health.report(box)
    assert report is not None
    assert (report.problem_kind, report.failures) == ("RateLimited", 0)


async def test_what_is_down_is_not_up_because_a_proxy_answers_for_it(health: Health, server: LlmServer) -> None:
    server.replies["/v1/models"] = Reply(500)
    box = await health.add("box", server.url)
    async with health.kept():
        await health.reaches(box, HealthState.DOWN)
        server.replies["/v1/models"] = Reply(503, (b"<html>no backend</html>",), (("Retry-After", "1"),))
        asked = len(server.asked)
        await until(lambda: len(server.asked) >= asked + 6, "six more looks")
        assert await health.state(box) is HealthState.DOWN
        loading = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
        server.json("/v1/models", loading, 503)
        await health.reaches(box, HealthState.DEGRADED)
    report = await health.report(box)
    assert report is not None
    assert (report.problem, report.failures) == ("“box” is not ready: “Loading model”.", 0)
    assert [each.kind for each in await health.events()] == ["connection.down", "connection.up"]


async def test_a_key_goes_to_its_own_server_alone(health: Health, server: LlmServer) -> None:
    with llm_server() as other:
        other.json("/v1/models", LIST)
        moved = (("Location", f"{other.url}/v1/models"), ("Content-Type", "text/plain"))
        server.replies["/v1/models"] = Reply(307, (b"",), moved)
        box = await health.add("box", server.url, secret_id=CONNECTIONS.secret_name("box"))
        open_one = await health.add("open", other.url)
        async with health.kept():
            await health.reaches(box, HealthState.DOWN)
            await health.reaches(open_one, HealthState.UP)
        assert all(each.headers["authorization"] == f"Bearer {KEY}" for each in server.asked)
        assert not any("authorization" in each.headers for each in other.asked)


async def test_a_key_that_cannot_be_opened_is_told_as_what_is_wrong(health: Health, server: LlmServer) -> None:
    box = await health.add("box", server.url, secret_id=CONNECTIONS.secret_name("box"))
    async with health.context.store.write() as transaction:
        await transaction.secrets.remove(CONNECTIONS.secret_name("box"))
    async with health.kept():
        await health.reaches(box, HealthState.DOWN)
    report = await health.report(box)
    assert report is not None
    assert report.problem == "The key of “box” is not in the vault."
    assert server.asked == []


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(200, (b"<html>proxy</html>",)), "sent no JSON"),
        (Reply(200, (b'{"error": {"message": "no", "code": 401}}',)), "wants a key, and none is kept"),
        (Reply(200, (b'{"else": 1}',)), "gave no list of models"),
        (Reply(200, (b'{"data": [', b'"cut'), is_cut=True), "sent no proper HTTP"),
        (Reply(401, (b'{"error": "Unauthorized"}',)), "wants a key, and none is kept"),
        (Reply(404, (b"{}",)), "Nothing answers at"),
        (Reply(503, (b"<html>Service Unavailable</html>",)), "“box” failed with 503."),
        (Reply(503, (b'{"error": {"code": 503, "message": "engine is dead"}}',)), "“box” failed with 503."),
        (Reply(200, (b'{"error": {"code": 503, "message": "no upstream"}}',)), "“box” failed with 503."),
    ],
)
async def test_an_answer_that_is_none_has_failed(health: Health, server: LlmServer, reply: Reply, problem: str) -> None:
    server.replies["/v1/models"] = reply
    box = await health.add("box", server.url)
    async with health.kept():
        await health.reaches(box, HealthState.DOWN)
    report = await health.report(box)
    assert report is not None
    assert problem in report.problem


async def test_ten_thousand_models_are_an_answer(health: Health, server: LlmServer) -> None:
    server.json("/v1/models", {"data": [{"id": f"model-{number:060}"} for number in range(10_000)]})
    box = await health.add("box", server.url)
    async with health.kept():
        await health.reaches(box, HealthState.UP)


async def test_of_two_agents_one_looks_and_the_other_goes_on_after_it(health: Health, server: LlmServer) -> None:
    box = await health.add("box", server.url)
    async with health.kept("one") as first:
        await health.reaches(box, HealthState.UP)
        async with health.kept("two") as second:
            asked = len(server.asked)
            await until(lambda: len(server.asked) >= asked + 5, "it is looked at")
            assert (len(first._watched), len(second._watched)) == (1, 0)
            first.leave()
            await until(lambda: second._watched, "the other one takes over")


async def test_it_is_held_back_after_so_many_failures_and_put_back_by_recovery(
    health: Health, server: LlmServer
) -> None:
    health.bench.preferences.values["health_deactivate_after"] = "4"
    server.replies["/v1/models"] = Reply(500)
    box = await health.add("box", server.url)

    async def is_held_back() -> bool:
        report = await health.report(box)
        return report is not None and report.is_held_back

    async def is_in_use() -> bool:
        return not await is_held_back()

    async with health.kept():
        await until(is_held_back, "it is held back")
        server.json("/v1/models", LIST)
        await until(is_in_use, "it is put back")
    assert [each.kind for each in await health.events()] == [
        "connection.down",
        "connection.deactivated",
        "connection.up",
        "connection.activated",
    ]


async def test_a_thousand_checks_are_few_transactions(health: Health, server: LlmServer) -> None:
    del server
    from aicompute_tui.domain.health import Check
    from aicompute_tui.services.health import Look, active_targets, take_looks

    for number in range(300):
        await health.add(f"box{number}", "http://127.0.0.1:9")
    async with health.context.store.read() as transaction:
        targets = await active_targets(transaction)
    now = health.context.clock.now()
    seen = [(target, Look(Check(at=now, latency_microseconds=5))) for target in targets]
    before = await health.context.store.latest_change()
    async with health.context.store.write() as transaction:
        await take_looks(health.context, transaction, seen)
    first = await health.context.store.latest_change()
    async with health.context.store.write() as transaction:
        later = Look(Check(at=now + timedelta(seconds=30), latency_microseconds=6))
        await take_looks(health.context, transaction, [(target, later) for target in targets])
    assert (first - before, await health.context.store.latest_change() - first) == (300, 0)


async def test_servers_are_looked_at_with_their_figures(health: Health) -> None:
    with llm_server() as vllm:
        vllm.replies["/health"] = Reply(200)
        vllm.json("/v1/models", {"data": [{"id": "tiny", "max_model_len": 4096}]})
        vllm.json("/version", {"version": "0.33.0"})
        vllm.replies["/metrics"] = Reply(200, (b"vllm:num_requests_running 3\n",), (("Content-Type", "text/plain"),))
        now = health.context.clock.now()
        box = ModelServer(
            id=new_id(now),
            owner="ada",
            created_by="ada",
            name="gpu1",
            kind=ServerKind.VLLM,
            base_url=vllm.url,
            created_at=now,
        )
        async with health.context.store.write() as transaction:
            await transaction.servers.insert(box)

        async def state() -> HealthState | None:
            async with health.context.store.read() as transaction:
                report = await transaction.health_reports.get(box.id)
            return None if report is None else report.state

        async def is_up() -> bool:
            return await state() is HealthState.UP

        async def is_down() -> bool:
            return await state() is HealthState.DOWN

        async with health.kept():
            await until(is_up, "it is up")
            async with health.context.store.read() as transaction:
                report = (await transaction.server_reports.list())[box.id]
            assert (report.facts.version, report.figures.requests_running) == ("0.33.0", 3)
            vllm.replies["/health"] = Reply(500)
            await until(is_down, "it is down")
    assert ("server.down", "gpu1") in [(each.kind, each.subject_name) for each in await health.events()]


@pytest.mark.parametrize("minutes", [5, -5])
async def test_rates_are_those_of_the_time_that_went_by_whatever_the_clock_says(health: Health, minutes: int) -> None:
    clock = MovedClock()
    context = replace(health.context, clock=clock)
    with stand_in() as server:
        vllm(server)
        box = new_server(context, name="gpu", kind=ServerKind.VLLM, base_url=server.url)
        look = await prepared(context, Target(TargetKind.SERVER, box))
        assert await look()
        clock.advance(60 * minutes)
        server.text("/metrics", vllm_page(61_000, 20, 9.0))
        seen = await look()
    assert seen.reading is not None
    assert seen.reading.figures.tokens_per_second is not None
    assert seen.reading.figures.tokens_per_second > 60_000 / 100
    assert seen.reading.figures.first_token_seconds == 0.4
