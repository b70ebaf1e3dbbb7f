"""`instance.logs`: which log of a machine is meant, and its lines as they come."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator

from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.framework import CONTAINER_NAME
from aicompute_tui.domain.instance import Instance, InstanceState
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.node import NodeReport, failed_step, is_set_up
from aicompute_tui.services.arguments import flag, integer, required_text, text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.nodes import node_address

SOURCES = ("setup", "framework", "cloud-init", "node")
MOST_TAIL = 1_000_000
_DATED = frozenset({"framework", "node"})
_FILES = {"setup": "/var/log/aic-tui/setup.log", "cloud-init": "/var/log/cloud-init-output.log"}


async def logs(context: Context, arguments: Arguments) -> AsyncIterator[JsonObject]:
    """Handler of `instance.logs`."""
    async with context.store.read() as transaction:
        row = await transaction.instances.find(required_text(arguments, "name"))
        report = await transaction.node_reports.get(row.id)
    source = chosen_source(text(arguments, "source") or "auto", row, report)
    tail = integer(arguments, "tail", least=0, most=MOST_TAIL)
    since = _since_seconds(text(arguments, "since"), source)
    command = _command(source, 200 if tail is None else tail, since, follow=flag(arguments, "follow"))
    async with context.nodes.open(node_address(context, row), command) as running:
        rest = b""
        async for chunk in running.chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            if whole:
                lines: list[Json] = [line.decode(errors="replace") for line in whole]
                yield {"lines": lines}
        if rest:
            yield {"lines": [rest.decode(errors="replace")]}
        if running.exit_code:
            raise NotFound(f"{row.name} has no log of {source}: {running.stderr_tail}".strip(), "Try another --source.")


def chosen_source(wanted: str, row: Instance, report: NodeReport | None) -> str:
    """Raises InvalidInput for a source there is not."""
    if wanted != "auto":
        if wanted not in SOURCES:
            raise InvalidInput(f"There is no log “{wanted}”.", f"Give one of {', '.join(SOURCES)}, or auto.")
        return wanted
    steps = report.steps if report is not None else ()
    if steps:
        return "framework" if is_set_up(steps) and failed_step(steps) is None and row.framework != "none" else "setup"
    return "framework" if row.state is InstanceState.READY and row.framework != "none" else "setup"


def _since_seconds(value: str | None, source: str) -> int | None:
    if value is None:
        return None
    if source not in _DATED:
        raise InvalidInput(f"The log of {source} carries no times to search by.", "Leave --since out, or give --tail.")
    return parse_duration(value)


def _command(source: str, tail: int, since: int | None, *, follow: bool) -> str:
    if source == "framework":
        words = ["docker", "logs", "--tail", str(tail), *(["--since", f"{since}s"] if since else [])]
        return shlex.join([*words, *(["--follow"] if follow else []), CONTAINER_NAME]) + " 2>&1"
    if source == "node":
        words = ["journalctl", "--no-pager", "-o", "short-iso", "-u", "aic-tui-*", "-n", str(tail)]
        return shlex.join([*words, *(["--since", f"-{since}s"] if since else []), *(["-f"] if follow else [])])
    return shlex.join(["tail", "-n", str(tail), *(["-F"] if follow else []), _FILES[source]])
