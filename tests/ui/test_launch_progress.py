"""A launch handed over is followed to its machine, or back to the review with the reason."""

from __future__ import annotations

import pytest

from aicompute_tui.ui.screens.detail import DetailScreen
from tests.ui.console_world import job, reading
from tests.ui.dialog_world import WrittenSession, console, machine, shown, until
from tests.ui.wizard_world import at, reviewed


@pytest.mark.asyncio
async def test_the_launch_is_followed_to_its_machine() -> None:
    session = WrittenSession({"instance.show": {"name": "lab"}})
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: "handed to the agent" in shown(app))
        progress = job("instance.launch", id="0193-job", progress="asking for lab in ca-central-1b")
        session.on_change(session.state.apply(reading(jobs=[progress])))
        await until(pilot, lambda: "asking for lab in ca-central-1b" in shown(app))
        done = progress._replace(state="done")
        row = machine("lab", state="booting", job_id="0193-job")
        session.on_change(session.state.apply(reading([row], jobs=[done])))
        await until(pilot, lambda: "Go to lab" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DetailScreen))


@pytest.mark.asyncio
async def test_a_launch_that_failed_says_why_and_goes_back_to_the_review() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        await pilot.press("enter")
        await until(pilot, lambda: "handed to the agent" in shown(app))
        failed = job("instance.launch", "failed", id="0193-job", error_message="No g5 here.")
        session.on_change(session.state.apply(reading(jobs=[failed])))
        await until(pilot, lambda: "No g5 here." in shown(app) and "Back to the review" in shown(app))
        await pilot.press("enter")
        await at(pilot, app, "review")
