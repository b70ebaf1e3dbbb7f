"""Container hosts and containers in the stable shapes that programs see."""

from __future__ import annotations

from datetime import datetime

from aicompute_tui.domain.container import Container, Health, PortBinding, StatsSample
from aicompute_tui.domain.host import Host, HostReport, HostState
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.recreation import name_before
from aicompute_tui.services.views import moment_or_none


def host_view(host: Host, report: HostReport, now: datetime) -> JsonObject:
    """`answered_seconds_ago` is the age of everything that is told of it."""
    facts = report.facts
    return {
        "id": host.id,
        "name": host.name,
        "kind": host.kind.value,
        "url": host.url,
        "state": report.state.value,
        "answered_seconds_ago": _age(report.read_at, now),
        "problem_kind": report.problem_kind or None,
        "problem": report.problem or None,
        "next_step": report.next_step or None,
        "engine": facts.engine if facts.engine_version else None,
        "engine_version": facts.engine_version or None,
        "api_version": facts.api_version or None,
        "machine": facts.name or None,
        "operating_system": facts.operating_system or None,
        "architecture": facts.architecture or None,
        "cpus": facts.cpus,
        "memory_bytes": facts.memory_bytes,
        "gpus": None if facts.gpus is None else [*facts.gpus],
        "gpu_runtime": facts.has_gpu_runtime if facts.engine_version else None,
        "runtimes": [*facts.runtimes],
        "free_disk_bytes": facts.free_disk_bytes,
        "containers": facts.containers,
        "running": facts.running,
        "images": facts.images,
        "rootless": facts.is_rootless,
        "address": host.published_address or None,
        "tls": host.scheme == "https" or bool(host.tls_ca or host.tls_cert or host.tls_pin),
        "environment": host.environment,
        "read_at": moment_or_none(report.read_at),
        "since": moment_or_none(report.since),
        "owner": host.owner,
        "created_by": host.created_by,
        "created_at": moment_or_none(host.created_at),
        "version": host.version,
    }


def container_view(container: Container, host: Host, report: HostReport, now: datetime) -> JsonObject:
    """Of a host that is down it is what was seen last; `seen_seconds_ago` says how long ago."""
    alive = container.state.is_alive
    up = container.started_at if alive and report.state is HostState.UP else None
    return {
        "host": host.name,
        "host_id": host.id,
        "host_state": report.state.value,
        "id": container.id,
        "name": container.name,
        "image": container.image,
        "state": container.state.value,
        "health": None if container.health is Health.NONE else container.health.value,
        "exit_code": container.exit_code,
        "out_of_memory": container.is_out_of_memory,
        "error": container.error or None,
        "half_replaced": name_before(container),
        "restart_count": container.restart_count,
        "restart_policy": container.restart_policy or None,
        "up_seconds": None if up is None else max(0, int((now - up).total_seconds())),
        "ports": [port_text(port) for port in container.ports],
        "gpus": None if container.gpus is None else str(container.gpus),
        "project": container.project or None,
        "command": container.command or None,
        "terminal": container.has_terminal,
        "image_id": container.image_id or None,
        "labels": dict(container.labels),
        "created_at": moment_or_none(container.created_at),
        "started_at": moment_or_none(container.started_at),
        "finished_at": moment_or_none(container.finished_at),
        "seen_seconds_ago": _age(report.read_at, now),
        "read_at": moment_or_none(report.read_at),
    }


def port_text(port: PortBinding) -> str:
    """As docker writes them: `127.0.0.1:8080->80/tcp`."""
    inside = f"{port.container_port}/{port.protocol}"
    if port.host_port is None:
        return inside
    address = f"[{port.address}]" if ":" in port.address else port.address
    return f"{address}:{port.host_port}->{inside}" if address else f"{port.host_port}->{inside}"


def stats_view(container: Container, host: Host, sample: StatsSample) -> JsonObject:
    values: dict[str, Json] = {
        "cpu_percent": _rounded(sample.cpu_percent),
        "memory_bytes": sample.memory_bytes,
        "memory_limit_bytes": sample.memory_limit_bytes,
        "memory_percent": _rounded(sample.memory_percent),
        "received_bytes": sample.received_bytes,
        "sent_bytes": sample.sent_bytes,
        "read_bytes": sample.read_bytes,
        "written_bytes": sample.written_bytes,
        "processes": sample.processes,
    }
    return {
        "at": moment_or_none(sample.at),
        "host": host.name,
        "name": container.name,
        "id": container.id,
        **values,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)


def _age(moment: datetime | None, now: datetime) -> int | None:
    return None if moment is None else max(0, int((now - moment).total_seconds()))
