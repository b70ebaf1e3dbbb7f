"""A real engine over every road: what is listed, told, streamed, changed and run, and how each failure is said."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from aicompute_tui.domain.container import ContainerState, Health, LogStream, PortBinding
from aicompute_tui.domain.errors import (
    AicError,
    AuthFailed,
    Conflict,
    InvalidInput,
    NotConfigured,
    NotFound,
    Refused,
    Unreachable,
)
from aicompute_tui.hosts.base import LogsWanted
from aicompute_tui.hosts.docker.engine import DockerEngine
from tests.contract.engines import RealEngine, engine, engines, lines_of, mortal_engine, two_engines
from tests.contract.host_world import ROADS, engine_of, engine_over_ssh, host, reached, soon, tls_engine, tls_host
from tests.contract.ssh_world import SshWorld, free_port, ssh_world

__all__ = ["engine", "engines", "mortal_engine", "ssh_world", "tls_engine", "two_engines"]

pytestmark = pytest.mark.asyncio


async def lines(source: DockerEngine, name: str, wanted: LogsWanted, *, has_terminal: bool = False) -> list[str]:
    """Each line without its moment, after the stream it came on."""
    found: list[str] = []
    async with source.logs(name, wanted, has_terminal=has_terminal) as pieces:
        async for piece in pieces:
            told = piece.data.decode().splitlines()
            found += [f"{piece.stream.value} {line.partition(' ')[2]}" for line in told]
    return found


async def to_the_end(stream: AsyncIterator[object]) -> None:
    async for _ in stream:
        pass


@pytest.mark.parametrize("road", ROADS)
async def test_the_whole_life_of_a_container_over_each_road(road: str, request: pytest.FixtureRequest) -> None:
    async with reached(road, request) as (source, real):
        facts = await source.facts()
        assert (facts.engine, facts.engine_version) == ("Docker", real.version)
        assert facts.api_version.startswith("1.")
        assert facts.name == f"host-{real.name}"
        assert (facts.free_disk_bytes is not None) == (road in {"unix", "ssh"})
        port = free_port()
        identity = real.run(
            "web", lines_of(["echo out", "echo err >&2"]), "-p", f"127.0.0.1:{port}:80", "--label", "a=b"
        )
        await soon(lambda: bool(real.docker("logs", "web")))
        (listed,) = await source.containers()
        assert (listed.id, listed.name, listed.image, listed.state) == (identity, "web", "bb:1", ContainerState.RUNNING)
        assert listed.ports == (PortBinding(80, "tcp", "127.0.0.1", port),)
        assert dict(listed.labels) == {"a": "b"}
        whole, _ = await source.inspect("web")
        assert (whole.has_terminal, whole.restart_count, whole.gpus) == (False, 0, None)
        assert sorted(await lines(source, "web", LogsWanted())) == ["stderr err", "stdout out"]
        done = await source.execute("web", ["sh", "-c", "printf yes; echo no >&2; exit 3"])
        assert (done.exit_code, done.stdout, done.stderr) == (3, b"yes", b"no\n")
        async with source.stats("web") as samples:
            first = await anext(samples)
            second = await anext(samples)
        assert first.cpu_percent is None
        assert second.cpu_percent is not None
        assert second.memory_bytes
        await source.rename("web", "site")
        await source.pause("site")
        assert (await source.containers())[0].state is ContainerState.PAUSED
        await source.unpause("site")
        assert next(each["cmd"] for each in await source.processes("site")).startswith("sh -c")  # type: ignore[union-attr]
        await source.stop("site", 1)
        assert (await source.containers())[0].exit_code == 0
        await source.start("site")
        await source.restart("site", 1)
        await source.kill("site", "KILL")
        await soon(lambda: real.inspect("site")["State"]["Status"] == "exited")
        assert (await source.containers())[0].exit_code == 137
        await source.remove("site", force=False, volumes=True)
        assert await source.containers() == []


@pytest.mark.parametrize("road", ROADS)
async def test_a_shell_has_a_size_that_follows_the_window(road: str, request: pytest.FixtureRequest) -> None:
    async with reached(road, request) as (source, real):
        real.run("web", lines_of([]))
        async with source.shell("web", ["sh"], columns=100, rows=30) as shell:
            said = b""

            async def until(words: bytes) -> None:
                nonlocal said
                async with asyncio.timeout(20):
                    async for chunk in shell.chunks():
                        said += chunk
                        if words in said:
                            return

            await shell.write(b"stty size\n")
            await until(b"30 100")
            await shell.resize(77, 22)
            await shell.write(b"stty size; exit 5\n")
            await until(b"22 77")
            async for _ in shell.chunks():
                pass
            assert await shell.exit_code() == 5


async def test_leaving_a_shell_ends_it(engine: RealEngine) -> None:
    engine.run("web", lines_of([]))
    async with engine_of(host(engine.unix)) as source:
        async with source.shell("web", ["sh"], columns=80, rows=24) as shell:
            await anext(aiter(shell.chunks()))
            assert any(each["cmd"] == "sh" for each in await source.processes("web"))

        async def has_ended() -> bool:
            return not any(each["cmd"] == "sh" for each in await source.processes("web"))

        await soon(has_ended)


async def test_two_engines_are_two_hosts(engines: tuple[RealEngine, RealEngine]) -> None:
    first, second = engines
    first.run("web", lines_of([]))
    async with engine_of(host(first.unix, "a")) as one, engine_of(host(second.tcp, "b")) as two:
        assert [each.name for each in await one.containers()] == ["web"]
        assert await two.containers() == []
        assert {(await one.facts()).name, (await two.facts()).name} == {"host-a", "host-b"}


async def test_a_log_has_its_history_by_count_and_by_moment_and_then_what_follows(engine: RealEngine) -> None:
    engine.run("web", "for i in 1 2 3 4 5; do echo line $i; done; read stay", "-i")
    await soon(lambda: "line 5" in engine.docker("logs", "web"))
    async with engine_of(host(engine.unix)) as source:
        assert await lines(source, "web", LogsWanted(tail=2)) == ["stdout line 4", "stdout line 5"]
        assert await lines(source, "web", LogsWanted(tail=0)) == []
        async with source.logs("web", LogsWanted(tail=1, follow=True), has_terminal=False) as pieces:
            first = await anext(pieces)
            assert first.data.endswith(b" line 5\n")
            engine.docker("exec", "web", "sh", "-c", "echo more >/proc/1/fd/1")
            async with asyncio.timeout(20):
                assert (await anext(pieces)).data.endswith(b" more\n")
        assert await lines(source, "web", LogsWanted(since=first.stamp)) == ["stdout line 5", "stdout more"]


async def test_long_lines_are_whole_with_and_without_a_terminal(engine: RealEngine) -> None:
    for name, option in (("plain", "-i"), ("tty", "-t")):
        engine.run(name, "head -c 40000 /dev/zero | tr '\\0' x; echo; echo next; sleep 1000", option)
    async with engine_of(host(engine.unix)) as source:
        for name, stream in (("plain", LogStream.STDOUT), ("tty", LogStream.TERMINAL)):
            await soon(lambda name=name: "next" in engine.docker("logs", name))  # type: ignore[misc]
            found = await lines(source, name, LogsWanted(), has_terminal=name == "tty")
            assert found == [f"{stream.value} {'x' * 40_000}", f"{stream.value} next"]


async def test_the_log_ends_with_the_container_and_breaks_with_its_engine(mortal_engine: RealEngine) -> None:
    mortal_engine.run("web", "echo up; read stay", "-i")
    async with engine_of(host(mortal_engine.unix)) as source:
        async with source.logs("web", LogsWanted(follow=True), has_terminal=False) as pieces:
            await anext(pieces)
            await source.stop("web", 0)
            assert [each async for each in pieces] == []
        await source.start("web")
        async with (
            source.logs("web", LogsWanted(follow=True), has_terminal=False) as pieces,
            source.stats("web") as samples,
            source.events() as events,
        ):
            await anext(pieces)
            await anext(samples)
            mortal_engine.kill()
            for stream in (pieces, samples, events):
                with pytest.raises(Unreachable):
                    await asyncio.wait_for(to_the_end(stream), 20)
        with pytest.raises(Unreachable) as failure:
            await source.containers()
        assert "systemctl start docker" in failure.value.next_step
        mortal_engine.start()
        assert [each.name for each in await source.containers()] == ["web"]


async def test_events_tell_what_happens(engine: RealEngine) -> None:
    async with engine_of(host(engine.tcp)) as source, source.events() as events:
        engine.run("web", "exit 7")
        actions: list[tuple[str, int | None]] = []
        async with asyncio.timeout(20):
            async for event in events:
                if event.kind == "container":
                    actions.append((event.action, event.exit_code))
                if event.action == "die":
                    break
        assert actions == [("create", None), ("start", None), ("die", 7)]


async def test_health_is_told_by_list_and_inspection(engine: RealEngine) -> None:
    check = ("--health-cmd", "test -e /ok", "--health-interval", "0.2s", "--health-retries", "1")
    engine.run("web", lines_of([]), *check)
    async with engine_of(host(engine.unix)) as source:

        async def health() -> Health:
            (listed,) = await source.containers()
            whole, _ = await source.inspect("web")
            return listed.health if listed.health is whole.health else Health.NONE

        async def is_(wanted: Health) -> bool:
            return await health() is wanted

        await soon(lambda: is_(Health.UNHEALTHY))
        await source.execute("web", ["touch", "/ok"])
        await soon(lambda: is_(Health.HEALTHY))


async def test_two_hundred_streams_left_early_leave_no_connection(engine: RealEngine) -> None:
    engine.run("web", lines_of(["while :; do echo line; sleep 0.05; done &"]))
    async with engine_of(host(engine.unix)) as source:
        await source.containers()
        before = len(_sockets())

        async def look(number: int) -> None:
            if number % 2:
                async with source.logs("web", LogsWanted(tail=1, follow=True), has_terminal=False) as pieces:
                    await anext(pieces)
            else:
                async with source.stats("web") as samples:
                    await anext(samples)

        await asyncio.gather(*(look(number) for number in range(200)))
        assert len(await source.containers()) == 1
        few_kept_for_the_next_calls = 2
        idle_ones_are_closed_within_two_rounds_of_15_seconds = 60.0
        await soon(
            lambda: len(_sockets()) <= before + few_kept_for_the_next_calls,
            idle_ones_are_closed_within_two_rounds_of_15_seconds,
        )


def _sockets() -> list[str]:
    """Those of this process."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the folder that is being read is itself among them
            found.append(str(each.readlink()))
    return [link for link in found if link.startswith("socket:")]


