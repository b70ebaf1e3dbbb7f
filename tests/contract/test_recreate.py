"""A container made anew on a real engine: what stays, what changes, and the old one back on every bad day."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.domain.errors import AicError, Conflict, NotFound, Refused, SetupFailed
from aicompute_tui.services import proof
from tests.contract.cli_world import Cli, until
from tests.contract.container_world import House, opened_house
from tests.contract.engines import RealEngine, engine, engines, lines_of, two_engines
from tests.contract.registry_world import Registry, registry
from tests.contract.ssh_world import free_port

__all__ = ["engine", "engines", "registry", "two_engines"]

SERVE = "mkdir -p /www; echo ok >/www/health; exec httpd -f -p 8000 -h /www\n"
DEAF = "trap '' TERM; while :; do sleep 0.1; done"
"""An engine waits for its whole grace before it ends this."""


@pytest_asyncio.fixture
async def house(tmp_path: Path, engine: RealEngine) -> AsyncIterator[House]:
    """With the host `box`, which has an image that serves on port 8000."""
    engine.add_image("server:1", SERVE)
    async with opened_house(tmp_path) as made:
        await made.job("host.add", name="box", url=engine.unix)
        yield made
        engine.clear()


def names(engine: RealEngine) -> list[str]:
    return sorted(engine.docker("ps", "-a", "--format", "{{.Names}}").split())


@pytest.mark.asyncio
async def test_what_is_not_named_stays_as_it_was(house: House, engine: RealEngine) -> None:
    old = engine.run(
        "web",
        lines_of([]),
        *("-e", "A=1", "-e", "B=2", "-v", "models:/data", "-v", "/scratch", "--label", "mine=yes", "--memory", "64m"),
        *("--restart", "always", "--cpus", "0.5", "--hostname", "web-host", "-w", "/tmp", "--user", "0:0"),
    )
    before = engine.inspect("web")
    scratch = next(each["Name"] for each in before["Mounts"] if each["Destination"] == "/scratch")
    engine.docker("exec", "web", "sh", "-c", "echo kept > /scratch/file")
    row = await house.job(
        "container.recreate", name="web", env=["B=3", "C=4"], memory="128m", restart="no", volume=["more:/more"]
    )
    assert (row["name"], row["state"], row["replaced"]) == ("web", "running", old)
    assert names(engine) == ["web"]
    after = engine.inspect("web")
    assert after["Id"] != old
    wanted = {"A=1", "B=3", "C=4"}
    assert wanted <= set(after["Config"]["Env"])
    assert "B=2" not in after["Config"]["Env"]
    assert after["Config"]["Labels"]["mine"] == "yes"
    assert [after["Config"][key] for key in ("Hostname", "WorkingDir", "User", "Cmd")] == [
        before["Config"][key] for key in ("Hostname", "WorkingDir", "User", "Cmd")
    ]
    host = after["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["RestartPolicy"]["Name"]) == (128 << 20, 500_000_000, "no")
    mounted = {each["Destination"]: each["Name"] for each in after["Mounts"]}
    assert mounted == {"/data": "models", "/scratch": scratch, "/more": "more"}
    assert engine.docker("exec", "web", "cat", "/scratch/file") == "kept"
    assert [kind for kind in await house.events() if kind.startswith("container.")] == ["container.recreated"]


@pytest.mark.asyncio
async def test_a_volume_nobody_named_goes_along_however_it_was_asked_for(house: House, engine: RealEngine) -> None:
    engine.run("web", lines_of([]), "--mount", "type=volume,target=/data", "-v", "/scratch")
    before = {each["Destination"]: each["Name"] for each in engine.inspect("web")["Mounts"]}
    engine.docker("exec", "web", "sh", "-c", "echo kept > /data/file; echo kept > /scratch/file")
    for _ in range(2):
        await house.job("container.recreate", name="web", no_pull=True)
        assert {each["Destination"]: each["Name"] for each in engine.inspect("web")["Mounts"]} == before
        assert engine.docker("exec", "web", "cat", "/data/file", "/scratch/file").split() == ["kept", "kept"]


@pytest.mark.asyncio
async def test_a_newer_image_brings_its_own_defaults_and_is_pulled_first(
    house: House, engine: RealEngine, registry: Registry
) -> None:
    for value, name in (("old", "app:1"), ("new", "app:2")):
        engine.docker("create", "--name", "base", "bb:1", "sh")
        engine.docker("commit", "-c", f"ENV DEFAULT={value}", "-c", f'CMD ["sh","-c","{lines_of([])}"]', "base", name)
        engine.docker("rm", "base")
    moved = registry.push(engine, "app:1", "app:latest")
    engine.docker("pull", moved)
    engine.docker("run", "-d", "--name", "web", "-e", "OWN=1", moved)
    engine.docker("tag", "app:2", moved)
    engine.docker("push", moved)
    engine.docker("tag", "app:1", moved)
    await house.job("container.recreate", name="web")
    after = engine.inspect("web")
    assert {"DEFAULT=new", "OWN=1"} <= set(after["Config"]["Env"])
    assert "DEFAULT=old" not in after["Config"]["Env"]
    assert after["State"]["Running"]
    with pytest.raises(AicError, match="no image") as failure:
        await house.job("container.recreate", name="web", image=registry.image("nope:1"))
    assert "Nothing was changed" in failure.value.next_step
    assert engine.inspect("web")["Id"] == after["Id"]


@pytest.mark.asyncio
async def test_a_port_moves_and_another_has_to_answer_again(
    house: House, engine: RealEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "_OPEN_SECONDS", 2.0)
    first, second = free_port(), free_port()
    engine.docker("run", "-d", "--name", "web", "-p", f"127.0.0.1:{first}:8000", "server:1")
    await house.job("container.recreate", name="web", port=[f"{second}:8000"])
    bindings = engine.inspect("web")["HostConfig"]["PortBindings"]
    assert bindings == {"8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(second)}]}
    engine.add_image("silent:1", lines_of([]) + "\n")
    until(lambda: _answers(second))
    kept = engine.inspect("web")["Id"]
    with pytest.raises(SetupFailed, match=r"did not answer where the old one did .* was put back and runs"):
        await house.job("container.recreate", name="web", image="silent:1", wait="3s")
    assert (engine.inspect("web")["Id"], names(engine)) == (kept, ["web"])
    until(lambda: _answers(second))


def _answers(port: int) -> bool:
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.mark.asyncio
async def test_what_fails_puts_the_old_one_back(house: House, engine: RealEngine) -> None:
    old = engine.run("web", lines_of([]))
    engine.add_image("fails:1", "echo 'no such model' >&2; exit 7\n")
    taken = free_port()
    engine.docker("run", "-d", "--name", "other", "-p", f"127.0.0.1:{taken}:8000", "server:1")
    for changes, kind, words in (
        ({"image": "fails:1"}, SetupFailed, r"ended \(exit code 7\)\. It said: “no such model”"),
        ({"port": [f"{taken}:8000"]}, Conflict, f"Port {taken} of box is taken"),
        ({"gpus": "all"}, AicError, "no NVIDIA container toolkit"),
        ({"volume": ["/:bad"]}, AicError, "not a volume"),
    ):
        with pytest.raises(kind, match=words) as failure:
            await house.job("container.recreate", name="web", **changes)
        if "volume" not in changes:
            assert "The old one was put back and runs." in failure.value.message
        told = engine.inspect("web")
        assert (told["Id"], told["State"]["Running"]) == (old, True)
        assert names(engine) == ["other", "web"]
    engine.docker("stop", "-t", "0", "web")
    with pytest.raises(SetupFailed, match="put back and stands, not running"):
        await house.job("container.recreate", name="web", image="fails:1")
    assert not engine.inspect("web")["State"]["Running"]


@pytest.mark.asyncio
async def test_a_health_check_decides(house: House, engine: RealEngine) -> None:
    check = ("--health-interval", "300ms", "--health-retries", "2", "--health-start-period", "0s")
    old = engine.run("web", f"touch /ok; {lines_of([])}", "--health-cmd", "test -e /ok", *check)
    await house.job("container.recreate", name="web")
    assert engine.inspect("web")["State"]["Health"]["Status"] == "healthy"
    assert engine.inspect("web")["Id"] != old
    kept = engine.inspect("web")["Id"]
    with pytest.raises(SetupFailed, match="unhealthy"):
        await house.job("container.recreate", name="web", command=["sh", "-c", lines_of([])])
    assert engine.inspect("web")["Id"] == kept


@pytest.mark.asyncio
async def test_one_that_removes_itself_is_refused_and_there_is_nothing_to_finish(
    house: House, engine: RealEngine
) -> None:
    engine.run("gone", lines_of([]), "--rm")
    with pytest.raises(Refused, match="removes itself"):
        await house.job("container.recreate", name="gone")
    with pytest.raises(Refused, match="left half done"):
        await house.job("container.recreate", name="gone", put_back=True)
    with pytest.raises(NotFound):
        await house.job("container.recreate", name="nope")
    assert names(engine) == ["gone"]


# -- killed between its steps


@pytest.fixture
def cli(cli: Cli, engine: RealEngine) -> Cli:
    """With the host `box`."""
    assert cli.json("host", "add", "box", engine.unix)["state"] == "up"
    return cli


_SLOWLY_PROVEN = """
import sys
from aicompute_tui.services import proof
from aicompute_tui.__main__ import main
proof._STAYS_SECONDS = 60.0
sys.exit(main(sys.argv[1:]))
"""
"""The command line, with time to be killed before the new container counts as one that stays."""


def killed(cli: Cli, engine: RealEngine, *changes: str, when: str) -> tuple[str, str]:
    """The ids of the old and the new one, of a replacement whose process was killed."""
    old = engine.inspect("web")["Id"]
    aside = f"web.aic-old-{old[:12]}"
    words = [sys.executable, "-P", "-c", _SLOWLY_PROVEN, "container", "recreate", "web", "--yes", *changes]
    process = subprocess.Popen(
        words,
        env=cli.child_environment(),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )

    def is_time() -> bool:
        assert process.poll() is None, process.communicate()
        if set(names(engine)) != {"web", aside}:
            return False
        runs: dict[str, Any] = {name: engine.inspect(name)["State"]["Running"] for name in ("web", aside)}
        wanted = {"stopping": (False, True), "proving": (True, False)}[when]
        return (runs["web"], runs[aside]) == wanted

    until(is_time)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return old, str(engine.inspect("web")["Id"])


@pytest.mark.parametrize("when", ["stopping", "proving"])
@pytest.mark.parametrize("choice", ["--finish", "--put-back"])
def test_what_a_kill_left_is_told_and_finished_or_put_back(
    cli: Cli, engine: RealEngine, when: str, choice: str
) -> None:
    engine.run("web", DEAF, "-e", "A=1")
    script = f"touch /ok; {DEAF}"
    old, new = killed(cli, engine, "--env", "A=2", "--wait", "2m", "--", "sh", "-c", script, when=when)
    rows = {row["name"]: row["half_replaced"] for row in cli.json("container", "list")}
    assert rows == {"web": None, f"web.aic-old-{old[:12]}": "web"}
    (told,) = [row for row in cli("doctor", "-o", "json").data if row["check"] == "container box/web"]
    assert ("--finish" in told["next_step"], told["verdict"]) == (True, "warning")
    cli.json("container", "recreate", "web", choice, "--yes")
    assert names(engine) == ["web"]
    told = engine.inspect("web")
    assert told["State"]["Running"]
    assert told["Id"] == (new if choice == "--finish" else old)
    assert ("A=2" in told["Config"]["Env"]) == (choice == "--finish")
    assert [row for row in cli("doctor", "-o", "json").data if row["check"] == "container box/web"] == []


@pytest.mark.asyncio
async def test_what_was_put_aside_before_anything_was_made_is_put_back_or_gone_on_with(
    house: House, engine: RealEngine
) -> None:
    old = engine.run("web", lines_of([]), "-e", "A=1")
    for choice in ("put_back", "finish"):
        engine.docker("rename", "web", f"web.aic-old-{old[:12]}")
        row = await house.job("container.recreate", name="web", **{choice: True})
        assert (row["name"], row["state"], names(engine)) == ("web", "running", ["web"])
        assert (engine.inspect("web")["Id"] == old) == (choice == "put_back")
        assert "A=1" in engine.inspect("web")["Config"]["Env"]


@pytest.mark.asyncio
async def test_an_agent_that_takes_the_job_up_again_goes_on_from_what_it_finds(
    house: House, engine: RealEngine
) -> None:
    from aicompute_tui.services import jobs

    old = engine.run("web", DEAF, "-e", "A=1")
    context = house.context
    (known,) = await house.query("container.list")
    arguments = {"name": f"{known['host_id']}/{old}", "env": ["A=2"]}
    made = await jobs.submit(context.store, context.clock, context.actor, "container.recreate", arguments, holder="one")
    dying = asyncio.create_task(jobs.run_job(context, made))
    while len(names(engine)) < 2:
        await asyncio.sleep(0.05)
    dying.cancel()
    await asyncio.wait({dying})
    with pytest.raises(Conflict, match="is being replaced now"):
        await house.job("container.recreate", name="web", put_back=True)
    async with context.store.write() as transaction:
        held = await transaction.jobs.get(made.id)
        await transaction.jobs.update(held, lease_expires_at=context.clock.now())
    async with context.store.write() as transaction:
        taken = await transaction.jobs.claim(made.id, "two", context.clock.now())
    assert taken is not None
    row = await jobs.run_job(context, taken)
    assert isinstance(row, dict)
    assert (row["name"], row["state"], names(engine)) == ("web", "running", ["web"])
    assert "A=2" in engine.inspect("web")["Config"]["Env"]
