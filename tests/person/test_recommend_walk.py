"""From a model and a budget to a launch that is looked over, by few keys, in the demo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.person.terminal import Terminal, need_terminal_tools, product
from tests.person.test_demo import leave

MODEL, BUDGET = "llama 70b", "3"
MOST_KEYS = 15


class CountedKeys:
    """Presses keys and counts them; the model and the price are typed besides."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.count = 0

    def press(self, *keys: str) -> None:
        self.count += len(keys)
        self.terminal.keys(*keys)

    def type(self, words: str) -> None:
        self.terminal.keys("-l", words)


@pytest.fixture(params=[(80, 24), (120, 40)], ids=["80x24", "120x40"])
def terminal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Terminal]:
    need_terminal_tools()
    width, height = request.param
    opened = Terminal(tmp_path, width, height)
    yield opened
    opened.close()


def test_a_model_and_a_budget_lead_to_a_launch_that_is_looked_over(terminal: Terminal) -> None:
    terminal.start(product("demo"))
    terminal.shows("agent ●")
    keys = CountedKeys(terminal)
    keys.press(":", *"recommend", "Enter")
    terminal.shows("Name a model")
    keys.type(MODEL)
    keys.press("Down")
    keys.type(BUDGET)
    keys.press("Enter")
    terminal.until(lambda screen: re.search(r"Llama 3\.1 70B .* fits on \d+", screen) is not None)
    terminal.until(lambda screen: re.search(r"▸ *(FITS|TIGHT) .* aws ", screen) is not None)
    prices = re.findall(r"^.. *(?:FITS|TIGHT) .*?\$(\d+\.\d\d)", terminal.screen(), re.MULTILINE)
    assert len(prices) > 3
    assert all(float(price) <= float(BUDGET) for price in prices)
    keys.press("Enter")
    terminal.shows("5 of 5")
    terminal.shows("Llama-3.1-70B-Instruct")
    terminal.until(lambda screen: re.search(r"\$\d+\.\d\d/h .*month", screen) is not None)
    assert re.search(r"(FITS|TIGHT), up to \d+k context", terminal.screen())
    assert keys.count <= MOST_KEYS
    terminal.keys("Escape", "Escape", "Escape", "Escape", "Escape")
    terminal.until(lambda screen: "Recommend › llama 70b" in screen)
    leave(terminal)
    assert "Traceback" not in terminal.screen()
