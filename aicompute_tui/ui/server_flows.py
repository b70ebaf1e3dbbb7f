"""What is asked of a person about a model server before it is handed over, and what a check of some brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aicompute_tui.actions.damage import damage_of
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import Refused
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.offering import check as check_offered
from aicompute_tui.ui.records import number, text
from aicompute_tui.ui.references import find_row
from aicompute_tui.ui.session import Session

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp
    from aicompute_tui.ui.screens.server_form import ServerForm

_MILLI = 1_000
_GIVES_BACK_ALL = "comfyui"
"""Which unloads its models together."""


async def add(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:  # noqa: ARG001
    """What was typed after the word stands in the form; the server may be handed over without an answer."""
    from aicompute_tui.ui.screens.server_form import ServerForm

    first: JsonObject = {key: value for key, value in given.items() if value is not None}
    if "url" not in first and text(first, "name").count("/"):
        first["url"] = first.pop("name")
    await _hand_over(app, session, "server.add", ServerForm(session, first))


async def edit(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    """With what changes given at once there is nothing to ask."""
    from aicompute_tui.ui.screens.server_form import ServerForm

    row_id, record = _one(session, targets, "edit")
    changes = {key: value for key, value in given.items() if key != "name"}
    if changes:
        await session.submit("server.edit", {**changes, "name": row_id}, row_id)
        app.say(f"{text(record, 'name')}: handed to the agent.", "dim")
        return
    await _hand_over(app, session, "server.edit", ServerForm(session, record, row_id=row_id), row_id)


async def _hand_over(
    app: ConsoleApp, session: Session, action_id: str, form: ServerForm, row_id: str | None = None
) -> None:
    answer = await app.push_screen_wait(form)
    if answer is None:
        return
    if answer.secret is None:
        await session.submit(action_id, answer.arguments, row_id)
    else:
        await session.submit_secret(action_id, answer.arguments, answer.secret)
    name = text(answer.arguments, "rename") or form.name_given
    app.say(f"{name}: handed to the agent, which asks it now.", "dim")


async def check(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:  # noqa: ARG001
    """Those named, else all; what one of several said stands in the table by itself."""
    named = [find_row(session.state, each, "servers") or each for each in targets]
    count = len(named) or sum(bool(row.is_active) for row in session.state.servers.values())
    if not count:
        step = ":server-activate NAME puts one back." if session.state.servers else "n adds one."
        raise Refused("There is no server to ask.", step)
    app.say(f"asking {_called(session, named[0]) if len(named) == 1 else f'{count} servers'} …", "dim")
    answer = await session.query("server.check", {"names": list[Json](named)})
    rows = [row for row in (answer if isinstance(answer, list) else []) if isinstance(row, dict)]
    silent = [row for row in rows if row.get("state") == "offline"]
    if len(rows) == 1:
        _tell_one(app, rows[0])
    elif silent:
        names = ", ".join(text(row, "name") for row in silent[:3]) + (" …" if len(silent) > 3 else "")
        app.say(f"{len(rows) - len(silent)} of {len(rows)} answer; not {names}.", "warn")
    else:
        app.say(f"All {len(rows)} answer.", "good")


def _tell_one(app: ConsoleApp, row: JsonObject) -> None:
    name, problem, step = text(row, "name"), text(row, "problem"), text(row, "next_step")
    latency = number(row, "latency_seconds")
    if row.get("state") == "online":
        app.say(f"{name} answers{'' if latency is None else f' in {latency * _MILLI:,.0f} ms'}.", "good")
    elif row.get("state") == "degraded":
        app.say(f"{name} answers, but: {problem}", "warn", next_step=step)
    else:
        app.say(problem or f"{name} does not answer.", "bad", next_step=step)


async def delete_model(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    await _take_from(app, session, "server.delete-model", targets, given)


async def unload(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    await _take_from(app, session, "server.unload", targets, given)


async def unload_lora(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    await _take_from(app, session, "server.lora-unload", targets, given)


async def _take_from(
    app: ConsoleApp, session: Session, action_id: str, targets: Sequence[str], given: Mapping[str, Json]
) -> None:
    """Asks which model where none is named, then whether it is meant."""
    from aicompute_tui.ui.screens.confirm import ConfirmDialog
    from aicompute_tui.ui.screens.prompt import PromptDialog

    action = ACTIONS[action_id]
    row_id, record = _one(session, targets, action_id.partition(".")[2])
    check_offered(action_id, [record])
    key = next(each.name for each in action.parameters if each.name in ("model", "adapter"))
    model: str | None = text({**given}, key)
    if not model and record.get("kind") != _GIVES_BACK_ALL:
        known = record.get("models")
        help_text = f"It has {', '.join(map(str, known[:6]))}." if isinstance(known, list) and known else ""
        question = f"{action.title} of {text(record, 'name')}: which?"
        model = await app.push_screen_wait(PromptDialog(question, help=help_text, verb="Go on"))
        if not model:
            return
    named: JsonObject = {key: model} if model else {}
    if await app.push_screen_wait(ConfirmDialog.of(damage_of(action, [{**record, **named}]))):
        await session.submit(action_id, {**named, "name": row_id}, row_id)
        app.say(f"{action.title} {model or ''}".rstrip() + ": handed to the agent", "dim")


async def embed(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    from aicompute_tui.ui.screens.try_out import EmbedDialog

    row_id, record = _one(session, targets, "embed")
    check_offered("server.embed", [record])
    await app.push_screen_wait(EmbedDialog(session, row_id, text(record, "name"), text({**given}, "model")))


async def rerank(app: ConsoleApp, session: Session, targets: Sequence[str], given: Mapping[str, Json]) -> None:
    from aicompute_tui.ui.screens.try_out import RerankDialog

    row_id, record = _one(session, targets, "rerank")
    check_offered("server.rerank", [record])
    await app.push_screen_wait(RerankDialog(session, row_id, text(record, "name"), text({**given}, "model")))


def _one(session: Session, targets: Sequence[str], verb: str) -> tuple[str, JsonObject]:
    """Raises Refused where none or several are meant."""
    row_id = find_row(session.state, targets[0], "servers") if len(targets) == 1 else None
    record = session.record(row_id) if row_id is not None else None
    if len(targets) > 1:
        raise Refused("One server is taken at a time.", "Take the marks back.")
    if row_id is None or record is None:
        about = f"There is no server “{targets[0]}” here." if targets else "There is no server under the cursor."
        raise Refused(about, f"Name one: :server-{verb} NAME")
    return row_id, record


def _called(session: Session, row_id: str) -> str:
    row = session.state.servers.get(row_id)
    return row_id if row is None else row.name
