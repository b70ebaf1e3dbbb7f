"""Quotas in the console: what still fits, asking for more of one, and the answer among what needs someone."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import pytest

from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.quota_form import QuotaForm, suggested
from aicompute_tui.ui.widgets.needs_list import NeedsList
from tests.ui.console_world import HOUR, NOW, Console, console, reading
from tests.ui.fleet import FullSession, fleet, rest
from tests.ui.quota_world import quota_request_row, quota_rows

pytestmark = pytest.mark.asyncio


def quotas(*, size: tuple[int, int] = (120, 40), read_only: bool = False) -> AbstractAsyncContextManager[Console]:
    return console(fleet(), session=FullSession(read_only=read_only), size=size)


async def opened(world: Console) -> None:
    world.app.open_view("quota.list")
    await rest(world)


def families(world: Console) -> list[str]:
    table = world.view.active_table
    assert table is not None
    return [row_id.split("/", 1)[1] for row_id in table.order]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_waits_comes_first_and_what_cannot_be_rented_last(size: tuple[int, int]) -> None:
    async with quotas(size=size) as world:
        await opened(world)
        assert families(world)[0] == "us-east-1/spot/G/VT"
        assert families(world)[-1] == "ca-central-1/spot/P5"
        assert "13×g5.xlarge" in world.shown
        assert "pending" in world.shown
        assert "128 vCPU were asked for: pending" in world.shown
        for words in ("in use", "ours") if size[0] > 100 else ():
            assert words in world.shown


async def test_a_figure_that_is_not_known_is_said_with_its_reason() -> None:
    async with quotas() as world:
        await opened(world)
        await world.press("slash", *"family:P6", "enter")
        await rest(world)
        assert families(world) == ["ca-central-1/spot/P6"]
        assert "AWS names no such quota" in world.shown
        assert "– vCPU" not in world.shown
        assert "by ours" in world.shown


async def test_i_asks_for_more_of_the_quota_under_the_cursor() -> None:
    async with quotas() as world:
        await opened(world)
        await world.press("i")
        assert isinstance(world.app.screen, QuotaForm)
        assert "now 32 vCPU, 30 in use; one g5.xlarge needs 4" in world.shown
        assert world.app.screen.text("vcpus") == "34"
        await world.press(*["backspace"] * 2, *"16", "enter", "enter")
        assert "It is 32 vCPU already" in world.shown
        await world.press("escape", "escape", "i", *["backspace"] * 2, *"256", "enter", "enter")
        assert isinstance(world.app.screen, ConfirmDialog)
        assert "Ask AWS for 256 vCPU of G/VT spot in us-east-1?" in world.shown
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted == [
            ("quota.request", {"what": "G/VT", "vcpus": 256, "market": "spot", "region": "us-east-1",
                               "profile": "aws:profile:team"}, None),
        ]  # fmt: skip
        assert "handed to the agent" in world.jobs


async def test_who_says_everything_is_asked_only_whether_it_is_meant() -> None:
    async with quotas() as world:
        keys = {" ": "space", "-": "minus", ".": "full_stop", "=": "equals_sign"}
        words = "quota-request g5.xlarge vcpus=96 region=us-east-1 market=spot"
        await world.press("colon", *[keys.get(each, each) for each in words], "enter")
        assert isinstance(world.app.screen, ConfirmDialog)
        await world.press("escape")
        assert not world.session.submitted


async def test_a_read_only_console_asks_for_nothing() -> None:
    async with quotas(read_only=True) as world:
        await opened(world)
        await world.press("i")
        assert not isinstance(world.app.screen, QuotaForm)
        assert "request" not in world.footer


async def test_a_change_of_a_request_is_asked_about_and_old_figures_are_read_again() -> None:
    async with quotas() as world:
        await opened(world)
        rows = [row for row in quota_rows() if isinstance(row, dict)]
        world.session.answers["quota.list"] = [{**rows[4], "request_state": "approved"}]
        world.session.hand_in(reading(quota_requests=[quota_request_row()]))
        await world.until(lambda: "approved" in world.shown)
        world.session.answers["quota.list"] = [{**rows[4], "limit_vcpus": 128}]
        world.session.moved_clock.move(minutes=20)
        world.view.tick()
        await world.until(lambda: "128" in world.shown)


@pytest.mark.parametrize(
    ("state", "words"), [("approved", "AWS granted 128 vCPU spot in us-east-1"), ("denied", "AWS denied the request")]
)
async def test_an_answer_is_told_on_the_dashboard_and_leads_to_the_quota(state: str, words: str) -> None:
    async with console(reading(quota_requests=[quota_request_row(state)]), session=FullSession()) as world:
        assert words in world.shown
        assert "1 alert" in world.header
        world.view.query_one(NeedsList).focus()
        await world.press("enter")
        await rest(world)
        assert world.view.crumbs == ("Quotas",)
        table = world.view.active_table
        assert table is not None
        assert table.cursor_id == "123456789012/us-east-1/spot/G/VT"


async def test_an_old_answer_and_one_that_was_never_waited_for_need_nobody() -> None:
    old = [quota_request_row(answered_at=NOW - 13 * HOUR), quota_request_row("denied", id="b", answered_at=None)]
    async with console(reading(quota_requests=old), session=FullSession()) as world:
        assert "AWS granted" not in world.shown
        assert "AWS denied" not in world.shown


async def test_the_least_that_lets_one_more_in_is_suggested() -> None:
    assert suggested({"limit_vcpus": 64, "used_vcpus": 48, "type_vcpus": 48}) == "96"
    assert suggested({"limit_vcpus": 64, "used_vcpus": 4, "type_vcpus": 4}) == "68"
    assert suggested({"limit_vcpus": None, "used_vcpus": 4, "type_vcpus": 4}) == ""
