"""A launch: what is committed when, what an answer and a lost answer do, and what refuses it."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.errors import (
    AicError,
    BudgetExceeded,
    InvalidInput,
    NotAllowed,
    OutOfCapacity,
    OutOfQuota,
    Refused,
    Unreachable,
)
from aicompute_tui.domain.offer import QuotaReading
from aicompute_tui.domain.remote import TAG_EXPIRES_AT, TAG_LAUNCH, TAG_OWNER, TAG_STORE, RemoteState
from aicompute_tui.services.reconcile import reconcile
from tests.unit.fake_cloud import Bench, at

__all__ = ["at"]
pytestmark = pytest.mark.asyncio


async def reconcile_until_quiet(at: Bench) -> None:
    for _ in range(6):
        await reconcile(at.context, full=True)
        for machine in list(at.cloud.known.values()):
            if machine.state is RemoteState.SHUTTING_DOWN:
                at.cloud.become(machine.remote_id, RemoteState.TERMINATED)
            if machine.state is RemoteState.PENDING:
                at.cloud.become(machine.remote_id, RemoteState.RUNNING, checks_passed=True)
        at.clock.advance(seconds=61)


async def test_the_row_is_there_before_the_cloud_is_asked(at: Bench) -> None:
    seen: list[str] = []

    async def look() -> None:
        seen.extend(str(row["state"]) for row in await at.views())

    original = at.cloud.launch

    async def launch(order):  # type: ignore[no-untyped-def]
        await look()
        return await original(order)

    at.cloud.launch = launch  # type: ignore[method-assign]
    await at.job("instance.launch", name="one")
    assert seen == ["launching"]


async def test_an_accepted_launch_is_tagged_with_store_row_owner_and_end(at: Bench) -> None:
    [view] = await at.job("instance.launch", name="one", ttl="2h")
    tags = at.cloud.orders[0].tags
    assert tags[TAG_STORE] == at.context.store.store_id
    assert tags[TAG_LAUNCH] == view["id"]
    assert tags[TAG_OWNER] == "ada"
    assert tags[TAG_EXPIRES_AT] == view["expires_at"] == "2026-11-20T10:00:00Z"
    assert view["state"] == "booting"
    assert view["remote_id"] == "i-00000000"


async def test_capacity_moves_on_to_the_next_zone_with_a_token_of_its_own(at: Bench) -> None:
    answers = iter([OutOfCapacity("No g5 here."), None])
    at.cloud.before["launch"] = lambda: next(answers)
    [view] = await at.job("instance.launch", name="one")
    assert view["zone"] == "ca-central-1b"
    shown = await at.query("instance.show", name="one")
    assert [attempt["state"] for attempt in shown["attempts"]] == ["refused", "accepted"]
    assert len({attempt["client_token"] for attempt in shown["attempts"]}) == 2


async def test_no_capacity_anywhere_closes_the_row_and_names_every_zone(at: Bench) -> None:
    at.cloud.before["launch"] = lambda: OutOfCapacity("No g5 here.")
    with pytest.raises(OutOfCapacity, match=r"ca-central-1a.*ca-central-1b"):
        await at.job("instance.launch", name="one")
    [view] = await at.views(all=True)
    assert view["state"] == "failed"
    assert await at.views() == []


async def test_a_denied_launch_is_not_tried_elsewhere(at: Bench) -> None:
    at.cloud.before["launch"] = lambda: NotAllowed("You may not run instances.", "Ask for ec2:RunInstances.")
    with pytest.raises(NotAllowed):
        await at.job("instance.launch", name="one")
    assert [call for call, _ in at.cloud.calls].count("launch") == 1
    assert (await at.views(all=True))[0]["state"] == "failed"


async def test_a_lost_answer_is_looked_up_at_once_and_found(at: Bench) -> None:
    at.cloud.after["launch"] = lambda: Unreachable("The connection dropped.")
    [view] = await at.job("instance.launch", name="one")
    assert view["remote_id"] == "i-00000000"
    assert len(at.cloud.orders) == 1


async def test_a_lost_answer_and_a_failed_look_up_stand_as_unknown_and_are_found_later(at: Bench) -> None:
    at.cloud.after["launch"] = lambda: Unreachable("The connection dropped.")
    at.cloud.before["find_launch"] = lambda: Unreachable("Still no connection.")
    with pytest.raises(Unreachable):
        await at.job("instance.launch", name="one")
    [view] = await at.views()
    assert view["state"] == "unknown"
    assert view["may_cost_usd_per_hour"] == 0.42
    at.cloud.before.clear()
    await reconcile_until_quiet(at)
    [view] = await at.views()
    assert (view["state"], view["remote_id"]) == ("ready", "i-00000000")
    assert len(at.cloud.living) == 1


async def test_nothing_is_called_failed_before_the_window_is_over_and_two_looks_were_empty(at: Bench) -> None:
    at.cloud.before["launch"] = lambda: Unreachable("Nothing was sent.")
    with pytest.raises(Unreachable):
        await at.job("instance.launch", name="one")
    for _ in range(4):
        at.clock.advance(seconds=60)
        await reconcile(at.context, full=False)
        assert (await at.views())[0]["state"] == "unknown"
    at.clock.advance(seconds=61)
    await reconcile(at.context, full=False)
    assert (await at.views())[0]["state"] == "unknown"
    await reconcile(at.context, full=False)
    assert await at.views() == []
    [view] = await at.views(all=True)
    assert view["state"] == "failed"


async def test_a_machine_that_appears_after_its_launch_was_given_up_is_ended(at: Bench) -> None:
    at.cloud.after["launch"] = lambda: Unreachable("The connection dropped.")
    hidden: dict[str, object] = {}

    def hide() -> None:
        hidden.update(at.cloud.known)
        at.cloud.known.clear()

    at.cloud.before["find_launch"] = hide
    with pytest.raises(Unreachable):
        await at.job("instance.launch", name="one")
    at.clock.advance(minutes=6)
    await reconcile(at.context, full=False)
    await reconcile(at.context, full=False)
    assert (await at.views(all=True))[0]["state"] == "failed"
    at.cloud.known.update(hidden)  # type: ignore[arg-type]
    at.cloud.before.clear()
    await reconcile_until_quiet(at)
    assert at.cloud.living == []
    assert (await at.views(all=True))[0]["state"] == "terminated"
    assert "instance.revived" in await at.event_kinds()


async def test_an_end_asked_for_while_nobody_knows_is_carried_out_when_it_is_found(at: Bench) -> None:
    at.cloud.after["launch"] = lambda: Unreachable("The connection dropped.")
    at.cloud.before["find_launch"] = lambda: Unreachable("Still no connection.")
    with pytest.raises(Unreachable):
        await at.job("instance.launch", name="one")
    await at.job("instance.terminate", names=["one"])
    at.cloud.before.clear()
    await reconcile_until_quiet(at)
    assert at.cloud.living == []
    assert await at.views() == []


async def test_a_second_machine_of_one_launch_gets_a_row_and_is_ended(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    await at.cloud.launch(at.cloud.orders[0])
    await reconcile_until_quiet(at)
    assert [machine.remote_id for machine in at.cloud.living] == ["i-00000000"]
    assert [view["name"] for view in await at.views()] == ["one"]
    assert "instance.duplicate" in await at.event_kinds()


async def test_count_gives_that_many_machines_with_numbered_names(at: Bench) -> None:
    views = await at.job("instance.launch", name="many", count="3")
    assert [view["name"] for view in views] == ["many-1", "many-2", "many-3"]
    assert len(at.cloud.living) == 3


async def test_no_end_needs_the_word_typed(at: Bench) -> None:
    with pytest.raises(InvalidInput, match="without an end"):
        await at.job("instance.launch", name="one", ttl="none")
    [view] = await at.job("instance.launch", name="one", ttl="none", ttl_none_confirm="none")
    assert view["expires_at"] is None
    assert at.cloud.orders[0].tags[TAG_EXPIRES_AT] == "none"


async def test_the_monthly_cap_counts_what_runs_and_what_is_asked_for(at: Bench) -> None:
    at.preferences.values["monthly_cap_usd"] = "5"
    await at.job("instance.launch", name="one", ttl="8h")
    with pytest.raises(BudgetExceeded, match=r"3\.36"):
        await at.job("instance.launch", name="two", ttl="8h")
    await at.job("instance.launch", name="three", ttl="3h")
    assert len(at.cloud.living) == 2


async def test_a_word_for_or_against_protection_goes_before_the_setting(at: Bench) -> None:
    at.preferences.values["protect"] = "yes"
    [bare] = await at.job("instance.launch", name="one")
    [free] = await at.job("instance.launch", name="two", no_protect=True)
    at.preferences.values["protect"] = "no"
    [kept] = await at.job("instance.launch", name="three", protect=True)
    assert [view["protected"] for view in (bare, free, kept)] == [True, False, True]
    with pytest.raises(InvalidInput, match="two things"):
        await at.job("instance.launch", name="four", protect=True, no_protect=True)


async def test_a_quota_too_small_refuses_and_one_unread_does_not(at: Bench) -> None:
    at.cloud.quota_reading = QuotaReading(name="All G", code=None, limit_vcpus=0, used_vcpus=0)
    with pytest.raises(OutOfQuota, match="4 vCPU are needed"):
        await at.job("instance.launch", name="one")
    at.cloud.quota_reading = QuotaReading(name="All G", code=None, limit_vcpus=None, used_vcpus=None)
    await at.job("instance.launch", name="one")
    assert len(at.cloud.living) == 1


async def test_an_unknown_price_stops_nothing_and_costs_unknown(at: Bench) -> None:
    at.cloud.quote = None
    [view] = await at.job("instance.launch", name="one")
    assert view["price_usd_per_hour"] is None
    at.clock.advance(hours=1)
    assert (await at.views())[0]["cost_usd"] is None


async def test_cost_runs_from_launch_to_the_end_the_cloud_reports(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    at.clock.advance(hours=2)
    assert (await at.views())[0]["cost_usd"] == pytest.approx(0.84)
    await at.job("instance.terminate", names=["one"])
    at.cloud.become("i-00000000", RemoteState.TERMINATED)
    await reconcile(at.context, full=False)
    at.clock.advance(hours=5)
    assert (await at.views(all=True))[0]["cost_usd"] == pytest.approx(0.84)


async def test_an_address_that_cannot_be_found_leaves_ssh_closed(at: Bench) -> None:
    at.directory.address = None
    checks = (await at.query("instance.preflight"))["checks"]
    [ssh] = [check for check in checks if check["name"] == "ssh"]
    assert ssh["verdict"] == "warning"
    assert "closed" in ssh["reason"]


async def test_terminate_keeps_the_row_until_the_cloud_says_gone(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    await at.job("instance.terminate", names=["one"])
    for _ in range(3):
        await reconcile(at.context, full=True)
        assert (await at.views())[0]["state"] == "terminating"
    at.cloud.become("i-00000000", RemoteState.TERMINATED, state_reason_code="Client.UserInitiatedShutdown")
    await reconcile(at.context, full=False)
    [view] = await at.views(all=True)
    assert (view["state"], view["end_reason"]) == ("terminated", "terminated on request")


async def test_a_terminate_that_fails_is_repeated_without_end(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    at.cloud.before["terminate"] = lambda: Unreachable("No connection.")
    with pytest.raises(Unreachable, match="No connection"):
        await at.job("instance.terminate", names=["one"])
    for _ in range(5):
        await reconcile(at.context, full=False)
    assert len(at.cloud.living) == 1
    at.cloud.before.clear()
    await reconcile(at.context, full=False)
    assert at.cloud.living == []


async def test_a_protected_machine_wants_its_name(at: Bench) -> None:
    await at.job("instance.launch", name="one", protect=True)
    with pytest.raises(Refused, match="protected"):
        await at.job("instance.terminate", names=["one"])
    assert len(at.cloud.living) == 1
    await at.job("instance.terminate", names=["one"], confirm_name=["one"])
    assert at.cloud.living == []


async def test_the_end_is_enforced_and_an_extension_moves_it_to_the_cap(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="1h", max_ttl="2h")
    view = await at.job("instance.extend", name="one", by="5h")
    assert view["expires_at"] == view["node_expires_at"] == "2026-11-20T10:00:00Z"
    assert at.cloud.known["i-00000000"].tags[TAG_EXPIRES_AT] == "2026-11-20T10:00:00Z"
    with pytest.raises(Refused, match="used up"):
        await at.job("instance.extend", name="one", by="1h")
    at.clock.advance(minutes=119)
    await reconcile(at.context, full=False)
    assert len(at.cloud.living) == 1
    at.clock.advance(minutes=2)
    await reconcile(at.context, full=False)
    assert at.cloud.living == []


async def test_an_extension_the_machine_did_not_hear_is_told_again(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="1h")
    at.cloud.before["set_expiry"] = lambda: Unreachable("No connection.")
    with pytest.raises(Unreachable, match="did not reach"):
        await at.job("instance.extend", name="one", by="1h")
    at.cloud.before.clear()
    await reconcile(at.context, full=False)
    assert at.cloud.known["i-00000000"].tags[TAG_EXPIRES_AT] == "2026-11-20T10:00:00Z"


async def test_a_machine_the_cloud_denies_twice_is_lost_until_acknowledged(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    at.cloud.known.clear()
    await reconcile(at.context, full=False)
    assert (await at.views())[0]["state"] == "booting"
    at.clock.advance(seconds=61)
    await reconcile(at.context, full=False)
    assert (await at.views())[0]["state"] == "lost"
    await at.job("instance.acknowledge", name="one")
    assert await at.views() == []


async def test_spot_cannot_be_stopped_and_on_demand_starts_with_an_end_ahead(at: Bench) -> None:
    await at.job("instance.launch", name="spot")
    at.cloud.become("i-00000000", RemoteState.RUNNING, checks_passed=True)
    await reconcile(at.context, full=False)
    with pytest.raises(Refused, match="cannot be stopped"):
        await at.job("instance.stop", names=["spot"])
    await at.job("instance.launch", name="kept", market="on-demand", ttl="1h")
    at.cloud.become("i-00000001", RemoteState.RUNNING, checks_passed=True)
    await reconcile(at.context, full=False)
    await at.job("instance.stop", names=["kept"])
    await reconcile(at.context, full=False)
    at.clock.advance(minutes=58)
    [view] = await at.job("instance.start", names=["kept"])
    assert view["expires_at"] == "2026-11-20T09:58:00Z"
    assert at.cloud.known["i-00000001"].tags[TAG_EXPIRES_AT] == view["expires_at"]


async def test_one_dead_account_call_is_told_and_blocks_nothing_else(at: Bench) -> None:
    await at.job("instance.launch", name="one")
    at.cloud.before["describe"] = lambda: Unreachable("No connection.")
    summary = await reconcile(at.context, full=True)
    assert any("No connection" in str(problem) for problem in summary["problems"])  # type: ignore[union-attr]
    assert (await at.views())[0]["state"] == "booting"


async def test_a_killed_launch_without_an_attempt_goes_on_where_it_was(at: Bench) -> None:
    at.cloud.before["prepare_network"] = KeyboardInterrupt  # type: ignore[assignment]
    submitted = await at.submitted("instance.launch", name="one")
    from aicompute_tui.services.jobs import RunningJob
    from aicompute_tui.services.launch import launch

    running = at.context.with_job(RunningJob(at.context.store, at.clock, submitted))
    with pytest.raises(KeyboardInterrupt):
        await launch(running, {"name": "one"})
    at.cloud.before.clear()
    assert (await at.views())[0]["state"] == "requested"
    at.clock.advance(seconds=31)
    async with at.context.store.write() as transaction:
        taken = await transaction.jobs.claim(submitted.id, "agent", at.clock.now())
    assert taken is not None
    again = at.context.with_job(RunningJob(at.context.store, at.clock, taken))
    [view] = await launch(again, {"name": "one"})
    assert isinstance(view, dict)
    assert view["state"] == "booting"
    assert len(at.cloud.living) == 1


async def test_an_unknown_failure_inside_is_an_error_with_a_next_step(at: Bench) -> None:
    at.cloud.before["identity"] = lambda: ValueError("surprise")
    with pytest.raises(AicError, match="inside aic-tui") as caught:
        await at.job("instance.launch", name="one")
    assert "surprise" not in str(caught.value)
    assert caught.value.next_step
