"""Every other place of the demo at 80x24 and every default key in it: no traceback, and the console answers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.person.every_key import leave_it_behind, lose_the_agent_in_a_form, open_demo, press_every_key
from tests.person.terminal import Terminal
from tests.person.walk import stops


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with open_demo(tmp_path_factory.mktemp("demo"), (80, 24)) as terminal:
        yield terminal


def test_every_default_key_of_every_other_place_once(demo: Terminal) -> None:
    press_every_key(demo, {stop: stop.keys for stop in stops()[::2]})


def test_a_form_keeps_what_was_typed_while_the_agent_dies_and_comes_back(demo: Terminal) -> None:
    lose_the_agent_in_a_form(demo)


def test_then_it_is_left_and_the_terminal_is_the_shells(demo: Terminal) -> None:
    leave_it_behind(demo)
