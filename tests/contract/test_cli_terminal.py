"""A person at a terminal: asked before what costs or destroys, secrets not echoed, the terminal left as it was."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.contract.cli_world import DEADLINE_SECONDS, Cli, cli, launched
from tests.world import SECOND_ACCOUNT, SECOND_KEY, World

__all__ = ["cli"]

PLANTED_SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYPLANTEDKEY"


class Person:
    """Types into a terminal of its own and reads what stands there."""

    def __init__(self, cli: Cli, words: tuple[str, ...], environment: dict[str, str]) -> None:
        self._near, far = pty.openpty()
        self.before = termios.tcgetattr(self._near)
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "aicompute_tui", *words],
            env={**cli.child_environment(), "TERM": "xterm-256color", **environment},
            stdin=far,
            stdout=far,
            stderr=far,
            start_new_session=True,
        )
        os.close(far)
        self.seen = ""

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen
            assert self._read(), f"it ended before “{text}”:\n{self.seen}"

    def type(self, text: str) -> None:
        os.write(self._near, text.encode())

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._near)[3] & termios.ECHO)

    def end(self) -> int:
        while self._read():
            pass
        return self.process.wait(timeout=DEADLINE_SECONDS)

    def attributes(self) -> list[Any]:
        return termios.tcgetattr(self._near)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._near)

    def _read(self) -> bool:
        if not select.select([self._near], [], [], 1)[0]:
            return self.process.poll() is None
        try:
            self.seen += os.read(self._near, 65_536).decode("utf-8", "replace")
        except OSError:
            return False
        return True


@contextmanager
def person(cli: Cli, *words: str, **environment: str) -> Iterator[Person]:
    made = Person(cli, words, environment)
    try:
        yield made
    finally:
        with contextlib.suppress(OSError):
            made.close()


def test_a_launch_shows_its_plan_and_asks(cli: Cli, world: World) -> None:
    with person(cli, "instance", "launch", "--no-agent", "--name", "gpu-1") as me:
        me.wait_for("[y/N]")
        for part in ("an hour", "a month", "powers itself off", "credentials"):
            assert part in me.seen
        assert world.log("RunInstances") == []
        me.type("y\n")
        assert me.end() == 0
    assert len(world.machines()) == 1


@pytest.mark.parametrize("answer", ["n\n", "\n", "\x04", "what\n"])
def test_anything_but_yes_launches_nothing(cli: Cli, world: World, answer: str) -> None:
    with person(cli, "instance", "launch", "--no-agent") as me:
        me.wait_for("[y/N]")
        me.type(answer)
        assert me.end() == 4
    assert world.log("RunInstances") == []


def test_a_plan_that_is_refused_is_not_asked_about(cli: Cli) -> None:
    cli.json("setting", "set", "monthly_cap_usd", "1")
    with person(cli, "instance", "launch", "--no-agent") as me:
        assert me.end() == 4
        assert "REFUSED" in me.seen
        assert "[y/N]" not in me.seen


def test_no_end_wants_the_word_typed(cli: Cli, world: World) -> None:
    with person(cli, "instance", "launch", "--no-agent", "--ttl", "none", "--name", "gpu-1") as me:
        me.wait_for("Type none")
        me.type("none\n")
        me.wait_for("[y/N]")
        me.type("y\n")
        assert me.end() == 0
    assert cli.json("instance", "list")[0]["expires_at"] is None
    assert "NEVER" in cli("instance", "list").out


def test_terminate_shows_cost_and_loss_and_wants_a_protected_name(cli: Cli, world: World) -> None:
    launched(cli, "--name", "gpu-1", "--protect")
    with person(cli, "instance", "terminate", "gpu-1") as me:
        me.wait_for("[y/N]")
        for part in ("so far", "/h from now", "loses  its root volume"):
            assert part in me.seen
        me.type("y\n")
        me.wait_for("type its name")
        me.type("gpu-2\n")
        assert me.end() == 4
    assert world.log("TerminateInstances") == []
    with person(cli, "instance", "terminate", "gpu-1", "--yes") as me:
        me.wait_for("type its name")
        me.type("gpu-1\n")
        assert me.end() == 0
    assert len(world.log("TerminateInstances")) == 1


def test_keys_are_asked_for_and_not_shown(cli: Cli) -> None:
    with person(cli, "credential", "set", "second") as me:
        me.wait_for("access key id")
        assert not me.echoes()
        me.type(f"{SECOND_KEY}\n")
        me.wait_for("secret access key")
        me.type(f"{PLANTED_SECRET}\n")
        me.wait_for("token")
        me.type("\n")
        assert me.end() == 0
        assert PLANTED_SECRET not in me.seen
        assert SECOND_KEY not in me.seen
    assert cli.json("credential", "test", "second")["account_id"] == SECOND_ACCOUNT


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_at_a_prompt_gives_the_terminal_back(cli: Cli, number: signal.Signals, code: int) -> None:
    with person(cli, "credential", "set", "second") as me:
        me.wait_for("access key id")
        assert not me.echoes()
        me.process.send_signal(number)
        assert me.process.wait(timeout=DEADLINE_SECONDS) == code
        assert me.echoes()
        me.end()
        assert "Traceback" not in me.seen


def test_a_signal_at_a_question_launches_nothing(cli: Cli, world: World) -> None:
    with person(cli, "instance", "launch", "--no-agent") as me:
        me.wait_for("[y/N]")
        me.process.send_signal(signal.SIGINT)
        assert me.process.wait(timeout=DEADLINE_SECONDS) == 130
    assert world.log("RunInstances") == []


def test_a_terminal_without_utf8_gets_plain_letters(cli: Cli) -> None:
    with person(cli, "instance", "launch", "--dry-run", LC_ALL="C", LANG="C") as me:
        assert me.end() == 0
        assert me.seen.isascii()
        assert re.search(r"1 x A10G", me.seen)
    with person(cli, "doctor", LC_ALL="C", LANG="C") as me:
        me.end()
        assert "No UTF-8" in me.seen


def test_progress_is_told_while_a_launch_goes_on(cli: Cli) -> None:
    with person(cli, "instance", "launch", "--yes", "--no-agent") as me:
        me.wait_for("checking")
        assert me.end() == 0
