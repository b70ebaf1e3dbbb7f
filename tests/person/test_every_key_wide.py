"""Every place of the demo at 120x40 and every default key in it that may open something, as at 80x24."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.person.every_key import leave_it_behind, lose_the_agent_in_a_form, open_demo, press_every_key
from tests.person.terminal import Terminal
from tests.person.walk import stops


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with open_demo(tmp_path_factory.mktemp("demo"), (120, 40)) as terminal:
        yield terminal


def test_every_default_key_of_every_place_once(demo: Terminal) -> None:
    """What opens nothing is pressed at 80x24 alone."""
    press_every_key(demo, {stop: stop.opening for stop in stops()})


def test_a_form_keeps_what_was_typed_while_the_agent_dies_and_comes_back(demo: Terminal) -> None:
    lose_the_agent_in_a_form(demo)


def test_then_it_is_left_and_the_terminal_is_the_shells(demo: Terminal) -> None:
    leave_it_behind(demo)
