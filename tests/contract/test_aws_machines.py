"""Machines as the cloud lists them, and their end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from aicompute_tui.domain.errors import BadAnswer, InvalidInput, NotAllowed, NotFound, Refused, Unreachable
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.remote import TAG_AWAKE_UNTIL, TAG_EXPIRES_AT, Ownership, RemoteState, ownership
from tests.contract.aws_account import REGION, STORE_ID, account, another, open_cloud, order
from tests.waiting import until
from tests.world import FIRST_ACCOUNT, SECOND_ACCOUNT, SECOND_KEY, World

NOBODY = "i-0123456789abcdef0"


@pytest.mark.asyncio
async def test_more_machines_than_one_page_are_all_listed(world: World) -> None:
    world.quota("L-3819A6DF", 10_000)
    cloud = account(world)
    wanted = await order(cloud)
    made = await asyncio.gather(*(cloud.launch(another(wanted, number)) for number in range(105)))
    listed = await cloud.machines(REGION)
    assert {machine.remote_id for machine in listed} == {machine.remote_id for machine in made}
    assert len(world.log("DescribeInstances")) >= 2
    described = await cloud.describe(REGION, [machine.remote_id for machine in made])
    assert len(described) == 105
    assert all(machine.checks_passed for machine in described)


@pytest.mark.asyncio
async def test_an_unknown_id_does_not_hide_the_known_ones(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    (found,) = await cloud.describe(REGION, [NOBODY, machine.remote_id])
    assert found.remote_id == machine.remote_id
    assert found.state is RemoteState.RUNNING
    assert found.checks_passed is True
    assert list(await cloud.describe(REGION, [NOBODY])) == []
    assert list(await cloud.describe(REGION, [])) == []


@pytest.mark.asyncio
async def test_checks_that_have_not_ended_are_unknown_and_not_failed(world: World) -> None:
    world.boot_seconds(0.5)
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    seen: list[bool | None] = []

    async def passed() -> bool:
        (found,) = await cloud.describe(REGION, [machine.remote_id])
        if found.state is RemoteState.RUNNING:
            seen.append(found.checks_passed)
        return found.checks_passed is True

    await until(passed, "its checks pass")
    assert seen[0] is None
    assert False not in seen


@pytest.mark.asyncio
async def test_unreadable_checks_do_not_hide_the_machine(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    world.faults({"action": "DescribeInstanceStatus", "code": "UnauthorizedOperation", "status": 403, "times": -1})
    (found,) = await cloud.describe(REGION, [machine.remote_id])
    assert found.checks_passed is None


@pytest.mark.asyncio
async def test_each_account_lists_its_own_and_the_store_tells_whose(world: World) -> None:
    first, second = account(world), open_cloud(world.environment(SECOND_KEY), store_id="another-store-0001")
    mine = await first.launch(await order(first))
    theirs = await second.launch(await order(second))
    assert [machine.remote_id for machine in await first.machines(REGION)] == [mine.remote_id]
    (seen,) = await second.machines(REGION)
    assert seen.remote_id == theirs.remote_id
    assert (mine.account_id, seen.account_id) == (FIRST_ACCOUNT, SECOND_ACCOUNT)
    assert ownership(seen, STORE_ID, {"launch-1"}) is Ownership.FOREIGN
    assert ownership(mine, STORE_ID, {"launch-1"}) is Ownership.OURS
    assert ownership(mine, STORE_ID, set()) is Ownership.ORPHAN


@pytest.mark.asyncio
async def test_a_failed_look_up_raises_and_is_never_an_empty_list(world: World) -> None:
    cloud = account(world)
    world.faults({"action": "DescribeInstances", "html": "<html/>", "times": -1})
    for look in (
        cloud.find_launch(REGION, "launch-1", ["token-1"]),
        cloud.machines(REGION),
        cloud.describe(REGION, [NOBODY]),
    ):
        with pytest.raises(BadAnswer):
            await look


@pytest.mark.asyncio
async def test_a_failed_look_up_by_token_is_not_covered_by_an_empty_one_by_tag(world: World) -> None:
    cloud = account(world)
    world.faults(
        {
            "action": "DescribeInstances",
            "match": {"Filter.1.Name": "client-token"},
            "code": "UnauthorizedOperation",
            "status": 403,
        }
    )
    with pytest.raises(NotAllowed):
        await cloud.find_launch(REGION, "launch-1", ["token-1"])


@pytest.mark.asyncio
async def test_the_end_of_a_spot_machine_is_also_that_of_its_request(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    await cloud.terminate(REGION, machine.remote_id)
    (gone,) = await cloud.describe(REGION, [machine.remote_id])
    assert gone.state is RemoteState.TERMINATED
    assert gone.is_gone
    (found,) = await cloud.find_launch(REGION, "launch-1", [])
    assert found.is_gone


@pytest.mark.asyncio
async def test_ending_what_has_ended_or_never_was_is_done(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud, market=Market.ON_DEMAND))
    for remote_id in (machine.remote_id, machine.remote_id, NOBODY):
        await cloud.terminate(REGION, remote_id)


@pytest.mark.asyncio
async def test_an_end_that_was_cut_off_is_of_unknown_outcome(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    world.faults({"action": "TerminateInstances", "drop_before": True, "times": -1})
    with pytest.raises(Unreachable):
        await cloud.terminate(REGION, machine.remote_id)
    assert world.machines()[0]["state"] == "running"


@pytest.mark.asyncio
async def test_a_doubt_about_the_spot_request_raises_after_the_machine_is_ended(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    world.faults({"action": "DescribeSpotInstanceRequests", "html": "<html/>", "times": -1})
    with pytest.raises(BadAnswer):
        await cloud.terminate(REGION, machine.remote_id)
    assert world.machines()[0]["state"] in {"shutting-down", "terminated"}
    world.faults()
    await cloud.terminate(REGION, machine.remote_id)


@pytest.mark.asyncio
async def test_being_forbidden_to_cancel_the_request_does_not_undo_the_end(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    denied = {"code": "UnauthorizedOperation", "status": 403, "times": -1}
    world.faults(
        {"action": "DescribeSpotInstanceRequests", **denied}, {"action": "CancelSpotInstanceRequests", **denied}
    )
    await cloud.terminate(REGION, machine.remote_id)
    assert world.machines()[0]["state"] in {"shutting-down", "terminated"}


@pytest.mark.asyncio
async def test_an_interruption_is_told_by_its_reason(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    world.interrupt(machine.remote_id)
    (found,) = await cloud.describe(REGION, [machine.remote_id])
    assert found.state_reason_code == "Server.SpotInstanceTermination"


@pytest.mark.asyncio
async def test_an_on_demand_machine_stops_starts_and_reboots(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud, market=Market.ON_DEMAND))
    await cloud.stop(REGION, machine.remote_id)
    (stopped,) = await cloud.describe(REGION, [machine.remote_id])
    assert stopped.state in {RemoteState.STOPPING, RemoteState.STOPPED}
    await cloud.start(REGION, machine.remote_id)
    await cloud.reboot(REGION, machine.remote_id)
    with pytest.raises(NotFound):
        await cloud.stop(REGION, NOBODY)


@pytest.mark.asyncio
async def test_a_one_time_spot_machine_refuses_to_stop(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    with pytest.raises(Refused) as caught:
        await cloud.stop(REGION, machine.remote_id)
    assert "terminated" in caught.value.next_step


@pytest.mark.asyncio
async def test_a_new_end_stands_in_the_tag_the_machine_reads(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    await cloud.set_expiry(REGION, machine.remote_id, datetime(2026, 12, 1, 8, 30, tzinfo=UTC))
    (found,) = await cloud.describe(REGION, [machine.remote_id])
    assert found.tags[TAG_EXPIRES_AT] == "2026-12-01T08:30:00Z"
    awake = datetime(2026, 12, 1, 7, 0, tzinfo=UTC)
    await cloud.set_expiry(REGION, machine.remote_id, datetime(2026, 12, 1, 9, 30, tzinfo=UTC), awake)
    (found,) = await cloud.describe(REGION, [machine.remote_id])
    assert found.tags[TAG_EXPIRES_AT] == "2026-12-01T09:30:00Z"
    assert found.tags[TAG_AWAKE_UNTIL] == "2026-12-01T07:00:00Z"
    assert len(world.log("CreateTags")) == 2


@pytest.mark.asyncio
async def test_tags_are_changed_and_impossible_ones_refused(world: World) -> None:
    cloud = account(world)
    machine = await cloud.launch(await order(cloud))
    await cloud.set_tags(REGION, machine.remote_id, {"team": "vision", "Name": "renamed"})
    (found,) = await cloud.describe(REGION, [machine.remote_id])
    assert found.tags["team"] == "vision"
    assert found.name == "renamed"
    with pytest.raises(InvalidInput):
        await cloud.set_tags(REGION, machine.remote_id, {"no spaces": "x"})
