"""From a key or a word to what it does: open a view, ask first, submit a job, or put a question to the agent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aicompute_tui.actions.model import Action
from aicompute_tui.domain.json import Json
from aicompute_tui.ui.session import Session

if TYPE_CHECKING:
    from textual.app import App

SCREENS = {
    "instance.launch": "aicompute_tui.ui.screens.launch:LaunchScreen",
    "instance.list": "aicompute_tui.ui.screens.instances:InstancesScreen",
    "job.list": "aicompute_tui.ui.screens.records:JobsScreen",
    "event.list": "aicompute_tui.ui.screens.records:EventsScreen",
    "event.follow": "aicompute_tui.ui.screens.records:EventsScreen",
    "credential.list": "aicompute_tui.ui.screens.records:CredentialsScreen",
    "setting.list": "aicompute_tui.ui.screens.records:SettingsScreen",
    "doctor.run": "aicompute_tui.ui.screens.records:DoctorScreen",
}
"""Views by the action that fills them; each is made with the session alone."""

CONFIRM = "aicompute_tui.ui.screens.confirm:ConfirmDialog"
"""ModalScreen[JsonObject | None] made with (session, action, rows, arguments): more arguments, or None to keep it."""


async def perform(
    app: App[object], session: Session, action: Action, row_ids: Sequence[str], arguments: Mapping[str, Json]
) -> None:
    """Carries `action` out on rows; failures stand in the jobs line as one sentence."""
    raise NotImplementedError
