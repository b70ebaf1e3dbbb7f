"""What a list of machine types says: prices with their source, the saving, and the quota where it is asked for."""

from __future__ import annotations

from decimal import Decimal

import pytest

from aicompute_tui.domain.errors import NotAllowed
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.offer import PriceQuote, QuotaReading
from aicompute_tui.services.catalogue import saving_percent
from tests.unit.fake_cloud import START, Bench, at

__all__ = ["at"]
pytestmark = pytest.mark.asyncio


def quote(usd: str, source: str = "list") -> PriceQuote:
    return PriceQuote(usd_per_hour=Decimal(usd), source=source, as_of=START)


async def test_a_price_has_its_source_and_age_and_what_is_not_known_is_none(at: Bench) -> None:
    [row] = await at.query("instance.types")
    assert (row["spot_usd_per_hour"], row["spot_source"], row["spot_as_of"]) == (
        0.42, "spot history", "2026-11-20T08:00:00Z",
    )  # fmt: skip
    assert (row["on_demand_usd_per_hour"], row["on_demand_source"], row["saving_percent"]) == (None, None, None)


async def test_the_saving_is_what_spot_costs_less() -> None:
    assert saving_percent(quote("0.42"), quote("1.12")) == 62
    assert saving_percent(quote("1.20"), quote("1.00")) == -20
    assert saving_percent(None, quote("1")) is None
    assert saving_percent(quote("1"), quote("0")) is None


async def test_the_quota_is_read_only_where_it_is_asked_for(at: Bench) -> None:
    [row] = await at.query("instance.types")
    assert "quotas" not in [call for call, _ in at.cloud.calls]
    assert (row["quota_name"], row["quota_machines"]) == (None, None)
    at.cloud.quota_reading = QuotaReading(name="All G", code=None, limit_vcpus=64, used_vcpus=54)
    [row] = await at.query("instance.types", quota=True)
    assert (row["quota_name"], row["quota_free_vcpus"], row["quota_machines"]) == ("All G", 10, 2)


async def test_the_quota_is_that_of_the_market(at: Bench) -> None:
    await at.query("instance.types", quota=True, market="on-demand")
    assert ("quotas", Market.ON_DEMAND.value) in at.cloud.calls


async def test_a_quota_that_cannot_be_read_leaves_the_rows_and_is_not_none_left(at: Bench) -> None:
    at.cloud.before["quotas"] = lambda: NotAllowed("You may not read quotas.")
    [row] = await at.query("instance.types", quota=True)
    assert (row["name"], row["quota_free_vcpus"], row["quota_machines"]) == ("g5.xlarge", None, None)


async def test_the_quota_alone_is_listed_for_the_types_asked_about(at: Bench) -> None:
    at.cloud.quota_reading = QuotaReading(name="All G", code="L-1", limit_vcpus=64, used_vcpus=None, note="use: denied")
    rows = await at.query("quota.list", type=["g5.xlarge", "g6.xlarge", "g5.xlarge"], market="on-demand")
    assert [row["type"] for row in rows] == ["g5.xlarge", "g6.xlarge"]
    assert (rows[0]["limit_vcpus"], rows[0]["free_vcpus"], rows[0]["note"]) == (64, None, "use: denied")
    assert ("quotas", "on-demand") in at.cloud.calls
