"""A deployment on a real engine: planned, pulled, started, waited for, told; and each way it can go wrong."""

from __future__ import annotations

import asyncio
import shlex
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.agent.host_keeper import HostKeeper
from aicompute_tui.domain.errors import (
    AicError,
    BadAnswer,
    Conflict,
    InvalidInput,
    NotConfigured,
    NotFound,
    Refused,
    SetupFailed,
)
from tests.contract.container_world import House, opened_house
from tests.contract.engines import RealEngine, engine, engines, lines_of, new_engine, two_engines
from tests.contract.host_world import soon
from tests.contract.registry_world import Registry, registry
from tests.contract.ssh_world import free_port

__all__ = ["engine", "engines", "registry", "two_engines"]

pytestmark = pytest.mark.asyncio
SERVER = "server:1"
SERVE = 'mkdir -p /www; echo ok >/www/health; echo "serving $*"; exec httpd -f -p 8000 -h /www\n'
FAILS = "echo 'CUDA out of memory' >&2; exit 7\n"


@pytest_asyncio.fixture
async def house(tmp_path: Path, engine: RealEngine) -> AsyncIterator[House]:
    """With the host `box`, which has an image that serves /health and one that fails."""
    engine.add_image(SERVER, SERVE)
    engine.add_image("fails:1", FAILS)
    async with opened_house(tmp_path) as made:
        await made.job("host.add", name="box", url=engine.unix)
        yield made


def served(**more: str) -> dict[str, object]:
    usual = {
        "host": "box",
        "framework": "vllm",
        "image": SERVER,
        "model": ["org/model"],
        "name": "qwen",
        "gpus": "none",
    }
    return {**usual, **more}


