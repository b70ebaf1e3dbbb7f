"""The container hosts in the demo's store as they stood before it began: one that answers, one that is down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.demo.lab.box import Box
from aicompute_tui.demo.lab.engine import Lab
from aicompute_tui.demo.lab.routes import info, version
from aicompute_tui.demo.lab.seeds import LAB, SILENT_FOR_SECONDS, SILENT_LAB, boxes
from aicompute_tui.domain.container import Container, with_inspected
from aicompute_tui.domain.errors import AicError, Unreachable
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.host import LOCAL_ADDRESS, Host, HostReport, HostState
from aicompute_tui.domain.ids import new_id
from aicompute_tui.hosts.docker.reading import host_facts, inspected_container, listed_container
from aicompute_tui.services.context import Actor
from aicompute_tui.store.database import Transaction

_ADDED_AGO = timedelta(days=13)


async def write_hosts(transaction: Transaction, actor: Actor, began: datetime, port: int, silent_port: int) -> None:
    """With their containers, what is known of them, and what was told of them."""
    lab = _host(actor, began, LAB, f"tcp://{LOCAL_ADDRESS}:{port}")
    silent = _host(actor, began, SILENT_LAB, f"ssh://ops@{LOCAL_ADDRESS}:{silent_port}")
    down_since = (began - timedelta(seconds=SILENT_FOR_SECONDS)).replace(microsecond=0)
    for host, read_at in ((lab, began), (silent, down_since)):
        engine = Lab(host.name, boxes(host.name, began.timestamp()))
        found = [_seen(box, host, began.timestamp()) for box in engine.boxes.values()]
        running = sum(each.state.value == "running" for each in found)
        facts = replace(host_facts(info(engine), version()), containers=len(found), running=running)
        report = HostReport(host_id=host.id, state=HostState.UP, read_at=read_at, since=host.created_at, facts=facts)
        if host is silent:
            error = refused(host)
            report = replace(
                report,
                state=HostState.DOWN,
                since=down_since,
                problem_kind=error.kind,
                problem=error.message,
                next_step=error.next_step,
            )
        await transaction.hosts.insert(host)
        await transaction.host_reports.put(report)
        await transaction.containers.replace(host.id, found)
    for event in _events(actor, (lab, silent), down_since):
        await transaction.events.append(event)


def _seen(box: Box, host: Host, now: float) -> Container:
    """As the agent keeps it: listed, with what an inspection told of it once."""
    whole = inspected_container(box.inspected(), host.id)
    return with_inspected(listed_container(box.listed(now), host.id), whole) or whole


def refused(host: Host) -> AicError:
    """As the agent finds it: nobody listens for ssh there."""
    where = host.url.rpartition("@")[2]
    step = "It may still be booting: wait a minute, then try again."
    return Unreachable(f"{host.name} refuses ssh at {where}.", step)


def _host(actor: Actor, began: datetime, name: str, url: str) -> Host:
    added = (began - _ADDED_AGO).replace(microsecond=0)
    return Host(
        id=new_id(added),
        owner=actor.owner,
        created_by=actor.name,
        name=name,
        url=url,
        kept_by=actor.host_id,
        created_at=added,
    )


def _events(actor: Actor, hosts: tuple[Host, Host], down_since: datetime) -> Iterator[Event]:
    for host in hosts:
        yield _event(actor.name, host, host.created_at, "host.added", f"{host.name} was added: {host.url}")
    agent = f"agent@{actor.name.partition('@')[2]}"
    silent = hosts[1]
    yield replace(_event(agent, silent, down_since, "host.down", refused(silent).message), level="warning")


def _event(actor: str, host: Host, at: datetime, kind: str, message: str) -> Event:
    return Event(
        id=new_id(at),
        at=at,
        actor=actor,
        kind=kind,
        subject_kind="host",
        subject_id=host.id,
        subject_name=host.name,
        message=message,
    )
