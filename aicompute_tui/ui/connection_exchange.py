"""Connections to a file and from one, asked for step by step: the file, the passphrase, and what became of each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aicompute_tui.domain.credential import Secret
from aicompute_tui.domain.errors import AicError, NotFound
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.typed_paths import absolute_path
from aicompute_tui.ui.records import text
from aicompute_tui.ui.references import find_row
from aicompute_tui.ui.screens.prompt import PromptDialog
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import DONE_JOB, FINAL_JOB_STATES

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp
    from aicompute_tui.ui.widgets.form_fields import Rule

LONGEST_WAIT_SECONDS = 60.0
_BETWEEN_LOOKS_SECONDS = 0.1
_SHORTEST_PASSPHRASE = 8
_NAMED = 3
"""So many are named in a sentence."""
_WHERE = ":jobs, then enter, shows what became of each."
_LEFT_OUT = "its key is left out: "


async def export(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    """Those named, else those marked, else all. Raises AicError, also where there is a file of that name."""
    ids = _named(session, given) or _marked(app, session, targets)
    what = _called(session, ids)
    path = text({**given}, "file") or await _ask_export_path(app, what, with_keys=bool(given.get("with_secrets")))
    if not path:
        return
    await asyncio.to_thread(_refuse_taken, path)
    secret = None
    if given.get("with_secrets"):
        secret = await _ask_new_passphrase(app)
        if secret is None:
            return
    arguments: JsonObject = {**{name: value for name, value in given.items() if name != "names"}, "file": path}
    if ids:
        arguments["names"] = [*ids]
    await _submit(session, "connection.export", arguments, secret)
    app.clear_marks()
    app.say(f"Export {what} to {path}: handed to the agent.", "dim")


async def import_connections(
    app: ConsoleApp,
    session: Session,
    targets: Sequence[str],  # noqa: ARG001 - a file says which ones
    given: Mapping[str, Json],
) -> None:
    """Raises AicError, also where the file cannot be read."""
    path = text({**given}, "file") or await _ask_path(app, "Import connections from which file?", "Import")
    if not path:
        return
    passphrase: str | None = ""
    if await asyncio.to_thread(_has_keys, path):
        help_text = "Empty leaves the keys out."
        passphrase = await _ask_secret(app, "Passphrase of the keys in the file?", help_text, "Import")
        if passphrase is None:
            return
    secret = Secret(passphrase, (passphrase,)) if passphrase else None
    view = app.view
    job_id = await _submit(session, "connection.import", {**given, "file": path}, secret)
    app.say(f"Import {path}: handed to the agent.", "dim")
    rows = await _result(app, session, job_id)
    if rows is None:
        return
    is_trial = bool(given.get("dry_run"))
    app.say(told(rows, is_trial=is_trial), "dim" if is_trial else "good", next_step=_next_step(rows, given))
    if is_trial and app.screen is view:  # nothing falls upon somebody who went on to something else
        app.show_json("Import connections", list[Json](rows))


def told(rows: Sequence[JsonObject], *, is_trial: bool) -> str:
    """`3 added, 1 left as it is, 1 without its key (no passphrase was given): groq`"""
    will = "would be " if is_trial else ""
    words = {"add": f"{will}added", "replace": f"{will}replaced", "leave": f"{will}left as it is"}
    counts = {action: sum(text(row, "action") == action for row in rows) for action in words}
    parts = [f"{counts[action]} {word}" for action, word in words.items() if counts[action]]
    without: dict[str, list[str]] = {}
    for row in rows:
        if text(row, "note") and text(row, "action") != "leave":
            without.setdefault(text(row, "note").removeprefix(_LEFT_OUT), []).append(text(row, "name"))
    for reason, names in without.items():
        listed = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
        parts.append(f"{len(names)} without {'its key' if len(names) == 1 else 'their keys'} ({reason}): {listed}")
    return ", ".join(parts) or "There is no connection in the file."


def _next_step(rows: Sequence[JsonObject], given: Mapping[str, Json]) -> str:
    is_left = any(text(row, "action") == "leave" for row in rows)
    return "With replace=true those of the same name change too." if is_left and not given.get("replace") else ""


async def _submit(session: Session, action_id: str, arguments: JsonObject, secret: Secret | None) -> str:
    if secret is None:
        return await session.submit(action_id, arguments)
    return await session.submit_secret(action_id, arguments, secret)


async def _result(app: ConsoleApp, session: Session, job_id: str) -> list[JsonObject] | None:
    """What the job answered; None where that is not known here, and is told or was told when it failed."""
    state = await _final_state(session, job_id)
    if state is None:
        app.say("The import has not ended yet.", "dim", next_step=_WHERE)
        return None
    if state != DONE_JOB:
        return None
    try:
        answer = await session.query("job.show", {"id": job_id})
    except AicError:
        app.say("The connections are imported.", "good", next_step=_WHERE)
        return None
    rows = answer.get("result") if isinstance(answer, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


async def _final_state(session: Session, job_id: str) -> str | None:
    """How it ended, by the rows of the store; None where it has not within a minute."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            while True:
                job = session.state.jobs.get(job_id)
                if job is not None and job.state in FINAL_JOB_STATES:
                    return job.state
                await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)
    return None


