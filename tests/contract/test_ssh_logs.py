"""A machine's logs over a real sshd: complete, in order, over breaks of the connection, and nothing left behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.services import node_logs
from aicompute_tui.services.node_logs import NodeLog, node_log_items
from aicompute_tui.ssh.base import NodeAddress
from aicompute_tui.ssh.pool import NodePool
from tests.contract.ssh_world import SshWorld, pool, running, ssh_world
from tests.waiting import until

__all__ = ["pool", "ssh_world"]


class Reader:
    """Somebody who follows a log, and all he was given."""

    def __init__(self) -> None:
        self.items: list[JsonObject] = []

    @property
    def lines(self) -> list[str]:
        return [str(line) for item in self.items if isinstance(found := item.get("lines"), list) for line in found]

    def texts(self, kind: str) -> list[str]:
        return [str(item["text"]) for item in self.items if item.get("mark") == kind]

    def has(self, line: str) -> bool:
        return any(line in each for each in self.lines[-2_000:])


@pytest.fixture
def file(ssh_world: SshWorld, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for the log of the set-up."""
    path = ssh_world.folder / "it's set-up.log"
    monkeypatch.setitem(node_logs.FILES, "setup", str(path))
    return path


def append(file: Path, *lines: str) -> None:
    with file.open("a") as stream:
        stream.write("".join(f"{line}\n" for line in lines))


@asynccontextmanager
async def reading(pool: NodePool, world: SshWorld, log: NodeLog) -> AsyncIterator[Reader]:
    reader = Reader()

    async def address() -> NodeAddress:
        return world.address()

    async def read() -> None:
        async for item in node_log_items(pool, address, log, clock=SystemClock()):
            reader.items.append(item)

    task = asyncio.create_task(read())
    try:
        yield reader
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def whole(pool: NodePool, world: SshWorld, log: NodeLog) -> Reader:
    async with reading(pool, world, log) as reader:
        await until(lambda: reader.texts("end"), "the log ends")
        return reader


def passed(moment: float) -> bool:
    return time.monotonic() >= moment


def numbered(count: int, text: str = "") -> list[str]:
    return [f"{number} {text}" for number in range(count)]


@pytest.mark.asyncio
async def test_200_000_lines_come_completely_and_in_order(ssh_world: SshWorld, pool: NodePool, file: Path) -> None:
    lines = numbered(250_000, "x" * 100)
    append(file, *lines)
    reader = await whole(pool, ssh_world, NodeLog(source="setup", tail=200_000))
    assert reader.lines == lines[-200_000:]


@pytest.mark.asyncio
@pytest.mark.parametrize(("tail", "shown"), [(0, []), (2, ["c", "half"]), (50, ["a", "b", "c", "half"])])
async def test_a_tail_is_as_long_as_asked(
    ssh_world: SshWorld, pool: NodePool, file: Path, tail: int, shown: Sequence[str]
) -> None:
    file.write_bytes(b"a\nb\nc\nhalf")
    reader = await whole(pool, ssh_world, NodeLog(source="setup", tail=tail))
    assert reader.lines == shown


@pytest.mark.asyncio
async def test_long_lines_and_foreign_bytes(ssh_world: SshWorld, pool: NodePool, file: Path) -> None:
    file.write_bytes("é".encode() * 90_000 + b"\n\xff\xfe\x1b[31mred\x1b[0m\r\n" + b"z" * 400_000 + b"\nend\n")
    reader = await whole(pool, ssh_world, NodeLog(source="setup"))
    assert [len(line) for line in reader.lines[:2]] == [90_000, 5]
    assert reader.lines[2].endswith(" more characters]")
    assert reader.lines[3] == "end"


@pytest.mark.asyncio
async def test_10_000_lines_a_second_are_followed_without_loss(ssh_world: SshWorld, pool: NodePool, file: Path) -> None:
    append(file, "begin")
    count, text = 30_000, "x" * 120
    async with reading(pool, ssh_world, NodeLog(source="setup", follow=True)) as reader:
        await until(lambda: reader.has("begin"), "it is followed")
        begun = time.monotonic()
        for start in range(0, count, 200):
            append(file, *(f"{number} {text}" for number in range(start, start + 200)))
            await until(partial(passed, begun + start / 10_000), "the next ones are due")
        await until(lambda: reader.has(f"{count - 1} x"), "the last line comes")
        assert reader.lines[1:] == numbered(count, text)


