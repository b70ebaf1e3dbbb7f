"""What the console says was spent: per day and in GPU hours, from the rows of a snapshot."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.store.rows import SPEND_DAYS, Snapshot, SpendRow, day_start

_NOW = 1_790_000_000.0
_HOUR = 3_600.0
_DAY = 86_400.0


def snapshot(*spent: SpendRow) -> Snapshot:
    return Snapshot(2, "", 0, [], [], [], [], [], {}, list(spent))


def ended(launched_at: float, hours: float, price: float | None = 2.0, gpus: int | None = 4) -> SpendRow:
    """A machine that ran through."""
    cost = None if price is None else round(price * hours * 1e9)
    return SpendRow(launched_at, launched_at, launched_at + hours * _HOUR, cost, price, gpus)


def test_a_machine_of_two_days_stands_on_both() -> None:
    midnight = day_start(_NOW)
    days = snapshot(ended(midnight - 3 * _HOUR, 5)).spent_by_day_nano_usd(_NOW)
    assert len(days) == SPEND_DAYS
    assert days[-2:] == [6 * 10**9, 4 * 10**9]
    assert not any(days[:-2])


def test_gpu_hours_are_billed_hours_times_gpus() -> None:
    midnight = day_start(_NOW)
    held = snapshot(ended(midnight - 3 * _HOUR, 5), ended(midnight, 1, gpus=1), ended(midnight, 9, price=None))
    assert held.gpu_hours_since(midnight, _NOW) == 2 * 4 + 1


def test_a_pause_is_no_gpu_hour() -> None:
    """Ten hours long, of which two were billed."""
    midnight = day_start(_NOW)
    paused = ended(midnight, 10)._replace(settled_nano_usd=4 * 10**9)
    assert snapshot(paused).gpu_hours_since(midnight, _NOW) == 8


def test_what_a_machine_cost_before_it_was_stopped_stays_on_its_day() -> None:
    midnight = day_start(_NOW)
    ran = ended(midnight - 5 * _DAY, 4)
    closed = ran._replace(billed_until=ran.ended_at, ended_at=_NOW)
    days = snapshot(closed).spent_by_day_nano_usd(_NOW)
    assert days[-6] == 8 * 10**9
    assert sum(days) == days[-6]


_machines = st.builds(
    ended,
    st.floats(_NOW - 30 * _DAY, _NOW - 10 * _DAY),
    st.floats(0, 240),
    st.floats(0.01, 100),
)


@given(st.lists(_machines, max_size=5))
def test_the_days_add_up_to_all_that_fell_on_them(rows: list[SpendRow]) -> None:
    held = snapshot(*rows)
    days = held.spent_by_day_nano_usd(_NOW)
    assert sum(days) == held.spent_since_nano_usd(day_start(_NOW) - (SPEND_DAYS - 1) * _DAY, _NOW)
    assert all(day >= 0 for day in days)
