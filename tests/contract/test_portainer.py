"""A Portainer server: its environments become hosts, its token stays in the vault, and its bad manners are borne."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import AicError, AuthFailed, InvalidInput, NotFound, Unreachable
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.hosts.docker import execution
from aicompute_tui.services import jobs
from aicompute_tui.services.jobs import pending_secret
from tests.contract.container_world import House, closed, has_line, opened_house, until_told
from tests.contract.engines import RealEngine, engine, engines, lines_of, two_engines
from tests.contract.portainer_world import PASSWORD, USER, Portainer, running_portainer

__all__ = ["engine", "engines", "two_engines"]

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened_house(tmp_path) as made:
        yield made


@pytest_asyncio.fixture
async def portainer(engines: tuple[RealEngine, RealEngine]) -> AsyncIterator[Portainer]:
    async with running_portainer({1: engines[0], 2: engines[1]}) as made:
        yield made


async def add(house: House, url: str, secret: str, **arguments: str) -> list[JsonObject]:
    """As a door does it: the secret waits sealed beside the job."""
    context = house.context
    given = {"name": "port", "url": url, "kind": "portainer", **arguments}
    job = await jobs.submit(context.store, context.clock, context.actor, "host.add", given, holder="test")
    async with context.store.write() as transaction:
        await transaction.secrets.put(pending_secret(job.id), await context.clouds.seal(secret), by="me")
    answer = await jobs.run_job(context, job)
    assert isinstance(answer, list)
    return [row for row in answer if isinstance(row, dict)]


async def secrets(house: House) -> list[str]:
    async with house.context.store.read() as transaction:
        return await transaction.secrets.names()


async def test_each_environment_becomes_a_host_that_works(
    house: House, portainer: Portainer, engines: tuple[RealEngine, RealEngine]
) -> None:
    rows = await add(house, portainer.url, "ptr_first")
    assert [(row["name"], row["state"], row["environment"], row["address"]) for row in rows] == [
        ("port-gpu-box-1", "up", 1, "10.0.0.9"),
        ("port-gpu-box-2", "up", 2, None),
    ]
    assert len(await secrets(house)) == 2
    engines[0].run("web", lines_of(["echo here"]))
    listed = await house.query("container.list")
    assert [(row["host"], row["name"], row["state"]) for row in listed] == [("port-gpu-box-1", "web", "running")]
    done = await house.query("container.exec", name="web", command=["sh", "-c", "echo in; exit 3"])
    assert (done["stdout"], done["exit_code"]) == ("in\n", 3)
    items = house.stream("container.logs", names=["web"])
    await until_told(items, has_line("here"))
    await closed(items)
    rows = [row async for row in house.stream("container.stats", names=["web"], count="1")]
    assert rows[0]["memory_bytes"]
    assert (await house.job("container.stop", names=["web"], grace="1"))[0]["state"] == "exited"
    await house.job("container.remove", names=["web"])
    await house.job("host.remove", name="port-gpu-box-1")
    assert len(await secrets(house)) == 1


async def test_no_token_goes_far_over_a_connection_that_can_be_read(house: House) -> None:
    with pytest.raises(InvalidInput, match="can read"):
        await add(house, "http://portainer.example.com:9000", "ptr_first")
    assert await secrets(house) == []


async def test_a_shell_works_through_the_server(house: House, portainer: Portainer, engine: RealEngine) -> None:
    await add(house, portainer.url, "ptr_first", environment="1")
    engine.run("web", lines_of([]))
    async with house.context.store.read() as transaction:
        host = await transaction.hosts.find("port")
    source = await house.context.hosts.engine(host)
    async with source.shell("web", ["sh"], columns=90, rows=20) as shell:
        await shell.write(b"stty size; exit 4\n")
        said = b"".join([chunk async for chunk in shell.chunks()])
        assert b"20 90" in said
        assert await shell.exit_code() == 4


async def test_a_shell_through_the_server_is_left_while_the_engine_hangs(
    house: House, portainer: Portainer, engine: RealEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(house, portainer.url, "ptr_first", environment="1")
    engine.run("web", lines_of([]))
    async with house.context.store.read() as transaction:
        host = await transaction.hosts.find("port")
    source = await house.context.hosts.engine(host)
    with contextlib.ExitStack() as frozen:
        async with asyncio.timeout(60), source.shell("web", ["sh"], columns=90, rows=20) as shell:
            monkeypatch.setattr(execution, "CALL_SECONDS", 0.5)
            frozen.enter_context(engine.frozen())
            with pytest.raises(Unreachable, match="in time"):
                await shell.exit_code()


async def test_a_login_is_used_once_and_leaves_a_token_but_no_cookie(house: House, portainer: Portainer) -> None:
    rows = await add(house, portainer.url, f"{USER}\n{PASSWORD}", environment="gpu box 2")
    assert [(row["name"], row["state"]) for row in rows] == [("port", "up")]
    assert (portainer.logins, portainer.cookies_sent) == (1, 0)
    portainer.tokens.discard("ptr_first")
    assert (await house.query("host.test", name="port"))["ok"] is True
    assert portainer.logins == 1
    (name,) = await secrets(house)
    async with house.context.store.read() as transaction:
        sealed = await transaction.secrets.get(name)
    assert sealed is not None
    assert PASSWORD not in await house.context.clouds.unseal(sealed)


async def test_what_does_not_fit_is_said_and_nothing_is_kept(house: House, portainer: Portainer) -> None:
    for secret, more, kind, words in (
        ("ptr_wrong", {}, AuthFailed, "does not know our token"),
        (f"{USER}\nwrong", {}, AuthFailed, "user and password"),
        ("ptr_first", {"environment": "nope"}, NotFound, "no environment “nope”"),
        ("ptr_first", {"environment": "cluster"}, NotFound, "no environment “cluster”"),
    ):
        with pytest.raises(kind, match=words):
            await add(house, portainer.url, secret, **more)
    with pytest.raises(AicError, match="does not answer"):
        await add(house, "http://127.0.0.1:1", "ptr_first")
    assert [row for row in await house.query("host.list") if row["state"] != "found"] == []
    assert await secrets(house) == []


async def test_a_token_taken_back_and_an_engine_that_is_gone_are_said(
    house: House, engines: tuple[RealEngine, RealEngine]
) -> None:
    async with running_portainer({1: engines[0], 2: None}) as portainer:
        rows = await add(house, portainer.url, "ptr_first")
        assert [(row["state"], row["problem_kind"]) for row in rows] == [("up", None), ("down", "Unreachable")]
        assert "the engine of port-dead does not" in str(rows[1]["problem"])
        del portainer.engines[1]
        gone = await house.query("host.test", name="port-gpu-box-1")
        assert "no environment of that Portainer server any more" in gone["problem"]
        portainer.tokens.clear()
        revoked = await house.query("host.test", name="port-gpu-box-1")
        assert (revoked["ok"], revoked["problem_kind"]) == (False, "AuthFailed")
        assert "access token" in revoked["next_step"]


async def test_a_server_of_the_environment_is_offered(tmp_path: Path) -> None:
    named = {"PORTAINER_URL": "https://p.example:9443/", "PORTAINER_API_TOKEN": "ptr_x"}
    async with opened_house(tmp_path, **named) as house:
        offered = [row for row in await house.query("host.list") if row["kind"] == "portainer"]
        assert [(row["name"], row["state"], row["url"]) for row in offered] == [
            ("portainer", "found", "https://p.example:9443")
        ]
