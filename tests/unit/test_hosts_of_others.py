"""A host that another installation keeps: its socket is not the one of that path here, and it is not called down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.container import Container
from aicompute_tui.domain.errors import AicError, Refused
from aicompute_tui.domain.host import Host, HostFacts, HostKind, HostReport, HostState
from tests.contract.container_world import House, opened_house

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened_house(tmp_path) as made:
        yield made


async def theirs(house: House) -> Host:
    now = house.context.clock.now()
    host = Host(
        id="018f-theirs", owner="bo", created_by="bo@jump", name="box", url="unix:///var/run/docker.sock",
        kept_by="theirs", created_at=now,
    )  # fmt: skip
    report = HostReport(host_id=host.id, state=HostState.UP, read_at=now, since=now, facts=HostFacts(gpus=()))
    async with house.context.store.write() as transaction:
        await transaction.hosts.insert(host)
        await transaction.host_reports.put(report)
        await transaction.containers.replace(host.id, [Container(host_id=host.id, id="c1", name="web", image="bb:1")])
    return host


async def test_its_engine_is_opened_by_the_installation_that_keeps_it_alone(house: House) -> None:
    host = await theirs(house)
    with pytest.raises(Refused, match="box is kept by another installation, on jump"):
        await house.context.hosts.engine(host)
    ours = await house.context.hosts.engine(replace(host, kept_by=house.context.actor.host_id))
    assert ours.host.url == host.url


async def test_a_portainer_server_is_the_same_from_everywhere(house: House) -> None:
    host = replace(await theirs(house), kind=HostKind.PORTAINER, url="https://portainer.example:9443", environment=2)
    with pytest.raises(AicError) as refused:
        await house.context.hosts.engine(host)
    assert "another installation" not in refused.value.message  # it has no token here, which is another matter


async def test_what_may_not_be_asked_from_here_is_not_told_as_down(house: House) -> None:
    host = await theirs(house)
    answer = await house.query("host.test", name="box")
    assert (answer["ok"], answer["state"]) == (False, "up")
    assert [row["name"] for row in await house.query("container.list")] == ["web"]
    assert (await house.report("box")).state is HostState.UP
    assert await house.events() == []
    with pytest.raises(Refused, match="another installation, on jump"):
        await house.job("container.remove", names=["box/web"])
    assert [each.host_id for each in await house.containers()] == [host.id]


async def test_a_deployment_there_is_refused_before_anything_is_made(house: House) -> None:
    await theirs(house)
    made = await house.query("container.plan", host="box", image="bb:1", name="web2")
    assert made["ok"] is False
    assert [check["reason"] for check in made["checks"]] == ["box is kept by another installation, on jump"]
