"""Images and volumes named by a typed word: looked up on every host, asked about, and handed over as what was shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aicompute_tui.actions.damage import damage_of
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import NotFound, Refused
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.offering import check
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.session import Session

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp


async def remove_images(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    await _remove(app, session, "image", targets, given)


async def remove_volumes(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    await _remove(app, session, "volume", targets, given)


async def _remove(
    app: ConsoleApp, session: Session, noun: str, targets: Sequence[str], given: Mapping[str, Json]
) -> None:
    action, screen = ACTIONS[f"{noun}.remove"], app.screen
    if not targets:
        raise Refused(f"Which {noun} is meant?", f"Name one: :{action.aliases[0]} HOST/NAME")
    app.say(f"asking the hosts for {', '.join(targets)} …", "dim")
    answer = await session.query(f"{noun}.list", {"host": given["host"]} if given.get("host") else {})
    rows = [row for row in (answer if isinstance(answer, list) else []) if isinstance(row, dict)]
    found = {text(row, "key"): row for row in (_the_one(noun, rows, target) for target in targets)}
    check(action.id, list(found.values()))
    if app.screen is not screen:  # no question falls upon somebody who went on to something else
        app.say(f"{action.title}: it is known now what is meant.", "dim", next_step=f":{action.aliases[0]} asks again.")
        return
    app.say("", "dim")
    if await app.push_screen_wait(ConfirmDialog.of(damage_of(action, list(found.values())))):
        await session.submit(action.id, {"names": [_named(noun, row) for row in found.values()]})
        app.say(f"{action.title}: handed to the agent", "dim")


def _the_one(noun: str, rows: Sequence[JsonObject], target: str) -> JsonObject:
    """Raises NotFound, and Refused where several hosts have one of that name."""
    found = [row for row in rows if not row.get("problem") and target in _words(row)]
    if len(found) > 1:
        titles = ", ".join(sorted(f"{text(row, 'host')}/{text(row, 'name')}" for row in found)[:4])
        raise Refused(f"“{target}” fits more than one {noun}: {titles}.", "Say which: HOST/NAME.")
    if not found:
        silent = [text(row, "host") for row in rows if row.get("problem")]
        step = f"{', '.join(silent)} could not be asked." if silent else f":{noun}s shows them all."
        raise NotFound(f"There is no {noun} “{target}”.", step)
    return found[0]


def _words(row: JsonObject) -> set[str]:
    tags = row.get("tags")
    names = {text(row, key) for key in ("name", "called", "id")} | {
        str(each) for each in (tags if isinstance(tags, list) else [])
    }
    hosts = (text(row, "host"), text(row, "host_id"))
    return {text(row, "key"), *names, *(f"{host}/{name}" for host in hosts for name in names if name)} - {""}


def _named(noun: str, row: JsonObject) -> str:
    """A volume with the moment it was made: another of its name is another volume."""
    return text(row, "key") + (f"@{text(row, 'created_at')}" if noun == "volume" else "")
