"""The launch wizard opened for a test: at its first step, at one of them, or at its review with the checks ended."""

from __future__ import annotations

from collections.abc import Mapping

from textual.pilot import Pilot

from aicompute_tui.domain.json import Json
from aicompute_tui.ui.app import ConsoleApp
from aicompute_tui.ui.screens.launch import LaunchScreen
from aicompute_tui.ui.widgets.wizard_summary import WizardSummary
from tests.ui.dialog_world import WrittenSession, shown, until

STEPS = {"region": "1 of 5", "machine": "2 of 5", "server": "3 of 5", "options": "4 of 5", "review": "5 of 5"}


async def opened(pilot: Pilot[int], app: ConsoleApp) -> LaunchScreen:
    """The wizard at its first step, its regions listed."""
    await pilot.press("n")
    await until(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.screen.is_mounted)
    wizard = app.screen
    assert isinstance(wizard, LaunchScreen)
    return wizard


async def at(pilot: Pilot[int], app: ConsoleApp, step: str) -> None:
    await until(pilot, lambda: STEPS[step] in shown(app))


async def reviewed(pilot: Pilot[int], app: ConsoleApp) -> LaunchScreen:
    """The wizard at its review, the checks ended."""
    wizard = await opened(pilot, app)
    await pilot.press("ctrl+l")
    await at(pilot, app, "review")
    await checked(pilot, wizard)
    return wizard


async def checked(pilot: Pilot[int], wizard: LaunchScreen) -> None:
    await until(pilot, lambda: bool(wizard.query(WizardSummary)) and wizard.query_one(WizardSummary).is_current)
    await pilot.pause()


def preflights(session: WrittenSession) -> list[Mapping[str, Json]]:
    return [arguments for action_id, arguments in session.asked if action_id == "instance.preflight"]


def one_line(app: ConsoleApp) -> str:
    return " ".join(shown(app).split())
