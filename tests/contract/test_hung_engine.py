"""A shell whose engine hangs: it opens or says why not, tells of the silence, and can be left at every moment."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from aicompute_tui.cli import shell_watch
from aicompute_tui.cli.escape_keys import EscapeKeys
from aicompute_tui.cli.shell_watch import ShellWatch
from aicompute_tui.domain.errors import NotFound, Unreachable
from aicompute_tui.hosts.docker import execution
from tests.contract.cli_world import Cli
from tests.contract.engines import engine, engines, lines_of, two_engines
from tests.contract.host_world import ROADS, engine_of, host, reached, tls_engine
from tests.contract.hung_engine import CONTAINER, HungEngine, hung_engine
from tests.contract.ssh_world import ssh_world
from tests.contract.test_cli_terminal import Person
from tests.waiting import until

__all__ = ["engine", "engines", "ssh_world", "tls_engine", "two_engines"]


@pytest.fixture
def hung() -> Iterator[HungEngine]:
    with hung_engine() as made:
        yield made


@pytest.fixture
def cli(cli: Cli, hung: HungEngine) -> Cli:
    assert cli.json("host", "add", "box", hung.url)["state"] == "up"
    assert cli.json("container", "list")
    return cli


@pytest.fixture
def person(cli: Cli) -> Iterator[Person]:
    made = Person(cli, ("container", "exec", f"box/{CONTAINER}"), {})
    yield made
    made.close()


def test_a_shell_that_hangs_is_left_by_tilde_and_dot(person: Person, hung: HungEngine) -> None:
    person.wait_for("exit ends it. If it hangs: enter, then ~.")
    person.wait_for("# ")
    hung.freeze()
    person.type("ls\r")
    person.wait_for("-- box has said nothing for")
    person.type("a~.\r~")
    with pytest.raises(subprocess.TimeoutExpired):
        person.process.wait(timeout=4)
    began = time.monotonic()
    person.type(".")
    assert person.end() == 255
    assert time.monotonic() - began < 11
    assert f"You left box/{CONTAINER}" in person.seen
    assert person.attributes() == person.before


def test_ctrl_c_gives_up_a_shell_that_does_not_open(cli: Cli, hung: HungEngine) -> None:
    hung.freezes_at = b"/start HTTP/1.1"
    person = Person(cli, ("container", "exec", f"box/{CONTAINER}"), {})
    try:
        assert hung.has_frozen.wait(30)
        began = time.monotonic()
        person.process.send_signal(signal.SIGINT)
        assert person.end() == 130
        assert time.monotonic() - began < 8
    finally:
        person.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("part", ["/exec HTTP/1.1", "/start HTTP/1.1", "/resize?"])
async def test_opening_does_not_wait_for_ever(part: str, hung: HungEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "CALL_SECONDS", 0.3)
    async with asyncio.timeout(10), engine_of(host(hung.url)) as source:
        await source.containers()
        hung.freezes_at = part.encode()
        with pytest.raises(Unreachable, match="in time"):
            async with source.shell(CONTAINER, ["sh"], columns=80, rows=24):
                pass


@pytest.mark.asyncio
@pytest.mark.parametrize("road", ROADS)
async def test_a_stopped_engine_holds_nobody(
    road: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reached(road, request) as (source, real):
        real.run("web", lines_of([]))
        with contextlib.ExitStack() as frozen:
            async with asyncio.timeout(60), source.shell("web", ["sh"], columns=80, rows=24) as shell:
                await anext(aiter(shell.chunks()))
                monkeypatch.setattr(execution, "CALL_SECONDS", 0.5)
                monkeypatch.setattr(execution, "RESIZE_SECONDS", 0.2)
                frozen.enter_context(real.frozen())
                await shell.resize(90, 30)
                with pytest.raises(Unreachable):
                    await shell.exit_code()
            with pytest.raises(Unreachable):
                async with asyncio.timeout(60), source.shell("web", ["sh"], columns=80, rows=24):
                    pass


@pytest.mark.parametrize(
    ("typed", "sent", "leaves"),
    [
        (["~."], "", True),
        (["ls\r", "~", "."], "ls\r", True),
        (["ls ~.\r"], "ls ~.\r", False),
        (["~~."], "~.", False),
        (["\r~", "a~."], "\r~a~.", False),
        (["~\r~."], "~\r", True),
        (["~.lost"], "", True),
    ],
)
def test_a_tilde_counts_where_a_line_begins(typed: list[str], sent: str, leaves: bool) -> None:
    keys = EscapeKeys()
    taken = [keys.take(each.encode()) for each in typed]
    assert b"".join(on for on, _ in taken).decode() == sent
    assert taken[-1][1] is leaves


class Held:
    """A shell that answers as it is told."""

    def __init__(self, answer: int | Exception | None) -> None:
        self.answer = answer
        self.asked = 0

    async def exit_code(self) -> int | None:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.mark.asyncio
async def test_the_watch_asks_only_while_nothing_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_watch, "QUIET_SECONDS", 0.01)
    told: list[float] = []
    held = Held(None)
    watch = ShellWatch(held, told.append)  # type: ignore[arg-type]
    watching = asyncio.create_task(watch.until_gone())
    await asyncio.sleep(0.05)
    assert held.asked == 0
    watch.typed()
    await until(lambda: held.asked, "it asks")
    await asyncio.sleep(0.05)
    assert (held.asked, told) == (1, [])
    held.answer = Unreachable("box did not answer in time.", "Wait.")
    watch.typed()
    async with asyncio.timeout(5):
        while held.asked < 4:
            await asyncio.sleep(0.01)
    assert len(told) == 1
    held.answer = NotFound("There is no such process.", "")
    await asyncio.wait_for(watching, 5)
