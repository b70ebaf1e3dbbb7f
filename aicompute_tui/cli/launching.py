"""A launch from the command line: asked about, written down, carried out here or by the agent, and watched over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.cli import confirm
from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.execute import Call, is_negative, name_in_flight, run_job, submit
from aicompute_tui.cli.output import write_result
from aicompute_tui.cli.waiting import is_agent_running, start_agent, wait_for_rows
from aicompute_tui.domain.errors import AicError, InvalidInput, error_class
from aicompute_tui.domain.json import Json, JsonObject

if TYPE_CHECKING:
    from aicompute_tui.domain.job import Job
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_NOT_WITHOUT_AGENT = (
    "No agent watches over this launch (--no-agent):",
    "  nothing follows the machine's state, so its row stays as it is until `aic-tui agent --once` or a console runs;",
    "  an answer that gets lost is not looked up;",
    "  no terminate is asked for at its end: only the machine itself ends it, by its clock or its idle time;",
    "  its set-up is not followed, no token is handed to it, and no endpoint of it is kept open here.",
)


_LAST_SECONDS = 3.0
"""What an agent that is just starting is given when the command is interrupted."""


async def launch(call: Call, runtime: Runtime, context: Context) -> int:
    """Handles `instance launch` and `instance relaunch`, which is a launch like a machine of the past.

    What it begins from is looked up once, so that what is shown, asked about and launched is the same.
    """
    from aicompute_tui.services.templates import based

    _check_options(call)
    if call.action.id == "instance.relaunch":
        call.action, call.arguments = ACTIONS["instance.launch"], {"like": call.arguments["name"]}
    call.arguments = dict(await based(context, call.arguments))
    credential = await context.clouds.resolve(_text(call, "profile"))
    call.arguments["profile"] = credential.id
    if call.options.dry_run:
        plan = await _preflight(call, context)
        write_result(plan, call.options.output)
        return 1 if is_negative(plan) else 0
    if not call.options.yes:
        await _ask(call, context)
    if call.options.detach:
        return await _detached(call, runtime, context, credential.id)
    job = await submit(call, context, credential_id=credential.id, host_id=context.actor.host_id)
    watch = asyncio.create_task(_watched(call, runtime))
    try:
        result = await run_job(call, context, job)
    except asyncio.CancelledError:
        await asyncio.wait({watch}, timeout=_LAST_SECONDS)
        raise
    except AicError:
        await watch
        raise
    await watch
    rows = _rows(result)
    if call.options.wait:
        return await wait_for_rows(
            call, runtime, context, [str(row["id"]) for row in rows if isinstance(row, dict)], _shape(call)
        )
    call.answer(_shape(call)(rows))
    return 0


def _check_options(call: Call) -> None:
    options = call.options
    if options.detach and options.no_agent:
        raise InvalidInput("--detach leaves the launch to the agent, and --no-agent does without one.", "Choose one.")
    if options.detach and options.wait:
        raise InvalidInput("--detach answers at once, and --wait waits.", "Choose one.")


async def _preflight(call: Call, context: Context) -> JsonObject:
    from aicompute_tui.actions.registry import resolve_handler

    plan = await resolve_handler(ACTIONS["instance.preflight"])(context, call.arguments)
    return plan if isinstance(plan, dict) else {}


async def _ask(call: Call, context: Context) -> None:
    """Shows the plan and asks. A machine without an end wants the word typed."""
    ttl = _text(call, "ttl") or context.preferences.text("ttl")
    if ttl.strip().lower() == "none" and not _text(call, "ttl_none_confirm"):
        question = "This machine would never end by itself. Type none if that is meant:"
        call.arguments["ttl_none_confirm"] = confirm.ask_typed(question, "none")
    plan = await _preflight(call, context)
    refused = _refusal(plan)
    if refused is not None:
        for line in confirm.plan_lines(plan):
            say(line)
        raise refused
    count = call.arguments.get("count", 1)
    spec = plan.get("spec")
    what = spec.get("type") if isinstance(spec, dict) else "machine"
    confirm.ask(f"Launch {count} × {what}?", confirm.plan_lines(plan))


def _refusal(plan: JsonObject) -> AicError | None:
    checks = plan.get("checks")
    for check in checks if isinstance(checks, list) else []:
        if isinstance(check, dict) and check.get("verdict") == "refused":
            kind = error_class(str(check.get("error_kind")))
            return kind(str(check.get("reason")), str(check.get("next_step") or ""))
    return None


async def _watched(call: Call, runtime: Runtime) -> None:
    """Sees to it that an agent runs; where none can, says what that means and goes on."""
    if call.options.no_agent:
        if not await is_agent_running(runtime):
            for line in _NOT_WITHOUT_AGENT:
                say(line)
        return
    try:
        await start_agent(runtime)
    except AicError as error:
        say(f"No agent watches over this launch: {error.message} {error.next_step}".rstrip())
        for line in _NOT_WITHOUT_AGENT[1:]:
            say(line)


async def _detached(call: Call, runtime: Runtime, context: Context, credential_id: str) -> int:
    """Commits the job and its rows, unclaimed: from there on it is the agent's."""
    from aicompute_tui.services.launch import request_detached

    await start_agent(runtime)
    job = _unclaimed_job(call, context, credential_id)
    try:
        rows = await request_detached(context, call.arguments, job)
    except asyncio.CancelledError:
        await name_in_flight(call, context, job)
        raise
    call.answer(_shape(call)(rows))
    return 0


def _unclaimed_job(call: Call, context: Context, credential_id: str) -> Job:
    from aicompute_tui.domain.ids import new_id
    from aicompute_tui.domain.job import Job
    from aicompute_tui.services.jobs import encode_arguments

    now = context.clock.now()
    return Job(
        id=new_id(now),
        owner=context.actor.owner,
        created_by=context.actor.name,
        action_id=call.action.id,
        parameters_json=encode_arguments(call.arguments),
        credential_id=credential_id,
        host_id=context.actor.host_id,
        created_at=now,
    )


class _shape:  # noqa: N801 - read as a verb where it is used
    """One machine is an object, several are a list."""

    def __init__(self, call: Call) -> None:
        self._many = int(str(call.arguments.get("count", 1))) > 1

    def __call__(self, rows: list[Json]) -> Json:
        return rows if self._many or len(rows) != 1 else rows[0]


def _rows(result: Json) -> list[Json]:
    return result if isinstance(result, list) else [result]


def _text(call: Call, name: str) -> str | None:
    value = call.arguments.get(name)
    return None if value is None else str(value)
