"""Quotas in the launch wizard: a type that does not fit cannot be chosen, says why, and more of it can be asked for."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.screens.quota_form import QuotaForm
from tests.ui.dialog_world import WrittenSession, console, shown, until
from tests.ui.wizard_world import at, one_line, opened, reviewed

pytestmark = pytest.mark.asyncio
_WHY = "g5.12xlarge needs 48 vCPU of “All G and VT Spot”; 10 free. i asks for more"


def session(**changes: Json) -> WrittenSession:
    """54 of 64 vCPU are in use."""
    row: JsonObject = {
        "type": "g5.12xlarge",
        "name": "All G and VT Spot Instance Requests",
        "limit_vcpus": 64,
        "used_vcpus": 54,
        "free_vcpus": 10,
        "note": None,
    }
    return WrittenSession({"quota.list": [{**row, **changes}]})


async def test_a_type_beyond_the_quota_is_refused_with_the_reason() -> None:
    app = console(session())
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await pilot.press("2")
        await until(pilot, lambda: "2 more" in shown(app))
        await pilot.press("slash", *"12x", "enter")
        await until(pilot, lambda: _WHY in one_line(app))
        await pilot.press("enter")
        await until(pilot, lambda: one_line(app).count("g5.12xlarge needs 48 vCPU") == 2)
        await at(pilot, app, "machine")


async def test_what_is_not_known_refuses_nothing() -> None:
    app = console(session(free_vcpus=None, note="not allowed"))
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await pilot.press("2")
        await until(pilot, lambda: "not allowed" in shown(app))
        await pilot.press("slash", *"12x", "enter", "enter")
        await at(pilot, app, "server")


async def test_i_asks_for_as_much_as_the_type_needs() -> None:
    held = session()
    app = console(held)
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await pilot.press("2")
        await until(pilot, lambda: "2 more" in shown(app))
        await pilot.press("slash", *"12x", "enter", "i")
        await until(pilot, lambda: isinstance(app.screen, QuotaForm))
        await until(pilot, lambda: "now 64 vCPU, 54 in use; one g5.12xlarge needs 48" in shown(app))
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "Ask AWS for 102 vCPU of g5.12xlarge spot" in one_line(app))
        await pilot.press("right", "enter")
        await until(pilot, lambda: bool(held.submitted))
    [(action_id, arguments, *_)] = held.submitted
    assert action_id == "quota.request"
    assert (arguments["what"], arguments["vcpus"], arguments["market"]) == ("g5.12xlarge", 102, "spot")


async def test_i_asks_from_the_review_too() -> None:
    app = console(session())
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        await pilot.press("i")
        await until(pilot, lambda: isinstance(app.screen, QuotaForm) and "g5.xlarge" in shown(app))