async def test_a_hundred_and_fifty_streams_open_leave_room_for_calls(engine: RealEngine) -> None:
    engine.run("web", lines_of(["echo here"]))
    async with engine_of(host(engine.unix)) as source:
        opened = asyncio.Semaphore(0)
        leave = asyncio.Event()

        async def hold() -> None:
            async with source.logs("web", LogsWanted(follow=True), has_terminal=False) as pieces:
                await anext(pieces)
                opened.release()
                await leave.wait()

        tasks = [asyncio.create_task(hold()) for _ in range(150)]
        for _ in tasks:
            await opened.acquire()
        async with asyncio.timeout(30):
            assert len(await source.containers()) == 1
        leave.set()
        await asyncio.gather(*tasks)


async def test_refusals_are_said_in_words(engine: RealEngine) -> None:
    engine.run("web", lines_of([]))
    engine.run("done", "true")
    await soon(lambda: engine.inspect("done")["State"]["Status"] == "exited")
    async with engine_of(host(engine.unix)) as source:
        refusals = (
            (source.inspect("nope"), NotFound, "no container nope on box"),
            (source.remove("web", force=False, volumes=False), Refused, "still runs"),
            (source.rename("web", "done"), Conflict, "name done is taken"),
            (source.rename("web", "x y"), InvalidInput, "cannot be a container's name"),
            (source.execute("done", ["true"]), Refused, "does not run"),
            (source.execute("web", ["nope"]), InvalidInput, "nope"),
            (source.pause("done"), Refused, "does not run"),
            (source.kill("web", "NOPE"), InvalidInput, "no such signal"),
        )
        for call, kind, words in refusals:
            with pytest.raises(kind) as failure:
                await call
            assert words in str(failure.value)
            assert failure.value.next_step


