"""The model servers in the demo's store as they stood before it began, with a month of their figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aicompute_tui.demo.health import past_samples
from aicompute_tui.demo.lab.model_servers import LOOPBACK, RERANKER, VLLM_MODEL, wave
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.health import HealthReport, HealthState, TargetKind
from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.server import (
    ModelServer,
    ModelState,
    ServerFacts,
    ServerFigures,
    ServerModel,
    ServerReport,
    ServerSample,
)
from aicompute_tui.domain.server_kind import ServerKind
from aicompute_tui.services.context import Actor
from aicompute_tui.store.database import Transaction

_ADDED_AGO = timedelta(days=31)
_DOWN_FOR = timedelta(minutes=26)
_USUAL_MILLISECONDS = 3
_GIB = 1 << 30
_SEEN: dict[ServerKind, ServerFacts] = {
    ServerKind.OLLAMA: ServerFacts(
        version="0.33.0",
        models=(
            ServerModel(id="qwen2.5-coder:7b", state=ModelState.LOADED, size_bytes=int(4.7 * _GIB),
                        quantisation="Q4_K_M", context_tokens=32_768, parameters="7.6B",
                        memory_bytes=int(4.7 * _GIB)),
            ServerModel(id="llama3.2:3b", state=ModelState.AVAILABLE, size_bytes=2 * _GIB, quantisation="Q4_K_M",
                        context_tokens=131_072, parameters="3.2B"),
            ServerModel(id="bge-m3:latest", state=ModelState.LOADED, size_bytes=int(1.2 * _GIB),
                        quantisation="Q4_K_M", context_tokens=8_192, parameters="567M",
                        memory_bytes=int(0.6 * _GIB)),
        ),
    ),
    ServerKind.VLLM: ServerFacts(
        version="0.33.0",
        models=(ServerModel(id=VLLM_MODEL, state=ModelState.LOADED, context_tokens=32_768),),
    ),
    ServerKind.COMFYUI: ServerFacts(version="0.9.2"),
    ServerKind.TEI_RERANKER: ServerFacts(
        version="1.9.3", models=(ServerModel(id=RERANKER, state=ModelState.LOADED, context_tokens=8_192),)
    ),
    ServerKind.TEI: ServerFacts(
        version="1.9.3", models=(ServerModel(id="BAAI/bge-m3", state=ModelState.LOADED, context_tokens=8_192),)
    ),
}  # fmt: skip
_HISTORY = (
    (30, timedelta(minutes=65), timedelta(seconds=30)),
    (30, timedelta(hours=24), timedelta(minutes=10)),
    (300, timedelta(days=30), timedelta(hours=3)),
)
"""A span of samples, how far they reach back, and how far they are apart."""


async def write_servers(
    transaction: Transaction, actor: Actor, began: datetime, ports: Sequence[int], silent_port: int
) -> None:
    """Four that answer, in the order of the stand-ins, and one that does not."""
    kinds = (("ollama-lab", ServerKind.OLLAMA), ("vllm-llama", ServerKind.VLLM), ("comfy-lab", ServerKind.COMFYUI),
             ("rerank-lab", ServerKind.TEI_RERANKER))  # fmt: skip
    places = [*zip(kinds, ports, strict=True), (("tei-bge", ServerKind.TEI), silent_port)]
    for (name, kind), port in places:
        server = _server(actor, began, name, kind, port)
        await transaction.servers.insert(server)
        read_at = began - _DOWN_FOR if port == silent_port else began
        figures = ServerFigures() if port == silent_port else _figures(kind, began)
        report = ServerReport(
            server_id=server.id, read_at=read_at, facts=_SEEN[kind], facts_at=read_at, figures=figures
        )
        await transaction.server_reports.put([report])
        health = _health(server, began, is_down=port == silent_port)
        await transaction.health_reports.put([health])
        await transaction.health_samples.append(past_samples(health, _USUAL_MILLISECONDS, began))
        await transaction.server_samples.append(_samples(server, read_at))
        await transaction.events.append(_event(actor, server))


def _server(actor: Actor, began: datetime, name: str, kind: ServerKind, port: int) -> ModelServer:
    added = (began - _ADDED_AGO).replace(microsecond=0)
    return ModelServer(
        id=new_id(added),
        owner=actor.owner,
        created_by=actor.name,
        name=name,
        kind=kind,
        base_url=f"http://{LOOPBACK}:{port}",
        tags=("lab",),
        created_at=added,
    )


def _health(server: ModelServer, began: datetime, *, is_down: bool) -> HealthReport:
    report = HealthReport(
        target_id=server.id,
        target_kind=TargetKind.SERVER,
        state=HealthState.UP,
        since=server.created_at,
        checked_at=began,
        latency_microseconds=2_400,
        successes=50,
    )
    if not is_down:
        return report
    return replace(
        report,
        state=HealthState.DOWN,
        since=(began - _DOWN_FOR).replace(microsecond=0),
        successes=0,
        failures=52,
        latency_microseconds=None,
        problem_kind="Unreachable",
        problem=f"“{server.name}” refuses the connection at {server.base_url}.",
        next_step="Look whether it runs, and at which port.",
    )


def _figures(kind: ServerKind, at: datetime) -> ServerFigures:
    """As the stand-ins tell them, busier by day."""
    by_day = 0.35 + 0.65 * wave((at.hour * 60 + at.minute - 180) * 90.0 / 1_440)
    load = by_day * (0.6 + 0.4 * wave(at.timestamp() / 7))
    if kind is ServerKind.VLLM:
        return ServerFigures(
            requests_running=round(6 * load),
            requests_waiting=max(0, round(9 * load - 6)),
            cache_share=round(0.08 + 0.6 * load, 3),
            tokens_per_second=round(40 + 360 * load, 1),
            first_token_seconds=round(0.18 + 0.3 * load, 3),
        )
    if kind is ServerKind.COMFYUI:
        return ServerFigures(
            requests_running=round(load),
            requests_waiting=round(3 * load),
            memory_used_bytes=float(int((14 + 5 * load) * _GIB)),
            memory_total_bytes=float(24 * _GIB),
        )
    if kind is ServerKind.OLLAMA:
        return ServerFigures(memory_used_bytes=float(int((0.6 + (4.7 if load > 0.3 else 0.0)) * _GIB)))
    return ServerFigures(requests_waiting=round(2 * load))


def _samples(server: ModelServer, until: datetime) -> Iterator[ServerSample]:
    """Newest first; where two spans meet, the finer one goes on."""
    at = until.replace(microsecond=0)
    for span, back, apart in _HISTORY:
        while at > until - back:
            figures = _figures(server.kind, at)
            yield ServerSample(
                server_id=server.id,
                span_seconds=span,
                at=at,
                requests_running=figures.requests_running,
                requests_waiting=figures.requests_waiting,
                cache_share=figures.cache_share,
                tokens_per_second=figures.tokens_per_second,
                first_token_seconds=figures.first_token_seconds,
                memory_used_bytes=figures.memory_used_bytes,
                memory_total_bytes=figures.memory_total_bytes,
            )
            at -= apart


def _event(actor: Actor, server: ModelServer) -> Event:
    return Event(
        id=new_id(server.created_at),
        at=server.created_at,
        actor=actor.name,
        kind="server.added",
        subject_kind="server",
        subject_id=server.id,
        subject_name=server.name,
        message=f"{server.name} was added: {server.kind.value} at {server.base_url}",
    )
