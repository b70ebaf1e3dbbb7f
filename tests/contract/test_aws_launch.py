"""A launch on the wire: complete, sent once, never late, and found again when its answer was lost."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from aicompute_tui.domain.errors import (
    BadAnswer,
    InvalidInput,
    LeaseLost,
    OutOfCapacity,
    OutOfQuota,
    PriceTooHigh,
    RateLimited,
    Unreachable,
)
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.remote import TAG_LAUNCH, TAG_OWNER, TAG_STORE, RemoteState
from tests.contract.aws_account import OWNER, REGION, STORE_ID, account, another, order
from tests.world import FIRST_ACCOUNT, World

CAPACITY = {"action": "RunInstances", "code": "InsufficientInstanceCapacity", "status": 500, "times": -1}


@pytest.mark.asyncio
async def test_a_spot_launch_is_tagged_as_ours_in_every_place(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    machine = await cloud.launch(wanted)
    assert machine.account_id == FIRST_ACCOUNT
    assert machine.market is Market.SPOT
    assert machine.zone == wanted.place.zone
    assert machine.client_token == wanted.client_token
    assert machine.spot_request_id is not None
    assert {TAG_STORE: STORE_ID, TAG_LAUNCH: "launch-1", TAG_OWNER: OWNER}.items() <= machine.tags.items()
    sent = world.log("RunInstances")[0]["parameters"]
    kinds = {value for name, value in sent.items() if name.endswith(".ResourceType")}
    assert kinds == {"instance", "volume", "spot-instances-request"}
    assert sent["InstanceMarketOptions.SpotOptions.SpotInstanceType"] == "one-time"
    assert sent["InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior"] == "terminate"
    assert "InstanceMarketOptions.SpotOptions.MaxPrice" not in sent


@pytest.mark.asyncio
async def test_an_on_demand_launch_asks_for_no_spot(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud, market=Market.ON_DEMAND))
    assert machine.market is Market.ON_DEMAND
    sent = world.log("RunInstances")[0]["parameters"]
    assert not [name for name in sent if name.startswith("InstanceMarketOptions")]
    assert "spot-instances-request" not in sent.values()


@pytest.mark.asyncio
async def test_no_capacity_is_one_request_though_aws_answers_500(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    world.faults(CAPACITY)
    with pytest.raises(OutOfCapacity) as caught:
        await cloud.launch(wanted)
    assert len(world.log("RunInstances")) == 1
    assert REGION in caught.value.message
    assert caught.value.next_step


@pytest.mark.asyncio
@pytest.mark.parametrize("code", ["RequestLimitExceeded", "InternalError", "ServiceUnavailable"])
async def test_a_launch_is_never_repeated_by_the_sdk(world: World, code: str) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    world.faults({"action": "RunInstances", "code": code, "status": 503, "times": -1})
    with pytest.raises((Unreachable, RateLimited)):
        await cloud.launch(wanted)
    assert len(world.log("RunInstances")) == 1


@pytest.mark.asyncio
async def test_the_same_order_is_the_same_machine(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    first, again = await cloud.launch(wanted), await cloud.launch(wanted)
    assert first.remote_id == again.remote_id
    assert len(world.machines()) == 1


@pytest.mark.asyncio
async def test_a_token_used_for_another_order_leaves_the_outcome_open(world: World) -> None:
    """A machine exists under that token, so this must never read as a refusal that made none."""
    cloud = account(world)
    wanted = await order(cloud)
    await cloud.launch(wanted)
    with pytest.raises(BadAnswer, match="may exist"):
        await cloud.launch(replace(wanted, volume_gib=200))


@pytest.mark.asyncio
async def test_nothing_is_sent_after_the_deadline(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud, send_by=datetime.now(UTC) - timedelta(milliseconds=1))
    with pytest.raises(LeaseLost):
        await cloud.launch(wanted)
    assert world.log("RunInstances") == []
    assert world.machines() == []


@pytest.mark.asyncio
async def test_a_launch_cut_before_it_arrived_is_of_unknown_outcome(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    world.faults({"action": "RunInstances", "drop_before": True})
    with pytest.raises(Unreachable):
        await cloud.launch(wanted)
    assert list(await cloud.find_launch(REGION, wanted.launch_id, [wanted.client_token])) == []


@pytest.mark.asyncio
async def test_a_launch_whose_answer_was_cut_is_found_again(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    world.faults({"action": "RunInstances", "drop_after": True})
    with pytest.raises(Unreachable):
        await cloud.launch(wanted)
    assert len(world.log("RunInstances")) == 1
    (found,) = await cloud.find_launch(REGION, wanted.launch_id, [wanted.client_token])
    assert found.remote_id == world.machines()[0]["instance_id"]
    (by_token,) = await cloud.find_launch(REGION, "no-such-launch", ["unused", wanted.client_token])
    assert by_token == found


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [200, 403, 503])
async def test_a_web_page_instead_of_an_answer_is_a_bad_answer(world: World, status: int) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    world.faults({"action": "RunInstances", "html": "<html>Please log in</html>", "status": status})
    with pytest.raises(BadAnswer) as caught:
        await cloud.launch(wanted)
    assert "proxy" in caught.value.next_step


@pytest.mark.asyncio
async def test_an_answer_that_names_no_machine_is_a_bad_answer(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    world.faults(
        {
            "action": "RunInstances",
            "html": "<RunInstancesResponse><requestId>r</requestId><instancesSet/></RunInstancesResponse>",
        }
    )
    with pytest.raises(BadAnswer):
        await cloud.launch(wanted)


@pytest.mark.asyncio
async def test_a_cap_below_the_price_says_the_price(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud, max_price_usd_per_hour=Decimal("0.0010"))
    with pytest.raises(PriceTooHigh, match=r"\$0\.4"):
        await cloud.launch(wanted)
    sent = world.log("RunInstances")[0]["parameters"]
    assert Decimal(sent["InstanceMarketOptions.SpotOptions.MaxPrice"]) == Decimal("0.001")


@pytest.mark.asyncio
@pytest.mark.parametrize(("market", "code"), [(Market.SPOT, "L-3819A6DF"), (Market.ON_DEMAND, "L-DB2E81BA")])
async def test_a_used_up_quota_names_its_market(world: World, market: Market, code: str) -> None:
    cloud = account(world)
    wanted = await order(cloud, market=market)
    world.quota(code, 0)
    with pytest.raises(OutOfQuota, match=f"{market.value} vCPU quota"):
        await cloud.launch(wanted)


@pytest.mark.asyncio
async def test_what_ec2_would_not_take_is_refused_before_sending(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    for changes in (
        {"tags": {"with space": "x"}},
        {"tags": {"path/like": "x"}},
        {"tags": {"aws:mine": "x"}},
        {"tags": {"long": "x" * 257}},
        {"tags": {f"key-{number}": "x" for number in range(50)}},
        {"user_data": b"#" * 16_385},
    ):
        with pytest.raises(InvalidInput):
            await cloud.launch(replace(wanted, **changes))
    assert world.log("RunInstances") == []


@pytest.mark.asyncio
async def test_a_launch_that_nobody_waits_for_is_still_found(world: World) -> None:
    """A thread cannot be stopped: after a cancellation the machine may come, and only a look-up tells."""
    cloud = account(world)
    wanted = await order(cloud)
    world.faults({"action": "RunInstances", "hold_after": True})
    task = asyncio.create_task(cloud.launch(wanted))
    async with asyncio.timeout(20):
        while not world.machines():
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    world.release()
    (found,) = await cloud.find_launch(REGION, wanted.launch_id, [wanted.client_token])
    assert found.state in {RemoteState.PENDING, RemoteState.RUNNING}
    assert len(world.log("RunInstances")) == 1


@pytest.mark.asyncio
async def test_two_launches_are_two_machines(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    one, two = await asyncio.gather(cloud.launch(wanted), cloud.launch(another(wanted, 2)))
    assert one.remote_id != two.remote_id
    (only,) = await cloud.find_launch(REGION, "launch-2", ["token-2"])
    assert only.remote_id == two.remote_id
