"""From a key or a word to what it does: open a view, ask first, submit a job, or put a question to the agent."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aicompute_tui.actions.model import Action, Parameter
from aicompute_tui.domain.errors import AicError, Refused
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.offering import check
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import ORPHAN

if TYPE_CHECKING:
    from aicompute_tui.actions.damage import Damage
    from aicompute_tui.ui.app import ConsoleApp
    from aicompute_tui.ui.screens.base import ConsoleScreen

SCREENS = {
    "overview.show": "aicompute_tui.ui.screens.dashboard:DashboardScreen",
    "instance.launch": "aicompute_tui.ui.screens.launch:LaunchScreen",
    "instance.preflight": "aicompute_tui.ui.screens.launch:LaunchScreen",
    "instance.types": "aicompute_tui.ui.screens.types:TypesScreen",
    "instance.list": "aicompute_tui.ui.screens.instances:InstancesScreen",
    "job.list": "aicompute_tui.ui.screens.jobs:JobsScreen",
    "event.list": "aicompute_tui.ui.screens.events:EventsScreen",
    "event.follow": "aicompute_tui.ui.screens.events:EventsScreen",
    "credential.list": "aicompute_tui.ui.screens.settings_credentials:CredentialsScreen",
    "setting.list": "aicompute_tui.ui.screens.settings_preferences:PreferencesScreen",
    "credential.set": "aicompute_tui.ui.screens.settings_credentials:AddCredentialScreen",
    "region.list": "aicompute_tui.ui.screens.settings_regions:RegionsScreen",
    "key.list": "aicompute_tui.ui.screens.settings_keys:KeysScreen",
    "theme.list": "aicompute_tui.ui.screens.settings_theme:ThemeScreen",
    "about.show": "aicompute_tui.ui.screens.settings_about:AboutScreen",
    "doctor.run": "aicompute_tui.ui.screens.records:DoctorScreen",
}
"""Views by the action that fills them; each is made with the session and what was given after the word."""

SUBJECT_SCREENS = {
    "overview.show": "aicompute_tui.ui.screens.dashboard:DashboardScreen",
    "instance.show": "aicompute_tui.ui.screens.detail:DetailScreen",
    "instance.logs": "aicompute_tui.ui.screens.logs:LogsScreen",
}
"""Views of one machine, which stand over the view they were opened from."""

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
    elif action.id in SCREENS:
        app.open_view(action.id, arguments)
    else:
        try:
            _begin(app, session, action, row_ids, arguments)
        except AicError as error:
            app.say(error.message, "bad", next_step=error.next_step)


def _begin(
    app: ConsoleApp, session: Session, action: Action, row_ids: Sequence[str], arguments: Mapping[str, Json]
) -> None:
    subject = subject_parameter(action)
    given = arguments.get(subject.name) if subject is not None else None
    targets = [str(name) for name in given] if isinstance(given, list) else [str(given)] if given else list(row_ids)
    if subject is not None and subject.required and not targets:
        raise Refused("There is no row under the cursor.", f"Name one: :{_word(action)} NAME")
    _check_kind(session, action, targets)
    if action.id in _DETAILS:
        app.show_detail(targets[0])
    elif action.id == "instance.relaunch":
        app.open_view("instance.launch", {"like": targets[0]})
    elif action.id == "instance.logs":
        _show_log(app, session, targets[0], arguments)
    elif action.id == "instance.ssh":
        _open_shell(app, session, targets[0], arguments)
    elif action.execution == "query":
        app.work_on(_ask(app, session, action, _with_subject(subject, targets, arguments)))
    else:
        _ask_first(app, session, action, targets, arguments)


def _show_log(app: ConsoleApp, session: Session, target: str, arguments: Mapping[str, Json]) -> None:
    from aicompute_tui.ui.view_stack import Place

    row = find_record(session, target)
    if row is None:
        raise Refused(f"There is no machine “{target}” here.", "Name one: :logs NAME")
    check("instance.logs", [row])
    app.views.enter(Place("instance.logs", {**arguments, "name": str(row["id"])}))


def _open_shell(app: ConsoleApp, session: Session, target: str, arguments: Mapping[str, Json]) -> None:
    from aicompute_tui.ui.shell import open_shell

    row = find_record(session, target)
    check("instance.ssh", [row] if row is not None else [])
    app.work_on(open_shell(app, session, {**arguments, "name": target}))


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
    from aicompute_tui.ui.screens.confirm import ConfirmDialog

    def answered(yes: bool | None) -> None:
        if yes:
            app.work_on(_submit(app, session, action, targets, {**arguments, **_confirmation(action, damage)}))

    app.push_screen(ConfirmDialog.of(damage), answered)


def _concerned(session: Session, action: Action, targets: Sequence[str]) -> list[JsonObject]:
    """The rows an action is about; those of a reap are the orphans known now."""
    if action.id == "instance.reap":
        orphans = [key for key, row in session.state.sightings.items() if row.ownership == ORPHAN]
        return [row for key in orphans if (row := session.record(key)) is not None]
    return [row for target in targets if (row := find_record(session, target)) is not None]


def _with_turned_protection(
    action: Action, rows: Sequence[JsonObject], arguments: Mapping[str, Json]
) -> Mapping[str, Json]:
    """Protecting what is protected already takes the protection back."""
    if action.id == "instance.protect" and "off" not in arguments and rows and all(row["protected"] for row in rows):
        return {**arguments, "off": True}
    return arguments


def _check_kind(session: Session, action: Action, targets: Sequence[str]) -> None:
    """Raises Refused where a machine and a sighting are taken for each other."""
    for target in targets:
        sighting = session.state.sightings.get(target)
        if sighting is not None and action.scope == "instances":
            raise Refused(f"{sighting.name or sighting.remote_id} has no row here.", "o adopts it.")
        if target in session.state.instances and action.scope == "sightings":
            raise Refused(
                f"{session.state.instances[target].name} already has a row here.", "There is nothing to adopt."
            )


async def _ask(app: ConsoleApp, session: Session, action: Action, arguments: JsonObject) -> None:
    app.say(f"{action.title} …", "dim")
    answer = await session.query(action.id, arguments)
    app.show_json(action.title, answer)


async def _submit(
    app: ConsoleApp, session: Session, action: Action, targets: Sequence[str], arguments: Mapping[str, Json]
) -> None:
    rows = [row for target in targets if (row := find_record(session, target)) is not None]
    subject = subject_parameter(action)
    more = await _ask_missing(app, action, targets, arguments)
    if more is None:
        return
    extra = {**arguments, **more}
    for batch in _batches(subject, targets):
        named = _with_subject(subject, [_handle(session, target) for target in batch], extra)
        about = find_record(session, batch[0]) if len(batch) == 1 else None
        subject_id = str(about["id"]) if about and about.get("id") else None
        await session.submit(action.id, named, subject_id)
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
    subject = subject_parameter(action)
    values: JsonObject = {}
    for parameter in action.parameters:
        if parameter is subject or not parameter.required or arguments.get(parameter.name) is not None:
            continue
        about = f" {targets[0]}" if targets else ""
        answer = await app.push_screen_wait(
            PromptDialog(f"{action.title}{about}: {parameter.name}?", help=parameter.help, verb=action.title)
        )
        if answer is None:
            return None
        values[parameter.name] = answer
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


def find_record(session: Session, reference: str) -> JsonObject | None:
    """A row by id, else a machine by name."""
    record = session.record(reference)
    if record is not None:
        return record
    named = [row.id for row in session.state.instances.values() if reference in {row.name, row.remote_id}]
    return session.record(named[0]) if len(named) == 1 else None


def _handle(session: Session, target: str) -> str:
    """How a job names a row: a sighting by the cloud's id, everything else as it is."""
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
    names = [str(row.get("name") or row.get("id") or "") for row in rows] or list(targets)
    about = names[0] if len(names) == 1 else f"{len(names)} rows" if names else ""
    return f"{action.title} {about}".strip() + ": handed to the agent"


def _word(action: Action) -> str:
    return action.aliases[0] if action.aliases else action.id
