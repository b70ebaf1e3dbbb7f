"""Reading machines, and their protection, which needs no cloud."""

from __future__ import annotations

from dataclasses import replace

from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.event import EventFilter
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.arguments import flag, required_text
from aicompute_tui.services.audit import record, save
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.setup_progress import idle_view, link_view, setup_view, tunnel_view
from aicompute_tui.services.shell import ssh_line
from aicompute_tui.services.templates import launch_arguments
from aicompute_tui.services.views import attempt_view, instance_view, moment_or_none, sighting_view


async def list_instances(context: Context, arguments: Arguments) -> list[Json]:
    """Handler of `instance.list`: newest first; with `sightings`, also what is not ours, told apart by `ownership`."""
    now = context.clock.now()
    async with context.store.read() as transaction:
        rows = await transaction.instances.list(include_final=flag(arguments, "all"))
        reports = {report.instance_id: report for report in await transaction.node_reports.list()}
        sightings = await transaction.sightings.list() if flag(arguments, "sightings") else []
    views: list[Json] = [instance_view(row, now, context.actor.host_id, reports.get(row.id)) for row in rows]
    return views + [sighting_view(sighting) for sighting in sightings]


async def show(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `instance.show`: the machine with its launch attempts and its history, newest first."""
    now = context.clock.now()
    async with context.store.read() as transaction:
        row = await transaction.instances.find(required_text(arguments, "name"))
        attempts = await transaction.attempts.list(row.id)
        events = await transaction.events.list(limit=100, wanted=EventFilter(subject=row.id))
        report = await transaction.node_reports.get(row.id)
        typical = await transaction.setup_times.typical(row.framework)
        tunnels = await transaction.tunnels.of(row.id)
    view = instance_view(row, now, context.actor.host_id, report)
    view["ends"] = list(what_ends(row))
    view["launch"] = launch_arguments(row)
    view["ssh"] = ssh_line(context, row)
    view["link"] = link_view(report, now)
    view["setup"] = setup_view(row, report, typical)
    view["idle"] = idle_view(row, report.activity if report is not None else None)
    view["tunnels"] = [tunnel_view(tunnel) for tunnel in tunnels]
    view["attempts"] = [attempt_view(attempt) for attempt in attempts]
    view["history"] = [
        {
            "at": moment_or_none(event.at),
            "actor": event.actor,
            "kind": event.kind,
            "level": event.level,
            "message": event.message,
        }
        for event in events
    ]
    return view


def what_ends(row: Instance) -> list[str]:
    """What ends this machine, in words."""
    if row.is_final:
        return [row.end_reason or "it has ended"]
    sentences = [] if row.expires_at else ["nothing ends it at a set time"]
    if row.node_expires_at is not None:
        sentences.append(f"it powers itself off at {moment_or_none(row.node_expires_at)}")
    if row.expires_at is not None:
        sentences.append(f"the agent ends it at {moment_or_none(row.expires_at)}")
    if row.idle_seconds is not None:
        sentences.append(f"it powers itself off after {format_duration(row.idle_seconds)} without work")
    return sentences


async def protect(context: Context, arguments: Arguments) -> JsonObject:
    """Handler of `instance.protect`."""
    wanted = not flag(arguments, "off")
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        row = await transaction.instances.find(required_text(arguments, "name"))
        if row.protected != wanted:
            kind = "instance.protected" if wanted else "instance.unprotected"
            message = f"{row.name} is {'protected' if wanted else 'no longer protected'}"
            before, after = {"protected": str(row.protected)}, {"protected": str(wanted)}
            await record(context, transaction, row, kind, message, before=before, after=after)
            row = await save(transaction, row, replace(row, protected=wanted))
    return instance_view(row, context.clock.now(), context.actor.host_id)
