"""Every place of the demo and every default key in it, once at each size: no traceback, and the console answers."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator

import pytest

from tests.person.terminal import Terminal, need_terminal_tools, product
from tests.person.test_demo import leave, processes_of
from tests.person.walk import Stop, stops

SIZES = [(80, 24), (120, 40)]
BROKEN = ("Traceback", "EXIT ", "Something went wrong")


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    need_terminal_tools()
    terminal = Terminal(tmp_path_factory.mktemp("demo"), *request.param)
    try:
        terminal.start(product("demo"))
        terminal.shows("agent ●")
        terminal.shows("llama8-ca")
        yield terminal
    finally:
        terminal.close()


class Walker:
    """Goes to places, and sees after each step that the console still answers."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self._steps = 0

    def go_to(self, stop: Stop) -> None:
        self.terminal.keys("-l", f":{stop.command}")
        self.terminal.until(lambda screen: _last_line(screen).startswith(f" :{stop.command}"))
        self.terminal.keys("Enter")
        self.terminal.until(lambda screen: self._stands(screen, stop))

    def press(self, key: str) -> None:
        self.terminal.keys(key)

    def come_back(self) -> None:
        """Out of whatever is open; the last line then takes a word again, which only a living console shows."""
        self.terminal.escape(4)
        self._steps += 1
        word = f"still{self._steps}"
        self.terminal.keys("-l", f":{word}")
        screen = self.terminal.until(lambda screen: word in screen or any(each in screen for each in BROKEN), 20)
        assert not any(each in screen for each in BROKEN), screen
        self.terminal.escape()
        self.terminal.until(lambda screen: word not in screen)

    def _stands(self, screen: str, stop: Stop) -> bool:
        header = screen.partition("\n")[0]
        return stop.crumb in header and "/h" in header and not _last_line(screen).startswith(" :")


def _last_line(screen: str) -> str:
    return screen.rstrip("\n").rpartition("\n")[2]


def test_every_default_key_of_every_place_once(demo: Terminal) -> None:
    walker = Walker(demo)
    ways = stops((demo.width, demo.height))
    assert len(ways) >= 10
    assert sum(len(stop.keys) for stop in ways) > 60
    for stop in ways:
        for key in stop.keys or ("?",):
            walker.go_to(stop)
            walker.press(key)
            try:
                walker.come_back()
            except AssertionError as error:
                raise AssertionError(f"after {key} in :{stop.command}: {error}") from error


def test_a_form_keeps_what_was_typed_while_the_agent_dies_and_comes_back(demo: Terminal) -> None:
    walker = Walker(demo)
    walker.come_back()
    demo.keys("n")
    demo.until(lambda screen: "Launch" in screen.partition("\n")[0])
    demo.keys("4")
    demo.until(lambda screen: re.search(r"^ +name ", screen, re.MULTILINE) is not None)
    demo.keys("Down")
    demo.keys("-l", "kept-name")
    demo.until(lambda screen: re.search(r"^ +name +kept-name", screen, re.MULTILINE) is not None)
    killed = agents_of(demo)
    assert len(killed) == 1
    os.kill(killed[0], signal.SIGKILL)
    demo.until(lambda screen: "agent ●" not in screen.partition("\n")[0])
    demo.keys("-l", "2")
    demo.until(lambda screen: "agent ●" in screen.partition("\n")[0])
    demo.until(lambda screen: re.search(r"^ +name +kept-name2", screen, re.MULTILINE) is not None)
    assert agents_of(demo) != killed
    demo.keys("C-n")
    walker.come_back()


def agents_of(terminal: Terminal) -> list[int]:
    return [pid for pid, words in processes_of(terminal.home).items() if words[-1:] == ["agent"] and "-P" in words]


def test_then_it_is_left_and_the_terminal_is_the_shells(demo: Terminal) -> None:
    leave(demo)
    assert demo.is_restored()
    assert not re.search("Traceback", demo.screen())
    assert not processes_of(demo.home)
