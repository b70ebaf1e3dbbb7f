"""Waiting for machines to come or go, and seeing to it that somebody works on that."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.domain.errors import AicError, error_class
from aicompute_tui.domain.json import Json

if TYPE_CHECKING:
    from aicompute_tui.cli.execute import Call
    from aicompute_tui.domain.instance import Instance
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_POLL_SECONDS = 0.5
_LOOK_SECONDS = 3.0


async def wait_for_rows(
    call: Call,
    runtime: Runtime,
    context: Context,
    ids: Sequence[str],
    shape: Callable[[list[Json]], Json] | None = None,
) -> int:
    """Answers when all machines are where the command wants them; raises the error of one that failed."""
    from aicompute_tui.services.views import instance_view

    try:
        rows = await _settled(call, runtime, context, ids)
    except asyncio.CancelledError:
        for row in await _read(context, ids):
            call.flight.add(row)
        raise
    now = context.clock.now()
    views: list[Json] = [instance_view(row, now, context.actor.host_id) for row in rows]
    call.answer(shape(views) if shape else views)
    failed = next((row for row in rows if not _is_there(call.action.id, row)), None)
    if failed is not None:
        message = failed.error_message or f"{failed.name} is {failed.state.value}: {failed.end_reason or 'no reason'}."
        step = f"`aic-tui instance show {failed.name}` has the whole story."
        raise error_class(failed.error_kind or "AicError")(message, step)
    return 0


async def _settled(call: Call, runtime: Runtime, context: Context, ids: Sequence[str]) -> list[Instance]:
    """Asks the agent to look every few seconds; where none runs this process looks itself."""
    since_look = _LOOK_SECONDS
    while True:
        rows = await _read(context, ids)
        if all(_is_there(call.action.id, row) or row.is_final or _has_failed(row) for row in rows):
            return rows
        if since_look >= _LOOK_SECONDS:
            since_look = 0.0
            await _look(runtime, context, rows)
        await context.clock.sleep(_POLL_SECONDS)
        since_look += _POLL_SECONDS


async def _look(runtime: Runtime, context: Context, rows: Sequence[Instance]) -> None:
    from aicompute_tui.agent.client import AgentClient
    from aicompute_tui.services.node_reports import look_at_all
    from aicompute_tui.services.reconcile import reconcile

    try:
        client = await AgentClient.connect(runtime.places)
    except AicError:
        client = None
    try:
        if client is None:
            await reconcile(context, full=False)
            await look_at_all(context, rows)
            return
        try:
            await client.nudge("reconcile")
        finally:
            await client.aclose()
    except AicError as error:
        say(f"  {error.message}")


async def _read(context: Context, ids: Sequence[str]) -> list[Instance]:
    async with context.store.read() as transaction:
        return [await transaction.instances.get(row_id) for row_id in ids]


def _is_there(action_id: str, row: Instance) -> bool:
    wanted = {"instance.terminate": "terminated", "instance.stop": "stopped"}.get(action_id, "ready")
    return row.state.value == wanted


def _has_failed(row: Instance) -> bool:
    """A machine that could not set itself up waits for a person."""
    return row.state.value == "degraded" and row.error_kind is not None


async def is_agent_running(runtime: Runtime) -> bool:
    """Whether somebody answers at the agent's socket."""
    from aicompute_tui.services.surroundings import agent_answers

    return await agent_answers(runtime.places.agent_socket)


async def start_agent(runtime: Runtime) -> None:
    """Starts the agent where none runs. Raises AicError where there is none then."""
    from aicompute_tui.agent.start import ensure_agent

    start = await ensure_agent(runtime)
    if start.problem:
        say(f"Note: {start.problem}")
