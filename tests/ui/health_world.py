"""What the agent says of the health of connections and servers: a day of checks, with a bad hour in it."""

from __future__ import annotations

from datetime import timedelta

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import format_moment
from tests.ui.console_world import START


def samples(bad_hour: int = 5) -> list[Json]:
    """A sample each half hour of the last day; in one hour nothing answered."""
    return [
        {"at": format_moment(START - timedelta(minutes=30 * back)), "span_seconds": 1_800, "checks": 60,
         "failed_checks": 60 if back // 2 == bad_hour else 0,
         "latency_ms": None if back // 2 == bad_hour else 150.0 + back, "slowest_ms": 900.0}
        for back in range(48, 0, -1)
    ]  # fmt: skip


def health(name: str, target_id: str, **changes: Json) -> JsonObject:
    return {
        "id": target_id, "name": name, "state": "up", "is_held_back": False, "since": "2026-11-18T13:02:00Z",
        "checked_at": "2026-11-20T14:01:50Z", "latency_ms": 184.0, "failures": 0, "problem_kind": None,
        "problem": None, "next_step": None, "latency_p50_ms": 171.0, "latency_p95_ms": 420.0,
        "uptime_24h_percent": 95.83, "uptime_7d_percent": 99.4, "uptime_30d_percent": None, **changes,
    }  # fmt: skip


REFUSED: JsonObject = {
    "state": "down", "since": "2026-11-20T13:25:00Z", "latency_ms": None, "failures": 74, "problem_kind": "AuthFailed",
    "problem": "“hosted mini” does not accept the key.",
    "next_step": "Give another: aic-tui connection edit 'hosted mini' --api-key-stdin", "uptime_24h_percent": 97.4,
}  # fmt: skip


def answers() -> dict[str, Json]:
    """The first row has its samples, as one alone has."""
    return {
        "connection.health": [
            {**health("hosted large", "connection-hosted large"), "samples": samples()},
            health("hosted mini", "connection-hosted mini", **REFUSED),
        ],
        "server.health": [
            {**health("vllm-llama", "server-vllm-llama"), "samples": samples()},
            health("tei-bge", "server-tei-bge", **{**REFUSED, "problem": "tei-bge does not answer."}),
        ],
        "connection.check": [
            {"name": "hosted large", "ok": True, "state": "up", "latency_ms": 184.0, "problem": None,
             "next_step": None},
            {"name": "hosted mini", "ok": False, "state": "down", "latency_ms": None, "problem": REFUSED["problem"],
             "next_step": REFUSED["next_step"]},
        ],
    }  # fmt: skip
