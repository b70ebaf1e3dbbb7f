"""What the agent tells of the endpoints of one host when it begins to look, and when containers take others' places."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from aicompute_tui.agent.host_endpoints import HostEndpoints
from aicompute_tui.domain.container import Container, ContainerState
from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.event import EventFilter
from aicompute_tui.services.context import Context
from tests.contract.llm_servers import LlmServer, llm_server
from tests.unit.fake_cloud import Bench
from tests.unit.test_endpoint_connections import HOST, answers, bench, container, listed, one
from tests.waiting import until

__all__ = ["bench"]

pytestmark = pytest.mark.asyncio


@pytest.fixture
def server() -> Iterator[LlmServer]:
    with llm_server() as made:
        made.json("/", {})
        yield made


@asynccontextmanager
async def looking(bench: Bench, *there: Container) -> AsyncIterator[HostEndpoints]:
    """An agent that begins to look; its engine tells of what is `there`."""
    engine = Mock(containers=AsyncMock(return_value=there))
    context = replace(bench.context, open_hosts=Mock(return_value=Mock(engine=AsyncMock(return_value=engine))))

    async def given() -> Context:
        return context

    endpoints = HostEndpoints(given, bench.clock, HOST)
    running = asyncio.create_task(endpoints.run())
    try:
        yield endpoints
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def told(bench: Bench, each: Container) -> list[str]:
    """The endpoint's events, the oldest first, with the reason of those that tell it as gone."""
    wanted = EventFilter(kind="endpoint.", subject=each.key)
    async with bench.context.store.read() as transaction:
        found = await transaction.events.list(wanted=wanted)
    return [event.after.get("reason") or event.kind for event in reversed(found)]


async def tells(bench: Bench, each: Container, *words: str) -> None:
    async def are() -> bool:
        return await told(bench, each) == list(words)

    await until(are, f"{each.name}: {words}", 10.0)


async def states(bench: Bench) -> dict[str, tuple[str, str | None]]:
    return {row["name"]: (row["state"], row["inactive_reason"]) for row in await listed(bench)}


async def servers(bench: Bench) -> dict[str, Any]:
    return {row["name"]: row for row in await bench.query("server.list")}


async def test_what_was_removed_while_nobody_looked_is_told_once_and_leaves_its_place(bench: Bench) -> None:
    await answers(bench, container())
    async with looking(bench) as endpoints:
        endpoints.update([])
        await tells(bench, container(), "endpoint.ready", "it was removed")
    assert await states(bench) == {"box/qwen": ("inactive", "it was removed")}
    assert (await servers(bench))["box/qwen"]["inactive_reason"] == "it was removed"
    await answers(bench, container("llama", 2))
    assert (await states(bench))["box/llama"] == ("active", None)
    assert set(await servers(bench)) == {"box/qwen", "box/llama"}
    async with looking(bench) as endpoints:
        endpoints.update([])
        await tells(bench, container("llama", 2), "endpoint.ready", "it was removed")
    assert await told(bench, container()) == ["endpoint.ready", "it was removed"]


async def test_what_was_made_anew_while_nobody_looked_keeps_its_connection(bench: Bench, server: LlmServer) -> None:
    port = server.server.server_port
    await answers(bench, container(port=port))
    before = await one(bench)
    made = container(number=2, port=port)
    async with looking(bench, made) as endpoints:
        endpoints.update([made])
        await tells(bench, made, "endpoint.ready")
    after = await one(bench)
    assert (after["id"], after["source"], after["state"]) == (before["id"], f"container:{made.key}", "active")


async def test_what_is_only_stopped_is_told_as_that(bench: Bench) -> None:
    await answers(bench, container())
    stopped = replace(container(), state=ContainerState.EXITED)
    async with looking(bench, stopped) as endpoints:
        endpoints.update([stopped])
        await tells(bench, container(), "endpoint.ready", "it is exited")
        engine: Any = await (await endpoints._context()).hosts.engine(HOST)
        assert engine.containers.call_count == 0, "nothing is missing"


async def test_what_was_made_since_the_last_look_is_not_told_as_gone(bench: Bench) -> None:
    await answers(bench, container("new", 1, 8001))
    await answers(bench, container("old", 3, 8003))
    async with looking(bench, container("new", 1, 8001)) as endpoints:
        endpoints.update([])
        await tells(bench, container("old", 3, 8003), "endpoint.ready", "it was removed")
    assert (await states(bench))["box/new"] == ("active", None)


async def test_what_is_removed_before_it_has_answered_this_agent_is_told_too(bench: Bench, server: LlmServer) -> None:
    server.json("/", {}, 503)
    each = container(port=server.server.server_port)
    await answers(bench, each)
    async with looking(bench) as endpoints:
        endpoints.update([each])
        await until(lambda: server.asked, "it is asked", 10.0)
        endpoints.update([])
        await tells(bench, each, "endpoint.ready", "it was removed")


async def test_a_host_that_cannot_be_listed_is_asked_again(bench: Bench) -> None:
    await answers(bench, container())
    async with looking(bench) as endpoints:
        engine: Any = await (await endpoints._context()).hosts.engine(HOST)
        engine.containers.side_effect = [Unreachable("box does not answer."), []]
        endpoints.update([])
        await tells(bench, container(), "endpoint.ready", "it was removed")


async def test_a_connection_goes_over_from_the_container_that_was_put_aside(bench: Bench, server: LlmServer) -> None:
    port = server.server.server_port
    await answers(bench, container(port=port))
    before = await one(bench)
    aside = replace(container(f"qwen.aic-old-{'1' * 12}", port=port), state=ContainerState.EXITED)
    made = container(number=2, port=port)
    async with looking(bench, aside, made) as endpoints:
        endpoints.update([aside])
        await tells(bench, container(), "endpoint.ready", "it is exited")
        endpoints.update([aside, made])
        await tells(bench, made, "endpoint.ready")
    after = await one(bench)
    assert (after["id"], after["source"], after["state"]) == (before["id"], f"container:{made.key}", "active")
