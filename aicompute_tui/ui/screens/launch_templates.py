"""Keeping a launch as a template from the wizard, and removing one; both ask first."""

from __future__ import annotations

from collections.abc import Mapping

from aicompute_tui.actions.damage import damage_of
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.records import number, text
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.prompt import PromptDialog


async def keep(screen: ConsoleScreen, arguments: Mapping[str, Json]) -> None:
    """Asks for a name, and before one of that name is replaced. Raises AicError."""
    known = ACTIONS["template.save"].parameters
    kept: JsonObject = {
        parameter.name: arguments[parameter.name]
        for parameter in known
        if parameter.name in arguments and parameter.name != "name"
    }
    name = await screen.app.push_screen_wait(
        PromptDialog(
            "Keep this launch as a template",
            help="It is listed under h in the first step. Its machine's name is not kept.",
            placeholder="a name for it",
            verb="keep it",
            rule=lambda value: None if value else "Give it a name, or leave with esc.",
        )
    )
    if name is None:
        return
    templates = await screen.session.query("template.list", {})
    rows = [row for row in (templates if isinstance(templates, list) else []) if isinstance(row, dict)]
    taken = next((row for row in rows if text(row, "name") == name), None)
    if taken is not None:
        question = ConfirmDialog(f"Replace the template {name}?", [f"saved  {text(taken, 'saved_at')}"], "Replace it")
        if not await screen.app.push_screen_wait(question):
            return
        kept["version"] = number(taken, "version")
    await screen.session.submit("template.save", {"name": name, **kept})
    screen.say(f"Template {name}: handed to the agent.", "dim")


async def remove(screen: ConsoleScreen, row: JsonObject) -> bool:
    """Whether the removal of a template was handed over. Raises AicError."""
    action = ACTIONS["template.remove"]
    if not await screen.app.push_screen_wait(ConfirmDialog.of(damage_of(action, [row]))):
        return False
    await screen.session.submit(action.id, {"name": text(row, "name")})
    screen.say(f"Template {text(row, 'name')}: its removal is handed to the agent.", "dim")
    return True
