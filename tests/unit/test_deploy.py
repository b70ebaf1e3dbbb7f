"""A deployment on an engine in memory: cancelled, waited for without an end, and taken up again by another agent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_asyncio

from aicompute_tui.domain.container import Container, ContainerState, Health, PortBinding
from aicompute_tui.domain.deployment import LABEL_DEPLOY_JOB
from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.host import FoundHost, Host, HostFacts
from aicompute_tui.domain.job import JOB_LEASE_SECONDS, Job, JobState
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.hosts.base import Engine, Finished
from aicompute_tui.services import deploy, jobs
from aicompute_tui.services.context import Context
from tests.unit import fake_cloud
from tests.waiting import until

pytestmark = pytest.mark.asyncio


class OneEngine:
    """The engine of the one host, and the way to it."""

    def __init__(self, host_id: str) -> None:
        self.host_id = host_id
        self.held: dict[str, Container] = {}
        self.health = [Health.HEALTHY]
        """What each look finds, the last one for ever."""
        self.started: list[str] = []
        self.commands: list[Sequence[str]] = []
        self.ends = asyncio.Event()
        """Set where a command run inside is to end."""

    async def engine(self, host: Host) -> Engine:
        return cast("Engine", self)

    async def found(self) -> Sequence[FoundHost]:
        return []

    async def forget(self, host: Host, *, keys: bool) -> None:
        """Nothing is open."""

    async def facts(self) -> HostFacts:
        return HostFacts(engine_version="28", gpus=())

    async def containers(self) -> list[Container]:
        return list(self.held.values())

    async def inspect(self, container_id: str) -> tuple[Container, JsonObject]:
        found = self.held[container_id]
        health = self.health.pop(0) if len(self.health) > 1 else self.health[0]
        return replace(found, health=health, is_inspected=True), {}

    async def has_image(self, image: str) -> bool:
        return True

    async def create(self, name: str, request: Any) -> str:
        made = f"c{len(self.held)}"
        published = request["HostConfig"].get("PortBindings", {})
        self.held[made] = Container(
            host_id=self.host_id, id=made, name=name, image=request["Image"], state=ContainerState.CREATED,
            labels=tuple(sorted(request["Labels"].items())),
            ports=tuple(
                PortBinding(int(inside.partition("/")[0]), "tcp", each["HostIp"], int(each["HostPort"]))
                for inside, bindings in published.items() for each in bindings
            ),
        )  # fmt: skip
        return made

    async def start(self, container_id: str) -> None:
        self.started.append(container_id)
        self.held[container_id] = replace(self.held[container_id], state=ContainerState.RUNNING)

    async def execute(self, container_id: str, command: Sequence[str], *, timeout_seconds: float = 30) -> Finished:
        self.commands.append(command)
        await self.ends.wait()
        return Finished(0, b"", b"")


class Bench:
    def __init__(self, context: Context, engine: OneEngine) -> None:
        self.engine = engine
        self.context = replace(context, open_hosts=lambda: engine)

    async def submit(self, **arguments: Any) -> Job:
        context = self.context
        given = {"host": "box", "name": "llm", "no_hub_token": True, **arguments}
        return await jobs.submit(
            context.store, context.clock, context.actor, "container.deploy", given, holder="agent:first"
        )

    async def run(self, job: Job) -> Any:
        return await jobs.run_job(self.context, job)

    async def taken_up(self, job: Job) -> Job:
        """As another agent has it once the lease has ended."""
        later = self.context.clock.now() + timedelta(seconds=JOB_LEASE_SECONDS + 1)
        async with self.context.store.write() as transaction:
            claimed = await transaction.jobs.claim(job.id, "agent:second", later)
        assert claimed is not None
        return claimed

    async def job(self, job: Job) -> Job:
        async with self.context.store.read() as transaction:
            return await transaction.jobs.get(job.id)


@pytest_asyncio.fixture
async def at(tmp_path: Path) -> AsyncIterator[Bench]:
    async with fake_cloud.bench(tmp_path) as opened:
        context = opened.context
        host = Host(
            id="018f-box", owner="ada", created_by="ada@jump", name="box", url="unix:///var/run/docker.sock",
            kept_by=context.actor.host_id, created_at=context.clock.now(),
        )  # fmt: skip
        async with context.store.write() as transaction:
            await transaction.hosts.insert(host)
        yield Bench(context, OneEngine(host.id))


async def test_a_models_pull_ends_when_it_is_cancelled(at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploy, "_LOOK_SECONDS", 0.01)
    job = await at.submit(framework="ollama", model=["llama3.2:1b"])
    running = asyncio.create_task(at.run(job))
    await until(lambda: at.engine.commands, "the model is pulled")
    async with at.context.store.write() as transaction:
        await transaction.jobs.request_cancel(job.id)
    with pytest.raises(Refused, match=r"llama3\.2:1b was cancelled"):
        await asyncio.wait_for(running, 5)
    assert (await at.job(job)).state is JobState.CANCELLED
    assert at.engine.held["c0"].state is ContainerState.RUNNING


@pytest.mark.parametrize(("wait", "answers"), [("none", True), ("5s", False)])
async def test_a_first_answer_is_waited_for_as_long_as_was_said(at: Bench, wait: str, answers: bool) -> None:
    at.engine.health = [*[Health.STARTING] * 20, Health.HEALTHY]
    done = await at.run(await at.submit(image="bb:1", wait=wait))
    assert done["answers"] is answers


@pytest.mark.parametrize("port", [{}, {"port": "8123"}])
async def test_one_taken_up_again_carries_on_with_the_container_it_made(at: Bench, port: dict[str, str]) -> None:
    at.engine.health = [Health.STARTING]
    job = await at.submit(image="bb:1", container_port="8000", wait="none", **port)
    first = asyncio.create_task(at.run(job))
    await until(lambda: at.engine.started, "it is started")
    first.cancel()  # as where its agent dies: the job is left to whoever comes next
    await asyncio.gather(first, return_exceptions=True)
    at.engine.health = [Health.HEALTHY]
    done = await at.run(await at.taken_up(job))
    assert (done["answers"], [each.id for each in at.engine.held.values()]) == (True, ["c0"])
    assert at.engine.started == ["c0"]
    assert [each.host_port for each in at.engine.held["c0"].ports] == [int(port.get("port", "8000"))]


async def test_one_taken_up_again_before_its_container_was_started_starts_it(at: Bench) -> None:
    job = await at.submit(image="bb:1")
    await at.engine.create("llm", {"Image": "bb:1", "Labels": {LABEL_DEPLOY_JOB: job.id}, "HostConfig": {}})
    done = await at.run(job)
    assert (done["answers"], at.engine.started, len(at.engine.held)) == (True, ["c0"], 1)


async def test_another_jobs_container_of_that_name_stays_in_the_way(at: Bench) -> None:
    await at.run(await at.submit(image="bb:1"))
    with pytest.raises(Refused, match="a container named llm is running there"):
        await at.run(await at.submit(image="bb:1"))
