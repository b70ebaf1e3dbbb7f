"""What hosts keep, as tables asked for when they are opened: images, volumes, and the logins of registries."""

from __future__ import annotations

from typing import ClassVar

from aicompute_tui.actions.model import Scope
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.state import FINAL_JOB_STATES, StateChange
from aicompute_tui.ui.stored_lists import IMAGES, REGISTRIES, VOLUMES


class StoredScreen(RecordScreen):
    """Asked for anew with ctrl+r, and when a job of its own has ended."""

    def state_changed(self, change: StateChange) -> None:
        jobs = self.session.state.jobs
        ended = (jobs[each] for each in change.jobs.changed if jobs[each].state in FINAL_JOB_STATES)
        if any(ACTIONS[job.action_id].scope == self.LIST.scope for job in ended if job.action_id in ACTIONS):
            self.load_soon()

    def asked_anew(self) -> None:
        self.say("asking every host …", "dim")
        self.load()

    def action_perform(self, action_id: str) -> None:
        """What a flow asks for itself is not about the rows that are marked."""
        from aicompute_tui.ui.dispatch import FLOWS

        if action_id in FLOWS and not action_id.endswith(".remove"):
            self.console.perform(action_id, [], self.begins_with(action_id))
        else:
            super().action_perform(action_id)

    def begins_with(self, action_id: str) -> JsonObject:
        """A pull goes to the host of the row under the cursor; all else is about every host."""
        rows = self.selected_rows()
        host = text(rows[0], "host") if rows and action_id == "image.pull" else ""
        return {"host": host} if host else {}

    def _ask_first(self, action_id: str, rows: list[JsonObject]) -> None:
        silent = next((row for row in rows if row.get("problem") and row.get("host")), None)
        if silent is not None:
            self.say(text(silent, "problem"), "bad", next_step=text(silent, "next_step"))
        else:
            super()._ask_first(action_id, rows)


class ImagesScreen(StoredScreen):
    LIST = IMAGES
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "images")
    HINTS: ClassVar[tuple[str, ...]] = (
        "image.pull", "image.remove", "image.prune", "go.mark", "go.filter", "go.command", "go.help",
    )  # fmt: skip

    def copied_text(self) -> tuple[str, str]:
        return "\n".join(text(row, "name") for row in self.selected_rows()), "name"


class VolumesScreen(StoredScreen):
    LIST = VOLUMES
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "volumes")
    HINTS: ClassVar[tuple[str, ...]] = (
        "volume.remove", "volume.prune", "go.mark", "go.filter", "go.command", "go.help",
    )  # fmt: skip

    def subject(self, row: JsonObject) -> str:
        """With the moment it was made: another of its name is another volume."""
        return f"{super().subject(row)}@{text(row, 'created_at')}"

    def copied_text(self) -> tuple[str, str]:
        return "\n".join(text(row, "name") for row in self.selected_rows()), "name"


class RegistriesScreen(StoredScreen):
    LIST = REGISTRIES
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "registries")
    HINTS: ClassVar[tuple[str, ...]] = ("registry.login", "registry.logout", "go.filter", "go.command", "go.help")
