"""Model servers in the stable shapes that programs see; of a key no more than that there is one."""

from __future__ import annotations

from dataclasses import asdict

from aicompute_tui.domain.health import HealthReport
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.server import (
    FIGURES,
    ModelServer,
    ServerFacts,
    ServerFigures,
    ServerModel,
    ServerReading,
    ServerReport,
    ServerSample,
    abilities_of,
    server_state,
)
from aicompute_tui.services.views import moment_or_none

_DIGITS = 4


def server_view(server: ModelServer, health: HealthReport | None, report: ServerReport | None) -> JsonObject:
    """As it was seen last; `inactive` is one that is not looked at."""
    facts = ServerFacts() if report is None else report.facts
    return {
        "id": server.id,
        "name": server.name,
        "kind": server.kind.value,
        "state": server_state(None if health is None else health.state) if server.is_active else "inactive",
        "inactive_reason": server.inactive_reason,
        "is_held_back": bool(health and health.is_held_back and server.is_active),
        "base_url": server.base_url,
        "server_version": facts.version or None,
        "models": [model.id for model in facts.models],
        "has_key": server.secret_id is not None,
        "tags": [*server.tags],
        "source": server.source,
        "timeout": server.options.timeout_seconds,
        "expected_status": server.options.expected_status,
        "tls_ca": server.options.tls_ca,
        "checked_at": moment_or_none(None if health is None else health.checked_at),
        "latency_seconds": None if health is None else _seconds(health.latency_microseconds),
        "problem": None if health is None else health.problem or None,
        "next_step": None if health is None else health.next_step or None,
        "created_at": moment_or_none(server.created_at),
        "version": server.version,
    }


def details_view(server: ModelServer, report: ServerReport | None) -> JsonObject:
    """What `show` tells besides: each model, the figures, and what it can be asked to do."""
    abilities = asdict(abilities_of(server.kind))
    seen = report or ServerReport(server_id=server.id)
    return {
        "models": [model_view(model) for model in seen.facts.models],
        **figures_view(seen.figures),
        "can": [name.removeprefix("can_") for name, value in abilities.items() if value and name.startswith("can_")],
        "read_at": moment_or_none(seen.read_at),
    }


def model_view(model: ServerModel) -> JsonObject:
    return {
        "id": model.id,
        "state": model.state.value,
        "size_bytes": model.size_bytes,
        "quantisation": model.quantisation,
        "parameters": model.parameters,
        "context_tokens": model.context_tokens,
        "memory_bytes": model.memory_bytes,
        "memory_share": _rounded(model.memory_share),
        "parent": model.parent,
    }


def reading_view(server: ModelServer, reading: ServerReading) -> JsonObject:
    """One look; `state` is of this moment alone."""
    problem = reading.problem
    state = "offline" if problem is not None else "degraded" if reading.degraded else "online"
    facts = reading.facts
    return {
        "name": server.name,
        "kind": server.kind.value,
        "state": state,
        "base_url": server.base_url,
        "latency_seconds": _seconds(reading.latency_microseconds),
        "server_version": None if facts is None else facts.version or None,
        "models": None if facts is None else len(facts.models),
        **figures_view(reading.figures),
        "problem_kind": None if problem is None else problem.kind,
        "problem": reading.degraded or None if problem is None else problem.message,
        "next_step": None if problem is None else problem.next_step or None,
        "at": moment_or_none(reading.read_at),
    }


def figures_view(figures: ServerFigures | ServerSample) -> JsonObject:
    return {name: _rounded(getattr(figures, name)) for name in FIGURES}


def sample_view(sample: ServerSample) -> JsonObject:
    return {"at": moment_or_none(sample.at), "span_seconds": sample.span_seconds, **figures_view(sample)}


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else round(microseconds / 1_000_000, _DIGITS)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
