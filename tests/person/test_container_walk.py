"""A container as a person lives with it, by keys only: its log, a shell in it, its stop and its start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.person.terminal import Terminal, need_terminal_tools, product
from tests.person.test_demo import leave

HOST, NAME = "lab-1", "tei-bge"


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    need_terminal_tools()
    opened = Terminal(tmp_path, *request.param)
    yield opened
    opened.close()


def test_a_container_is_read_entered_stopped_and_started(terminal: Terminal) -> None:
    terminal.start(product("demo"))
    terminal.shows("agent ●")
    find_it(terminal)
    read_its_log(terminal)
    look_around_in_a_shell(terminal)
    terminal.keys("x")
    terminal.until(lambda screen: f"Stop {NAME}?" in screen or f"Stop {HOST}/{NAME}?" in screen)
    terminal.keys("Tab", "Enter")
    terminal.until(lambda screen: is_in_state(screen, "■"))
    leave(terminal)
    assert terminal.is_restored()


def find_it(terminal: Terminal) -> None:
    terminal.keys("3")
    terminal.shows(NAME)
    terminal.keys("-l", f"/{NAME}")
    terminal.keys("Enter")
    terminal.until(lambda screen: NAME in screen and "ollama-main" not in screen)


def read_its_log(terminal: Terminal) -> None:
    terminal.keys("l")
    terminal.shows(f"{NAME} › log")
    terminal.shows("follow")
    terminal.escape()
    terminal.until(lambda screen: "› log" not in screen)


def look_around_in_a_shell(terminal: Terminal) -> None:
    terminal.keys("s")
    terminal.shows("exit ends it")
    terminal.keys("-l", "echo walked")
    terminal.keys("Enter")
    terminal.until(lambda screen: re.search(r"^walked$", screen, re.MULTILINE) is not None)
    terminal.keys("-l", "exit")
    terminal.keys("Enter")
    terminal.shows(f"{NAME} has ended")


def is_in_state(screen: str, glyph: str) -> bool:
    return any(NAME in line and glyph in line for line in screen.splitlines())
