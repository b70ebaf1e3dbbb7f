"""The demo's container host, asked by the product's own adapter: everything it offers answers as an engine's does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.demo.lab.endpoint import Endpoints
from aicompute_tui.demo.lab.engine import Lab
from aicompute_tui.demo.lab.routes import Door
from aicompute_tui.demo.lab.seeds import LAB, boxes
from aicompute_tui.domain.container import Container, ContainerState, Health, LogStream
from aicompute_tui.domain.errors import Conflict, NotFound, Refused
from aicompute_tui.hosts.base import LogsWanted
from aicompute_tui.hosts.docker.engine import DockerEngine
from aicompute_tui.hosts.probe import answers
from tests.contract.host_world import engine_of, host
from tests.contract.ssh_world import free_port
from tests.waiting import until

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[DockerEngine]:
    lab = Lab(LAB, boxes(LAB, time.time()), Endpoints())
    server = await asyncio.start_server(Door(lab).take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with engine_of(host(f"tcp://127.0.0.1:{port}", LAB)) as made:
        yield made
    server.close()


async def found(engine: DockerEngine, name: str) -> Container:
    return (await engine.inspect(name))[0]


async def text_of(engine: DockerEngine, name: str, wanted: LogsWanted) -> dict[LogStream, str]:
    said: dict[LogStream, str] = {}
    async with engine.logs(name, wanted, has_terminal=False) as pieces:
        async for piece in pieces:
            said[piece.stream] = said.get(piece.stream, "") + piece.data.decode()
    return said


def ollama(port: int) -> dict[str, Any]:
    return {
        "Image": "ollama/ollama:latest",
        "ExposedPorts": {"11434/tcp": {}},
        "HostConfig": {
            "PortBindings": {"11434/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]},
            "DeviceRequests": [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}],
        },
    }


async def test_what_is_listed_is_what_an_inspection_says(engine: DockerEngine) -> None:
    listed = {each.name: each for each in await engine.containers()}
    assert {"ollama-main", "openwebui", "tei-bge", "vllm-try"} <= set(listed)
    for name, each in listed.items():
        whole = await found(engine, name)
        assert (whole.id, whole.image, whole.state) == (each.id, each.image, each.state)
        assert [(p.container_port, p.host_port) for p in each.ports if p.host_port] == [
            (p.container_port, p.host_port) for p in whole.ports if p.host_port and whole.state.is_alive
        ]
    assert (listed["tei-bge"].health, listed["ollama-main"].health) == (Health.UNHEALTHY, Health.HEALTHY)
    assert str((await found(engine, "ollama-main")).gpus) == "0,1"
    assert (await found(engine, "vllm-try")).is_out_of_memory
    assert "already allocated" in (await found(engine, "ollama-two")).error
    facts = await engine.facts()
    assert (facts.name, len(facts.gpus or ()), facts.has_gpu_runtime) == (LAB, 2, True)


async def test_a_container_is_led_through_its_whole_life(engine: DockerEngine) -> None:
    async with engine.events() as events:
        seen: list[str] = []

        async def listen() -> None:
            async for event in events:
                seen.append(event.action)  # noqa: PERF401 - looked at while it grows

        listening = asyncio.create_task(listen())
        await engine.stop("openwebui", 1)
        assert (await found(engine, "openwebui")).state is ContainerState.EXITED
        await engine.start("openwebui")
        await engine.pause("openwebui")
        assert (await found(engine, "openwebui")).state is ContainerState.PAUSED
        await engine.unpause("openwebui")
        await engine.rename("openwebui", "webui")
        with pytest.raises(Conflict):
            await engine.rename("webui", "ollama-main")
        with pytest.raises(Refused):
            await engine.remove("webui", force=False, volumes=False)
        await engine.kill("webui", "SIGKILL")
        assert (await found(engine, "webui")).exit_code == 137
        await engine.remove("webui", force=False, volumes=True)
        with pytest.raises(NotFound):
            await engine.inspect("webui")
        await until(lambda: "destroy" in seen, "the end was told")
        listening.cancel()
    assert [each for each in seen if each in {"stop", "start", "pause", "unpause", "rename", "die", "destroy"}] == [
        *("die", "stop", "start", "pause", "unpause", "rename", "die", "destroy"),
    ]


async def test_logs_have_a_past_and_go_on(engine: DockerEngine) -> None:
    past = await text_of(engine, "ollama-main", LogsWanted(tail=200))
    lines = [line for text in past.values() for line in text.splitlines()]
    assert len(lines) == 200
    assert set(past) == {LogStream.STDOUT, LogStream.STDERR}
    stamps = [line.partition(" ")[0] for line in past[LogStream.STDOUT].splitlines()]
    assert stamps == sorted(stamps)
    again = await text_of(engine, "ollama-main", LogsWanted(since=stamps[-20]))
    assert stamps[-20] in again[LogStream.STDOUT]
    assert stamps[-21] not in again[LogStream.STDOUT]
    async with engine.logs("tei-bge", LogsWanted(tail=0, follow=True), has_terminal=False) as pieces:
        async with asyncio.timeout(30):
            assert (await anext(aiter(pieces))).data


async def test_figures_move_about_what_is_usual(engine: DockerEngine) -> None:
    async with engine.stats("ollama-main") as samples:
        reader = aiter(samples)
        assert (await anext(reader)).cpu_percent is None
        sample = await anext(reader)
    assert sample.cpu_percent is not None
    assert 120 < sample.cpu_percent < 320
    assert sample.memory_bytes is not None
    assert 8 << 30 < sample.memory_bytes < 10 << 30


async def test_an_image_is_pulled_and_its_container_answers(engine: DockerEngine) -> None:
    port = free_port()
    with pytest.raises(NotFound):
        await engine.create("mine", ollama(port))
    async with engine.pull("ollama/ollama") as steps:
        told = [step async for step in steps]
    assert told[-1].layers_done == told[-1].layers > 2
    assert await engine.has_image("ollama/ollama")
    identity = await engine.create("mine", ollama(port))
    await engine.start(identity)
    assert (await found(engine, "mine")).health is Health.STARTING

    async def healthy() -> bool:
        return (await found(engine, "mine")).health is Health.HEALTHY

    await until(healthy, "it is healthy")
    assert await answers(f"http://127.0.0.1:{port}/api/version")
    seen = await engine.execute(identity, ["nvidia-smi", "-L"])
    assert (seen.exit_code, seen.stdout.count(b"RTX 4090")) == (0, 2)
    assert (await engine.execute(identity, ["ollama", "pull", "bge-m3"])).exit_code == 0
    await engine.stop(identity, 1)
    assert not await answers(f"http://127.0.0.1:{port}/api/version", 1.0)


async def test_what_a_registry_or_a_port_refuses_is_said(engine: DockerEngine) -> None:
    with pytest.raises(NotFound):
        async with engine.pull("example/nope:1") as steps:
            [step async for step in steps]
    with pytest.raises(Conflict, match="Port 11434"):
        await engine.start("ollama-two")


async def test_a_shell_takes_what_is_typed(engine: DockerEngine) -> None:
    words = ("sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec sh")
    async with engine.shell("ollama-main", words, columns=80, rows=24) as shell:
        heard = bytearray()

        async def listen() -> None:
            async for chunk in shell.chunks():
                heard.extend(chunk)

        listening = asyncio.create_task(listen())
        await shell.write(b"nvidia-smi -L\r")
        await until(lambda: b"GPU 1" in heard, "the command answers")
        await shell.write(b"exit 3\r")
        await listening
        assert await shell.exit_code() == 3
