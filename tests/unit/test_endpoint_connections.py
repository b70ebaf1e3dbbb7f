"""Connections that follow containers and machines: made once, resting with the reason, back, and left to a person."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
import pytest_asyncio

from aicompute_tui.domain.container import Container, ContainerState, PortBinding
from aicompute_tui.domain.deployment import LABEL_API, LABEL_FRAMEWORK, LABEL_KIND, LABEL_MODELS, LABEL_PORT
from aicompute_tui.domain.errors import Refused, Unreachable
from aicompute_tui.domain.host import Host
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.node import TunnelState
from aicompute_tui.services.container_endpoints import endpoint_url, tell_gone, tell_ready
from aicompute_tui.services.node_reports import forget
from aicompute_tui.services.serving_key import serving_key
from aicompute_tui.services.tunnels import ensure_endpoint, move_port, set_state, take_back
from aicompute_tui.store.configuration import Secrets
from aicompute_tui.store.connections import Connections
from tests.contract import store_world
from tests.contract.llm_servers import llm_server
from tests.unit import fake_cloud
from tests.unit.fake_cloud import Bench

pytestmark = pytest.mark.asyncio
HOST = Host(
    id="host-box",
    owner="ada",
    created_by="ada@jump",
    name="box",
    url="unix:///run/docker.sock",
    kept_by="host-1",
    created_at=fake_cloud.START,
)


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with fake_cloud.bench(tmp_path) as opened:
        opened.preferences.values["ssh_port"] = "22"
        async with opened.context.store.write() as transaction:
            await transaction.hosts.insert(HOST)
        yield opened


def container(name: str = "qwen", number: int = 1, port: int = 8001, **labels: str) -> Container:
    """A vLLM server unless told; `number` tells one from another of its name."""
    found = {"framework": "vllm", "kind": "llm", "models": "org/model", "api": "/v1", **labels}
    names = {"framework": LABEL_FRAMEWORK, "kind": LABEL_KIND, "models": LABEL_MODELS, "api": LABEL_API}
    return Container(
        host_id=HOST.id,
        id=f"{number}" * 12,
        name=name,
        image="vllm",
        state=ContainerState.RUNNING,
        ports=(PortBinding(8000, "tcp", "127.0.0.1", port),),
        labels=((LABEL_PORT, "8000"), *((names[key], value) for key, value in found.items())),
    )


async def answers(bench: Bench, each: Container) -> None:
    await tell_ready(bench.context, HOST, each, endpoint_url(HOST, each) or "")


async def rests(bench: Bench, each: Container, reason: str = "it is exited") -> None:
    await tell_gone(bench.context, HOST, each.key, each.name, reason)


async def listed(bench: Bench) -> Any:
    return await bench.query("connection.list")


async def one(bench: Bench) -> Any:
    (found,) = await listed(bench)
    return found


async def test_a_container_that_answers_is_a_connection_and_rests_with_it(bench: Bench) -> None:
    await answers(bench, container())
    made = await one(bench)
    assert (made["name"], made["kind"], made["base_url"]) == ("box/qwen", "vllm", "http://127.0.0.1:8001/v1")
    assert (made["model"], made["state"]) == ("org/model", "active")
    assert made["source"] == f"container:{container().key}"
    await rests(bench, container())
    resting = await one(bench)
    assert (resting["state"], resting["inactive_reason"]) == ("inactive", "it is exited")
    await answers(bench, container(port=9001))
    back = await one(bench)
    assert (back["id"], back["state"], back["inactive_reason"]) == (made["id"], "active", None)
    assert back["base_url"] == "http://127.0.0.1:9001/v1"
    kinds = [kind for kind in await bench.event_kinds() if kind.startswith("connection.")]
    assert sorted(kinds) == ["connection.activated", "connection.added", "connection.deactivated"]


@pytest.mark.parametrize(
    ("framework", "kind", "base_url"),
    [
        ("ollama", "ollama", "http://127.0.0.1:8001"),
        ("tgi", "tgi", "http://127.0.0.1:8001/v1"),
        ("llamacpp", "llama-cpp", "http://127.0.0.1:8001/v1"),
        ("sglang", "sglang", "http://127.0.0.1:8001/v1"),
    ],
)
async def test_each_framework_is_asked_in_its_own_way(bench: Bench, framework: str, kind: str, base_url: str) -> None:
    await answers(bench, container(framework=framework, models=""))
    made = await one(bench)
    assert (made["kind"], made["base_url"], made["model"]) == (kind, base_url, None)


async def test_what_answers_no_prompts_is_no_connection(bench: Bench) -> None:
    for number, framework in enumerate(("tei", "tei-reranker", "infinity", "comfyui", "openwebui", ""), start=1):
        await answers(bench, container(framework, number, framework=framework))
    assert await listed(bench) == []


async def test_one_that_was_told_of_before_there_were_connections_gets_one_at_the_next_look(bench: Bench) -> None:
    await answers(bench, container())
    async with bench.context.store.write() as transaction:
        await transaction.connections.remove((await transaction.connections.list())[0].id)
    await answers(bench, container())
    assert (await one(bench))["state"] == "active"
    assert (await bench.event_kinds()).count("endpoint.ready") == 1


async def test_a_persons_word_counts_for_more(bench: Bench) -> None:
    await answers(bench, container())
    await bench.job("connection.deactivate", name="box/qwen")
    await rests(bench, container())
    await answers(bench, container(port=9001))
    found = await one(bench)
    assert (found["state"], found["inactive_reason"]) == ("inactive", None)
    assert found["base_url"] == "http://127.0.0.1:9001/v1", "its address is led on all the same"
    await bench.job("connection.remove", name="box/qwen")
    await rests(bench, container())
    await answers(bench, container())
    assert await listed(bench) == []


async def test_one_that_rests_and_is_switched_off_stays_off(bench: Bench) -> None:
    await answers(bench, container())
    await rests(bench, container())
    await bench.job("connection.deactivate", name="box/qwen")
    await answers(bench, container())
    assert (await one(bench))["state"] == "inactive"


async def test_one_that_was_led_elsewhere_follows_no_more_and_is_not_made_again(bench: Bench) -> None:
    await answers(bench, container())
    await bench.job("connection.edit", name="box/qwen", url="http://10.0.0.9:8000")
    await rests(bench, container())
    await answers(bench, container())
    found = await one(bench)
    assert (found["base_url"], found["state"], found["source"]) == ("http://10.0.0.9:8000/v1", "active", None)


async def test_a_container_made_anew_keeps_its_connection(bench: Bench) -> None:
    await answers(bench, container())
    before = await one(bench)
    await rests(bench, container(), "it was made anew")
    await answers(bench, container("other", 3, 8003))
    await answers(bench, container(number=2, models="org/larger"))
    found = {row["name"]: row for row in await listed(bench)}
    assert set(found) == {"box/qwen", "box/other"}
    assert (found["box/qwen"]["id"], found["box/qwen"]["model"]) == (before["id"], "org/larger")
    assert found["box/qwen"]["source"] == f"container:{container(number=2).key}"


async def test_what_answers_is_a_server_too_of_its_own_kind(bench: Bench) -> None:
    frameworks = ("vllm", "ollama", "tei", "tei-reranker", "infinity", "comfyui", "openwebui")
    for number, framework in enumerate(frameworks, start=1):
        await answers(bench, container(framework, number, 8000 + number, framework=framework))
    rows = await bench.query("server.list")
    assert {row["name"]: row["kind"] for row in rows} == {f"box/{each}": each for each in frameworks}
    made = next(row for row in rows if row["name"] == "box/tei")
    assert made["base_url"] == "http://127.0.0.1:8003"
    await rests(bench, container("tei", 3))
    resting = await bench.query("server.show", name="box/tei")
    assert (resting["state"], resting["inactive_reason"]) == ("inactive", "it is exited")
    await answers(bench, container("tei", 3, 9003, framework="tei"))
    back = await bench.query("server.show", name="box/tei")
    assert (back["id"], back["state"], back["base_url"]) == (made["id"], "unknown", "http://127.0.0.1:9003")


async def test_a_persons_word_counts_for_servers_as_well(bench: Bench) -> None:
    await answers(bench, container())
    await bench.job("server.deactivate", name="box/qwen")
    await rests(bench, container())
    await answers(bench, container())
    (row,) = await bench.query("server.list")
    assert (row["state"], row["inactive_reason"]) == ("inactive", None)
    await bench.job("server.remove", name="box/qwen")
    await rests(bench, container())
    await answers(bench, container())
    assert await bench.query("server.list") == []
    assert (await one(bench))["state"] == "active", "the connection is another matter"


async def test_what_leads_there_already_is_enough(bench: Bench) -> None:
    await bench.job("connection.add", name="mine", url="http://127.0.0.1:8001", preset="vllm")
    await answers(bench, container())
    assert [row["name"] for row in await listed(bench)] == ["mine"]


async def test_a_name_that_is_taken_gets_a_number(bench: Bench) -> None:
    await bench.job("connection.add", name="box/qwen", url="http://10.0.0.9:8000")
    await answers(bench, container())
    assert [row["name"] for row in await listed(bench)] == ["box/qwen", "box/qwen 2"]


async def test_an_endpoint_and_its_connection_are_written_together_or_not_at_all(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*given: object, **named: object) -> None:
        raise Unreachable("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(Connections, "insert", full)
        with pytest.raises(Unreachable):
            await answers(bench, container())
    assert await bench.event_kinds() == []
    await answers(bench, container())
    with monkeypatch.context() as patched:
        patched.setattr(Connections, "update", full)
        with pytest.raises(Unreachable):
            await rests(bench, container())
    assert (await one(bench))["state"] == "active"
    assert "endpoint.gone" not in await bench.event_kinds()
    await rests(bench, container())
    assert (await one(bench))["state"] == "inactive"


async def machine(bench: Bench, framework: str = "vllm") -> Instance:
    values = {"owner": "ada", "host_id": "host-1", "framework": framework, "state": InstanceState.READY}
    row = store_world.instance("gpu-1", public_address="192.0.2.7", models=("meta/x",), **values)
    async with bench.context.store.write() as transaction:
        await transaction.instances.insert(row)
    return row


async def test_a_machine_is_asked_with_its_own_key_which_lies_sealed_for_the_connection_alone(bench: Bench) -> None:
    row = await machine(bench)
    key = await serving_key(bench.context, row)
    tunnel = await ensure_endpoint(bench.context, row)
    await set_state(bench.context, tunnel, TunnelState.OPEN)
    made = await one(bench)
    assert (made["name"], made["source"], made["has_key"]) == ("gpu-1", f"instance:{row.id}", True)
    assert made["base_url"] == f"http://127.0.0.1:{tunnel.local_port}/v1"
    assert (await bench.query("connection.show", name="gpu-1"))["key"] == f"sk-…{(key or '')[-4:]}"
    async with bench.context.store.read() as transaction:
        (server,) = await transaction.servers.list()
        names = [f"connection/{made['id']}", f"server/{server.id}", f"serving-key:{row.id}"]
        assert await transaction.secrets.names() == names
        told = [str(event) for event in await transaction.events.list()]
    assert not any(str(key) in each for each in told)


async def test_a_machine_whose_port_moves_is_followed_and_one_that_ends_leaves_no_key(bench: Bench) -> None:
    row = await machine(bench)
    await serving_key(bench.context, row)
    tunnel = await ensure_endpoint(bench.context, row)
    await set_state(bench.context, tunnel, TunnelState.OPEN)
    await set_state(bench.context, tunnel, TunnelState.OPENING, "the connection broke")
    assert (await one(bench))["inactive_reason"] == "the connection broke"
    moved = await move_port(bench.context, replace(tunnel, state=TunnelState.OPENING))
    await set_state(bench.context, moved, TunnelState.OPEN)
    led = await one(bench)
    assert (led["state"], led["base_url"]) == ("active", f"http://127.0.0.1:{moved.local_port}/v1")
    assert led["has_key"], "it is the same machine"
    await take_back(bench.context, [row.id], "it is terminated")
    await forget(bench.context, [row.id])
    ended = await one(bench)
    assert (ended["state"], ended["has_key"], ended["inactive_reason"]) == ("inactive", False, "the machine is gone")
    (server,) = await bench.query("server.list")
    assert (server["state"], server["has_key"], server["inactive_reason"]) == ("inactive", False, "the machine is gone")
    async with bench.context.store.read() as transaction:
        assert await transaction.secrets.names() == []


async def test_a_machine_whose_server_takes_no_key_gets_none(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def none(*given: object, **named: object) -> None:
        raise AssertionError("no secret is to be written")

    row = await machine(bench, "ollama")
    monkeypatch.setattr(Secrets, "put", none)
    await set_state(bench.context, await ensure_endpoint(bench.context, row), TunnelState.OPEN)
    assert (await one(bench))["has_key"] is False


async def test_what_rests_where_its_server_was_keeps_nothing_new_from_its_place(bench: Bench) -> None:
    await answers(bench, container())
    await rests(bench, container(), "it was removed")
    await answers(bench, container("llama", number=2))
    found = {row["name"]: row["state"] for row in await listed(bench)}
    assert found == {"box/qwen": "inactive", "box/llama": "active"}
    assert {row["name"] for row in await bench.query("server.list")} == {"box/qwen", "box/llama"}


async def test_a_path_of_a_persons_own_stays_while_the_server_is_the_same(bench: Bench) -> None:
    await answers(bench, container())
    await bench.job("connection.edit", name="box/qwen", url="http://127.0.0.1:8001/behind/v1")
    await rests(bench, container())
    await answers(bench, container())
    assert (await one(bench))["base_url"] == "http://127.0.0.1:8001/behind/v1"
    await answers(bench, container(port=9001))
    assert (await one(bench))["base_url"] == "http://127.0.0.1:9001/v1"


async def test_one_that_rests_and_is_led_elsewhere_is_in_use_again(bench: Bench) -> None:
    await answers(bench, container())
    await rests(bench, container())
    await bench.job("connection.edit", name="box/qwen", url="http://10.0.0.9:8000")
    led = await one(bench)
    assert (led["state"], led["source"], led["inactive_reason"]) == ("active", None, None)
    await bench.job("server.edit", name="box/qwen", url="http://10.0.0.9:8000")
    (server,) = await bench.query("server.list")
    assert (server["state"], server["source"], server["inactive_reason"]) == ("unknown", None, None)


async def test_one_that_rests_is_not_asked_with_its_key(bench: Bench) -> None:
    await answers(bench, container())
    await rests(bench, container())
    with pytest.raises(Refused, match="it is exited"):
        await bench.query("connection.models", name="box/qwen")


async def test_one_that_rests_still_rests_after_a_file_replaced_it(bench: Bench, tmp_path: Path) -> None:
    """Whoever answers there now is not who its key is for."""
    await answers(bench, container())
    await rests(bench, container())
    before, file = await one(bench), str(tmp_path / "c.toml")
    await bench.job("connection.export", file=file)
    await bench.job("connection.import", file=file, replace=True)
    after = await one(bench)
    assert (after["state"], after["inactive_reason"]) == (before["state"], before["inactive_reason"])
    await answers(bench, container())
    assert (await one(bench))["state"] == "active", "it follows on"


EMBEDS, TALKS = {"capabilities": ["embedding"]}, {"capabilities": ["completion", "tools"]}


@pytest.mark.parametrize(
    ("models", "tags", "shown", "made"),
    [
        ("nomic-embed-text", {"nomic-embed-text:latest": EMBEDS, "qwen:4b": TALKS}, {}, 0),
        ("qwen:4b", {"nomic-embed-text:latest": EMBEDS, "qwen:4b": TALKS}, {}, 1),
        ("", {"nomic-embed-text:latest": EMBEDS}, {}, 0),
        ("", {}, {}, 1),
        ("nomic-embed-text", {"nomic-embed-text:latest": {}}, EMBEDS, 0),
        ("qwen:4b", {"qwen:4b": {}}, TALKS, 1),
        ("old", {"old:latest": {}}, {}, 1),
    ],
)
async def test_an_ollama_that_only_embeds_is_a_server_and_no_connection(
    bench: Bench, models: str, tags: dict[str, Any], shown: dict[str, Any], made: int
) -> None:
    with llm_server() as server:
        server.json("/api/tags", {"models": [{"name": name, "model": name, **rest} for name, rest in tags.items()]})
        server.json("/api/show", shown)
        await answers(bench, container(framework="ollama", models=models, api="", port=server.server.server_port))
    assert len(await listed(bench)) == made
    assert len(await bench.query("server.list")) == 1


async def test_of_several_models_one_that_answers_is_asked(bench: Bench) -> None:
    with llm_server() as server:
        tags = {"bge-m3:latest": EMBEDS, "qwen:4b": TALKS, "other:latest": {}}
        server.json("/api/tags", {"models": [{"name": name, "model": name, **rest} for name, rest in tags.items()]})
        served = container(framework="ollama", models="bge-m3,qwen:4b", api="", port=server.server.server_port)
        await answers(bench, served)
    assert (await one(bench))["model"] == "qwen:4b"


async def test_a_machine_that_only_embeds_is_no_connection_either(bench: Bench) -> None:
    with llm_server() as server:
        server.json("/api/tags", {"models": [{"name": "meta/x:latest", **EMBEDS}]})
        row = await machine(bench, "ollama")
        tunnel = replace(await ensure_endpoint(bench.context, row), local_port=server.server.server_port)
        async with bench.context.store.write() as transaction:
            await transaction.tunnels.put(tunnel)
        await set_state(bench.context, tunnel, TunnelState.OPEN)
    assert await listed(bench) == []
    assert (await bench.views())[0]["endpoint"] is not None


async def test_what_came_from_a_host_rests_once_that_is_removed(bench: Bench) -> None:
    other = replace(container("other", 2, 8002), host_id="host-else")
    async with bench.context.store.write() as transaction:
        await transaction.containers.replace(HOST.id, [container()])
    await answers(bench, container())
    await answers(bench, other)
    bench.context = replace(bench.context, open_hosts=Mock(return_value=AsyncMock()))
    await bench.job("host.remove", name="box")
    await answers(bench, container())
    rows = {row["name"]: row for row in await listed(bench)}
    assert [rows[name]["state"] for name in ("box/qwen", "box/other")] == ["inactive", "active"]
    assert rows["box/qwen"]["inactive_reason"] == "box is no host here any more"
    servers = {row["name"]: row["state"] for row in await bench.query("server.list")}
    assert (servers["box/qwen"] == "inactive", servers["box/other"] == "inactive") == (True, False)
    assert (await bench.event_kinds()).count("endpoint.gone") == 1
    with pytest.raises(Refused, match="no host here"):
        await bench.query("connection.models", name="box/qwen")