@pytest.mark.asyncio
async def test_following_goes_on_when_sshd_is_back_and_nothing_is_lost(
    ssh_world: SshWorld, pool: NodePool, file: Path
) -> None:
    append(file, *numbered(1_000))
    async with reading(pool, ssh_world, NodeLog(source="setup", follow=True)) as reader:
        await until(lambda: reader.has("999"), "the log is followed")
        ssh_world.kill()
        append(file, "while nobody listened")
        ssh_world.start()
        await until(lambda: reader.texts("gap"), "following goes on")
        append(file, "after")
        await until(lambda: reader.has("after"), "new lines come")
        assert reader.lines == [*numbered(1_000)[-200:], "while nobody listened", "after"]
        [gap] = reader.texts("gap")
        assert gap.endswith("nothing is missing.")


@pytest.mark.asyncio
async def test_a_machine_that_booted_anew_with_a_shorter_log(ssh_world: SshWorld, pool: NodePool, file: Path) -> None:
    append(file, *numbered(100, "first boot"))
    async with reading(pool, ssh_world, NodeLog(source="setup", follow=True)) as reader:
        await until(lambda: reader.has("99"), "the log is followed")
        ssh_world.kill()
        file.write_text("second boot\n")
        ssh_world.start()
        await until(lambda: reader.has("second boot"), "the new log is read")
        assert reader.lines.count("second boot") == 1
        assert "became shorter" in reader.texts("gap")[0]


@pytest.mark.asyncio
async def test_a_file_in_whose_place_another_stands(ssh_world: SshWorld, pool: NodePool, file: Path) -> None:
    append(file, "old")
    async with reading(pool, ssh_world, NodeLog(source="setup", follow=True)) as reader:
        await until(lambda: reader.has("old"), "the log is followed")
        file.rename(file.with_suffix(".1"))
        append(file, "new")
        await until(lambda: reader.has("new"), "the new file is read")
        assert (reader.lines, reader.texts("gap")) == (["old", "new"], [])
        assert reader.texts("note") == ["The file was replaced by a new one: it is read from its beginning."]


@pytest.mark.asyncio
async def test_a_log_that_is_not_there_yet(ssh_world: SshWorld, pool: NodePool, file: Path) -> None:
    reader = await whole(pool, ssh_world, NodeLog(source="setup"))
    assert reader.texts("note") == [f"{file} is not there yet."]
    async with reading(pool, ssh_world, NodeLog(source="setup", follow=True)) as reader:
        await until(lambda: reader.texts("note"), "its absence is said")
        append(file, "one", "two")
        await until(lambda: reader.has("two"), "it is read once it is there")
        assert reader.lines == ["one", "two"]


@pytest.mark.asyncio
async def test_no_process_stays_behind(ssh_world: SshWorld, pool: NodePool, file: Path) -> None:
    append(file, "quiet")
    async with reading(pool, ssh_world, NodeLog(source="setup", follow=True)) as reader:
        await until(lambda: reader.has("quiet"), "the log is followed")
        assert running(str(file))
    await until(lambda: not running(str(file)), "the reader ends on the machine when it is left")
    async with reading(pool, ssh_world, NodeLog(source="setup", follow=True)) as reader:
        await until(lambda: reader.has("quiet"), "the log is followed")
        ssh_world.kill()
        await until(lambda: not running(str(file)), "the reader ends on the machine when the connection does")


@pytest.mark.asyncio
async def test_an_address_that_cannot_be_given_ends_it(ssh_world: SshWorld, pool: NodePool, file: Path) -> None:
    append(file, "x")
    answers = [ssh_world.address()]

    async def address() -> NodeAddress:
        if answers:
            return answers.pop()
        raise Refused("calm-otter is stopped.")

    async def read() -> None:
        log = NodeLog(source="setup", follow=True)
        async for item in node_log_items(pool, address, log, clock=SystemClock()):
            if "lines" in item:
                ssh_world.kill()

    with pytest.raises(Refused):
        await asyncio.wait_for(read(), 10)


