"""When what was told of a connection or a server is old."""

from __future__ import annotations

from typing import Any

import pytest

from aicompute_tui.services.figures import figures
from aicompute_tui.services.health_age import unchecked_after, unchecked_for
from tests.ui.console_world import HOUR, NOW, connection_row, reading, server_row

AFTER = unchecked_after({})


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"checked_at": NOW - 3 * HOUR}, 3 * HOUR),
        ({"checked_at": NOW - 3 * HOUR, "state": "degraded"}, 3 * HOUR),
        ({"checked_at": NOW - AFTER + 1}, None),
        ({"checked_at": NOW - 3 * HOUR, "state": "down"}, None),
        ({"checked_at": NOW - 3 * HOUR, "is_active": 0}, None),
        ({"checked_at": None, "state": "waiting"}, None),
        ({"checked_at": NOW - HOUR, "state": "degraded", "problem_kind": "RateLimited"}, None),
        ({"checked_at": NOW - 2 * HOUR, "state": "degraded", "problem_kind": "RateLimited"}, 2 * HOUR),
    ],
)
def test_what_was_well_and_is_not_checked_any_more_is_old(changes: dict[str, Any], seconds: float | None) -> None:
    assert unchecked_for(connection_row("c", **changes), NOW, AFTER) == seconds
    assert unchecked_for(server_row("s", **changes), NOW, AFTER) == seconds


def test_it_takes_three_of_the_intervals_that_are_set() -> None:
    assert unchecked_after({"health_interval_seconds": "600"}) - AFTER == 3 * (600 - 30)


def test_home_counts_none_as_well_that_nobody_checks() -> None:
    rows = [connection_row("fresh"), connection_row("old", checked_at=NOW - HOUR)]
    told = figures(reading(connections=rows, servers=[server_row("old", checked_at=NOW - HOUR)]), NOW)
    assert (told.connections_healthy, told.connections, told.servers_online, told.servers) == (1, 2, 0, 1)
