"""What needs a person now: of machines, containers and their hosts, connections, servers, jobs, and of the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import inf
from typing import Literal, NamedTuple

from aicompute_tui.domain.durations import span
from aicompute_tui.domain.errors import SetupFailed
from aicompute_tui.domain.states import DesiredState, InstanceState, TunnelState
from aicompute_tui.services.container_trouble import WORST_FIRST, Trouble, changes_at, trouble
from aicompute_tui.services.known_rows import Known
from aicompute_tui.services.node_figures import (
    IDLE_SOON,
    failed_setup,
    lost_link,
    next_end,
    notice,
    waiting_step,
)
from aicompute_tui.store.rows import (
    ConnectionRow,
    ContainerRow,
    HostRow,
    InstanceRow,
    JobRow,
    NodeRow,
    ServerRow,
    TunnelRow,
)

ENDING_SOON = 15 * 60.0
SLOW_END = 10 * 60.0
JOB_ERROR_SHOWN = 30 * 60.0
QUOTA_ANSWER_SHOWN = 12 * 3600.0
_GRANTED = "approved"
_JOBS_SHOWN = 3
NOT_RETRIED = frozenset(
    {
        *("connection.add", "connection.edit", "connection.export", "connection.import", "server.add", "server.edit"),
        *("credential.set", "instance.reap", "job.cancel", "job.retry"),
    }
)
"""Jobs that must be asked for anew."""
_FINAL_JOBS = ("done", "failed", "cancelled")
_ORPHAN, _FAILED_JOB, _DOWN, _SLOW = "orphan", "failed", "down", "Slow"

Kind = Literal[
    "in-doubt", "lost", "not-ended", "slow-end", "never-ends", "overdue", "ends-soon", "set-up-failed", "checks-fail",
    "interrupted", "set-up-waits", "unreachable", "idle", "port-failed", "orphan", "job-failed", "store",
    "host-down", "restart-loop", "out-of-memory", "unhealthy", "never-started", "half-replaced",
    "connection-down", "connection-slow", "server-down", "server-slow", "quota-granted", "quota-refused",
]  # fmt: skip
OF_CONNECTIONS: frozenset[Kind] = frozenset({"connection-down", "connection-slow"})
OF_SERVERS: frozenset[Kind] = frozenset({"server-down", "server-slow"})
OF_QUOTAS: frozenset[Kind] = frozenset({"quota-granted", "quota-refused"})
OF_CONTAINERS: frozenset[Kind] = frozenset(WORST_FIRST)
_SOON: frozenset[Kind] = frozenset({"ends-soon", "idle"})
_OF_WHAT_COSTS_NOTHING: frozenset[Kind] = OF_CONNECTIONS | OF_SERVERS | OF_CONTAINERS | OF_QUOTAS | {"host-down"}
_MENDED_BY: Mapping[Kind, str] = {
    "restart-loop": "container.logs",
    "out-of-memory": "container.start",
    "unhealthy": "container.restart",
    "never-started": "container.start",
    "half-replaced": "container.recreate",
}


class Need(NamedTuple):
    """One thing that is wrong. `action_id` is the verb that mends it, empty where nothing is to be done but to look."""

    kind: Kind
    level: Literal["bad", "warn"]
    subject: str
    """The name of what it is about."""
    text: str
    action_id: str = ""
    row_id: str | None = None
    """The machine, the sighting, the container, the host or the job."""
    since: float | None = None
    machine_id: str | None = None
    """The machine of a job."""


class _Held(NamedTuple):
    """What is said of one machine, for as long as its rows are these and the moment has not come."""

    instance: InstanceRow
    node: NodeRow | None
    tunnels: tuple[TunnelRow, ...]
    needs: tuple[Need, ...]
    until: float


class _HeldContainer(NamedTuple):
    """What is said of a container, for as long as its row is this one and the moment has not come."""

    container: ContainerRow
    trouble: Trouble | None
    until: float


class Attention:
    """Looks again only at machines and containers of which something changed, or whose time has come."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._containers: dict[str, _HeldContainer] = {}
        self._worked_out_at = -inf

    def needs(self, known: Known, now: float) -> list[Need]:
        """The worst first."""
        held, fresh = self._held if now >= self._worked_out_at else {}, {}
        found: list[Need] = []
        for row_id, instance in known.instances.items():
            node, tunnels = known.nodes.get(row_id), known.tunnels.get(row_id, ())
            old = held.get(row_id)
            if (
                old is None
                or not (old.instance is instance and old.node is node and old.tunnels == tunnels)
                or now >= old.until
            ):
                old = _look(instance, node, tunnels, now)
            fresh[row_id] = old
            if old.needs:
                found += old.needs
        if known.hosts:
            found += [*_of_hosts(known), *self._of_containers(known, now)]
        found += _of_health(known.connections.values(), "connection-down", "connection-slow", "connection.test")
        found += _of_health(known.servers.values(), "server-down", "server-slow", "server.check")
        self._held, self._worked_out_at = fresh, now
        found += [*_of_sightings(known), *_of_jobs(known, now), *_of_quotas(known, now), *_of_store(known)]
        return sorted(found, key=_urgency)

    def _of_containers(self, known: Known, now: float) -> Iterator[Need]:
        """Of a host that does not answer nothing is known, and its own line says so."""
        held, fresh = self._containers if now >= self._worked_out_at else {}, {}
        down = {row.id for row in known.hosts.values() if row.state == _DOWN}
        is_replacing = any(_is_replacement(job) for job in known.jobs.values())
        for key, container in known.containers.items():
            old = held.get(key)
            if old is None or old.container is not container or now >= old.until:
                old = _HeldContainer(container, trouble(container, now), changes_at(container, now))
            fresh[key] = old
            if old.trouble is None or container.host_id in down:
                continue
            if old.trouble.kind != "half-replaced" or not is_replacing:
                yield _of_trouble(key, container, old.trouble, known.hosts.get(container.host_id))
        self._containers = fresh


