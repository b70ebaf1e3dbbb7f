"""The places of the demo between those of `test_every_key`, at 80x24 too, and every default key in them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.person.every_key import leave_it_behind, open_demo, press_every_key
from tests.person.terminal import Terminal
from tests.person.walk import stops


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    with open_demo(tmp_path_factory.mktemp("demo"), (80, 24)) as terminal:
        yield terminal


def test_every_default_key_of_the_places_between_once(demo: Terminal) -> None:
    press_every_key(demo, {stop: stop.keys for stop in stops()[1::2]})


def test_then_it_is_left_and_the_terminal_is_the_shells(demo: Terminal) -> None:
    leave_it_behind(demo)
