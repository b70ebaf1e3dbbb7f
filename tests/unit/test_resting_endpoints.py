"""Endpoints that are gone are not asked with the key of who was there, and what is switched off blocks no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest

from aicompute_tui.actions.registry import ACTIONS, resolve_stream
from aicompute_tui.domain.errors import NotFound, Refused
from aicompute_tui.domain.node import TunnelState
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.services.serving_key import serving_key
from aicompute_tui.services.tunnels import ensure_endpoint, set_state
from tests.contract.server_standins import KINDS, StandIn, stand_in
from tests.unit.fake_cloud import Bench
from tests.unit.test_endpoint_connections import answers, bench, container, listed, machine, one, rests

__all__ = ["bench"]

pytestmark = pytest.mark.asyncio


@pytest.fixture
def stranger() -> Iterator[StandIn]:
    """Whoever answers where the endpoint was."""
    with stand_in() as made:
        KINDS[ServerKind.VLLM](made)
        yield made


async def test_whoever_took_the_port_of_a_machine_is_not_shown_its_key(bench: Bench, stranger: StandIn) -> None:
    row = await machine(bench)
    await serving_key(bench.context, row)
    tunnel = replace(await ensure_endpoint(bench.context, row), local_port=stranger.server.server_port)
    async with bench.context.store.write() as transaction:
        await transaction.tunnels.put(tunnel)
    await set_state(bench.context, tunnel, TunnelState.OPEN)
    assert (await one(bench))["has_key"]
    await set_state(bench.context, tunnel, TunnelState.OPENING, "it is stopped")
    stranger.asked.clear()
    (checked,) = await bench.query("server.check", names=["gpu-1"])
    assert (checked["ok"], checked["problem_kind"]) == (False, "Refused")
    (looked_at,) = await bench.query("connection.check", name="gpu-1")
    assert (looked_at["ok"], "it is stopped" in looked_at["problem"]) == (False, True)
    assert stranger.asked == []


async def test_nothing_is_asked_or_deleted_where_another_container_answers_now(bench: Bench, stranger: StandIn) -> None:
    each = container(framework="ollama", api="", port=stranger.server.server_port)
    KINDS[ServerKind.OLLAMA](stranger)
    await answers(bench, each)
    await rests(bench, each)
    stranger.asked.clear()
    questions: dict[str, dict[str, Any]] = {
        "server.models": {},
        "server.embed": {"text": "hello"},
        "server.rerank": {"query": "a", "documents": ["b"]},
    }
    for action, given in questions.items():
        with pytest.raises(Refused, match="it is exited"):
            await bench.query(action, name="box/qwen", **given)
    for action in ("server.delete-model", "server.pull", "server.unload"):
        with pytest.raises(Refused, match="it is exited"):
            await bench.job(action, name="box/qwen", model="llama3.2:3b")
    assert stranger.asked == []


async def test_what_a_person_switched_off_is_still_asked_by_its_name(bench: Bench, stranger: StandIn) -> None:
    await answers(bench, container(port=stranger.server.server_port))
    await bench.job("server.deactivate", name="box/qwen")
    await bench.job("connection.deactivate", name="box/qwen")
    (checked,) = await bench.query("server.check", names=["box/qwen"])
    (looked_at,) = await bench.query("connection.check", name="box/qwen")
    assert (checked["ok"], looked_at["ok"]) == (True, True)


async def test_a_watch_asks_nobody_while_its_server_rests_and_goes_on_after(bench: Bench, stranger: StandIn) -> None:
    each = container(port=stranger.server.server_port)
    await answers(bench, each)
    items: Any = resolve_stream(ACTIONS["server.watch"])(bench.context, {"name": "box/qwen"})
    async with aclosing(items):
        assert (await anext(items))["state"] == "online"
        await rests(bench, each)
        stranger.asked.clear()
        resting = await anext(items)
        assert (resting["state"], resting["problem_kind"], stranger.asked) == ("offline", "Refused", [])
        await answers(bench, each)
        assert (await anext(items))["state"] == "online"
        await bench.job("server.remove", name="box/qwen")
        with pytest.raises(NotFound):
            await anext(items)


async def switched_off(bench: Bench) -> None:
    await answers(bench, container())
    await bench.job("connection.deactivate", name="box/qwen")
    await bench.job("server.deactivate", name="box/qwen")


async def test_what_a_person_switched_off_blocks_no_other_container(bench: Bench) -> None:
    await switched_off(bench)
    await rests(bench, container(), "it was removed")
    await answers(bench, container("llama", 2))
    assert {row["name"]: row["state"] for row in await listed(bench)} == {"box/qwen": "inactive", "box/llama": "active"}
    servers = {row["name"]: row["state"] for row in await bench.query("server.list")}
    assert servers == {"box/qwen": "inactive", "box/llama": "unknown"}


@pytest.mark.parametrize("is_told_first", [True, False])
async def test_what_a_person_switched_off_stays_off_when_its_container_is_made_anew(
    bench: Bench, *, is_told_first: bool
) -> None:
    await switched_off(bench)
    if is_told_first:
        await rests(bench, container(), "it was made anew")
    await answers(bench, container(number=2, port=9001))
    row = await one(bench)
    assert (row["name"], row["state"], row["source"]) == (
        "box/qwen",
        "inactive",
        f"container:{container(number=2).key}",
    )
    assert row["base_url"] == "http://127.0.0.1:9001/v1"
    (server,) = await bench.query("server.list")
    assert (server["state"], server["base_url"]) == ("inactive", "http://127.0.0.1:9001")


async def test_one_of_a_persons_own_that_is_off_is_enough(bench: Bench) -> None:
    await bench.job("connection.add", name="mine", url="http://127.0.0.1:8001", preset="vllm")
    await bench.job("connection.deactivate", name="mine")
    await answers(bench, container())
    assert [row["name"] for row in await listed(bench)] == ["mine"]
