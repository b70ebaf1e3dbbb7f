"""What is asked of a person before AWS is asked for more quota."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aicompute_tui.actions.damage import damage_of
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.quota_form import QuotaForm
from aicompute_tui.ui.session import Session

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

_ACTION = "quota.request"
_PARAMETERS = ("what", "vcpus", "region", "market", "profile")
_FIGURES = ("limit_vcpus", "used_vcpus")


async def request(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    """The form stands open with what is known; with everything given there is only the question."""
    first: JsonObject = {**given, **({"what": targets[0]} if targets else {})}
    asked: JsonObject = {name: first[name] for name in _PARAMETERS if first.get(name)}
    if not {"what", "vcpus", "region", "market"} <= asked.keys():
        answer = await app.push_screen_wait(QuotaForm(session.glyphs, first))
        if answer is None:
            return
        asked = answer.arguments
    is_same = all(asked.get(name) == first.get(name) for name in ("what", "region", "market"))
    figures: JsonObject = {name: first.get(name) for name in _FIGURES} if is_same else {}
    if await app.push_screen_wait(ConfirmDialog.of(damage_of(ACTIONS[_ACTION], [{**figures, **asked}]))):
        await session.submit(_ACTION, asked)
        app.say(f"{text(asked, 'vcpus')} vCPU of {text(asked, 'what')}: handed to the agent, which asks AWS.", "dim")
