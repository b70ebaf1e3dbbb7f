"""Hosts and containers through the handlers: added, listed, followed, changed, and what is said on bad days."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.agent.host_keeper import HostKeeper
from aicompute_tui.domain.container import ContainerState
from aicompute_tui.domain.errors import AicError, InvalidInput, NotFound, Refused
from aicompute_tui.domain.host import HostState
from tests.contract.container_world import House, closed, has_line, has_mark, lines_in, opened_house, until_told
from tests.contract.engines import RealEngine, engine, engines, lines_of, mortal_engine, two_engines
from tests.contract.host_world import soon
from tests.contract.ssh_world import free_port

__all__ = ["engine", "engines", "mortal_engine", "two_engines"]

pytestmark = pytest.mark.asyncio
DEADLINE_SECONDS = 60


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened_house(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def two(house: House, engines: tuple[RealEngine, RealEngine]) -> House:
    """With the hosts `a` and `b`."""
    first, second = engines
    await house.job("host.add", name="a", url=first.unix)
    await house.job("host.add", name="b", url=second.tcp)
    return house


async def test_a_host_is_added_tested_listed_and_removed(house: House, engine: RealEngine) -> None:
    added = await house.job("host.add", name="box", url=str(engine.socket))
    assert (added["state"], added["url"], added["engine_version"]) == ("up", engine.unix, engine.version)
    tested = await house.query("host.test", name="box")
    assert tested["ok"] is True
    verdicts = {check["name"]: check["verdict"] for check in tested["checks"]}
    assert verdicts["engine"] == "ok"
    assert verdicts["gpus"] == "ok"
    assert [row["name"] for row in await house.query("host.list") if row["state"] != "found"] == ["box"]
    with pytest.raises(AicError, match="already a host named"):
        await house.job("host.add", name="box", url=engine.tcp)
    await house.job("host.remove", name="box")
    assert [row for row in await house.query("host.list") if row["state"] != "found"] == []
    assert await house.events() == ["host.added", "host.removed"]


async def test_a_host_that_does_not_answer_is_kept_and_says_why(house: House) -> None:
    added = await house.job("host.add", name="gone", url=f"tcp://127.0.0.1:{free_port()}")
    assert (added["state"], added["problem_kind"]) == ("down", "Unreachable")
    tested = await house.query("host.test", name="gone")
    assert (tested["ok"], tested["checks"][0]["verdict"]) == (False, "failed")


async def test_the_doctor_says_how_each_host_answers(house: House, engine: RealEngine) -> None:
    await house.job("host.add", name="box", url=engine.unix)
    await house.job("host.add", name="gone", url=f"tcp://127.0.0.1:{free_port()}")
    told = {row["check"]: (row["verdict"], row["reason"]) for row in await house.query("doctor.run")}
    assert told["host box"] == ("ok", f"Docker {engine.version}, 0 of 0 run")
    assert told["host gone"][0] == "failed"


async def test_what_was_found_is_offered_and_added_by_its_name(tmp_path: Path, engine: RealEngine) -> None:
    async with opened_house(tmp_path, DOCKER_HOST=engine.unix) as house:
        offered = [row for row in await house.query("host.list") if row["name"] == "docker-host"]
        assert [(row["state"], row["url"], row["next_step"]) for row in offered] == [
            ("found", engine.unix, "aic-tui host add docker-host")
        ]
        assert (await house.job("host.add", name="docker-host"))["state"] == "up"
        assert [row["state"] for row in await house.query("host.list") if row["url"] == engine.unix] == ["up"]
        with pytest.raises(InvalidInput, match="was found by itself"):
            await house.job("host.add", name="nothing")


async def test_containers_of_all_hosts_stand_in_one_list_and_a_dead_host_delays_nobody(
    two: House, engines: tuple[RealEngine, RealEngine], mortal_engine: RealEngine
) -> None:
    first, second = engines
    first.run("web", lines_of([]))
    second.run("web", "exit 4")
    mortal_engine.run("lost", lines_of([]))
    await two.job("host.add", name="m", url=mortal_engine.tcp)
    mortal_engine.kill()
    began = time.monotonic()
    rows = await two.query("container.list")
    assert time.monotonic() - began < 10
    assert [(row["host"], row["name"], row["state"], row["host_state"]) for row in rows] == [
        ("a", "web", "running", "up"),
        ("b", "web", "exited", "up"),
        ("m", "lost", "running", "down"),
    ]
    assert rows[1]["exit_code"] == 4
    assert rows[2]["up_seconds"] is None
    assert rows[2]["seen_seconds_ago"] is not None
    with pytest.raises(InvalidInput, match="fits more than one container: a/web, b/web"):
        await two.query("container.show", name="web")
    assert (await two.query("container.show", name="b/web"))["exit_code"] == 4
    with pytest.raises(NotFound):
        await two.query("container.show", name="nope")


async def test_each_verb_does_what_it_says_and_answers_the_rows(two: House, engine: RealEngine) -> None:
    engine.run("one", lines_of([]))
    identity = engine.run("two", lines_of([]))
    rows = await two.job("container.stop", names=["one", identity[:8]], grace="1")
    assert [(row["name"], row["state"]) for row in rows] == [("one", "exited"), ("two", "exited")]
    assert [row["state"] for row in await two.job("container.start", names=["one", "two"])] == ["running"] * 2
    assert (await two.job("container.pause", names=["one"]))[0]["state"] == "paused"
    assert (await two.job("container.unpause", names=["one"]))[0]["state"] == "running"
    assert (await two.job("container.restart", names=["one"], grace="0"))[0]["up_seconds"] < 10
    assert (await two.job("container.kill", names=["one"]))[0]["exit_code"] == 137
    assert (await two.job("container.rename", name="one", new_name="uno"))["name"] == "uno"
    await two.job("container.remove", names=["uno", "two"])
    assert await two.containers() == []
    told = await two.events()
    assert told[2:] == [
        *("container.stopped", "container.stopped", "container.started", "container.started"),
        *("container.paused", "container.unpaused", "container.restarted", "container.killed"),
        *("container.renamed", "container.removed", "container.removed"),
    ]


async def test_what_could_not_be_done_is_said_of_each(two: House, engine: RealEngine) -> None:
    engine.run("one", lines_of([]))
    engine.run("two", lines_of([]))
    await two.job("container.pause", names=["one"])
    with pytest.raises(Refused, match=r"1 of 2 containers were paused\. .*one"):
        await two.job("container.pause", names=["one", "two"])
    assert engine.inspect("two")["State"]["Paused"]


async def test_a_command_runs_inside_and_the_environment_hides_its_secrets(two: House, engine: RealEngine) -> None:
    secret = "hf_" + "x" * 30
    engine.run("web", lines_of([]), "-e", f"HF_TOKEN={secret}", "-e", "PLAIN=yes", "-e", "API_KEY=abc")
    done = await two.query("container.exec", name="web", command=["sh", "-c", "echo $PLAIN; echo no >&2; exit 3"])
    assert (done["exit_code"], done["stdout"], done["stderr"]) == (3, "yes\n", "no\n")
    shown = await two.query("container.show", name="web")
    assert shown["environment"]["PLAIN"] == "yes"
    assert (shown["environment"]["HF_TOKEN"], shown["environment"]["API_KEY"]) == ("…", "…")
    assert secret not in str(shown)
    assert shown["processes"]


async def test_figures_come_for_several_until_they_are_enough(two: House, engines: tuple[RealEngine, ...]) -> None:
    for each in engines:
        each.run("web", lines_of([]))
    rows = [row async for row in two.stream("container.stats", names=["a/web", "b/web"], count="2")]
    assert sorted(str(row["host"]) for row in rows) == ["a", "a", "b", "b"]
    assert all(row["cpu_percent"] is not None for row in rows)
    engines[0].run("done", "true")
    await soon(lambda: engines[0].inspect("done")["State"]["Status"] == "exited")
    with pytest.raises(Refused, match="does not run"):
        await anext(two.stream("container.stats", names=["done"]))


async def test_logs_of_several_are_merged_by_time_with_their_streams(
    two: House, engines: tuple[RealEngine, ...]
) -> None:
    script = "for i in 1 2 3; do echo {0} $i; sleep 0.2; done; echo {0} err >&2; sleep 1000"
    for each in engines:
        each.run("web", script.format(each.name))
    await soon(lambda: all("err" in each.docker("logs", "web") + _errors(each) for each in engines))
    items = [item async for item in two.stream("container.logs", names=["a/web", "b/web"])]
    moments = [str(line)[:30] for item in items for line in item.get("lines") or []]  # type: ignore[union-attr]
    assert moments == sorted(moments)
    assert sorted(lines_in(items)) == sorted([f"{name} {each}" for name in "ab" for each in ("1", "2", "3", "err")])
    of_errors = [item for item in items if item.get("stream") == "stderr"]
    assert {(item["source"], *lines_in([item])) for item in of_errors} == {("a/web", "a err"), ("b/web", "b err")}
    assert [item["mark"] for item in items if "mark" in item] == ["end", "end"]


def _errors(each: RealEngine) -> str:
    import subprocess

    words = ["docker", "-H", each.unix, "logs", "web"]
    return subprocess.run(words, capture_output=True, check=True, text=True).stderr


async def test_lines_have_their_moments_only_where_somebody_wants_them(two: House, engine: RealEngine) -> None:
    engine.run("web", "echo 2026-01-01T00:00:00.000000000Z mine")
    await soon(lambda: engine.inspect("web")["State"]["Status"] == "exited")
    plain = [item async for item in two.stream("container.logs", names=["web"])]
    assert [(item["lines"], item["stamped"]) for item in plain if "lines" in item] == [
        (["2026-01-01T00:00:00.000000000Z mine"], False)
    ]
    stamped = [item async for item in two.stream("container.logs", names=["web"], timestamps=True)]
    assert lines_in(stamped) == ["2026-01-01T00:00:00.000000000Z mine"]


async def test_following_goes_on_over_the_containers_restart_and_ends_with_its_removal(
    two: House, engine: RealEngine
) -> None:
    engine.run("web", "echo begins; read stay", "-i")
    items = two.stream("container.logs", names=["web"], follow=True)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await until_told(items, has_line("begins"))
        engine.docker("stop", "-t", "0", "web")
        told = await until_told(items, has_mark("ended"))
        assert "exit code 137" in str(told[-1]["text"])
        engine.docker("start", "web")
        assert lines_in(await until_told(items, has_line("begins"))) == ["begins"]
        engine.docker("rm", "-f", "web")
        await until_told(items, has_mark("was removed"))
        assert [item["mark"] async for item in items] == ["end"]


async def test_following_goes_on_over_the_engines_death_and_says_what_may_be_missing(
    house: House, mortal_engine: RealEngine
) -> None:
    await house.job("host.add", name="m", url=mortal_engine.unix)
    mortal_engine.run("web", "echo begins; read stay", "-i", "--restart", "always")
    items = house.stream("container.logs", names=["web"], follow=True)
    async with asyncio.timeout(DEADLINE_SECONDS):
        await until_told(items, has_line("begins"))
        mortal_engine.kill()
        await until_told(items, has_mark("still trying"))
        mortal_engine.start()
        told = await until_told(items, has_line("begins"))
        assert any(item.get("mark") == "gap" for item in told)
        assert lines_in(told) == ["begins"]
    await closed(items)


async def test_a_dead_host_does_not_silence_the_logs_of_another(
    two: House, engine: RealEngine, mortal_engine: RealEngine
) -> None:
    await two.job("host.add", name="m", url=mortal_engine.unix)
    mortal_engine.run("lost", lines_of(["echo lost"]))
    engine.run("web", lines_of(["echo here"]))
    await two.query("container.list")
    mortal_engine.kill()
    items = two.stream("container.logs", names=["lost", "web"], follow=True)
    async with asyncio.timeout(DEADLINE_SECONDS):
        told = await until_told(items, has_line("here"))
        if not any("mark" in item for item in told):
            told += await until_told(items, has_mark("m/lost"))
        mortal_engine.start()
        await until_told(items, has_line("lost"))
    await closed(items)


async def test_the_agent_writes_changes_down_and_is_right_soon_after_an_engine_came_back(
    house: House, mortal_engine: RealEngine
) -> None:
    keeper = HostKeeper(lambda _actor: house.runtime.context(), house.runtime.clock, house.context.actor.host_id)
    running = asyncio.create_task(keeper.run())

    async def states() -> dict[str, ContainerState]:
        return {each.name: each.state for each in await house.containers()}

    async def are(wanted: dict[str, ContainerState]) -> bool:
        return await states() == wanted

    async def is_state(wanted: HostState) -> bool:
        return (await house.report("m")).state is wanted

    try:
        await house.job("host.add", name="m", url=mortal_engine.unix)
        mortal_engine.run("web", lines_of([]))
        await soon(lambda: are({"web": ContainerState.RUNNING}))
        mortal_engine.docker("pause", "web")
        await soon(lambda: are({"web": ContainerState.PAUSED}))
        mortal_engine.docker("unpause", "web")
        mortal_engine.run("other", "exit 3")
        await soon(lambda: are({"web": ContainerState.RUNNING, "other": ContainerState.EXITED}))
        mortal_engine.kill()
        await soon(lambda: is_state(HostState.DOWN))
        mortal_engine.start()
        began = time.monotonic()
        await soon(lambda: is_state(HostState.UP))
        await soon(lambda: are({"web": ContainerState.EXITED, "other": ContainerState.EXITED}))
        assert time.monotonic() - began < 15
        told = await house.events()
        assert [kind for kind in told if kind.startswith("host.")] == ["host.added", "host.down", "host.up"]
        await house.job("host.remove", name="m")
        await soon(lambda: are({}))
    finally:
        keeper.leave()
        await running