def _is_replacement(job: JobRow) -> bool:
    """One that goes on: what it has put aside is not left."""
    return job.action_id == "container.recreate" and job.state not in _FINAL_JOBS


def needs(known: Known, now: float) -> list[Need]:
    """The worst first."""
    return Attention().needs(known, now)


def _urgency(need: Need) -> int:
    """What burns money or is lost; what ends within minutes and a key may keep; what is down; what limps."""
    if need.kind in _SOON:
        return 1
    if need.level == "warn":
        return 3
    return 2 if need.kind in _OF_WHAT_COSTS_NOTHING else 0


def _look(instance: InstanceRow, node: NodeRow | None, tunnels: tuple[TunnelRow, ...], now: float) -> _Held:
    if instance.is_final:
        return _Held(instance, node, tunnels, (), inf)
    found = list(_of_instance(instance, node, now))
    if node is not None:
        found += _of_node(instance, node, now)
    found += _of_tunnels(instance, tunnels)
    # A sentence tells how long it has been so: it holds for a minute.
    until = now + 60.0 - now % 60.0 if found else _calm_until(instance, node)
    return _Held(instance, node, tunnels, tuple(found), until)


def _calm_until(instance: InstanceRow, node: NodeRow | None) -> float:
    """When time alone makes a machine need someone."""
    if instance.desired_state == DesiredState.TERMINATED:
        return instance.state_since + SLOW_END
    end = next_end(instance, node)
    if end is None:
        return inf
    moments = [end.at - (IDLE_SOON if end.is_idle else ENDING_SOON)]
    if instance.expires_at is not None:
        moments.append(instance.expires_at - ENDING_SOON)
    return min(moments)


def _of_instance(instance: InstanceRow, node: NodeRow | None, now: float) -> Iterator[Need]:
    if instance.acknowledged_at is not None:
        return
    name, row_id, since = instance.name, instance.id, instance.state_since
    if instance.state == InstanceState.UNKNOWN:
        text = f"may exist{_may_burn(instance)}; it is being looked for"
        yield Need("in-doubt", "bad", name, text, "", row_id, since)
    elif instance.state == InstanceState.LOST:
        yield Need("lost", "bad", name, "the cloud no longer knows it", "instance.acknowledge", row_id, since)
    elif instance.desired_state == DesiredState.TERMINATED:
        yield from _of_ending(instance, now)
    else:
        yield from _of_living(instance, node, now)


def _of_ending(instance: InstanceRow, now: float) -> Iterator[Need]:
    name, row_id, since = instance.name, instance.id, instance.state_since
    if instance.error_message:
        text = f"not ended yet: {instance.error_message}"
        yield Need("not-ended", "bad", name, text, "instance.terminate", row_id, since)
    elif now - since >= SLOW_END and instance.state == InstanceState.TERMINATING:
        yield Need("slow-end", "warn", name, f"has been ending for {span(now - since)}", "", row_id, since)


