"""Rows and models: what a column holds comes back exactly, whatever it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select
from sqlalchemy.pool import StaticPool

from aicompute_tui.domain.instance import DesiredState, Instance, InstanceState, Market
from aicompute_tui.store.columns import from_microseconds, to_microseconds
from aicompute_tui.store.tables import instances, metadata, to_model, to_row

_engine = create_engine("sqlite://", poolclass=StaticPool)
metadata.create_all(_engine)

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
_times = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds
_wholes = st.integers(-(2**63), 2**63 - 1)
_prices = st.decimals(0, 100_000, allow_nan=False, allow_infinity=False)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


_BY_TYPE = {
    "str": _texts,
    "str | None": maybe(_texts),
    "int": st.integers(0, 2**31 - 1),
    "int | None": maybe(_wholes),
    "bool": st.booleans(),
    "datetime": _times,
    "datetime | None": maybe(_times),
    "Decimal | None": maybe(_prices),
    "tuple[str, ...]": st.lists(_texts, max_size=4).map(tuple),
    "Market": st.sampled_from(Market),
    "InstanceState": st.sampled_from(InstanceState),
    "DesiredState": st.sampled_from(DesiredState),
}
_instances = st.builds(Instance, **{name: _BY_TYPE[str(kind)] for name, kind in Instance.__annotations__.items()})


@settings(max_examples=60, deadline=None)
@given(_instances)
def test_an_instance_comes_back_as_it_was(instance: Instance) -> None:
    with _engine.connect() as connection:
        connection.execute(insert(instances).values(to_row(instance)))
        row = connection.execute(select(instances)).one()
        connection.rollback()
    again = to_model(Instance, row)
    assert again == instance
    assert {name: type(value) for name, value in to_row(again).items()} == {
        name: type(value) for name, value in to_row(instance).items()
    }
    assert str(again.price_usd_per_hour) == str(instance.price_usd_per_hour), "digit for digit"


@given(_times)
def test_a_time_is_exact_to_the_microsecond(moment: datetime) -> None:
    assert from_microseconds(to_microseconds(moment)) == moment


def test_a_time_of_another_zone_is_the_same_moment() -> None:
    moment = datetime.fromisoformat("2026-11-20T10:55:00+02:00")
    assert from_microseconds(to_microseconds(moment)) == moment
    assert from_microseconds(to_microseconds(moment)).utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        to_microseconds(datetime(2026, 11, 20))  # noqa: DTZ001 - the mistake itself


def test_every_field_of_the_model_has_a_column() -> None:
    assert set(Instance.__annotations__) == set(instances.c.keys())
    assert Decimal("0.4210").as_tuple() == Decimal(str(Decimal("0.4210"))).as_tuple()
