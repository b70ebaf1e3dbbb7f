"""What a host answers, written down: its containers, what its engine says of itself, and how it is reached."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from aicompute_tui.domain.container import Container, with_inspected
from aicompute_tui.domain.errors import AicError, NotFound, Unreachable
from aicompute_tui.domain.host import Host, HostFacts, HostReport, HostState
from aicompute_tui.hosts.base import Engine
from aicompute_tui.services.context import Context
from aicompute_tui.services.events import told

ANSWER_SECONDS = 5.0
"""A host that takes longer is told as down, and delays nobody."""
_INSPECTIONS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class HostLook:
    """What is known of a host after it was asked, whether it answered or not."""

    host: Host
    report: HostReport
    containers: Sequence[Container]


async def look_at_hosts(context: Context, hosts: Iterable[Host]) -> list[HostLook]:
    """All at the same time; of one that does not answer, what was seen last."""
    return list(await asyncio.gather(*(look_at_host(context, host) for host in hosts)))


async def look_at_host(context: Context, host: Host, seconds: float = ANSWER_SECONDS) -> HostLook:
    try:
        async with asyncio.timeout(seconds):
            engine = await context.hosts.engine(host)
            return await take_containers(context, host, engine)
    except TimeoutError:
        error: AicError = silent(host, seconds)
    except AicError as failure:
        error = failure
    report = await take_failure(context, host, error)
    async with context.store.read() as transaction:
        return HostLook(host, report, await transaction.containers.list(host.id))


def silent(host: Host, seconds: float) -> Unreachable:
    step = f"It may be overloaded: look at it with `aic-tui host test {host.name}`."
    return Unreachable(f"{host.name} did not answer within {seconds:g} s.", step)


async def take_containers(
    context: Context, host: Host, engine: Engine, changed: Collection[str] = (), facts: HostFacts | None = None
) -> HostLook:
    """Lists, inspects what is new, differs from what is stored or is named in `changed`, and writes all of it."""
    listed = await engine.containers()
    async with context.store.read() as transaction:
        report = await transaction.host_reports.get(host.id)
        known = {container.id: container for container in await transaction.containers.list(host.id)}
    door = asyncio.Semaphore(_INSPECTIONS_AT_ONCE)

    async def whole(each: Container) -> Container | None:
        kept = None if each.id in changed else with_inspected(each, known.get(each.id))
        if kept is not None:
            return kept
        try:
            async with door:
                return (await engine.inspect(each.id))[0]
        except NotFound:
            return None  # gone since the list was made

    if facts is None and not report.facts.engine_version:
        facts = await engine.facts()
    found = [each for each in await asyncio.gather(*(whole(each) for each in listed)) if each is not None]
    report = await _take_answer(context, host, found, facts)
    return HostLook(host, report, sorted(found, key=lambda each: (each.name, each.id)))


async def _take_answer(context: Context, host: Host, found: Sequence[Container], facts: HostFacts | None) -> HostReport:
    now = context.clock.now()
    async with context.store.write() as transaction:
        before = await transaction.host_reports.get(host.id)
        counted = replace(
            facts or before.facts,
            containers=len(found),
            running=sum(1 for each in found if each.state.value == "running"),
        )
        report = HostReport(
            host_id=host.id,
            state=HostState.UP,
            read_at=now,
            since=before.since if before.state is HostState.UP else now,
            facts=counted,
        )
        await transaction.host_reports.put(report)
        await transaction.containers.replace(host.id, found)
        if before.state is HostState.DOWN:
            subject = ("host", host.id, host.name)
            await transaction.events.append(told(context, "host.up", subject, f"{host.name} answers again."))
    return report


async def take_failure(context: Context, host: Host, error: AicError) -> HostReport:
    """Its containers stay as they were seen last, with their age. A host that goes down is told once.

    Of a host that another installation keeps nothing is written: what fails here tells nothing of it.
    """
    now = context.clock.now()
    if host.why_not_from(context.actor.host_id):
        async with context.store.read() as transaction:
            return await transaction.host_reports.get(host.id)
    async with context.store.write() as transaction:
        before = await transaction.host_reports.get(host.id)
        report = replace(
            before,
            state=HostState.DOWN,
            since=before.since if before.state is HostState.DOWN else now,
            problem_kind=error.kind,
            problem=error.message,
            next_step=error.next_step,
        )
        if report != before:
            await transaction.host_reports.put(report)
        if before.state is HostState.UP:
            line = told(context, "host.down", ("host", host.id, host.name), error.message)
            await transaction.events.append(replace(line, level="warning"))
    return report
