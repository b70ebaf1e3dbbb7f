"""One command: a query is answered in this process, a job is written down and carried out in this process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aicompute_tui.actions.model import Action
from aicompute_tui.actions.registry import resolve_handler, resolve_stream
from aicompute_tui.cli import confirm, own_ways
from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.commands import Options, wants_yes
from aicompute_tui.cli.interrupts import InFlight, run_interruptible
from aicompute_tui.cli.output import write_result
from aicompute_tui.cli.session import Session
from aicompute_tui.cli.side_by_side import FIELDS
from aicompute_tui.cli.table import clean, columns_for
from aicompute_tui.domain.errors import NotFound, Refused
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.json import Json, JsonObject

if TYPE_CHECKING:
    from aicompute_tui.domain.job import Job
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context
    from aicompute_tui.services.jobs import Beside


@dataclass(slots=True)
class Call:
    """One command as it was given."""

    session: Session
    action: Action
    arguments: dict[str, object]
    options: Options
    flight: InFlight

    def answer(self, result: Json) -> None:
        rows = result if isinstance(result, list) else []
        fields = FIELDS.get(self.action.id)
        columns = fields or columns_for(self.action.id, rows)
        write_result(result, self.options.output, columns, is_side_by_side=fields is not None)


def execute(session: Session, action: Action, arguments: dict[str, object], options: Options) -> int:
    """Answers the exit code; raises AicError, Interrupted."""
    if wants_yes(action) and not (options.yes or options.dry_run or arguments.get("dry_run")) and not session.can_ask:
        raise confirm.refuse_unasked(action)

    if action.id == "instance.ssh":
        from aicompute_tui.cli.shell import open_shell

        return open_shell(session, action, arguments, options)

    if action.id == "container.exec" and options.output == "table":
        from aicompute_tui.cli.container_shell import run_in_container

        return run_in_container(session, arguments)

    async def work(flight: InFlight) -> int:
        return await _carry_out(Call(session, action, arguments, options, flight))

    return run_interruptible(work)


async def _carry_out(call: Call) -> int:
    if call.action.id == "doctor.run":
        from aicompute_tui.cli.checks import run_doctor

        return await run_doctor(call)
    async with opened(call.session) as (runtime, context):
        if call.action.execution == "query":
            return await _query(call, runtime, context)
        refuse_read_only(context, call.action)
        own_way = own_ways.job(call.action.id)
        return await (_job if own_way is None else own_way)(call, runtime, context)


@asynccontextmanager
async def opened(session: Session) -> AsyncIterator[tuple[Runtime, Context]]:
    """A runtime with its store open, closed again whatever happens."""
    runtime = session.runtime()
    try:
        yield runtime, await runtime.context()
    finally:
        await runtime.aclose()


def refuse_read_only(context: Context, action: Action) -> None:
    if action.mutates and context.preferences.text("read_only") == "true":
        step = "Leave --read-only out." if context.preferences.source("read_only") == "flag" else "Unset read_only."
        raise Refused(f"`aic-tui {' '.join(action.command)}` changes something, and this is read-only.", step)


async def _query(call: Call, runtime: Runtime, context: Context) -> int:
    prepare = own_ways.before_query(call.action.id)
    if prepare is not None:
        await prepare(call, runtime, context)
    if call.action.streams:
        return await own_ways.writer(call.action.id)(call, resolve_stream(call.action)(context, call.arguments))
    result = await resolve_handler(call.action)(context, call.arguments)
    call.answer(result)
    judge = own_ways.after_query(call.action.id)
    if judge is not None:
        judge(result)
    return 1 if is_negative(result) else 0


def is_negative(result: Json) -> bool:
    """A check that ran and said no, also where it is one of several."""
    if isinstance(result, list):
        return any(isinstance(row, dict) and row.get("ok") is False for row in result)
    return isinstance(result, dict) and (result.get("ok") is False or result.get("can_launch") is False)


async def _job(call: Call, runtime: Runtime, context: Context) -> int:
    from aicompute_tui.cli.waiting import wait_for_rows

    targets = await _targets(call, context)
    _confirm(call, targets)
    subject = str(targets[0]["id"]) if len(targets) == 1 and call.action.scope == "instances" else None
    job = await submit(call, context, subject=subject)
    result = await run_job(call, context, job)
    if call.action.id == "job.retry":
        from aicompute_tui.cli.waiting import start_agent

        await start_agent(runtime)
    if call.options.wait:
        return await wait_for_rows(call, runtime, context, [str(row["id"]) for row in targets])
    call.answer(result)
    return 0


async def _targets(call: Call, context: Context) -> list[JsonObject]:
    """The machines or the job the command names, which then go by id: what was shown is what is acted on."""
    from aicompute_tui.services.views import instance_view

    if call.action.scope == "jobs":
        return [await _job_target(call, context)]
    if call.action.scope in {"hosts", "containers"}:
        from aicompute_tui.cli.container_targets import container_targets

        return await container_targets(call, context)
    if call.action.scope != "instances":
        return []
    named = call.arguments.get("names")
    names = [str(name) for name in named] if isinstance(named, list) else [str(call.arguments["name"])]
    now = context.clock.now()
    async with context.store.read() as transaction:
        found = {row.id: row for row in [await transaction.instances.find(name) for name in names]}
    if isinstance(named, list):
        call.arguments["names"] = list(found)
    else:
        call.arguments["name"] = next(iter(found))
    return [instance_view(row, now, context.actor.host_id) for row in found.values()]


async def _job_target(call: Call, context: Context) -> JsonObject:
    from aicompute_tui.services.jobs import job_view

    async with context.store.read() as transaction:
        view = job_view(await transaction.jobs.find(str(call.arguments["id"])))
    call.arguments["id"] = view["id"]
    return view


def _confirm(call: Call, targets: list[JsonObject]) -> None:
    """Raises Refused unless it is meant. A protected machine wants its name, whatever else was given."""
    names_typed = "confirm_name" in {parameter.name for parameter in call.action.parameters}
    is_asked = call.action.dangerous or (names_typed and any(confirm.why_typed(call.action, row) for row in targets))
    if not is_asked or call.arguments.get("dry_run"):
        return
    if call.action.dangerous and not call.options.yes:
        named = _named(call)
        confirm.ask_damage(call.action, targets or ([{"name": named}] if named else []))
    if not names_typed:
        return
    given = call.arguments.get("confirm_name")
    typed = [str(name) for name in given] if isinstance(given, list) else []
    for row in targets:
        name = str(row.get("name"))
        why = confirm.why_typed(call.action, row)
        if why and name not in typed:
            if not call.session.can_ask:
                raise Refused(f"{why}.", f"Add --confirm-name {name} if that is meant.")
            typed.append(confirm.ask_typed(f"{clean(why)}; type its name:", name))
    if typed:
        call.arguments["confirm_name"] = typed


def _named(call: Call) -> str:
    return " ".join(
        str(call.arguments[p.name]) for p in call.action.parameters if p.positional and p.name in call.arguments
    )


def holder_name(context: Context) -> str:
    return f"cli:{context.actor.host_id}:{os.getpid()}:{new_id(context.clock.now())}"


async def submit(
    call: Call,
    context: Context,
    *,
    subject: str | None = None,
    credential_id: str | None = None,
    host_id: str | None = None,
    beside: Beside | None = None,
) -> Job:
    """Writes the job down, ours from the same commit on, and in it what is to be there `beside` it."""
    from aicompute_tui.services import jobs

    return await jobs.submit(
        context.store,
        context.clock,
        context.actor,
        call.action.id,
        call.arguments,
        subject=subject,
        credential_id=credential_id,
        host_id=host_id,
        holder=holder_name(context),
        beside=beside,
    )


async def run_job(call: Call, context: Context, job: Job) -> Json:
    """The job's result; its progress goes to a person's terminal. A signal leaves word of what is in flight."""
    from aicompute_tui.services import jobs

    teller = asyncio.create_task(_tell_progress(context, job)) if sys.stderr.isatty() else None
    try:
        return await jobs.run_job(context, job)
    except asyncio.CancelledError:
        await name_in_flight(call, context, job)
        raise
    finally:
        if teller is not None:
            teller.cancel()
            await asyncio.wait({teller})


async def _tell_progress(context: Context, job: Job) -> None:
    said = ""
    while True:
        await asyncio.sleep(0.2)
        with contextlib.suppress(NotFound):
            async with context.store.read() as transaction:
                line = (await transaction.jobs.get(job.id)).progress
            if line and line != said:
                said = line
                say(f"  {clean(line)}")


async def name_in_flight(call: Call, context: Context, job: Job) -> None:
    """Fills what the interruption will say: each machine asked for, and what ends it."""
    async with context.store.read() as transaction:
        rows = [row for row in await transaction.instances.by_job(job.id) if not row.is_final]
    for row in rows:
        call.flight.add(row)
    lines = call.flight.lines
    if not rows:
        lines.append(f"`aic-tui {' '.join(call.action.command)}` was interrupted; no machine of it is in flight.")
    lines.append(f"  The agent takes job {job.id} up; `aic-tui job cancel {job.id} --yes` stops it.")
