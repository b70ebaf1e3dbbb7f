"""Images and volumes of real engines: listed, pulled, pruned and removed; and the logins of a private registry."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import AuthFailed, BadAnswer, InvalidInput, NotFound, Refused
from aicompute_tui.services import jobs
from tests.contract.container_world import House, opened_house
from tests.contract.engines import RealEngine, engine, engines, lines_of, mortal_engine, two_engines
from tests.contract.host_world import soon
from tests.contract.portainer_world import running_portainer
from tests.contract.registry_world import PASSWORD, USER, Registry, private_registry, registry

__all__ = ["engine", "engines", "mortal_engine", "private_registry", "registry", "two_engines"]

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def house(tmp_path: Path, engines: tuple[RealEngine, RealEngine]) -> AsyncIterator[House]:
    """With the hosts `a` and `b`."""
    async with opened_house(tmp_path) as made:
        await made.job("host.add", name="a", url=engines[0].unix)
        await made.job("host.add", name="b", url=engines[1].tcp)
        yield made
        for each in engines:
            _clear(each)


def _clear(each: RealEngine) -> None:
    """Leaves the image every test has, and no volume."""
    each.clear()
    if volumes := each.docker("volume", "ls", "-q").split():
        each.docker("volume", "rm", *volumes)
    kept = each.docker("images", "-q", "--no-trunc", "bb:1")
    if others := [found for found in set(each.docker("images", "-aq", "--no-trunc").split()) if found != kept]:
        each.docker("rmi", "-f", *others)


def build(engine: RealEngine, name: str, mebibytes: int, letter: str = "x") -> str:
    """An image of its own layer over the usual one; answers its id."""
    script = f"yes {letter} | head -c {mebibytes << 20} > /big"
    engine.docker("run", "--name", "builder", "bb:1", "sh", "-c", script)
    identity = engine.docker("commit", "builder", *([name] if name else []))
    engine.docker("rm", "builder")
    return identity


async def test_images_of_all_hosts_are_listed_with_their_users_and_a_dead_host_is_named(
    house: House, engines: tuple[RealEngine, RealEngine], mortal_engine: RealEngine
) -> None:
    await house.job("host.add", name="m", url=mortal_engine.tcp)
    mortal_engine.kill()
    engines[0].run("web", lines_of([]))
    identity = build(engines[1], "big:1", 3)
    began = time.monotonic()
    rows = await house.query("image.list")
    assert time.monotonic() - began < 30
    found = {(row["host"], row["name"]): row for row in rows}
    assert found["a", "bb:1"]["used_by"] == ["web"]
    assert found["b", "bb:1"]["used_by"] == []
    big = found["b", "big:1"]
    assert (big["id"], big["dangling"], big["size_bytes"] > 3 << 20) == (identity, False, True)
    assert big["age_seconds"] < 60
    assert "m" in found["m", None]["problem"]
    assert [row["host"] for row in await house.query("image.list", host="b")] == ["b", "b"]


async def test_a_prune_frees_what_it_said_and_takes_nothing_made_since(house: House, engine: RealEngine) -> None:
    old = build(engine, "again:1", 4)
    build(engine, "again:1", 1, "y")
    assert old in engine.docker("images", "-aq", "--no-trunc")
    (row,) = [each for each in await house.query("image.unused", host="a") if each["host"] == "a"]
    assert (row["id"], row["frees_bytes"]) == (old, 4 << 20)
    later = build(engine, "", 2, "z")
    (done,) = await house.job("image.prune", items=[row["item"]])
    assert (done["host"], done["removed"], done["kept"]) == ("a", 1, 0)
    assert abs(done["freed_bytes"] - (4 << 20)) < 1 << 16
    left = engine.docker("images", "-aq", "--no-trunc")
    assert old not in left
    assert later in left
    assert "again:1" in engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}")
    assert "image.pruned" in await house.events()


async def test_an_image_that_found_a_user_since_it_was_shown_stays(house: House, engine: RealEngine) -> None:
    build(engine, "late:1", 1)
    rows = await house.query("image.unused", host="a", all=True)
    assert {row["name"] for row in rows} == {"bb:1", "late:1"}
    items = [row["item"] for row in rows if row["name"] == "late:1"]
    engine.docker("create", "--name", "user", "late:1", "sh")
    assert await house.job("image.prune", all=True, items=items) == []
    assert "late:1" in engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}")


async def test_an_image_goes_with_all_its_names_unless_a_container_uses_it(house: House, engine: RealEngine) -> None:
    identity = build(engine, "one:1", 1)
    engine.docker("tag", "one:1", "other/two:2")
    engine.docker("create", "--name", "user", "one:1", "sh")
    with pytest.raises(Refused, match="used by user"):
        await house.job("image.remove", names=["one:1"])
    engine.docker("rm", "user")
    await house.job("image.remove", names=[identity.removeprefix("sha256:")[:10]])
    assert identity not in engine.docker("images", "-aq", "--no-trunc")
    with pytest.raises(NotFound):
        await house.job("image.remove", names=["one:1"])
    with pytest.raises(InvalidInput, match="fits more than one image"):
        await house.job("image.remove", names=["bb:1"])


async def test_volumes_have_sizes_and_users_and_only_unnamed_ones_are_pruned_by_themselves(
    house: House, engine: RealEngine
) -> None:
    engine.docker("volume", "create", "models")
    engine.run("web", f"head -c {2 << 20} /dev/zero > /data/file; sleep 1000", "-v", "models:/data")
    engine.docker(
        "run", "--name", "gone", "-v", "/scratch", "bb:1", "sh", "-c", "head -c 1048576 /dev/zero > /scratch/f"
    )
    engine.docker("rm", "gone")

    async def written() -> bool:
        rows = await house.query("volume.list")
        return any(row["name"] == "models" and row["size_bytes"] == 2 << 20 for row in rows)

    await soon(written)
    rows = {row["name"]: row for row in await house.query("volume.list", host="a")}
    assert rows["models"]["used_by"] == ["web"]
    (item,) = await house.query("volume.unused", host="a")
    assert (item["anonymous"], item["frees_bytes"]) == (True, 1 << 20)
    with pytest.raises(Refused, match="used by web"):
        await house.job("volume.remove", names=["models"])
    engine.docker("rm", "-f", "web")
    (done,) = await house.job("volume.prune")
    assert (done["removed"], done["freed_bytes"]) == (1, 1 << 20)
    assert engine.docker("volume", "ls", "-q") == "models"
    shown = [row["item"] for row in await house.query("volume.unused", all=True)]
    engine.docker("volume", "rm", "models")
    await asyncio.sleep(1.1)  # an engine knows the second in which a volume was made, and no more
    engine.docker("volume", "create", "models")
    assert await house.job("volume.prune", all=True, items=shown) == []
    await house.job("volume.remove", names=["a/models"])
    assert engine.docker("volume", "ls", "-q") == ""


async def test_a_pull_tells_its_layers_and_a_broken_one_goes_on_when_it_is_whole_again(
    house: House, engine: RealEngine, registry: Registry
) -> None:
    build(engine, "big:1", 24)
    whole = registry.push(engine, "big:1", "big:1")
    engine.docker("rmi", "big:1")
    told: list[str] = []
    made = await jobs.submit(
        house.context.store, house.context.clock, house.context.actor, "image.pull", {"image": whole, "host": "a"},
        holder="test",
    )  # fmt: skip
    running = asyncio.create_task(jobs.run_job(house.context, made))
    while not running.done():
        async with house.context.store.read() as transaction:
            told.append((await transaction.jobs.get(made.id)).progress or "")
        await asyncio.sleep(0.02)
    done = await running
    assert isinstance(done, dict)
    assert done["name"] == whole
    assert any("pulling" in line for line in told)
    engine.docker("rmi", whole)
    registry.lose_layer("big:1")
    with pytest.raises(BadAnswer, match="could not be pulled whole") as failure:
        await house.job("image.pull", image=whole, host="a")
    assert "Try again" in failure.value.next_step


async def test_a_pull_is_cancelled_while_its_registry_says_nothing(house: House, engine: RealEngine) -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4_096):
            continue
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    context = house.context
    arguments = {"image": f"127.0.0.1:{port}/slow:1", "host": "a"}
    made = await jobs.submit(context.store, context.clock, context.actor, "image.pull", arguments, holder="test")
    running = asyncio.create_task(jobs.run_job(context, made))
    await asyncio.sleep(0.5)
    async with context.store.write() as transaction:
        await transaction.jobs.request_cancel(made.id)
    began = time.monotonic()
    with pytest.raises(Refused, match="was cancelled"):
        await running
    assert time.monotonic() - began < 15
    server.close()


async def test_a_private_registry_gives_only_to_its_login_and_says_which_is_missing(
    house: House, engine: RealEngine, private_registry: Registry
) -> None:
    build(engine, "secret:1", 1)
    image = private_registry.push(engine, "secret:1", "team/secret:1")
    engine.docker("rmi", "secret:1")
    address = f"127.0.0.1:{private_registry.port}"
    with pytest.raises(AuthFailed, match="wants a login") as failure:
        await house.job("image.pull", image=image, host="a")
    assert f"aic-tui registry login {address} --user NAME --stdin" in failure.value.next_step
    await log_in(house, address, "wrong password")
    with pytest.raises(AuthFailed, match=f"does not give .* to {USER}"):
        await house.job("image.pull", image=image, host="a")
    await log_in(house, f"http://{address}/", PASSWORD)
    assert await house.query("registry.list") == [{"registry": address, "user": USER, "problem": None}]
    assert (await house.job("image.pull", image=image, host="a"))["name"] == image
    engine.docker("rmi", image)
    row = await house.job(
        "container.deploy", host="a", image=image, name="it", command=["sh", "-c", lines_of([])], gpus="none"
    )
    assert row["state"] == "running"
    told = {row["check"]: row["reason"] for row in await house.query("doctor.run")}
    assert told["registries"] == f"logins: {USER} at {address}"
    await house.job("registry.logout", registry=address)
    assert await house.query("registry.list") == []
    _nowhere(house, PASSWORD)


async def log_in(house: House, registry: str, password: str) -> None:
    context = house.context
    sealed = await context.clouds.seal(password)
    arguments = {"registry": registry, "user": USER}
    made = await jobs.submit(context.store, context.clock, context.actor, "registry.login", arguments, holder="test")
    async with context.store.write() as transaction:
        await transaction.secrets.put(jobs.pending_secret(made.id), sealed, by="me")
    await jobs.run_job(context, made)


def _nowhere(house: House, secret: str) -> None:
    """In no file of the home, plain or as it is sent."""
    forms = [secret.encode(), base64.b64encode(secret.encode()), base64.urlsafe_b64encode(secret.encode())]
    home = house.context.places.data.parent
    files = [path for path in home.rglob("*") if path.is_file()]
    assert files
    for path in files:
        content = path.read_bytes()
        assert not any(form in content for form in forms), path


async def test_a_login_goes_to_no_other_registry_and_not_through_portainer(
    tmp_path: Path, engine: RealEngine, registry: Registry
) -> None:
    seen: list[str] = []

    async def look(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen.extend(line for line in head.splitlines() if line.lower().startswith("x-registry-auth"))
        body = b'{"message": "denied: requested access to the resource is denied"}'
        version = json.dumps({"Version": "1", "ApiVersion": "1.43", "MinAPIVersion": "1.24"}).encode()
        is_version = "/version" in head.splitlines()[0]
        answer, status = (version, "200 OK") if is_version else (body, "403 Forbidden")
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(answer)}\r\n"
            "Connection: close\r\n\r\n".encode()
            + answer
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(look, "127.0.0.1", 0)
    url = f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with opened_house(tmp_path) as house, running_portainer({1: engine}) as portainer:
        await house.job("host.add", name="watched", url=url)
        await log_in(house, "ghcr.io", PASSWORD)
        for image, sent in (("quay.io/x/y:1", 0), ("busybox:1", 0), ("ghcr.io/x/y:1", 1)):
            with pytest.raises(AuthFailed):
                await house.job("image.pull", image=image, host="watched")
            assert len(seen) == sent, image
        header = json.loads(base64.urlsafe_b64decode(seen[0].partition(": ")[2]))
        assert header == {"username": USER, "password": PASSWORD, "serveraddress": "ghcr.io"}
        assert portainer.port
    server.close()
