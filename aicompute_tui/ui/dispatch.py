"""From a key or a word to what it does: open a view, ask first, submit a job, or put a question to the agent."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aicompute_tui.actions.model import Action, Parameter, Scope
from aicompute_tui.domain.errors import AicError, Refused
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.typed_paths import resolved
from aicompute_tui.ui.action_views import FLOWS, OF_THE_ROW, OVER, SCREENS, SHELLS, SUBJECT_SCREENS
from aicompute_tui.ui.offering import check
from aicompute_tui.ui.references import find_row
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import ORPHAN, ConsoleState

if TYPE_CHECKING:
    from aicompute_tui.actions.damage import Damage
    from aicompute_tui.ui.app import ConsoleApp
    from aicompute_tui.ui.screens.base import ConsoleScreen
    from aicompute_tui.ui.screens.confirm import ConfirmDialog

__all__ = [
    "FLOWS", "HOME", "OVER", "SCREENS", "SHELLS", "SUBJECT_SCREENS", "find_record", "make_screen", "perform",
    "subject_parameter",
]  # fmt: skip

_NAMED_HERE: Mapping[Scope, str] = {
    "containers": "container", "hosts": "host", "connections": "connection", "servers": "server",
}  # fmt: skip
"""Scopes whose rows go by an id of ours, and what one of them is called."""
_BY_VERB = frozenset({"containers", "connections", "servers"})
"""Scopes in which what was done is told by its verb alone."""

HOME = "overview.show"
_DETAILS = frozenset({"instance.show", "instance.metrics", "instance.setup"})
"""What the view of one machine shows anyway."""


def make_screen(action_id: str, session: Session, arguments: Mapping[str, Json]) -> ConsoleScreen:
    subject = SUBJECT_SCREENS.get(action_id)
    module_name, _, class_name = (subject or SCREENS[action_id]).partition(":")
    make = getattr(importlib.import_module(module_name), class_name)
    screen: ConsoleScreen = make(session, str(arguments["name"])) if subject else make(session)
    screen.take_arguments(arguments)
    return screen


def perform(
    app: ConsoleApp, session: Session, action: Action, row_ids: Sequence[str], arguments: Mapping[str, Json]
) -> None:
    """Carries `action` out on rows, or with arguments alone; a failure is said in one sentence.

    A question stands at once, so that a key on its way finds it and not the view behind.
    """
    if session.read_only and action.mutates:
        app.say("This console is read-only.", "warn", next_step="Start it without --read-only.")
    elif action.id in OVER:
        from aicompute_tui.ui.view_stack import Place

        app.views.enter(Place(action.id, {**_about_the_row(session, action, row_ids), **arguments}))
    elif action.id in SCREENS:
        app.open_view(action.id, arguments)
    else:
        try:
            _begin(app, session, action, row_ids, arguments)
        except AicError as error:
            app.say(error.message, "bad", next_step=error.next_step)


def _about_the_row(session: Session, action: Action, row_ids: Sequence[str]) -> JsonObject:
    """What a connection used is asked of the one under the cursor first."""
    found = [each for each in row_ids if each in session.state.connections] if action.id in OF_THE_ROW else []
    return {"name": found[0]} if len(found) == 1 else {}


def _begin(
    app: ConsoleApp, session: Session, action: Action, row_ids: Sequence[str], arguments: Mapping[str, Json]
) -> None:
    subject = subject_parameter(action)
    given = arguments.get(subject.name) if subject is not None else None
    targets = [str(name) for name in given] if isinstance(given, list) else [str(given)] if given else list(row_ids)
    if action.id in FLOWS and (targets or action.scope != "containers"):
        module_name, _, function_name = FLOWS[action.id].partition(":")
        flow = getattr(importlib.import_module(module_name), function_name)
        app.work_on(flow(app, session, targets, arguments))
        return
    if subject is not None and subject.required and not targets:
        raise Refused("There is no row under the cursor.", f"Name one: :{_word(action)} NAME")
    _check_kind(session, action, targets)
    if action.id in _DETAILS:
        app.show_detail(targets[0])
    elif action.id == "instance.relaunch":
        app.open_view("instance.launch", {"like": targets[0]})
    elif action.id in SUBJECT_SCREENS:
        _show_subject(app, session, action, targets, arguments)
    elif action.id in SHELLS:
        _open_shell(app, session, action, targets[0], arguments)
    elif action.execution == "query":
        named = [_handle(session, action, target) for target in targets]
        app.work_on(_ask(app, session, action, _with_subject(subject, named, arguments)))
    else:
        if action.scope in _NAMED_HERE:
            # The question and what follows it are about one and the same row, whatever takes its name meanwhile.
            targets = [_row_here(session, action, target) for target in targets]
        _ask_first(app, session, action, targets, arguments)


def _show_subject(
    app: ConsoleApp, session: Session, action: Action, targets: Sequence[str], arguments: Mapping[str, Json]
) -> None:
    """The view of a row; of several it gets them all as `names`."""
    from aicompute_tui.ui.view_stack import Place

    found = [_row_here(session, action, target) for target in targets]
    check(action.id, [row for each in found if (row := session.record(each)) is not None])
    several = {"names": list[Json](found)} if action.scope == "containers" else {}
    app.views.enter(Place(action.id, {**arguments, **several, "name": found[0]}))


def _row_here(session: Session, action: Action, target: str) -> str:
    """Raises Refused where it is not known."""
    row_id = find_row(session.state, target, action.scope)
    if row_id is None:
        kind = _NAMED_HERE.get(action.scope, "machine")
        raise Refused(f"There is no {kind} “{target}” here.", f"Name one: :{_word(action)} NAME")
    return row_id


def _open_shell(app: ConsoleApp, session: Session, action: Action, target: str, arguments: Mapping[str, Json]) -> None:
    row = find_record(session, target, action.scope)
    check(action.id, [row] if row is not None else [])
    module_name, _, function_name = SHELLS[action.id].partition(":")
    open_shell = getattr(importlib.import_module(module_name), function_name)
    app.work_on(open_shell(app, session, {**arguments, "name": _handle(session, action, target)}))


def _ask_first(
    app: ConsoleApp, session: Session, action: Action, targets: Sequence[str], arguments: Mapping[str, Json]
) -> None:
    """The confirm dialog where something is lost; what cannot be done is refused before that."""
    rows = _concerned(session, action, targets)
    check(action.id, rows)
    arguments = _with_turned_protection(action, rows, arguments)
    from aicompute_tui.actions.damage import question_before

    damage = question_before(action, rows, arguments)
    if damage is None:
        app.work_on(_submit(app, session, action, targets, arguments))
        return
    dialog = _dialog(session, action, damage, arguments)

    def answered(yes: bool | None) -> None:
        if yes:
            given = {**arguments, **dialog.chosen, **_confirmation(action, damage)}
            app.work_on(_submit(app, session, action, targets, given))

    app.push_screen(dialog, answered)


def _dialog(session: Session, action: Action, damage: Damage, arguments: Mapping[str, Json]) -> ConfirmDialog:
    if action.scope == "containers":
        from aicompute_tui.ui.container_questions import CHOICES, ChoiceDialog

        if (choice := CHOICES.get(action.id)) is not None:
            return ChoiceDialog(damage, choice, arguments.get(choice.parameter), session.glyphs)
    from aicompute_tui.ui.screens.confirm import ConfirmDialog

    return ConfirmDialog.of(damage)


def _concerned(session: Session, action: Action, targets: Sequence[str]) -> list[JsonObject]:
    """The rows an action is about; those of a reap are the orphans known now."""
    if action.id == "instance.reap":
        orphans = [key for key, row in session.state.sightings.items() if row.ownership == ORPHAN]
        return [row for key in orphans if (row := session.record(key)) is not None]
    return [row for target in targets if (row := find_record(session, target, action.scope)) is not None]


def _with_turned_protection(
    action: Action, rows: Sequence[JsonObject], arguments: Mapping[str, Json]
) -> Mapping[str, Json]:
    """Protecting what is protected already takes the protection back."""
    if action.id == "instance.protect" and "off" not in arguments and rows and all(row["protected"] for row in rows):
        return {**arguments, "off": True}
    return arguments


def _check_kind(session: Session, action: Action, targets: Sequence[str]) -> None:
    """Raises Refused where a row of one kind is taken for one of another."""
    for target in targets:
        sighting = session.state.sightings.get(target)
        if sighting is not None and action.scope == "instances":
            raise Refused(f"{sighting.name or sighting.remote_id} has no row here.", "o adopts it.")
        if target in session.state.instances and action.scope == "sightings":
            raise Refused(
                f"{session.state.instances[target].name} already has a row here.", "There is nothing to adopt."
            )
        kind = _kind_of(session.state, target)
        is_other = kind is not None and action.scope in _CALLED and kind != action.scope
        if kind is not None and is_other and {kind, action.scope} & _NAMED_HERE.keys():
            name = session.state.title_of(target) or (session.record(target) or {}).get("name") or target
            raise Refused(f"{name} is {_CALLED[kind]}.", f"“{action.title}” is for another kind of row.")


_CALLED: Mapping[Scope, str] = {
    "instances": "a machine", "sightings": "a machine", "containers": "a container", "hosts": "a container host",
    "connections": "a connection", "servers": "a model server",
}  # fmt: skip


def _kind_of(state: ConsoleState, target: str) -> Scope | None:
    """The scope whose table a row stands in."""
    tables: tuple[tuple[Scope, Mapping[str, object]], ...] = (
        ("instances", state.instances), ("sightings", state.sightings), ("containers", state.containers),
        ("hosts", state.hosts), ("connections", state.connections), ("servers", state.servers),
    )  # fmt: skip
    return next((scope for scope, table in tables if target in table), None)


async def _ask(app: ConsoleApp, session: Session, action: Action, arguments: JsonObject) -> None:
    app.say(f"{action.title} …", "dim")
    screen = app.screen
    answer = await session.query(action.id, arguments)
    if app.screen is screen:
        app.show_json(action.title, answer)
    else:  # no page falls upon somebody who went on to something else
        app.say(f"{action.title}: it is answered. Ask again to see it.", "dim")


async def _submit(
    app: ConsoleApp, session: Session, action: Action, targets: Sequence[str], arguments: Mapping[str, Json]
) -> None:
    rows = [row for target in targets if (row := find_record(session, target, action.scope)) is not None]
    subject = subject_parameter(action)
    more = await _ask_missing(app, action, targets, arguments)
    if more is None:
        return
    extra = {**arguments, **more}
    for batch in _batches(subject, targets):
        named = _with_subject(subject, [_handle(session, action, target) for target in batch], extra)
        about = find_row(session.state, batch[0], action.scope) if len(batch) == 1 else None
        await session.submit(action.id, named, None if about in session.state.sightings else about)
    app.clear_marks()
    app.say(_accepted(action, rows, targets), "dim")


def _confirmation(action: Action, damage: Damage) -> JsonObject:
    """What the dialog adds to the arguments."""
    parameter = next((each for each in action.parameters if each.name == "confirm_name"), None)
    if parameter is None or damage.typed_name is None:
        return {}
    return {"confirm_name": list(damage.typed_name.split()) if parameter.repeatable else damage.typed_name}


async def _ask_missing(
    app: ConsoleApp, action: Action, targets: Sequence[str], arguments: Mapping[str, Json]
) -> JsonObject | None:
    """Values of what an action cannot do without; None where asking was answered with esc."""
    from aicompute_tui.ui.screens.prompt import PromptDialog

    if action.id == "instance.forward" and "port" not in arguments:
        return await _ask_ports(app, targets)
    if action.id == "container.rename" and "new_name" not in arguments and targets:
        from aicompute_tui.ui.container_questions import ask_new_name

        return await ask_new_name(app, find_record(app.session, targets[0], action.scope) or {"name": targets[0]})
    subject = subject_parameter(action)
    values: JsonObject = {}
    for parameter in action.parameters:
        if parameter is subject or not parameter.required or arguments.get(parameter.name) is not None:
            continue
        about = _called(_concerned(app.session, action, targets), targets)
        question = f"{action.title} {about}".rstrip() + f": {parameter.name.replace('_', ' ')}?"
        answer = await app.push_screen_wait(PromptDialog(question, help=parameter.help, verb=action.title))
        if answer is None:
            return None
        values[parameter.name] = resolved(parameter.kind, answer)
    return values


async def _ask_ports(app: ConsoleApp, targets: Sequence[str]) -> JsonObject | None:
    from aicompute_tui.ui.forwarding import ask_ports

    names = [str((find_record(app.session, target) or {}).get("name") or target) for target in targets]
    tunnels = app.session.state.tunnels.get(targets[0], ()) if len(targets) == 1 else ()
    return await ask_ports(app, ", ".join(names), tunnels)


def subject_parameter(action: Action) -> Parameter | None:
    """The parameter that names the row an action is about."""
    if action.scope == "global":
        return None
    return next((parameter for parameter in action.parameters if parameter.positional), None)


def find_record(session: Session, reference: str, scope: str = "") -> JsonObject | None:
    """A row by id, else by its name among those an action of `scope` is about; machines where none is given."""
    row_id = find_row(session.state, reference, scope)
    return None if row_id is None else session.record(row_id)


def _handle(session: Session, action: Action, target: str) -> str:
    """How a job names a row: a sighting by the cloud's id, what is named here by its own, all else as it is."""
    if action.scope in _NAMED_HERE:
        return find_row(session.state, target, action.scope) or target
    sighting = session.state.sightings.get(target)
    return sighting.remote_id if sighting is not None else target


def _batches(subject: Parameter | None, targets: Sequence[str]) -> list[list[str]]:
    """One job for all rows where the action takes several, else one each."""
    if subject is None or not targets:
        return [[]] if subject is None else []
    return [list(targets)] if subject.repeatable else [[target] for target in targets]


def _with_subject(subject: Parameter | None, targets: Sequence[str], arguments: Mapping[str, Json]) -> JsonObject:
    values: JsonObject = dict(arguments)
    if subject is not None and targets:
        values[subject.name] = list(targets) if subject.repeatable else targets[0]
    return values


def _accepted(action: Action, rows: Sequence[JsonObject], targets: Sequence[str]) -> str:
    verb = action.command[-1].capitalize() if action.scope in _BY_VERB else action.title
    return f"{verb} {_called(rows, targets)}".strip() + ": handed to the agent"


def _called(rows: Sequence[JsonObject], targets: Sequence[str]) -> str:
    """The name of the one row that is meant, else how many are; empty for none."""
    names = [str(row.get("name") or row.get("id") or "") for row in rows] or list(targets)
    return names[0] if len(names) == 1 else f"{len(names)} rows" if names else ""


def _word(action: Action) -> str:
    return action.aliases[0] if action.aliases else action.id