DOCKER = """
case "$1" in
inspect) cat "{folder}/state" || {{ echo "Error: No such container: $5" >&2; exit 1; }} ;;
logs) shift; echo "$*" >>"{folder}/asked"
      case "$*" in *"--since 2026-11-20T08:00:00.2"*) again=1 ;; *) echo '2026-11-20T08:00:00.100000000Z one' ;; esac
      echo '2026-11-20T08:00:00.200000000Z two' >&2
      [ -z "$again" ] || echo '2026-11-20T08:00:00.300000000Z three'
      case "$*" in *--follow*) exec sleep 1{port} ;; esac ;;
esac
"""
"""Begins with the line of the moment it is asked from, as docker does; a third line was written by then."""


@pytest.fixture
def docker(ssh_world: SshWorld) -> Path:
    """A stand-in for docker whose container is in the state written into the file."""
    ssh_world.program_on_path("docker", DOCKER.format(folder=ssh_world.folder, port=ssh_world.port))
    return ssh_world.folder / "state"


@pytest.mark.asyncio
async def test_the_framework_is_waited_for_and_read_on_from_its_last_moment(
    ssh_world: SshWorld, pool: NodePool, docker: Path
) -> None:
    reader = await whole(pool, ssh_world, NodeLog(source="framework"))
    assert reader.texts("note") == ["There is no container aic-tui-framework yet."]
    async with reading(pool, ssh_world, NodeLog(source="framework", follow=True, since_seconds=300)) as reader:
        await until(lambda: reader.texts("note"), "it is waited for")
        docker.write_text("running\n")
        await until(lambda: len(reader.lines) == 2, "both outputs are read")
        ssh_world.kill()
        ssh_world.start()
        await until(lambda: reader.texts("gap"), "following goes on")
        await until(lambda: len(reader.lines) > 2, "what came meanwhile is read")
        assert [line.rpartition(" ")[2] for line in reader.lines] == ["one", "two", "three"]
    first, second = (ssh_world.folder / "asked").read_text().splitlines()
    assert first == "--timestamps --tail 200 --since 300s --follow aic-tui-framework"
    assert second == "--timestamps --tail all --since 2026-11-20T08:00:00.200000000Z --follow aic-tui-framework"
    await until(lambda: not running(f"sleep 1{ssh_world.port}"), "docker ends on the machine")


@pytest.mark.asyncio
async def test_docker_that_refuses_is_asked_as_root(ssh_world: SshWorld, pool: NodePool) -> None:
    ssh_world.program_on_path("id", 'case "$1" in -u) echo "${AS:-1000}" ;; *) echo users ;; esac')
    ssh_world.program_on_path("sudo", 'shift; AS=0; export AS; exec "$@"')
    refusal = '[ "$AS" = 0 ] || { echo "permission denied while trying to connect" >&2; exit 1; }\n'
    ssh_world.program_on_path("docker", refusal + DOCKER.format(folder=ssh_world.folder, port=ssh_world.port))
    (ssh_world.folder / "state").write_text("running\n")
    async with reading(pool, ssh_world, NodeLog(source="framework", follow=True)) as reader:
        await until(lambda: len(reader.lines) == 2, "it is read as root")
    await until(lambda: not running(f"sleep 1{ssh_world.port}"), "what ran as root ends as well")
    ssh_world.program_on_path("sudo", "echo a password is required >&2; exit 1")
    reader = await whole(pool, ssh_world, NodeLog(source="framework", follow=True))
    assert reader.texts("note") == ["Docker may not be used by this login."]


@pytest.mark.asyncio
async def test_the_journal_is_asked_for_our_units(ssh_world: SshWorld, pool: NodePool) -> None:
    ssh_world.program_on_path("id", 'case "$1" in -u) echo 0 ;; *) echo root ;; esac')
    ssh_world.program_on_path("journalctl", 'printf "%s\\n" "$@"')
    reader = await whole(pool, ssh_world, NodeLog(source="node", tail=5, since_seconds=60))
    assert " ".join(reader.lines) == "-q --no-pager -o short-iso -u aic-tui-* -n 5 --since -60s"
