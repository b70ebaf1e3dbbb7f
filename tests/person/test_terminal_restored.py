"""However a console ends, the shell behind it gets its terminal back: settings, screen, cursor and mouse."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.person.consoles import BROKEN, empty_console, fixed_console
from tests.person.terminal import Terminal, need_terminal_tools
from tests.person.test_demo import leave


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    need_terminal_tools()
    opened = Terminal(tmp_path, 80, 24)
    yield opened
    opened.close()


def console_of(home: Path) -> int:
    """The console's own process."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if b"-c" in words and words[0].rpartition(b"/")[2].startswith(b"python") and os.fsencode(home) in environment:
            return int(folder.name)
    raise AssertionError("no console runs")


def opened(terminal: Terminal, before: str = "") -> int:
    terminal.start(empty_console(before))
    terminal.shows("/h")
    terminal.until(lambda _: terminal.modes()["mouse_any_flag"] == "1")
    assert not (terminal.home / "after").exists()
    return console_of(terminal.home)


def gives_it_back(terminal: Terminal, code: int) -> str:
    screen = terminal.shows(f"EXIT {code}")
    assert terminal.is_restored(), (terminal.modes(), (terminal.home / "after").read_text())
    assert "Traceback" not in screen
    assert "$0.00/h" not in screen, "nothing of the console is left on the shell's screen"
    terminal.keys("-l", "typed at the shell")
    return terminal.shows("typed at the shell")


def test_leaving_gives_the_terminal_back(terminal: Terminal) -> None:
    opened(terminal)
    leave(terminal)
    gives_it_back(terminal, 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_gives_the_terminal_back(terminal: Terminal, number: signal.Signals) -> None:
    os.kill(opened(terminal), number)
    gives_it_back(terminal, 128 + number)


def test_a_console_that_breaks_gives_the_terminal_back_and_says_one_sentence(terminal: Terminal) -> None:
    opened(terminal, BROKEN)
    terminal.keys("/")
    screen = gives_it_back(terminal, 1)
    assert screen.count("Something went wrong inside aic-tui") == 1
    assert "secret inside" not in screen


def test_a_hang_up_ends_the_console(terminal: Terminal) -> None:
    console = opened(terminal)
    os.kill(terminal.server(), signal.SIGKILL)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{console}").exists():
        assert time.monotonic() < deadline, "the console goes on without a terminal"
        time.sleep(0.05)


def test_nothing_suspends_or_stops_the_console(terminal: Terminal) -> None:
    """ctrl+z, ctrl+s, ctrl+q and ctrl+backslash are no keys here, and the console answers the next one."""
    terminal.start(fixed_console())
    terminal.shows("llama8-ca")
    terminal.keys("C-z", "C-s", "C-q", "C-\\", "?")
    terminal.shows("esc close")
    terminal.escape()
    terminal.until(lambda screen: "esc close" not in screen)
    leave(terminal)
    gives_it_back(terminal, 0)
