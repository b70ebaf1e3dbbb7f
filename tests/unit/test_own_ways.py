"""Each way that a command goes on the command line alone is of an action there is, and leads to a function."""

from __future__ import annotations

import pytest

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.cli import own_ways


@pytest.mark.parametrize("table", [own_ways.JOBS, own_ways.BEFORE_QUERY, own_ways.AFTER_QUERY, own_ways.WRITERS])
def test_each_is_of_an_action_there_is_and_can_be_gone(table: dict[str, str]) -> None:
    assert set(table) <= set(ACTIONS)
    assert all(callable(own_ways.load(name)) for name in table.values())


def test_an_action_without_one_goes_the_way_of_all() -> None:
    assert own_ways.job("instance.stop") is None
    assert own_ways.before_query("instance.list") is None
    assert own_ways.after_query("instance.list") is None
    assert own_ways.writer("events.follow").__name__ == "write_stream"
