"""What others do meanwhile, and what is said and counted when an answer is late, lost or refused."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from aicompute_tui.domain.errors import (
    AicError,
    BudgetExceeded,
    LeaseLost,
    NotAllowed,
    Refused,
    Unreachable,
)
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.remote import TAG_EXPIRES_AT, TAG_LAUNCH, TAG_STORE, RemoteMachine, RemoteState
from aicompute_tui.services.budget import current_spend
from aicompute_tui.services.jobs import run_job
from aicompute_tui.services.reconcile import reconcile
from aicompute_tui.store.fast import read_snapshot
from tests.unit.fake_cloud import Bench, at

__all__ = ["at"]
pytestmark = pytest.mark.asyncio


async def lose_every_answer(at: Bench, name: str) -> None:
    """A launch that made a machine which nobody could see until its row was given up."""
    at.cloud.after["launch"] = lambda: Unreachable("The connection dropped.")
    hidden: dict[str, RemoteMachine] = {}

    def hide() -> None:
        hidden.update(at.cloud.known)
        at.cloud.known.clear()

    at.cloud.before["find_launch"] = hide
    with pytest.raises(Unreachable):
        await at.job("instance.launch", name=name)
    at.clock.advance(minutes=6)
    await reconcile(at.context, full=False)
    await reconcile(at.context, full=False)
    assert (await at.views(all=True))[0]["state"] == "failed"
    at.cloud.before.clear()
    at.cloud.after.clear()
    at.cloud.known.update(
        {
            f"i-late{number:04x}": replace(machine, remote_id=f"i-late{number:04x}")
            for number, machine in enumerate(hidden.values())
        }
    )


async def test_a_late_machine_is_ended_though_its_name_was_given_away_meanwhile(at: Bench) -> None:
    await lose_every_answer(at, "one")
    await at.job("instance.launch", name="one")
    summary = await reconcile(at.context, full=True)
    assert summary["problems"] == []
    assert [machine.remote_id for machine in at.cloud.living] == ["i-00000001"]
    assert {view["name"] for view in await at.views()} == {"one", "one-te0000"}


async def test_a_machine_accepted_while_its_region_is_looked_at_is_no_duplicate(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await at.job("instance.launch", name="one")
    from aicompute_tui.services import scan

    strays = scan._strays

    async def as_it_was_before(context: Any, machines: Any) -> Any:
        await strays(context, machines)
        return list(machines)

    monkeypatch.setattr(scan, "_strays", as_it_was_before)
    summary = await reconcile(at.context, full=True)
    assert summary["problems"] == []
    assert len(at.cloud.living) == 1


async def test_an_orphan_adopted_while_it_is_reaped_lives(at: Bench) -> None:
    await orphaned(at)
    describe = at.cloud.describe

    async def adopted_meanwhile(region: str, remote_ids: Any) -> Any:
        at.cloud.describe = describe  # type: ignore[method-assign]
        await at.job("instance.adopt", remote_id="i-orphan")
        return await describe(region, remote_ids)

    at.cloud.describe = adopted_meanwhile  # type: ignore[method-assign]
    [view] = await at.job("instance.reap")
    assert "left alone" in view["outcome"]
    assert len(at.cloud.living) == 1


async def orphaned(at: Bench) -> None:
    at.cloud.known["i-orphan"] = RemoteMachine(
        cloud="aws",
        account_id="123456789012",
        region="ca-central-1",
        remote_id="i-orphan",
        name="stray",
        state=RemoteState.RUNNING,
        instance_type="g5.xlarge",
        market=Market.SPOT,
        tags={TAG_STORE: at.context.store.store_id, TAG_LAUNCH: "gone", TAG_EXPIRES_AT: "none"},
        launched_at=at.clock.now(),
    )
    await reconcile(at.context, full=True)


async def test_a_reap_says_where_it_could_not_look(at: Bench) -> None:
    at.cloud.before["machines"] = lambda: Unreachable("No connection.")
    job = await at.submitted("instance.reap", dry_run=True)
    with pytest.raises(Unreachable, match="No connection"):
        await run_job(at.context, job)


async def test_an_adopted_machine_without_an_end_can_be_extended(at: Bench) -> None:
    at.clock.advance(hours=-100)
    await orphaned(at)
    at.clock.advance(hours=100)
    view = await at.job("instance.adopt", remote_id="i-orphan")
    assert view["expires_at"] == "2026-11-20T16:00:00Z"
    assert (await at.job("instance.extend", name="stray", by="1h"))["expires_at"] == "2026-11-20T17:00:00Z"


async def test_a_launch_of_several_says_which_it_got_when_one_fails(at: Bench) -> None:
    answers = iter([None, NotAllowed("You may not run instances.")])
    at.cloud.before["launch"] = lambda: next(answers)
    with pytest.raises(NotAllowed, match="one-1"):
        await at.job("instance.launch", name="one", count="2")


async def test_a_machine_that_cannot_be_written_down_is_named(at: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: Any) -> Any:
        raise Refused("The disk is full.", "Free some space.")

    with monkeypatch.context() as patched:
        patched.setattr("aicompute_tui.services.launch.write_acceptance", full)
        with pytest.raises(Refused, match=r"i-00000000.*disk is full"):
            await at.job("instance.launch", name="one")
    await reconcile(at.context, full=False)
    assert (await at.views())[0]["remote_id"] == "i-00000000"


async def test_a_look_up_that_is_denied_does_not_read_as_a_denied_launch(at: Bench) -> None:
    at.cloud.after["launch"] = lambda: Unreachable("The connection dropped.")
    at.cloud.before["find_launch"] = lambda: NotAllowed("You may not list machines.")
    with pytest.raises(Unreachable, match="not known yet"):
        await at.job("instance.launch", name="one")
    assert (await at.views())[0]["state"] == "unknown"


async def test_a_machine_that_had_ended_when_it_was_found_is_no_success(at: Bench) -> None:
    def die() -> AicError:
        reason = {"state_reason_code": "Server.InsufficientInstanceCapacity"}
        at.cloud.become("i-00000000", RemoteState.TERMINATED, **reason)
        return Unreachable("The connection dropped.")

    at.cloud.after["launch"] = die
    with pytest.raises(AicError, match="no capacity"):
        await at.job("instance.launch", name="one")


async def test_the_reason_of_an_end_that_came_by_time_says_so(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="1h")
    at.clock.advance(minutes=61)
    await reconcile(at.context, full=False)
    at.cloud.become("i-00000000", RemoteState.TERMINATED, state_reason_code="Client.UserInitiatedShutdown")
    await reconcile(at.context, full=False)
    assert (await at.views(all=True))[0]["end_reason"] == "its time to live was over"


async def test_an_error_that_is_over_is_not_shown_any_more(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    at.cloud.before["terminate"] = lambda: Unreachable("No connection.")
    with pytest.raises(Unreachable):
        await at.job("instance.terminate", names=["one"])
    assert (await at.views())[0]["error_message"] == "No connection."
    at.cloud.become("i-00000000", RemoteState.TERMINATED)
    await reconcile(at.context, full=False)
    assert (await at.views(all=True))[0]["error_message"] is None


async def test_a_lost_machine_seen_again_is_itself_again(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    hidden = dict(at.cloud.known)
    at.cloud.known.clear()
    for _ in range(2):
        await reconcile(at.context, full=False)
        at.clock.advance(seconds=61)
    assert (await at.views())[0]["state"] == "lost"
    at.cloud.known.update(hidden)
    await reconcile(at.context, full=False)
    [view] = await at.views()
    assert (view["state"], view["error_message"]) == ("booting", None)


async def test_a_machine_that_ended_itself_unseen_costs_to_its_own_end_only(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="2h")
    at.clock.advance(hours=72)
    at.cloud.known.clear()
    for _ in range(2):
        await reconcile(at.context, full=False)
        at.clock.advance(seconds=61)
    [view] = await at.views(all=True)
    assert view["state"] == "terminated"
    assert view["cost_usd"] == pytest.approx(0.84)


async def test_an_extension_during_the_call_reaches_the_machine(at: Bench) -> None:
    launch = at.cloud.launch

    async def extended_meanwhile(order: Any) -> Any:
        machine = await launch(order)
        await at.job("instance.extend", name="one", by="1h")
        return machine

    at.cloud.launch = extended_meanwhile  # type: ignore[method-assign]
    [view] = await at.job("instance.launch", name="one", ttl="1h")
    assert (view["expires_at"], view["node_expires_at"]) == ("2026-11-20T10:00:00Z", "2026-11-20T09:00:00Z")
    await reconcile(at.context, full=False)
    assert at.cloud.known["i-00000000"].tags[TAG_EXPIRES_AT] == "2026-11-20T10:00:00Z"


async def test_a_machine_somebody_copied_with_its_tags_is_shown_and_not_ended(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    made = at.cloud.known["i-00000000"]
    at.cloud.known["i-copy"] = replace(made, remote_id="i-copy", client_token="somebody-else")
    await reconcile(at.context, full=True)
    assert len(at.cloud.living) == 2
    sightings = [row for row in await at.views(sightings=True) if "ownership" in row]
    assert [(row["remote_id"], row["ownership"]) for row in sightings] == [("i-copy", "orphan")]


async def test_a_stopped_machine_that_is_ended_costs_no_more(at: Bench) -> None:
    await at.job("instance.launch", name="one", market="on-demand")
    at.cloud.become("i-00000000", RemoteState.RUNNING, checks_passed=True)
    await reconcile(at.context, full=False)
    at.clock.advance(hours=1)
    await at.job("instance.stop", names=["one"])
    await reconcile(at.context, full=False)
    at.cloud.before["terminate"] = lambda: Unreachable("No connection.")
    with pytest.raises(Unreachable):
        await at.job("instance.terminate", names=["one"])
    for _ in range(2):
        at.clock.advance(hours=3)
        await reconcile(at.context, full=False)
    assert (await at.views())[0]["cost_usd"] == pytest.approx(0.42)


async def test_a_launch_in_doubt_counts_against_the_cap_with_all_of_its_life(at: Bench) -> None:
    at.preferences.values["monthly_cap_usd"] = "5"
    at.cloud.after["launch"] = lambda: Unreachable("The connection dropped.")
    at.cloud.before["find_launch"] = lambda: Unreachable("Still no connection.")
    with pytest.raises(Unreachable):
        await at.job("instance.launch", name="one", ttl="8h")
    at.cloud.after.clear()
    at.clock.advance(hours=7)
    with pytest.raises(BudgetExceeded, match=r"3\.36"):
        await at.job("instance.launch", name="two", ttl="8h")


async def test_a_cap_used_up_refuses_a_launch_of_unknown_price(at: Bench) -> None:
    at.preferences.values["monthly_cap_usd"] = "3.36"
    await at.job("instance.launch", name="one", ttl="8h")
    at.cloud.quote = None
    with pytest.raises(BudgetExceeded):
        await at.job("instance.launch", name="two", ttl="1h")


async def test_a_lost_machine_stays_until_it_is_acknowledged_past_its_end_too(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="1h")
    at.cloud.known.clear()
    for _ in range(2):
        await reconcile(at.context, full=False)
        at.clock.advance(seconds=61)
    at.clock.advance(hours=2)
    await reconcile(at.context, full=False)
    assert [view["state"] for view in await at.views()] == ["lost"]


async def test_an_orphan_is_reaped_though_its_name_is_in_use(at: Bench) -> None:
    await at.job("instance.launch", name="stray")
    await orphaned(at)
    [view] = await at.job("instance.reap")
    assert view["outcome"] == "told to end"
    assert [machine.remote_id for machine in at.cloud.living] == ["i-00000000"]


async def test_a_machine_adopted_past_its_end_is_not_ended_at_once(at: Bench) -> None:
    await orphaned(at)
    await at.cloud.set_tags("ca-central-1", "i-orphan", {TAG_EXPIRES_AT: "2026-11-20T07:00:00Z"})
    await at.job("instance.adopt", remote_id="i-orphan")
    await reconcile(at.context, full=True)
    assert len(at.cloud.living) == 1


async def test_a_launch_that_came_too_late_to_be_sent_is_no_doubt(at: Bench) -> None:
    at.cloud.before["launch"] = lambda: LeaseLost("The time to send this launch has passed.", "")
    with pytest.raises(Unreachable, match="nothing was sent"):
        await at.job("instance.launch", name="one")
    assert (await at.views(all=True))[0]["state"] == "failed"


async def test_what_a_launch_in_doubt_has_cost_is_unknown(at: Bench) -> None:
    at.cloud.before["launch"] = lambda: Unreachable("The connection dropped.")
    with pytest.raises(Unreachable):
        await at.job("instance.launch", name="one")
    assert (await at.views())[0]["cost_usd"] is None


async def test_a_price_read_again_is_not_old(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    at.clock.advance(hours=5)
    assert at.cloud.quote is not None
    at.cloud.quote = replace(at.cloud.quote, as_of=at.clock.now())
    await reconcile(at.context, full=True)
    [view] = await at.views()
    assert view["price_as_of"] == "2026-11-20T13:00:00Z"
    assert view["cost_usd"] == pytest.approx(2.1)


async def test_the_console_counts_costs_as_the_ledger_does(at: Bench) -> None:
    await at.job("instance.launch", name="kept", market="on-demand", ttl="none", ttl_none_confirm="none")
    at.clock.advance(hours=1)
    await at.job("instance.stop", names=["kept"])
    await reconcile(at.context, full=False)
    at.clock.advance(days=20)
    at.cloud.before["launch"] = lambda: Unreachable("The connection dropped.")
    with pytest.raises(Unreachable):
        await at.job("instance.launch", name="doubtful")
    path = at.context.store.database_path
    assert path is not None
    snapshot = read_snapshot(path)
    assert snapshot is not None
    now = at.clock.now()
    costs = {row.name: row.cost_nano_usd(now.timestamp()) for row in snapshot.instances}
    assert costs == {"kept": 420_000_000, "doubtful": None}
    async with at.context.store.read() as transaction:
        spent = await current_spend(at.context, transaction)
    assert snapshot.month_to_date_nano_usd(now.timestamp()) == spent.month_to_date_nano_usd == 0


async def test_a_pass_that_is_cut_short_leaves_the_account_to_the_next(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    at.cloud.before["describe"] = asyncio.CancelledError  # type: ignore[assignment]
    with pytest.raises(asyncio.CancelledError):
        await reconcile(at.context, full=False)
    at.cloud.before.clear()
    assert (await reconcile(at.context, full=False))["accounts"] == 1


async def test_a_full_pass_that_another_process_keeps_out_says_so(at: Bench) -> None:
    async with at.context.store.write() as transaction:
        await transaction.leases.acquire("reconcile:aws:123456789012", "other", 120, at.clock.now())
    summary = await reconcile(at.context, full=True)
    assert summary["busy"] == 1
    assert "another process" in str(summary["problems"])
