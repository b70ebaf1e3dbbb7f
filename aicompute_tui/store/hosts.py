"""Container hosts as they were added, how each answers, and the containers seen there last."""

from __future__ import annotations

import builtins
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from aicompute_tui.domain.container import Container, GpuRequest, PortBinding
from aicompute_tui.domain.host import Host, HostFacts, HostReport
from aicompute_tui.store.host_tables import containers, host_reports, hosts
from aicompute_tui.store.named_rows import NamedRows
from aicompute_tui.store.tables import to_model, to_row
from aicompute_tui.store.work import Work

_LONG_UNREAD = timedelta(minutes=2)


class Hosts(NamedRows[Host]):
    def __init__(self, work: Work) -> None:
        super().__init__(work, hosts, "host", to_row, _host)

    async def get(self, host_id: str) -> Host:
        row = await self._work.first(select(hosts).where(hosts.c.id == host_id))
        if row is None:
            raise self._unknown(host_id)
        return _host(row)

    async def remove(self, host_id: str) -> None:
        """With everything that is known of it."""
        for row in await self._work.rows(select(containers.c.id).where(containers.c.host_id == host_id)):
            self._work.changed("containers", f"{host_id}/{row.id}")
        await self._work.write(delete(containers).where(containers.c.host_id == host_id))
        await self._work.write(delete(host_reports).where(host_reports.c.host_id == host_id))
        await self._work.write(delete(hosts).where(hosts.c.id == host_id))
        self._work.changed("hosts", host_id)


class HostReports:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, host_id: str) -> HostReport:
        """One that says nothing where there is none yet."""
        row = await self._work.first(select(host_reports).where(host_reports.c.host_id == host_id))
        return HostReport(host_id=host_id) if row is None else _report(row)

    async def list(self) -> dict[str, HostReport]:
        """By host."""
        return {row.host_id: _report(row) for row in await self._work.rows(select(host_reports))}

    async def put(self, report: HostReport) -> None:
        """A later moment of reading alone is no news for the change feed, but after long in which nobody read."""
        known = await self._work.first(select(host_reports).where(host_reports.c.host_id == report.host_id))
        values = {**to_row(report), "facts": json.dumps(asdict(report.facts), ensure_ascii=False)}
        if known is None:
            await self._work.write(insert(host_reports).values(values))
        else:
            here = host_reports.c.host_id == report.host_id
            await self._work.write(update(host_reports).where(here).values(values))
        if known is None or _is_news(_report(known), report):
            self._work.changed("host_reports", report.host_id)


class Containers:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(self, host_id: str | None = None) -> builtins.list[Container]:
        """By name, with those of one name in the order of their ids."""
        statement = select(containers).order_by(containers.c.name, containers.c.id)
        if host_id is not None:
            statement = statement.where(containers.c.host_id == host_id)
        return [_container(row) for row in await self._work.rows(statement)]

    async def replace(self, host_id: str, found: Iterable[Container]) -> bool:
        """All that there is on a host now: writes what differs from what is stored; says whether anything did."""
        known = {container.id: container for container in await self.list(host_id)}
        differs = False
        for container in found:
            before = known.pop(container.id, None)
            if before == container:
                continue
            differs = True
            values = _container_row(container)
            if before is None:
                await self._work.write(insert(containers).values(values))
            else:
                await self._work.write(update(containers).where(_at(container)).values(values))
            self._work.changed("containers", container.key)
        for gone in known.values():
            differs = True
            await self._work.write(delete(containers).where(_at(gone)))
            self._work.changed("containers", gone.key)
        return differs


def _is_news(before: HostReport, report: HostReport) -> bool:
    if replace(before, read_at=report.read_at) != report:
        return True
    return before.read_at is None or report.read_at is None or report.read_at - before.read_at > _LONG_UNREAD


def _at(container: Container) -> Any:
    return (containers.c.host_id == container.host_id) & (containers.c.id == container.id)


def _host(row: Row[Any]) -> Host:
    return to_model(Host, row)


def _report(row: Row[Any]) -> HostReport:
    facts: dict[str, Any] = json.loads(row.facts)
    known = {name: _fact(facts[name]) for name in HostFacts.__dataclass_fields__ if name in facts}
    return to_model(HostReport, {**row._mapping, "facts": HostFacts(**known)})  # noqa: SLF001 - public


def _fact(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _container_row(container: Container) -> dict[str, Any]:
    gpus = container.gpus
    return {
        **to_row(container),
        "ports": json.dumps([[p.container_port, p.protocol, p.address, p.host_port] for p in container.ports]),
        "gpus": "" if gpus is None else json.dumps(asdict(gpus), ensure_ascii=False),
        "labels": json.dumps(dict(container.labels), ensure_ascii=False),
    }


def _container(row: Row[Any]) -> Container:
    values: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - public by its documentation
    return to_model(
        Container,
        {
            **values,
            "ports": tuple(PortBinding(*port) for port in json.loads(row.ports)),
            "gpus": _gpu_request(json.loads(row.gpus)) if row.gpus else None,
            "labels": tuple(sorted(json.loads(row.labels).items())),
        },
    )


def _gpu_request(values: Mapping[str, Any]) -> GpuRequest:
    return GpuRequest(**{**values, "device_ids": tuple(values["device_ids"])})
