"""What is done to connections from their views: added and edited in a form, switched on and off, offered to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aicompute_tui.domain.errors import NotFound, Refused
from aicompute_tui.domain.json import Json
from aicompute_tui.llms.presets import PRESETS
from aicompute_tui.store.rows import ConnectionRow
from aicompute_tui.ui.connection_columns import words_of
from aicompute_tui.ui.references import find_row
from aicompute_tui.ui.session import Session

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp
    from aicompute_tui.ui.screens.secret_form import Given


async def add(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:  # noqa: ARG001
    """What was given stands in the form already."""
    from aicompute_tui.ui.screens.connection_form import ConnectionForm

    told = await app.push_screen_wait(ConnectionForm(session, given))
    if told is not None:
        await _hand_over(session, "connection.add", told)
        app.say(f"{told.arguments['name']}: handed to the agent.", "dim")


async def edit(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    """What was named is changed at once; where nothing was, the form asks."""
    rows = [_row(session, target) for target in targets]
    changes = {name: value for name, value in given.items() if name != "name"}
    if changes:
        for row in rows:
            await session.submit("connection.edit", {**changes, "name": row.id}, row.id)
        app.clear_marks()
        app.say(f"Edit {_called(rows)}: handed to the agent.", "dim")
        return
    from aicompute_tui.ui.screens.connection_form import ConnectionForm

    if not rows:
        raise NotFound("There is no connection under the cursor.", "Name one: :connection-edit NAME")
    if len(rows) > 1:
        step = "Take the marks back, or say what changes: :connection-edit tag=lab"
        raise Refused("The form edits one connection at a time.", step)
    told = await app.push_screen_wait(ConnectionForm(session, {}, rows[0]))
    if told is not None:
        await _hand_over(session, "connection.edit", told)
        app.say(f"Edit {rows[0].name}: handed to the agent.", "dim")


async def embed(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    """Asks for one or two texts, and shows what came back."""
    from aicompute_tui.ui.screens.try_out import ConnectionEmbedDialog

    row, model = _one(session, targets, "embed"), given.get("model")
    await app.push_screen_wait(ConnectionEmbedDialog(session, row.id, row.name, str(model or "")))


async def rerank(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    """Asks for a question and texts, and shows them ranked. Raises Refused where the kind ranks nothing."""
    from aicompute_tui.ui.screens.try_out import ConnectionRerankDialog

    row, model = _one(session, targets, "rerank"), given.get("model")
    if row.kind in PRESETS and not PRESETS[row.kind].ranks:
        raise Refused(f"{PRESETS[row.kind].title} is asked for no ranking here.", "Take one of another kind.")
    await app.push_screen_wait(ConnectionRerankDialog(session, row.id, row.name, str(model or "")))


def switch(app: ConsoleApp, row_ids: Sequence[str]) -> None:
    """Takes all of them out of use where one of them is in use, else puts them back."""
    rows = _rows(app, row_ids)
    in_use = any(row.is_active and not row.is_held_back for row in rows)
    app.perform("connection.deactivate" if in_use else "connection.activate", [row.id for row in rows])


def turn_flag(app: ConsoleApp, row_ids: Sequence[str], flag: str) -> None:
    """Offers all of them to `flag`, or no more where all are offered to it already."""
    rows = _rows(app, row_ids)
    is_on = bool(rows) and all(flag in words_of(row.flags) for row in rows)
    app.perform("connection.edit", [row.id for row in rows], {f"no_{flag}" if is_on else flag: True})


async def _hand_over(session: Session, action_id: str, told: Given) -> None:
    if told.secret is None:
        await session.submit(action_id, told.arguments)
    else:
        await session.submit_secret(action_id, told.arguments, told.secret)


def _rows(app: ConsoleApp, row_ids: Sequence[str]) -> list[ConnectionRow]:
    known = app.session.state.connections
    return [known[row_id] for row_id in row_ids if row_id in known]


def _one(session: Session, targets: Sequence[str], verb: str) -> ConnectionRow:
    if not targets:
        raise NotFound("There is no connection under the cursor.", f"Name one: :connection-{verb} NAME")
    return _row(session, targets[0])


def _row(session: Session, reference: str) -> ConnectionRow:
    row_id = find_row(session.state, reference, "connections")
    if row_id is None or row_id not in session.state.connections:
        raise NotFound(f"There is no connection “{reference}” here.", ":connections shows them all.")
    return session.state.connections[row_id]


def _called(rows: Sequence[ConnectionRow]) -> str:
    return rows[0].name if len(rows) == 1 else f"{len(rows)} connections"