def _of_living(instance: InstanceRow, node: NodeRow | None, now: float) -> Iterator[Need]:
    name, row_id, since = instance.name, instance.id, instance.state_since
    end = next_end(instance, node)
    if end is None:
        text = f"never ends by itself{_burns(instance)}"
        yield Need("never-ends", "bad", name, text, "instance.terminate", row_id, instance.launched_at)
    elif not end.is_idle and end.at <= now:
        text = f"should have ended {span(now - end.at)} ago"
        yield Need("overdue", "bad", name, text, "instance.terminate", row_id, end.at)
    elif not end.is_idle and end.at - now <= ENDING_SOON:
        yield Need("ends-soon", "warn", name, f"ends in {span(end.at - now)}", "instance.extend", row_id)
    if instance.state == InstanceState.DEGRADED and instance.error_kind == SetupFailed.__name__:
        text = instance.error_message or "its set-up failed"
        yield Need("set-up-failed", "bad", name, text, "instance.logs", row_id, since)
    elif instance.state == InstanceState.DEGRADED:
        yield Need("checks-fail", "warn", name, "the cloud's own checks fail", "instance.reboot", row_id, since)


def _of_node(instance: InstanceRow, node: NodeRow, now: float) -> Iterator[Need]:
    """What the machine itself says, or that it cannot be reached."""
    if instance.desired_state == DesiredState.TERMINATED:
        return
    name, row_id = instance.name, instance.id
    failed, waiting, taken = failed_setup(instance, node), waiting_step(instance, node), notice(instance, node)
    is_told = instance.state == InstanceState.DEGRADED and instance.error_kind == SetupFailed.__name__
    if taken:
        yield Need("interrupted", "bad", name, taken, "", row_id)
    if failed is not None and not is_told:
        from aicompute_tui.domain.node import describe_failure  # the first frame rarely needs it

        yield Need("set-up-failed", "bad", name, describe_failure(failed), "instance.logs", row_id)
    elif waiting is not None:
        yield Need("set-up-waits", "warn", name, f"set-up {waiting.detail}", "instance.logs", row_id)
    if lost_link(instance, node):
        text = node.problem or "it does not answer over ssh"
        if node.problem_kind == "Unreachable":
            yield Need("unreachable", "warn", name, text, "instance.allow-ssh", row_id, node.read_at)
        else:
            yield Need("unreachable", "bad", name, text, "", row_id, node.read_at)
    end = next_end(instance, node)
    if end is not None and end.is_idle and end.at - now <= IDLE_SOON:
        yield Need("idle", "warn", name, _idle_text(instance, node, end.at, now), "instance.extend", row_id)


def _idle_text(instance: InstanceRow, node: NodeRow, ends_at: float, now: float) -> str:
    """`idle 24m of 30m, ends in 6m`; an extension is no part of the idle time."""
    left = f"ends in {span(ends_at - now)}"
    if instance.idle_seconds is None or node.idle_since is None or (instance.awake_until or 0.0) >= ends_at:
        return f"idle, {left}"
    return f"idle {span(now - node.idle_since)} of {span(instance.idle_seconds)}, {left}"


def _of_tunnels(instance: InstanceRow, tunnels: Iterable[TunnelRow]) -> Iterator[Need]:
    for tunnel in tunnels:
        if tunnel.state == TunnelState.FAILED:
            text = f"port {tunnel.local_port} here does not lead to it: {tunnel.problem or 'no reason is known'}"
            yield Need("port-failed", "warn", instance.name, text, "instance.forward", instance.id)


def _of_hosts(known: Known) -> Iterator[Need]:
    for row in known.hosts.values():
        if row.state == _DOWN:
            text = row.problem.removeprefix(f"{row.name} ") or "its engine does not answer"
            yield Need("host-down", "bad", row.name, text, "host.test", row.id, row.since)


def _of_health(rows: Iterable[ConnectionRow | ServerRow], down: Kind, slow: Kind, verb: str) -> Iterator[Need]:
    """Of what is in use; one that is slow only where somebody set a threshold."""
    for row in rows:
        if row.is_active and row.state == _DOWN:
            held = "out of use until it answers: " if row.is_held_back else ""
            yield Need(down, "bad", row.name, f"{held}{row.problem}", verb, row.id, row.since)
        elif row.is_active and row.problem_kind == _SLOW:
            yield Need(slow, "warn", row.name, row.problem, verb, row.id, row.since)


