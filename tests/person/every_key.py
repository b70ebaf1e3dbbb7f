"""A walk through every place of the demo with every default key in it, which a terminal of any size can be taken on."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.person.terminal import Terminal, need_terminal_tools, product
from tests.person.test_demo import leave, processes_of
from tests.person.walk import Stop

BROKEN = ("Traceback", "EXIT ", "Something went wrong")


@contextmanager
def open_demo(folder: Path, size: tuple[int, int]) -> Iterator[Terminal]:
    need_terminal_tools()
    terminal = Terminal(folder, *size)
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
        """Out of the line that took a word, or out of what a key opened late and took it."""
        self.terminal.keys("-l", f"\x1b[27u:{stop.command}\r")
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

    def leave_line(self) -> None:
        self.terminal.escape()
        self.terminal.until(lambda screen: f"still{self._steps}" not in screen)

    def _stands(self, screen: str, stop: Stop) -> bool:
        header = screen.partition("\n")[0]
        return stop.crumb in header and "/h" in header and not _last_line(screen).startswith(" :")


def _last_line(screen: str) -> str:
    return screen.rstrip("\n").rpartition("\n")[2]


def press_every_key(demo: Terminal, ways: Mapping[Stop, tuple[str, ...]]) -> None:
    """Each key where it stands, then back out of whatever it opened; at least one key in each place."""
    walker = Walker(demo)
    assert len(ways) >= 10
    assert sum(len(keys) for keys in ways.values()) > 60
    walker.come_back()
    for stop, keys in ways.items():
        for key in keys or ("?",):
            try:
                walker.go_to(stop)
                walker.press(key)
                walker.come_back()
            except AssertionError as error:
                raise AssertionError(f"with {key} in :{stop.command}: {error}") from error
    walker.leave_line()


def lose_the_agent_in_a_form(demo: Terminal) -> None:
    """What was typed stays, and a new agent answers."""
    walker = Walker(demo)
    walker.come_back()
    walker.leave_line()
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
    demo.until(lambda _: agents_of(demo) not in ([], killed))
    demo.keys("-l", "2")
    demo.until(lambda screen: "agent ●" in screen.partition("\n")[0])
    demo.until(lambda screen: re.search(r"^ +name +kept-name2", screen, re.MULTILINE) is not None)
    assert agents_of(demo) != killed
    demo.keys("C-n")
    walker.come_back()
    walker.leave_line()


def agents_of(terminal: Terminal) -> list[int]:
    return [pid for pid, words in processes_of(terminal.home).items() if words[-1:] == ["agent"] and "-P" in words]


def leave_it_behind(demo: Terminal) -> None:
    """The terminal is the shell's again, and nothing of the demo lives."""
    leave(demo)
    assert demo.is_restored()
    assert not re.search("Traceback", demo.screen())
    assert not processes_of(demo.home)
