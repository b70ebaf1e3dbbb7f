"""What a replacement finds of an earlier one that did not come to its end, on an engine in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.domain.container import Container, ContainerState
from aicompute_tui.domain.errors import AicError, Conflict, NotFound, Refused
from aicompute_tui.domain.host import Host, HostFacts
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.recreation import LABEL_JOB, LABEL_RAN, LABEL_REPLACES
from aicompute_tui.domain.replacement_names import aside_name
from aicompute_tui.services.jobs import run_job
from tests.unit.fake_cloud import Bench, bench

pytestmark = pytest.mark.asyncio
OLD, NEW = "a" * 64, "b" * 64
RUNNING, EXITED = ContainerState.RUNNING, ContainerState.EXITED


@dataclass
class MemoryEngine:
    """Keeps containers by id, and dies when it is told to."""

    known: dict[str, Container] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    dies_after: int | None = None
    """So many changes are made, then every further one fails, as when the engine's machine goes away."""

    def put(self, identity: str, name: str, state: ContainerState, labels: tuple[tuple[str, str], ...] = ()) -> None:
        self.known[identity] = Container(
            host_id="h1", id=identity, name=name, image="app:1", state=state, labels=labels, is_inspected=True
        )

    def restarted(self) -> None:
        """Nothing runs, as after its machine was started again."""
        self.dies_after = None
        self.known = {key: replace(each, state=EXITED) for key, each in self.known.items()}

    async def facts(self) -> HostFacts:
        return HostFacts(engine_version="28.0.0")

    async def containers(self) -> list[Container]:
        return list(self.known.values())

    async def inspect(self, container_id: str) -> tuple[Container, JsonObject]:
        if container_id not in self.known:
            raise NotFound("There is no such container.", "")
        return self.known[container_id], {}

    def _change(self, what: str, container_id: str, **changes: Any) -> None:
        if self.dies_after is not None and len(self.done) >= self.dies_after:
            raise AicError("The engine went away.", "")
        self.done.append(what)
        self.known[container_id] = replace(self.known[container_id], **changes)

    async def start(self, container_id: str) -> None:
        self._change("start", container_id, state=RUNNING)

    async def stop(self, container_id: str, grace_seconds: int) -> None:
        self._change("stop", container_id, state=EXITED)

    async def rename(self, container_id: str, name: str) -> None:
        if any(each.name == name for each in self.known.values()):
            raise Conflict(f"The name {name} is taken.", "")
        self._change("rename", container_id, name=name)

    async def remove(self, container_id: str, *, force: bool, volumes: bool) -> None:
        self._change("remove", container_id)
        del self.known[container_id]

    @property
    def standing(self) -> dict[str, tuple[str, bool]]:
        return {each.name: (each.id, each.state.is_alive) for each in self.known.values()}


@dataclass
class OneHost:
    reached: MemoryEngine

    async def engine(self, host: Host) -> MemoryEngine:
        return self.reached


@dataclass
class World:
    at: Bench
    engine: MemoryEngine

    def leave_half_done(self, job_id: str = "another", *, ran: bool = True) -> None:
        """The new one runs and waits for its proof."""
        self.engine.put(OLD, aside_name("web", OLD), EXITED)
        marks = ((LABEL_REPLACES, OLD), (LABEL_RAN, "yes" if ran else "no"), (LABEL_JOB, job_id))
        self.engine.put(NEW, "web", RUNNING, marks)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with bench(tmp_path) as at:
        engine = MemoryEngine()
        directory: Any = OneHost(engine)
        at.context = replace(at.context, open_hosts=lambda: directory)
        host = Host(
            id="h1",
            owner="ada",
            created_by="ada@jump",
            name="box",
            url="unix:///run/engine.sock",
            kept_by="host-1",
            created_at=at.clock.now(),
        )
        async with at.context.store.write() as transaction:
            await transaction.hosts.insert(host)
        yield World(at, engine)


@pytest.mark.parametrize("name", ["web", NEW, OLD])
async def test_what_another_job_left_half_done_is_not_taken_for_what_is_asked_now(world: World, name: str) -> None:
    world.leave_half_done()
    before = world.engine.standing
    with pytest.raises(Refused, match="left half done") as failure:
        await world.at.job("container.recreate", name=name, env=["A=2"])
    for choice in ("--finish", "--put-back"):
        assert f"aic-tui container recreate box/web {choice}" in failure.value.next_step
    assert (world.engine.standing, world.engine.done) == (before, [])


async def test_a_job_that_is_taken_up_again_goes_on_with_what_it_made(world: World) -> None:
    job = await world.at.submitted("container.recreate", name=OLD, env=["A=2"])
    world.leave_half_done(job.id)
    await run_job(world.at.context, job)
    assert world.engine.standing == {"web": (NEW, True)}


@pytest.mark.parametrize(
    ("changes", "ran"), [*((changes, True) for changes in range(5)), *((changes, False) for changes in range(4))]
)
async def test_an_old_one_runs_again_if_it_ran_wherever_its_putting_back_broke_off(
    world: World, changes: int, ran: bool
) -> None:
    world.leave_half_done(ran=ran)
    world.engine.dies_after = changes
    with pytest.raises(AicError, match="went away"):
        await world.at.job("container.recreate", name=OLD, put_back=True)
    world.engine.restarted()
    await world.at.job("container.recreate", name="web", put_back=True)
    assert world.engine.standing == {"web": (OLD, ran)}


@pytest.mark.parametrize("changes", range(5))
async def test_a_new_one_takes_its_place_wherever_a_putting_back_broke_off(world: World, changes: int) -> None:
    world.leave_half_done()
    world.engine.dies_after = changes
    with pytest.raises(AicError, match="went away"):
        await world.at.job("container.recreate", name=OLD, put_back=True)
    world.engine.restarted()
    await world.at.job("container.recreate", name="web", finish=True)
    assert world.engine.standing == {"web": (NEW, True)}