async def said(described_url: str, **more: Any) -> AicError:
    async with engine_of(host(described_url, **more)) as source:
        with pytest.raises(AicError) as failure:
            await source.containers()
    return failure.value


async def test_whatever_is_in_the_way_is_named(tmp_path: Path, engine: RealEngine) -> None:
    assert "There is no socket" in (await said(f"unix://{tmp_path}/docker.sock")).message
    refused = await said(f"tcp://127.0.0.1:{free_port()}")
    assert isinstance(refused, Unreachable)
    assert "refuses connections" in refused.message
    assert isinstance(await said(f"https://127.0.0.1:{engine.port}"), NotConfigured)
    missing = await said(engine.tcp, tls_ca=str(tmp_path / "ca.pem"))
    assert "is missing" in missing.message


async def test_certificates_must_fit_on_both_sides(tls_engine: RealEngine) -> None:
    tls = tls_engine.certificates
    async with engine_of(tls_host(tls_engine, url=tls_engine.tls.replace("https", "tcp"))) as source:
        assert await source.containers() == []
    async with engine_of(tls_host(tls_engine, tls_ca=str(tls.other_authority))) as source:
        with pytest.raises(AuthFailed, match="signed by nobody"):
            await source.containers()
    strange = {"tls_cert": str(tls.other_client), "tls_key": str(tls.other_client_key)}
    async with engine_of(tls_host(tls_engine, **strange)) as source:
        with pytest.raises(AuthFailed):
            await source.containers()
    async with engine_of(tls_host(tls_engine, tls_cert=None, tls_key=None)) as source:
        with pytest.raises(AuthFailed, match="does not accept"):
            await source.containers()
    plain = await said(f"tcp://127.0.0.1:{tls_engine.tls_port}")
    assert "speaks TLS" in plain.message


