"""Quotas read, kept, counted in machines, asked for once, and followed until they are answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aicompute_tui.domain.errors import Conflict, InvalidInput, NotAllowed, NotConfigured, Unreachable
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.job import Job
from aicompute_tui.domain.offer import QuotaReading
from aicompute_tui.domain.quota import FamilyQuota, RequestState, counts, machines_that_fit, named_family, quota_family
from aicompute_tui.services.jobs import run_job
from aicompute_tui.services.launch import request_detached
from aicompute_tui.services.quota_check import quota_verdict
from tests.unit.fake_cloud import ACCOUNT, REGION, START, Bench, at

__all__ = ["at"]

G_SPOT = "L-3819A6DF"


def quota(family: str = "G/VT", market: Market = Market.SPOT, **changes: Any) -> FamilyQuota:
    reading = QuotaReading(name=f"All {family}", code=G_SPOT, limit_vcpus=64, used_vcpus=20, own_vcpus=8)
    return FamilyQuota(family=family, market=market, reading=replace(reading, **changes))


def calls(at: Bench, operation: str) -> int:
    return [called for called, _ in at.cloud.calls].count(operation)


@pytest.mark.parametrize(
    ("word", "market", "family"),
    [
        ("g5.xlarge", "spot", "G/VT"),
        ("G/VT", "on-demand", "G/VT"),
        ("g", "spot", "G/VT"),
        ("p5", "spot", "P5"),
        ("p5.48xlarge", "on-demand", "P"),
        ("P", "on-demand", "P"),
        ("P", "spot", None),
        ("standard", "spot", "Standard"),
        ("m7i.large", "spot", "Standard"),
        ("gigantic", "spot", None),
        ("u-6tb1.metal", "spot", None),
    ],
)
def test_a_family_is_named_by_itself_or_by_one_of_its_types(word: str, market: str, family: str | None) -> None:
    assert named_family(word, market) == family


def test_machines_that_fit_are_whole_and_unknown_where_a_figure_is() -> None:
    assert machines_that_fit(16, 4) == 4
    assert machines_that_fit(47, 48) == 0
    assert machines_that_fit(None, 4) is None
    assert machines_that_fit(16, None) is None
    assert counts("P", "p4d.24xlarge")
    assert quota_family("p4d.24xlarge", "spot") == "P2-P4"


@pytest.mark.asyncio
async def test_every_family_is_listed_with_what_is_ours_what_is_free_and_what_fits(at: Bench) -> None:
    at.preferences.values["instance_type"] = "g5.12xlarge"
    at.cloud.family_quotas = [quota(), quota("P5", limit_vcpus=0, used_vcpus=0, own_vcpus=0)]
    first, second = await at.query("quota.list", region=REGION)
    assert (first["family"], first["market"], first["region"]) == ("G/VT", "spot", REGION)
    assert [first[f"{name}_vcpus"] for name in ("limit", "used", "own", "other", "free")] == [64, 20, 8, 12, 44]
    assert (first["type"], first["type_vcpus"], first["fits_machines"]) == ("g5.12xlarge", 48, 0)
    assert (second["type"], second["fits_machines"]) == ("p5.4xlarge", 0)
    assert first["account_id"] == ACCOUNT


@pytest.mark.asyncio
async def test_what_was_read_stands_for_ten_minutes_with_its_age(at: Bench) -> None:
    at.cloud.family_quotas = [quota()]
    await at.query("quota.list")
    at.clock.advance(minutes=9)
    [row] = await at.query("quota.list")
    assert (row["age_seconds"], calls(at, "region_quotas")) == (540, 1)
    await at.query("quota.list", fresh=True)
    assert calls(at, "region_quotas") == 2
    at.clock.advance(minutes=11)
    [row] = await at.query("quota.list")
    assert (row["age_seconds"], calls(at, "region_quotas")) == (0, 3)


@pytest.mark.asyncio
async def test_figures_that_cannot_be_read_any_more_stay_with_their_age_and_the_reason(at: Bench) -> None:
    at.cloud.family_quotas = [quota()]
    await at.query("quota.list")
    at.clock.advance(minutes=11)
    at.cloud.before["region_quotas"] = lambda: Unreachable("AWS does not answer.")
    rows = {row["family"]: row for row in await at.query("quota.list", market="spot")}
    assert (rows["G/VT"]["free_vcpus"], rows["G/VT"]["age_seconds"]) == (44, 660)
    assert rows["G/VT"]["note"] == "AWS does not answer."
    assert (rows["P5"]["limit_vcpus"], rows["P5"]["age_seconds"]) == (None, None)


@pytest.mark.asyncio
async def test_a_quota_of_every_p_family_stays_where_it_cannot_be_read_any_more(at: Bench) -> None:
    at.cloud.family_quotas = [quota("P"), quota()]
    await at.query("quota.list")
    at.clock.advance(minutes=11)
    at.cloud.before["region_quotas"] = lambda: Unreachable("AWS does not answer.")
    rows = {row["family"]: row for row in await at.query("quota.list", market="spot")}
    assert (rows["P"]["limit_vcpus"], rows["P"]["age_seconds"], rows["P"]["note"]) == (64, 660, "AWS does not answer.")
    assert not {"P6", "P5", "P2-P4"} & set(rows)
    del at.cloud.before["region_quotas"]
    at.clock.advance(minutes=11)
    assert [row["age_seconds"] for row in await at.query("quota.list")] == [0, 0]


@pytest.mark.asyncio
async def test_what_may_not_be_read_is_unknown_with_the_reason(at: Bench) -> None:
    at.cloud.family_quotas = [quota(limit_vcpus=None, note="These credentials may not do this.")]
    [row] = await at.query("quota.list")
    assert (row["limit_vcpus"], row["free_vcpus"], row["fits_machines"]) == (None, None, None)
    assert "may not" in row["note"]


@pytest.mark.asyncio
async def test_a_busy_database_keeps_nothing_and_what_was_read_is_told(
    at: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    at.cloud.family_quotas = [quota()]

    def busy() -> None:
        raise Unreachable("The database is busy.")

    with monkeypatch.context() as broken:
        broken.setattr(at.context.store, "write", busy)
        [row] = await at.query("quota.list")
    assert row["free_vcpus"] == 44
    async with at.context.store.read() as transaction:
        assert await transaction.quotas.list() == []


@pytest.mark.asyncio
async def test_regions_with_machines_are_listed_too(at: Bench) -> None:
    at.cloud.family_quotas = [quota()]
    await at.job("instance.launch", region=REGION, type="g5.xlarge", framework="none")
    assert {row["region"] for row in await at.query("quota.list")} == {REGION}
    at.preferences.values["region"] = "us-east-1"
    assert {row["region"] for row in await at.query("quota.list")} == {REGION, "us-east-1"}
    assert {row["region"] for row in await at.query("quota.list", region=["eu-west-1"])} == {"eu-west-1"}


@pytest.mark.asyncio
async def test_more_is_asked_for_once_and_a_second_wish_is_told_what_is_open(at: Bench) -> None:
    at.cloud.family_quotas = [quota()]
    asked = await at.job("quota.request", what="g5.12xlarge", vcpus=128, market="spot")
    assert (asked["is_new"], asked["state"], asked["desired_vcpus"]) == (True, "pending", 128)
    again = await at.job("quota.request", what="G/VT", vcpus=256, market="spot")
    assert (again["is_new"], again["desired_vcpus"], again["id"]) == (False, 128, asked["id"])
    assert "Nothing new was asked" in again["message"]
    assert calls(at, "request_quota") == 1
    assert (await at.event_kinds()).count("quota.requested") == 1
    [row] = await at.query("quota.list")
    assert (row["request_state"], row["requested_vcpus"]) == ("pending", 128)


@pytest.mark.asyncio
@pytest.mark.parametrize("lost", [Unreachable("The connection was cut."), Conflict("It is there already.")])
async def test_a_lost_answer_is_looked_up_and_asks_for_nothing_twice(at: Bench, lost: Exception) -> None:
    at.cloud.family_quotas = [quota()]
    at.cloud.after["request_quota"] = lambda: lost
    asked = await at.job("quota.request", what="G/VT", vcpus=128)
    assert (asked["state"], asked["asked_by"]) == ("pending", "ada@jump")
    assert calls(at, "request_quota") == 1


@pytest.mark.asyncio
@pytest.mark.parametrize(("state", "limit"), [(RequestState.DENIED, 64), (RequestState.APPROVED, 128)])
async def test_what_was_asked_before_a_crash_and_answered_since_is_not_asked_again(
    at: Bench, state: RequestState, limit: int
) -> None:
    at.cloud.family_quotas = [quota(limit_vcpus=limit)]
    job = await at.submitted("quota.request", what="G/VT", vcpus=128)
    answer = await at.cloud.request_quota(REGION, G_SPOT, 128)
    at.cloud.answers[0] = replace(at.cloud.answers[0], answer=replace(answer, state=state))
    told: Any = await run_job(at.context, job)
    assert (told["is_new"], told["state"]) == (False, state.value)
    assert calls(at, "request_quota") == 1


@pytest.mark.asyncio
async def test_a_request_that_another_sent_meanwhile_is_not_told_as_ones_own(at: Bench) -> None:
    at.cloud.family_quotas = [quota()]

    def another_was_first() -> Conflict:
        [mine] = at.cloud.answers
        at.cloud.answers[0] = replace(mine, answer=replace(mine.answer, request_id="other", desired_vcpus=96))
        return Conflict("A request for this quota is open already.")

    at.cloud.after["request_quota"] = another_was_first
    told = await at.job("quota.request", what="G/VT", vcpus=128)
    assert (told["is_new"], told["desired_vcpus"], told["asked_by"]) == (False, 96, None)
    assert "quota.requested" not in await at.event_kinds()


@pytest.mark.asyncio
async def test_what_was_surely_not_asked_fails_with_the_reason(at: Bench) -> None:
    at.cloud.family_quotas = [quota()]
    at.cloud.before["request_quota"] = lambda: NotAllowed("These credentials may not do this.")
    with pytest.raises(NotAllowed):
        await at.job("quota.request", what="G/VT", vcpus=128)
    at.cloud.before["request_quota"] = lambda: Unreachable("AWS does not answer.")
    with pytest.raises(Unreachable):
        await at.job("quota.request", what="G/VT", vcpus=128)
    assert "quota.requested" not in await at.event_kinds()


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"what": "G/VT", "vcpus": 64}, InvalidInput, "64 vCPU already"),
        ({"what": "zebra", "vcpus": 64}, InvalidInput, "zebra"),
        ({"what": "G/VT"}, InvalidInput, "How many"),
        ({"what": "P5", "vcpus": 192}, NotConfigured, "P5"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_before_anything_is_sent(
    at: Bench, arguments: dict[str, object], error: type[Exception], words: str
) -> None:
    at.cloud.family_quotas = [quota()]
    with pytest.raises(error, match=words):
        await at.job("quota.request", **arguments)
    assert calls(at, "request_quota") == 0


@pytest.mark.asyncio
async def test_an_answer_is_an_event_once_and_stays_on_record(at: Bench) -> None:
    at.cloud.family_quotas = [quota()]
    await at.job("quota.request", what="G/VT", vcpus=128)
    [found] = at.cloud.answers
    for state in (RequestState.CASE_OPENED, RequestState.DENIED):
        at.cloud.answers[0] = replace(found, answer=replace(found.answer, state=state, case_id="176"))
        for _ in range(2):
            [row] = await at.query("quota.requests")
    assert (row["state"], row["asked_by"], row["answered_at"]) == ("denied", "ada@jump", "2026-11-20T08:00:00Z")
    async with at.context.store.read() as transaction:
        told = [event for event in await transaction.events.list() if event.kind.startswith("quota.")]
    assert [(event.kind, event.level) for event in told] == [
        ("quota.answered", "warning"), ("quota.followed", "info"), ("quota.requested", "info"),
    ]  # fmt: skip
    assert "denied 128 vCPU" in told[0].message


def reading(limit: int | None, used: int | None) -> QuotaReading:
    return QuotaReading(name="All G", code=G_SPOT, limit_vcpus=limit, used_vcpus=used)


def test_what_is_on_its_way_counts_as_used() -> None:
    assert quota_verdict(reading(64, 56), 8).verdict.value == "ok"
    refused = quota_verdict(reading(64, 56), 8, coming_vcpus=4)
    assert refused.verdict.value == "refused"
    assert "4 of 64 are free" in refused.reason
    assert "4 of ours are on their way" in refused.reason


@pytest.mark.asyncio
async def test_machines_asked_for_that_the_cloud_does_not_list_yet_are_counted(at: Bench) -> None:
    at.cloud.quota_reading = reading(8, 0)

    async def verdict(count: int) -> str:
        plan = await at.query("instance.preflight", type="g5.xlarge", framework="none", count=count)
        return next(str(each["verdict"]) for each in plan["checks"] if each["name"] == "quota")

    assert await verdict(2) == "ok"
    job = Job(
        id="job-1",
        owner="ada",
        created_by="ada@jump",
        action_id="instance.launch",
        parameters_json="{}",
        created_at=START,
    )
    await request_detached(at.context, {"type": "g5.xlarge", "framework": "none"}, job)
    assert (await verdict(2), await verdict(1)) == ("refused", "ok")


@pytest.mark.asyncio
async def test_a_refusal_says_what_would_fit_instead(at: Bench) -> None:
    readings = {Market.SPOT: reading(64, 60), Market.ON_DEMAND: reading(64, 0)}
    at.cloud.quota_of = readings.__getitem__
    checks = {
        each["name"]: each for each in (await at.query("instance.preflight", type="g5.xlarge", count=3))["checks"]
    }
    step = checks["quota"]["next_step"]
    assert "1 of 3 would fit." in step
    assert "As on-demand it would fit." in step
