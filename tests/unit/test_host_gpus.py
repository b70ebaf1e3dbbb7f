"""What GPUs one's own hosts have: by the names that are told, else as a container says that sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aicompute_tui.domain.container import Container, ContainerState, GpuRequest
from aicompute_tui.domain.errors import Unreachable
from aicompute_tui.domain.host import Host, HostFacts, HostReport, HostState
from aicompute_tui.hosts.base import Finished
from aicompute_tui.services.context import Context
from aicompute_tui.services.host_gpus import HostGpus, gpus_called, host_gpus, memory_of

NUMBERED = ("nvidia.com/gpu=0", "nvidia.com/gpu=1")
TWO = b"0, GPU-0, 570, 23028, 9, 1, 40, 80, 300, NVIDIA A10G\n1, GPU-1, 570, 23028, 9, 1, 40, 80, 300, NVIDIA A10G\n"


@pytest.mark.parametrize(
    ("names", "memory", "called"),
    [
        (["NVIDIA A10G", "NVIDIA A10G"], 22_888, "A10G"),  # what it reports, not the 24 GB of its data sheet
        (["NVIDIA A100-SXM4-80GB"], 81_920, "A100-SXM4-80GB"),
        (["NVIDIA GeForce RTX 4090"], 24_566, "RTX 4090"),
        (["NVIDIA A10G", "NVIDIA L40S"], 22_888, "GPUs of several kinds"),
        (["NVIDIA A10G", "Somebody's own"], None, "GPUs of several kinds"),
        (["NVIDIA GeForce RTX 3060"], None, "RTX 3060"),  # comes with 8 and with 12 GiB
        (list(NUMBERED), None, None),
        ([], None, None),
    ],
)
def test_memory_goes_by_the_smallest_of_names_that_are_all_known(
    names: list[str], memory: int | None, called: str | None
) -> None:
    assert memory_of(names) == memory
    assert gpus_called(names) == called


class World:
    """One host that tells so much, with one container that was given GPUs."""

    def __init__(self, gpus: tuple[str, ...] | None, said: bytes | None, state: HostState = HostState.UP) -> None:
        self.facts, self.said, self.state = HostFacts(gpus=gpus), said, state
        self.asked: list[str] = []

    def context(self) -> Context:
        host = Host(id="h", owner="ana", created_by="ana", name="box", url="tcp://10.0.0.5:2376", kept_by="here",
                    created_at=datetime(2026, 11, 20, tzinfo=UTC))  # fmt: skip
        report = HostReport(host_id="h", state=self.state, facts=self.facts)
        idle = Container(host_id="h", id="idle", name="idle", image="caddy", state=ContainerState.RUNNING)
        busy = Container(host_id="h", id="busy", name="busy", image="vllm", state=ContainerState.RUNNING,
                         gpus=GpuRequest(count=-1))  # fmt: skip

        def listing(found: Any) -> Any:
            async def listed() -> Any:
                return found

            return SimpleNamespace(list=listed)

        @asynccontextmanager
        async def read() -> AsyncIterator[Any]:
            yield SimpleNamespace(
                hosts=listing([host]), host_reports=listing({"h": report}), containers=listing([idle, busy])
            )

        async def engine(_: Host) -> Any:
            return SimpleNamespace(execute=self._execute)

        found = SimpleNamespace(store=SimpleNamespace(read=read), hosts=SimpleNamespace(engine=engine))
        return cast("Context", found)

    async def _execute(self, container_id: str, command: Sequence[str], *, timeout_seconds: float) -> Finished:
        assert command[0] == "nvidia-smi"
        assert timeout_seconds < 10
        self.asked.append(container_id)
        if self.said is None:
            raise Unreachable("box does not answer.", "")
        return Finished(0, self.said, b"")


@pytest.mark.asyncio
async def test_a_host_that_only_numbers_its_gpus_is_asked_inside_a_container_that_has_them() -> None:
    world = World(NUMBERED, TWO)
    assert await host_gpus(world.context()) == [HostGpus(host="box", count=2, called="A10G", memory_mib=23_028)]
    assert world.asked == ["busy"]


@pytest.mark.asyncio
async def test_what_cannot_be_found_out_stays_unknown() -> None:
    unknown = HostGpus(host="box", count=2, called=None, memory_mib=None)
    assert await host_gpus(World(NUMBERED, None).context()) == [unknown]
    assert await host_gpus(World(NUMBERED, b"No devices were found").context()) == [unknown]
    down = World(NUMBERED, TWO, HostState.DOWN)
    assert await host_gpus(down.context()) == [unknown]
    assert down.asked == []


@pytest.mark.asyncio
async def test_names_are_enough_and_a_host_without_gpus_is_none() -> None:
    named = World(("NVIDIA A10G",), TWO)
    assert await host_gpus(named.context()) == [HostGpus(host="box", count=1, called="A10G", memory_mib=22_888)]
    assert named.asked == []
    assert await host_gpus(World((), TWO).context()) == []
