"""The agent reads quotas every ten minutes where they are of use, and looks sooner while a request waits."""

from __future__ import annotations

import pytest

from aicompute_tui.agent.quota_keeper import QuotaKeeper
from aicompute_tui.services.context import Actor, Context
from tests.unit.fake_cloud import Bench, at
from tests.unit.test_quotas import calls, quota

__all__ = ["at"]

pytestmark = pytest.mark.asyncio


def keeper(at: Bench, name: str = "agent") -> QuotaKeeper:
    async def make_context(actor: Actor | None) -> Context:
        return at.context

    return QuotaKeeper(make_context, at.clock, name)


async def test_what_is_fresh_is_left_alone(at: Bench) -> None:
    at.cloud.family_quotas = [quota()]
    watching = keeper(at)
    for minutes, times in ((0, 1), (5, 1), (6, 2)):
        at.clock.advance(minutes=minutes)
        await watching.look()
        assert calls(at, "region_quotas") == times


async def test_a_young_request_is_looked_at_each_time_and_an_old_one_with_the_quotas(at: Bench) -> None:
    at.cloud.family_quotas = [quota()]
    watching = keeper(at)
    await watching.look()
    await at.job("quota.request", what="G/VT", vcpus=128)
    before = calls(at, "region_quotas")
    at.clock.advance(minutes=1)
    await watching.look()
    at.clock.advance(minutes=1)
    await watching.look()
    assert calls(at, "region_quotas") == before + 2
    at.clock.advance(hours=2)
    await watching.look()
    at.clock.advance(minutes=1)
    await watching.look()
    assert calls(at, "region_quotas") == before + 3


async def test_of_two_agents_one_asks(at: Bench) -> None:
    at.cloud.family_quotas = [quota()]
    await keeper(at, "first").look()
    await at.query("quota.requests")
    at.cloud.calls.clear()
    async with at.context.store.write() as transaction:
        await transaction.quotas.replace("aws", "123456789012", "ca-central-1", [])
    await keeper(at, "second").look()
    assert calls(at, "region_quotas") == 0
    at.clock.advance(minutes=3)
    await keeper(at, "second").look()
    assert calls(at, "region_quotas") == 1
