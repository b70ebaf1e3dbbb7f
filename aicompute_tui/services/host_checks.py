"""What `doctor` says of container hosts: whether each answers, and which were found and not added."""

from __future__ import annotations

from aicompute_tui.domain.host import HostState
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.recreation import HalfDone, half_done
from aicompute_tui.services.context import Context
from aicompute_tui.services.finding import FAILED, OK, WARNING, finding
from aicompute_tui.services.host_reports import HostLook, look_at_hosts
from aicompute_tui.services.hosts import not_added


async def host_findings(context: Context) -> list[JsonObject]:
    async with context.store.read() as transaction:
        hosts = await transaction.hosts.list()
    looks = await look_at_hosts(context, hosts)
    offered = await not_added(context, hosts)
    rows = [_finding(look) for look in looks]
    rows += [_half_done(look.host.name, each) for look in looks for each in half_done(look.containers)]
    if offered:
        names = ", ".join(each.name for each in offered)
        rows.append(finding("container hosts", OK, f"found and not added: {names}", "aic-tui host add NAME"))
    return rows


def _half_done(host: str, found: HalfDone) -> JsonObject:
    step = f"aic-tui container recreate {host}/{found.name} --finish, or --put-back"
    reason = f"its replacement did not come to its end; the old one stands aside as {found.old.name}"
    return finding(f"container {host}/{found.name}", WARNING, reason, step)


def _finding(look: HostLook) -> JsonObject:
    name, report = f"host {look.host.name}", look.report
    if report.state is not HostState.UP:
        return finding(name, FAILED, report.problem, report.next_step)
    facts = report.facts
    return finding(name, OK, f"{facts.engine} {facts.engine_version}, {facts.running} of {facts.containers} run")
