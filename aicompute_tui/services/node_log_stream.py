"""`instance.logs`: which log of a machine is meant, and its lines as they come."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.framework import FRAMEWORKS
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.node import NodeReport, failed_step, is_set_up
from aicompute_tui.services.arguments import flag, integer, required_text, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.log_pipeline import mark
from aicompute_tui.services.node_logs import MOST_TAIL, SOURCES, NodeLog, node_log_items
from aicompute_tui.services.nodes import node_address
from aicompute_tui.ssh.base import NodeAddress

AUTO = "auto"
DEFAULT_TAIL = 200


async def logs(context: Context, arguments: Arguments) -> AsyncGenerator[JsonObject]:
    """Handler of `instance.logs`. What `auto` has chosen is told first, by a note that names the source."""
    async with context.store.read() as transaction:
        row = await transaction.instances.find(required_text(arguments, "name"))
        report = await transaction.node_reports.get(row.id)
    wanted = text(arguments, "source") or AUTO
    source = chosen_source(wanted, row, report)
    log = _log(arguments, source)

    async def find_address() -> NodeAddress:
        async with context.store.read() as transaction:
            return node_address(context, await transaction.instances.get(row.id))

    await find_address()
    if wanted == AUTO:
        yield {**mark("note", f"The log of {source} on {row.name}.", context.clock.now()), "source": source}
    async with aclosing(node_log_items(context.nodes, find_address, log, clock=context.clock)) as items:
        async for item in items:
            yield item


def _log(arguments: Arguments, source: str) -> NodeLog:
    """With a moment to begin at, all lines from there on unless a number is given."""
    since = text(arguments, "since")
    seconds = None if since is None else parse_duration(since)
    tail = integer(arguments, "tail", least=0, most=MOST_TAIL)
    if tail is None:
        tail = DEFAULT_TAIL if seconds is None else MOST_TAIL
    return NodeLog(source=source, tail=tail, since_seconds=seconds, follow=flag(arguments, "follow"))


def chosen_source(wanted: str, row: Instance, report: NodeReport | None) -> str:
    """The set-up's log until the machine is set up, then its model server's; of one without a server, cloud-init's.

    Raises InvalidInput for a source there is not.
    """
    if wanted != AUTO:
        if wanted not in SOURCES:
            raise InvalidInput(f"There is no log “{wanted}”.", f"Give one of {', '.join(SOURCES)}, or {AUTO}.")
        return wanted
    if row.framework not in FRAMEWORKS:
        return "cloud-init"
    steps = report.steps if report is not None else ()
    is_done = is_set_up(steps) and failed_step(steps) is None if steps else row.state is InstanceState.READY
    return "framework" if is_done else "setup"