async def test_an_ssh_hosts_changed_key_is_refused(ssh_world: SshWorld, engine: RealEngine) -> None:
    described = host(f"ssh://127.0.0.1:{ssh_world.port}{engine.socket}")
    async with engine_over_ssh(described, ssh_world) as source:
        assert await source.containers() == []
    ssh_world.kill()
    ssh_world.new_host_key()
    ssh_world.start()
    async with engine_over_ssh(described, ssh_world) as source:
        with pytest.raises(Refused) as failure:
            await source.containers()
    assert "host forget-key box" in failure.value.next_step


async def test_an_ssh_connection_that_broke_is_made_again(ssh_world: SshWorld, engine: RealEngine) -> None:
    described = host(f"ssh://127.0.0.1:{ssh_world.port}{engine.socket}")
    async with engine_over_ssh(described, ssh_world) as source:
        assert await source.containers() == []
        ssh_world.kill()
        with pytest.raises(Unreachable):
            await source.containers()
        ssh_world.start()
        assert await source.containers() == []


async def test_an_ssh_host_without_an_engine_says_so(ssh_world: SshWorld, tmp_path: Path) -> None:
    async with engine_over_ssh(host(f"ssh://127.0.0.1:{ssh_world.port}{tmp_path}/none.sock"), ssh_world) as source:
        with pytest.raises(Unreachable, match="no engine's socket"):
            await source.containers()
