"""Rows whose account can be asked no more: given up only after long silence, by name, and found again if it answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.actions.damage import question_before
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.cli.confirm import why_typed
from aicompute_tui.domain.errors import AuthFailed, NotConfigured, Refused, Unreachable
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services.reconcile import reconcile
from tests.unit import fake_cloud
from tests.unit.fake_cloud import Bench

pytestmark = pytest.mark.asyncio
CLOSED = AuthFailed("The keys of account 123456789012 are no longer valid.", "Store new ones.")


@pytest_asyncio.fixture
async def at(tmp_path: Path) -> AsyncIterator[Bench]:
    """A machine that was to end when its account closed."""
    async with fake_cloud.bench(tmp_path) as made:
        await made.job("instance.launch", name="one", ttl="8h")
        await reconcile(made.context, full=False)
        made.cloud.before["terminate"] = made.cloud.before["describe"] = lambda: CLOSED
        with pytest.raises(AuthFailed):
            await made.job("instance.terminate", names=["one"])
        yield made


async def give_up(at: Bench, **arguments: Any) -> Any:
    return await at.job("instance.acknowledge", name="one", **arguments)


async def events(at: Bench) -> list[Event]:
    async with at.context.store.read() as transaction:
        return [event for event in await transaction.events.list() if event.kind == "instance.given-up"]


async def still_listed(at: Bench) -> bool:
    return [view["name"] for view in await at.views()] == ["one"]


async def test_a_machine_of_a_closed_account_is_given_up_by_its_name(at: Bench) -> None:
    at.clock.advance(hours=25)
    with pytest.raises(Refused, match="may go on costing money") as caught:
        await give_up(at)
    assert "--confirm-name one" in caught.value.next_step
    assert await still_listed(at)
    assert await events(at) == []
    view = await give_up(at, confirm_name=["one"])
    assert "may still run" in view["end_reason"]
    assert not await still_listed(at)
    [event] = await events(at)
    assert event.level == "error"
    assert "no longer valid" in event.message
    assert "cost money" in event.message


async def test_what_was_heard_of_today_is_not_given_up(at: Bench) -> None:
    at.clock.advance(hours=23)
    with pytest.raises(Refused, match="less than 24 hours ago"):
        await give_up(at, confirm_name=["one"])
    assert await still_listed(at)


async def test_a_network_that_is_down_closes_no_account(at: Bench) -> None:
    at.clock.advance(hours=25)
    at.cloud.before["describe"] = lambda: Unreachable("No answer from the cloud.")
    with pytest.raises(Refused, match="cannot be asked now"):
        await give_up(at, confirm_name=["one"])
    assert await still_listed(at)


async def test_an_account_that_answers_is_asked_to_end_it_instead(at: Bench) -> None:
    at.clock.advance(hours=25)
    del at.cloud.before["describe"]
    with pytest.raises(Refused, match="answers"):
        await give_up(at, confirm_name=["one"])
    assert await still_listed(at)


async def test_a_machine_nobody_asked_to_end_is_not_given_up(tmp_path: Path) -> None:
    async with fake_cloud.bench(tmp_path) as made:
        await made.job("instance.launch", name="one", ttl="48h")
        made.cloud.before["describe"] = lambda: CLOSED
        made.clock.advance(hours=25)
        with pytest.raises(Refused, match="not lost"):
            await give_up(made, confirm_name=["one"])
        assert await still_listed(made)


async def test_a_launch_in_doubt_whose_credential_was_removed_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fake_cloud.bench(tmp_path) as made:
        made.cloud.before["launch"] = lambda: Unreachable("The connection dropped.")
        with pytest.raises(Unreachable):
            await made.job("instance.launch", name="one")
        made.clock.advance(hours=25)

        async def no_cloud(*_: str) -> Any:
            raise NotConfigured("No credential here opens aws account 123456789012.", "")

        monkeypatch.setattr(made.directory, "account_cloud", no_cloud)
        await give_up(made, confirm_name=["one"])
        assert not await still_listed(made)


async def test_one_that_was_given_up_is_found_and_ended_when_its_account_answers_again(at: Bench) -> None:
    at.clock.advance(hours=25)
    await give_up(at, confirm_name=["one"])
    at.cloud.before.clear()
    assert len(at.cloud.living) == 1
    await reconcile(at.context, full=True)
    assert at.cloud.living == []
    [view] = await at.views(all=True)
    assert (view["name"], view["desired_state"]) == ("one", "terminated")


@pytest.mark.parametrize(
    ("state", "desired", "is_named"),
    [
        ("lost", "running", False),
        ("unknown", "running", True),
        ("ready", "terminated", True),
        ("ready", "running", False),
    ],
)
async def test_the_doors_ask_for_the_name_of_one_that_may_still_run(state: str, desired: str, is_named: bool) -> None:
    action = ACTIONS["instance.acknowledge"]
    row: JsonObject = {"name": "one", "state": state, "desired_state": desired, "price_usd_per_hour": 1.5}
    assert bool(why_typed(action, row)) is is_named
    damage = question_before(action, [row], {})
    if not is_named:
        assert damage is None
        return
    assert damage is not None
    assert damage.typed_name == "one"
    assert "$1.50/h" in damage.lines[0]


async def test_a_row_that_another_process_changed_meanwhile_is_left_alone(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.clock.advance(hours=25)
    account_cloud = at.directory.account_cloud

    async def slow(*words: str) -> Any:
        async with at.context.store.write() as transaction:
            [row] = await transaction.instances.list()
            await transaction.instances.update(row, error_message="seen elsewhere")
        return await account_cloud(*words)

    monkeypatch.setattr(at.directory, "account_cloud", slow)
    with pytest.raises(Refused, match="changed meanwhile"):
        await give_up(at, confirm_name=["one"])
    assert await still_listed(at)
    assert await events(at) == []