def _of_trouble(key: str, container: ContainerRow, found: Trouble, host: HostRow | None) -> Need:
    subject = container.name if host is None else f"{host.name}/{container.name}"
    level: Literal["bad", "warn"] = "bad" if found.kind in ("restart-loop", "out-of-memory") else "warn"
    return Need(found.kind, level, subject, found.text, _MENDED_BY[found.kind], key, found.since)


def _of_sightings(known: Known) -> Iterator[Need]:
    for key, row in known.sightings.items():
        if row.ownership == _ORPHAN:
            price = row.price_usd_per_hour
            burns = "" if price is None else f", burns ${price:,.2f}/h"
            text = f"runs without a row here{burns}: {row.instance_type} in {row.zone or row.region}"
            since = row.first_seen_at if row.launched_at is None else row.launched_at
            yield Need("orphan", "bad", row.name or row.remote_id, text, "instance.adopt", key, since)


def _of_jobs(known: Known, now: float) -> Iterator[Need]:
    """The last ones that failed; one whose machine was asked for the same again says nothing any more."""
    again = {(job.action_id, job.subject): job.created_at for job in sorted(known.jobs.values(), key=_created)}
    failed = [
        job
        for job in known.jobs.values()
        if job.state == _FAILED_JOB and job.ended_at is not None and now - job.ended_at <= JOB_ERROR_SHOWN
        if job.subject is None or again[job.action_id, job.subject] == job.created_at
    ]
    failed.sort(key=_created, reverse=True)
    for job in failed[:_JOBS_SHOWN]:
        verb = "job.list" if job.action_id in NOT_RETRIED else "job.retry"
        machine_id = job.subject if job.subject in known.instances else None
        title = title_of(job.subject or "", known.hosts, known.containers)
        subject, text = job_subject(job, machines_of(job, known.instances), title), job_failure(job)
        yield Need("job-failed", "warn", subject, text, verb, job.id, job.ended_at, machine_id)


def _created(job: JobRow) -> float:
    return job.created_at


def _of_quotas(known: Known, now: float) -> Iterator[Need]:
    """What was asked for more and is answered now."""
    for row in known.quota_requests.values():
        if row.answered_at is None or now - row.answered_at > QUOTA_ANSWER_SHOWN:
            continue
        is_granted = row.state == _GRANTED
        word = "granted" if is_granted else f"{row.state} the request for"
        text = f"AWS {word} {row.desired_vcpus} vCPU {row.market} in {row.region}"
        kind: Kind = "quota-granted" if is_granted else "quota-refused"
        key = f"{row.account_id}/{row.region}/{row.market}/{row.family}"
        yield Need(kind, "warn", f"quota {row.family}", text, "quota.list", key, row.answered_at)


def _of_store(known: Known) -> Iterator[Need]:
    """Said by the table itself where it has no rows."""
    if known.problem and known.instances:
        yield Need("store", "bad", "database", known.problem, "doctor.run")


def machines_of(job: JobRow, instances: Mapping[str, InstanceRow]) -> list[InstanceRow]:
    """The machines a job launched, else the one it is about."""
    launched = [row for row in instances.values() if row.job_id == job.id]
    about = instances.get(job.subject or "")
    return launched or ([about] if about is not None else [])


def title_of(row_id: str, hosts: Mapping[str, HostRow], containers: Mapping[str, ContainerRow]) -> str:
    """`HOST/NAME` of a container, the name of a host; empty for anything else."""
    container = containers.get(row_id)
    host = hosts.get(row_id if container is None else container.host_id)
    if container is None:
        return "" if host is None else host.name
    return f"{container.host_id[:8] if host is None else host.name}/{container.name}"


def job_subject(job: JobRow, machines: list[InstanceRow], title: str = "") -> str:
    """The name of what a job is about, of several the first, else its verb; `title` is that of another row."""
    if not machines:
        return title or job.action_id.partition(".")[2]
    return machines[0].name + (f" and {len(machines) - 1} more" if len(machines) > 1 else "")


def job_failure(job: JobRow) -> str:
    verb = job.action_id.partition(".")[2]
    return f"{verb} failed: {job.error_message or 'no reason is known'}"


def _burns(instance: InstanceRow) -> str:
    price = instance.price_usd_per_hour
    return "" if price is None else f", burns ${price:,.2f}/h"


def _may_burn(instance: InstanceRow) -> str:
    price = instance.price_usd_per_hour
    return ", cost unknown" if price is None else f", may burn ${price:,.2f}/h"
