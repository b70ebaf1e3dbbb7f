"""The connections in the demo's store as they stood before it began: three that answer, two that fail, one at rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from aicompute_tui.demo.health import past_samples
from aicompute_tui.demo.lab.provider import HOSTED_KEY, HOSTED_MODELS, HOSTED_PATH, OLLAMA_MODELS, OWN_MODELS
from aicompute_tui.demo.usage import past_calls
from aicompute_tui.domain.connection import Connection, ConnectionOptions
from aicompute_tui.domain.errors import AicError, AuthFailed, Unreachable
from aicompute_tui.domain.event import Event
from aicompute_tui.domain.health import HealthReport, HealthState, TargetKind
from aicompute_tui.domain.ids import new_id
from aicompute_tui.services.context import Actor
from aicompute_tui.services.keyed_rows import CONNECTIONS
from aicompute_tui.store.database import Transaction

_WORN_KEY = "sk-demo-worn-out-long-ago-since-last-year-0b1c"
_PRICED = ConnectionOptions(input_nano_usd=2_500_000_000, output_nano_usd=10_000_000_000)
_DOWN_FOR = timedelta(minutes=37)
_USUAL_MILLISECONDS = 12


class _Seed(NamedTuple):
    name: str
    kind: str
    path: str
    model: str
    added_days_ago: int
    flags: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str = ""
    key: str = ""
    latency_milliseconds: int = 0
    options: ConnectionOptions = ConnectionOptions()
    is_active: bool = True
    is_silent: bool = False


_SEEDS = (
    _Seed("hosted large", "openai-compatible", HOSTED_PATH, HOSTED_MODELS[0], 26, ("mcp", "automation"),
          ("hosted",), "for the agents", HOSTED_KEY, 184, _PRICED),
    _Seed("llama on lab-1", "vllm", "/v1", OWN_MODELS[0], 21, ("livekit", "mcp"), ("lab",), "", "", 6),
    _Seed("ollama on lab-1", "ollama", "", OLLAMA_MODELS[0], 19, ("livekit",), ("lab", "cheap"), "", "", 4),
    _Seed("hosted mini", "openai-compatible", HOSTED_PATH, HOSTED_MODELS[1], 12, ("automation",), ("hosted",),
          "key of last year", _WORN_KEY, 0, _PRICED),
    _Seed("batch box", "sglang", "/v1", "Qwen/Qwen2.5-72B-Instruct", 9, (), ("lab",), "", "", 0, is_silent=True),
    _Seed("night runs", "vllm", "/v1", OWN_MODELS[0], 5, (), ("lab",), "switched on by hand", is_active=False),
)  # fmt: skip


async def write_connections(
    transaction: Transaction, seal: Callable[[str], bytes], actor: Actor, began: datetime, port: int, silent_port: int
) -> None:
    """With their sealed keys, how they answered last, what was told of them and what they were asked."""
    for seed in _SEEDS:
        connection = _connection(seed, actor, began, silent_port if seed.is_silent else port)
        await transaction.connections.insert(connection)
        if connection.secret_id is not None:
            await transaction.secrets.put(connection.secret_id, seal(seed.key), by=actor.owner)
        if connection.is_active:
            report = _report(seed, connection, began)
            await transaction.health_reports.put([report])
            usual = seed.latency_milliseconds or _USUAL_MILLISECONDS
            await transaction.health_samples.append(past_samples(report, usual, began))
            for call in past_calls(connection, began):
                await transaction.calls.append(call)
        await transaction.events.append(_added(actor, connection))


def _connection(seed: _Seed, actor: Actor, began: datetime, port: int) -> Connection:
    added = (began - timedelta(days=seed.added_days_ago)).replace(microsecond=0)
    identity = new_id(added)
    return Connection(
        id=identity,
        owner=actor.owner,
        created_by=actor.name,
        name=seed.name,
        kind=seed.kind,
        base_url=f"http://127.0.0.1:{port}{seed.path}",
        model=seed.model,
        secret_id=CONNECTIONS.secret_name(identity) if seed.key else None,
        options=seed.options,
        flags=seed.flags,
        tags=seed.tags,
        is_active=seed.is_active,
        created_at=added,
        description=seed.description,
    )


def _report(seed: _Seed, connection: Connection, began: datetime) -> HealthReport:
    error = _error(seed, connection)
    if error is None:
        return HealthReport(
            target_id=connection.id, target_kind=TargetKind.CONNECTION, state=HealthState.UP,
            since=connection.created_at, checked_at=began, latency_microseconds=seed.latency_milliseconds * 1_000,
            successes=40,
        )  # fmt: skip
    return HealthReport(
        target_id=connection.id, target_kind=TargetKind.CONNECTION, state=HealthState.DOWN,
        since=(began - _DOWN_FOR).replace(microsecond=0), checked_at=began, failures=74, problem_kind=error.kind,
        problem=error.message, next_step=error.next_step,
    )  # fmt: skip


def _error(seed: _Seed, connection: Connection) -> AicError | None:
    """As the agent finds it."""
    if seed.key == _WORN_KEY:
        step = f"Give another: aic-tui connection edit {connection.word} --api-key-stdin"
        return AuthFailed(f"“{seed.name}” refuses the key.", step)
    if seed.is_silent:
        return Unreachable(f"“{seed.name}” refuses the connection at {connection.base_url}.", "Is it running there?")
    return None


def _added(actor: Actor, connection: Connection) -> Event:
    return Event(
        id=new_id(connection.created_at),
        at=connection.created_at,
        actor=actor.name,
        kind="connection.added",
        subject_kind="connection",
        subject_id=connection.id,
        subject_name=connection.name,
        message=f"{connection.name} was added: {connection.kind} at {connection.base_url}",
    )
