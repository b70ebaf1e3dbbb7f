"""What is asked of a person before images, volumes, logins and containers made anew are handed to the agent."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from aicompute_tui.actions.damage import damage_of
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import AicError, Refused
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.offering import check
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.prompt import PromptDialog
from aicompute_tui.ui.session import Session

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

_CHANGES = "image=… env=NAME=VALUE port=8080:80 volume=NAME:/path gpus=all memory=8g cpus=2 restart=always no_pull=true"
_FINISH, _PUT_BACK = "finish", "put back"


async def prune_images(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:  # noqa: ARG001
    await _prune(app, session, "image", given, "image without a name")


async def prune_volumes(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:  # noqa: ARG001
    await _prune(app, session, "volume", given, "volume without a name")


async def _prune(app: ConsoleApp, session: Session, noun: str, given: Mapping[str, Json], usual: str) -> None:
    """What was shown is what is removed."""
    action, screen = ACTIONS[f"{noun}.prune"], app.screen
    app.say(f"looking which {noun}s nobody uses …", "dim")
    asked: JsonObject = {name: given[name] for name in ("host", "all") if given.get(name)}
    answer = await session.query(f"{noun}.unused", asked)
    rows = [row for row in (answer if isinstance(answer, list) else []) if isinstance(row, dict)]
    items: list[Json] = [row["item"] for row in rows if row.get("item")]
    if app.screen is not screen:  # no question falls upon somebody who went on to something else
        app.say(f"{action.title}: what would go is known now.", "dim", next_step=f":{action.aliases[0]} asks again.")
        return
    if not items:
        more = "" if asked.get("all") else f":{action.aliases[0]} --all takes every one that no container uses."
        app.say(f"There is no unused {noun if asked.get('all') else usual}.", "dim", next_step=more)
        return
    app.say("", "dim")
    if not given.get("dry_run") and await app.push_screen_wait(ConfirmDialog.of(damage_of(action, rows))):
        await session.submit(action.id, {**asked, "items": items})
        app.say(f"{action.title}: handed to the agent", "dim")


async def pull_image(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    hosts = sorted(row.name for row in session.state.hosts.values())
    host = str(given.get("host") or (hosts[0] if len(hosts) == 1 else ""))
    image = targets[0] if targets else ""
    if not host:
        host = await _asked(app, "Pull to which host?", f"One of {', '.join(hosts)}." if hosts else "", "Go on") or ""
    if host and not image:
        help_text = "registry/name:tag; the registry's login goes along where one is stored."
        image = await _asked(app, f"Pull which image to {host}?", help_text, "Pull", rule=_wrong_image) or ""
    if host and image:
        await session.submit("image.pull", {"image": image, "host": host})
        app.say(f"Pull {image}: handed to the agent", "dim")


def _wrong_image(value: str) -> str | None:
    from aicompute_tui.domain.stored import check_image

    try:
        check_image(value)
    except AicError as error:
        return f"{error.message} {error.next_step}"
    return None


async def log_in(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    """The password is sealed in this process."""
    from aicompute_tui.domain.credential import Secret
    from aicompute_tui.domain.stored import check_registry
    from aicompute_tui.services.registry_logins import checked_password, checked_user

    registry = targets[0] if targets else await _asked(
        app, "Log in to which registry?", "Its address: ghcr.io, docker.io, registry.example:5000.", "Go on",
        rule=lambda value: _wrong(check_registry, value),
    )  # fmt: skip
    if not registry:
        return
    registry = check_registry(registry)
    user = str(given.get("user") or "") or await _asked(
        app, f"Log in to {registry} as whom?", "", "Go on", rule=lambda value: _wrong(checked_user, value)
    )
    if not user:
        return
    password = await _asked(
        app, f"The password or token of {user} for {registry}?", "It is sealed in the vault and shown nowhere.",
        "Store it", rule=lambda value: _wrong(checked_password, value), masked=True,
    )  # fmt: skip
    if password:
        arguments: JsonObject = {"registry": registry, "user": checked_user(user)}
        await session.submit_secret("registry.login", arguments, Secret(password, (password,)))
        app.say(f"The login for {registry} is sealed and handed to the agent.", "dim")


def _wrong(checked: Callable[[str], str], value: str) -> str | None:
    try:
        checked(value)
    except AicError as error:
        return f"{error.message} {error.next_step}"
    return None


async def recreate(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    """Asks what is to change, shows what it ends, and hands it over; a half-done one is finished or put back."""
    from aicompute_tui.domain.replacement_names import half_replaced
    from aicompute_tui.ui.references import find_row

    row_id = find_row(session.state, targets[0], "containers") if len(targets) == 1 else None
    record = session.record(row_id) if row_id is not None else None
    if row_id is None or record is None:
        raise Refused("One container is made anew at a time.", "Take the marks back, or name one: :recreate NAME")
    check("container.recreate", [record])
    name = text(record, "name")
    before = half_replaced(name, text(record, "id"))
    changes: Mapping[str, Json] | None = {key: value for key, value in given.items() if key != "name"}
    if not changes:
        changes = await (_ask_ending(app, before) if before else _ask_changes(app, name))
    if changes is None:
        return
    damage = damage_of(ACTIONS["container.recreate"], [{**record, "half_replaced": before}])
    if await app.push_screen_wait(ConfirmDialog.of(damage)):
        await session.submit("container.recreate", {**changes, "name": row_id}, row_id)
        app.clear_marks()
        app.say(f"Make {before or name} anew: handed to the agent", "dim")


async def _ask_changes(app: ConsoleApp, name: str) -> JsonObject | None:
    """Nothing typed means as it is, with its image pulled anew."""
    question = f"Make {name} anew with which changes?"
    help_text = f"Empty: as it is, its image pulled anew. Else: {_CHANGES}"
    typed = await _asked(app, question, help_text, "Go on", rule=_wrong_changes)
    return None if typed is None else _changes(typed)


def _changes(typed: str) -> JsonObject:
    from aicompute_tui.services.recreate import changes_of
    from aicompute_tui.ui.commands import arguments_of

    found = arguments_of(ACTIONS["container.recreate"], ["-", *shlex.split(typed)])
    found.pop("name", None)
    changes_of(found)
    return found


def _wrong_changes(typed: str) -> str | None:
    try:
        _changes(typed)
    except ValueError:
        return "A quote is opened and never closed."
    except AicError as error:
        return f"{error.message} {error.next_step}"
    return None


async def _ask_ending(app: ConsoleApp, name: str) -> JsonObject | None:
    """For what a replacement that did not end left."""
    typed = await _asked(
        app, f"The replacement of {name} was left half done", f"{_FINISH}: the new one takes its place; {_PUT_BACK}: "
        "the old one stands again as it was.", "Go on", value=_FINISH,
        rule=lambda value: None if value in {_FINISH, _PUT_BACK} else f"Type {_FINISH} or {_PUT_BACK}.",
    )  # fmt: skip
    return None if typed is None else {_FINISH: True} if typed == _FINISH else {"put_back": True}


async def _asked(
    app: ConsoleApp,
    question: str,
    help_text: str,
    verb: str,
    *,
    value: str = "",
    rule: Callable[[str], str | None] | None = None,
    masked: bool = False,
) -> str | None:
    dialog = PromptDialog(question, help=help_text, value=value, verb=verb, rule=rule, masked=masked)
    return await app.push_screen_wait(dialog)