# -- which ones


def _named(session: Session, given: Mapping[str, Json]) -> list[str]:
    """Raises NotFound."""
    names = given.get("names")
    return [_row_id(session, str(name)) for name in names] if isinstance(names, list) else []


def _row_id(session: Session, name: str) -> str:
    row_id = find_row(session.state, name, "connections")
    if row_id is None or row_id not in session.state.connections:
        raise NotFound(f"There is no connection “{name}” here.", ":connections shows them all.")
    return row_id


def _marked(app: ConsoleApp, session: Session, targets: Sequence[str]) -> list[str]:
    """The row under a list's cursor is none of them: nobody chose it."""
    table = app.view.active_table if app.view is not None else None
    unmarked = frozenset(table.rows) - table.marked_ids if table is not None else frozenset()
    return [each for each in targets if each in session.state.connections and each not in unmarked]


def _called(session: Session, ids: Sequence[str]) -> str:
    if len(ids) == 1:
        return session.state.connections[ids[0]].name
    return f"{len(ids)} connections" if ids else "all connections"


# -- what is asked


async def _ask_export_path(app: ConsoleApp, what: str, *, with_keys: bool) -> str | None:
    keys = "Keys go along, sealed." if with_keys else "Keys stay here: with_secrets=true takes them along, sealed."
    help_text = f"JSON where it ends in .json, else TOML; you alone can read it. {keys}"
    return await _ask_path(app, f"Export {what} to which file?", "Export", help_text, "~/connections.toml")


async def _ask_path(app: ConsoleApp, question: str, verb: str, help_text: str = "", value: str = "") -> str | None:
    """Raises InvalidInput."""
    dialog = PromptDialog(question, help=help_text, value=value, verb=verb, rule=_wrong_path)
    answer: str | None = await app.push_screen_wait(dialog)
    return absolute_path(answer) if answer else None


def _wrong_path(value: str) -> str | None:
    return None if value else "Name a file, or leave with esc."


async def _ask_new_passphrase(app: ConsoleApp) -> Secret | None:
    """None where it was left, or the second was another one, which is said."""
    help_text = "8 characters or more. Who imports the file needs it; it is kept nowhere."
    first = await _ask_secret(app, "Passphrase that seals the keys?", help_text, "Go on", _wrong_passphrase)
    second = await _ask_secret(app, "The same passphrase again?", "", "Export") if first else None
    if first is None or second is None:
        return None
    if first != second:
        app.say("These were two different ones; nothing was written.", "warn")
        return None
    return Secret(first, (first,))


def _wrong_passphrase(value: str) -> str | None:
    return None if len(value) >= _SHORTEST_PASSPHRASE else "Give one of 8 characters or more."


async def _ask_secret(
    app: ConsoleApp, question: str, help_text: str, verb: str, rule: Rule | None = None
) -> str | None:
    dialog = PromptDialog(question, help=help_text, verb=verb, rule=rule, masked=True)
    answer: str | None = await app.push_screen_wait(dialog)
    return answer


# -- the file, in a thread: what reads it takes a moment to import


def _refuse_taken(path: str) -> None:
    from aicompute_tui.services.connection_files import refuse_taken

    refuse_taken(Path(path))


def _has_keys(path: str) -> bool:
    from aicompute_tui.services.connection_files import read_file

    return read_file(Path(path)).has_keys
