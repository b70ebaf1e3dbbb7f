"""Checks of a day as even parts of a line, and the last of them one by one."""

from __future__ import annotations

import pytest

from aicompute_tui.ui.health_history import DAY_SECONDS, Part, Sample, last_checks, parts_of, samples_of, share_words
from tests.ui.console_world import NOW
from tests.ui.health_world import samples


def test_latencies_are_means_weighed_by_the_checks_that_succeeded() -> None:
    held = [Sample(NOW - 100, 10, 0, 10.0), Sample(NOW - 90, 40, 10, 50.0), Sample(NOW - 80, 5, 5, None)]
    assert parts_of(held, 4, NOW)[-1] == Part(checks=55, failed=15, latency=40.0)


def test_the_newest_part_is_last_and_one_without_a_check_is_empty() -> None:
    held = [Sample(NOW - DAY_SECONDS + 1, 1, 0, 5.0), Sample(NOW, 2, 0, 7.0), Sample(NOW - 2 * DAY_SECONDS, 9, 9, None)]
    assert parts_of(held, 3, NOW) == [Part(1, 0, 5.0), Part(), Part(2, 0, 7.0)]


def test_a_clock_that_was_put_back_a_little_leaves_what_was_just_checked_last() -> None:
    assert parts_of([Sample(NOW + 30, 1, 1, None)], 2, NOW) == [Part(), Part(1, 1, None)]


def test_the_last_checks_stand_the_newest_last_and_broken_rows_are_left_out() -> None:
    told = samples_of({"samples": [*samples(bad_hour=0), "broken", {"at": "never"}]})
    assert len(told) == 48
    assert last_checks(told, 4) == [True, True, True, False]


@pytest.mark.parametrize(
    ("percent", "words"), [(100.0, "100 %"), (99.99, "99.99 %"), (99.6, "99.60 %"), (29.0, "29.00 %"), (0.0, "0.00 %")]
)
def test_an_uptime_has_two_digits_unless_all_checks_succeeded(percent: float, words: str) -> None:
    assert share_words(percent) == words
