"""However many ids are asked for, the statements that ask are of few lengths, and each id is asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.store.id_parts import id_parts


@given(st.sets(st.text("abc", max_size=6), max_size=900))
def test_every_id_stands_in_one_part_of_a_length_that_is_a_power_of_two(ids: set[str]) -> None:
    parts = list(id_parts(ids))
    assert sorted(each for part in parts for each in set(part)) == sorted(ids)
    assert {len(part) for part in parts} <= {2**power for power in range(10)}


def test_of_no_ids_nothing_is_asked() -> None:
    assert list(id_parts([])) == []


def test_ids_named_twice_are_asked_for_once() -> None:
    assert list(id_parts(["b", "a", "b"])) == [["a", "b"]]