async def test_a_plan_is_the_line_that_docker_would_take_and_makes_nothing(house: House, engine: RealEngine) -> None:
    port = free_port()
    made = await house.query("container.plan", **served(port=str(port)))
    assert (made["ok"], made["endpoint"]) == (True, f"http://127.0.0.1:{port}/v1")
    assert engine.docker("ps", "-aq") == ""
    words = shlex.split(made["command"])
    assert words[:2] == ["docker", "run"]
    engine.docker(*words[1:])
    told = engine.inspect("qwen")
    assert told["HostConfig"]["IpcMode"] == "host"
    assert told["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert told["HostConfig"]["PortBindings"] == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port)}]}


async def test_what_was_planned_is_what_its_arguments_deploy_though_others_come_between(
    house: House, engine: RealEngine
) -> None:
    given = {"host": "box", "image": SERVER, "name": "web", "container_port": "8000", "shm": "64m", "cpus": "0.5"}
    made = await house.query("container.plan", **given, command=["--flag", "two words"], env=["A=b c"])
    assert made["arguments"]["port"] == "8000"
    assert (made["arguments"]["gpus"], made["arguments"]["shm"]) == ("none", "64m")
    engine.docker("run", "-d", "--name", "other", "-p", "127.0.0.1:8000:8000", SERVER)
    again = await house.query("container.plan", **made["arguments"])
    assert (again["command"], again["arguments"]) == (made["command"], made["arguments"])
    with pytest.raises(Refused, match="port 8000 is taken by the container other"):
        await house.job("container.deploy", **made["arguments"])


async def test_what_is_deployed_answers_and_is_told_until_it_is_gone(house: House, engine: RealEngine) -> None:
    port = free_port()
    row = await house.job("container.deploy", **served(port=str(port)))
    assert (row["state"], row["answers"], row["endpoint"]) == ("running", True, f"http://127.0.0.1:{port}/v1")
    assert "serving --model org/model" in engine.docker("logs", "qwen")
    again = await house.query("container.plan", **served(name="other", port=str(port)))
    assert again["ok"] is False
    assert [check["reason"] for check in again["checks"] if check["verdict"] == "refused"] == [
        f"port {port} is taken by the container qwen"
    ]
    with pytest.raises(Refused, match="a container named qwen is running there"):
        await house.job("container.deploy", **served())
    await house.job("container.remove", names=["qwen"])
    told = [kind for kind in await house.events() if kind.startswith(("container.", "endpoint."))]
    assert told == ["container.created", "container.started", "endpoint.ready", "container.removed", "endpoint.gone"]


async def test_the_agent_tells_when_an_endpoint_comes_and_goes_by_itself(house: House, engine: RealEngine) -> None:
    await house.job("container.deploy", **served(port=str(free_port())))
    keeper = HostKeeper(lambda _actor: house.runtime.context(), house.runtime.clock, house.context.actor.host_id)
    running = asyncio.create_task(keeper.run())

    async def told(*kinds: str) -> bool:
        return [kind for kind in await house.events() if kind.startswith("endpoint.")] == list(kinds)

    try:
        engine.docker("stop", "-t", "0", "qwen")
        await soon(lambda: told("endpoint.ready", "endpoint.gone"))
        engine.docker("start", "qwen")
        await soon(lambda: told("endpoint.ready", "endpoint.gone", "endpoint.ready"))
        engine.docker("rm", "-f", "qwen")
        await soon(lambda: told("endpoint.ready", "endpoint.gone", "endpoint.ready", "endpoint.gone"))
    finally:
        keeper.leave()
        await running


async def test_what_was_removed_while_no_agent_ran_is_told_and_its_port_serves_the_next(
    house: House, engine: RealEngine
) -> None:
    port = str(free_port())
    await house.job("container.deploy", **served(port=port))
    engine.docker("rm", "-f", "qwen")
    keeper = HostKeeper(lambda _actor: house.runtime.context(), house.runtime.clock, house.context.actor.host_id)
    running = asyncio.create_task(keeper.run())

    async def is_told() -> bool:
        return "endpoint.gone" in await house.events()

    try:
        await soon(is_told)
    finally:
        keeper.leave()
        await running
    await house.job("container.deploy", **served(name="next", port=port))
    for action in ("connection.list", "server.list"):
        rows = {row["name"]: row["inactive_reason"] for row in await house.query(action)}
        assert rows == {"box/qwen": "it was removed", "box/next": None}


async def test_an_image_is_pulled_with_its_progress(house: House, engine: RealEngine, registry: Registry) -> None:
    image = registry.push(engine, SERVER, "models/server:2")
    row = await house.job("container.deploy", **served(image=image, port=str(free_port())))
    assert (row["image"], row["answers"]) == (image, True)


async def test_an_image_that_is_not_there_or_not_whole_is_said(
    house: House, engine: RealEngine, registry: Registry
) -> None:
    engine.add_image("broken:1", "echo never\n")
    broken = registry.push(engine, "broken:1", "broken:1")
    engine.docker("rmi", "-f", "broken:1")
    registry.lose_layer("broken:1")
    for image, kind, words in (
        (registry.image("nope:1"), NotFound, "no image"),
        (broken, BadAnswer, "could not be pulled whole"),
        ("127.0.0.1:1/x:1", AicError, "cannot reach the registry"),
        ("UPPER/case:1", InvalidInput, "not an image's name"),
    ):
        with pytest.raises(kind, match=words):
            await house.job("container.deploy", **served(image=image))
    assert engine.docker("ps", "-aq") == ""


async def test_what_ends_before_it_answers_is_kept_with_its_last_words(house: House, engine: RealEngine) -> None:
    with pytest.raises(
        SetupFailed, match=r"ended \(exit code 7\) before it answered\. It said: CUDA out of memory"
    ) as e:
        await house.job("container.deploy", **served(image="fails:1", restart="no"))
    assert "container logs box/qwen" in e.value.next_step
    assert engine.inspect("qwen")["State"]["ExitCode"] == 7


async def test_what_cannot_start_stays_and_is_offered(house: House, engine: RealEngine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"Port {port} of box is taken") as failure:
            await house.job("container.deploy", **served(port=str(port)))
    assert "container start box/qwen, or remove box/qwen" in failure.value.next_step
    (row,) = await house.query("container.list")
    assert (row["state"], "address already in use" in row["error"]) == ("created", True)
    assert (await house.job("container.start", names=["qwen"]))[0]["state"] == "running"


async def test_a_host_without_gpus_is_refused_before_anything_is_made(house: House, engine: RealEngine) -> None:
    made = await house.query("container.plan", **served(gpus="all"))
    assert [check["next_step"] for check in made["checks"] if check["name"] == "gpus"] == [
        "Give --gpus none, or another host."
    ]
    source = await house.context.hosts.engine(await _host(house))
    request = {"Image": "bb:1", "HostConfig": {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}}
    identity = await source.create("gpu", request)  # type: ignore[arg-type]
    with pytest.raises(NotConfigured, match="no NVIDIA container toolkit"):
        await source.start(identity)


async def _host(house: House):  # type: ignore[no-untyped-def]
    async with house.context.store.read() as transaction:
        return await transaction.hosts.find("box")


@pytest.fixture
def gpu_engine(tmp_path: Path) -> Iterator[RealEngine]:
    """It takes GPU requests for true: its hook says yes, and the container sees which were asked for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("nvidia-container-runtime-hook", "nvidia-container-runtime"):
        (folder / name).write_text("#!/bin/sh\nexit 0\n")
        (folder / name).chmod(0o755)
    made = new_engine("g", "--add-runtime", "nvidia=/usr/sbin/runc")
    made.environment["PATH"] = f"{folder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    try:
        made.start()
        made.add_image()
        yield made
    finally:
        made.end()


async def test_gpus_reach_the_container_as_they_were_asked_for(tmp_path: Path, gpu_engine: RealEngine) -> None:
    async with opened_house(tmp_path) as house:
        await house.job("host.add", name="g", url=gpu_engine.tcp)
        tested = await house.query("host.test", name="g")
        assert (tested["gpu_runtime"], tested["gpus"]) == (True, None)
        for name, gpus, seen in (("one", "all", "all"), ("two", "0,3", "0,3"), ("three", "2", "0,1")):
            words = lines_of([]).split("\n")
            await house.job(
                "container.deploy", host="g", image="bb:1", name=name, gpus=gpus, command=["sh", "-c", *words]
            )
            done = await house.query("container.exec", name=name, command=["cat", "/proc/1/environ"])
            assert f"NVIDIA_VISIBLE_DEVICES={seen}" in done["stdout"].split("\0")
        rows = {row["name"]: row["gpus"] for row in await house.query("container.list")}
        assert rows == {"one": "all", "two": "0,3", "three": "2"}
        # An image whose nvidia-smi fails, whatever the engine said.
        gpu_engine.add_image("blind:1", "trap exit TERM; while :; do sleep 0.1; done\n")
        made = gpu_engine.docker("create", "--name", "base", "blind:1")
        await asyncio.to_thread(_with_failing_smi, gpu_engine, made, tmp_path)
        with pytest.raises(SetupFailed, match="sees no GPU although all was asked for"):
            await house.job("container.deploy", host="g", image="blind:2", name="blind", gpus="all")


def _with_failing_smi(engine: RealEngine, container: str, folder: Path) -> None:
    program = folder / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    program.chmod(0o755)
    engine.docker("cp", str(program), f"{container}:/bin/nvidia-smi")
    engine.docker("commit", container, "blind:2")
