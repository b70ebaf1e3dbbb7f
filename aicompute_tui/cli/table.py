"""Tables for people: stable columns, plain text, and no control character from the outside."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence

from aicompute_tui.domain.durations import span
from aicompute_tui.domain.gpu_share import gpus_told
from aicompute_tui.domain.json import Json, JsonObject

_CONTAINERS = ("host", "name", "state", "health", "exit_code", "image", "ports", "gpus", "up_seconds", "host_state")

_FIGURES = (
    "requests_running", "requests_waiting", "cache_share", "tokens_per_second", "first_token_seconds",
    "memory_used_bytes", "memory_total_bytes",
)  # fmt: skip

_HEALTH = (
    "name", "state", "uptime_24h_percent", "uptime_7d_percent", "uptime_30d_percent", "checked_since",
    "latency_p50_ms", "latency_p95_ms", "since", "problem",
)  # fmt: skip

_MODELS = (
    "id",
    "task",
    "parameters",
    "size_bytes",
    "vram_bytes",
    "downloads",
    "likes",
    "licence",
    "gated",
    "updated_at",
    "age_seconds",
)
_FEEDS = ("feed", "state", "offers", "age_seconds", "left_out", "problem", "next_step")
COLUMNS: dict[str, tuple[str, ...]] = {
    "instance.list": (
        "name",
        "state",
        "instance_type",
        "market",
        "region",
        "zone",
        "price_usd_per_hour",
        "cost_usd",
        "expires_at",
        "account_id",
        "remote_id",
    ),
    "instance.types": (
        "name",
        "gpu_name",
        "gpu_count",
        "gpu_memory_mib",
        "vcpu_count",
        "spot_usd_per_hour",
        "on_demand_usd_per_hour",
        "saving_percent",
        "quota_machines",
        "zones",
        "disabled_reason",
    ),
    "credential.list": (
        "id",
        "method",
        "profile",
        "account_id",
        "region",
        "checked_at",
        "error_message",
        "aws_cli_installed",
    ),
    "price.list": (
        "cloud",
        "region",
        "type",
        "gpu_name",
        "gpu_count",
        "gpu_memory_mib",
        "spot_usd_per_hour",
        "on_demand_usd_per_hour",
        "saving_percent",
        "usd_per_gpu_hour",
        "interruption_band",
        "age_seconds",
    ),
    "price.history": (
        "zone",
        "now_usd_per_hour",
        "least_usd_per_hour",
        "median_usd_per_hour",
        "most_usd_per_hour",
        "changes_per_day",
        "on_demand_usd_per_hour",
        "age_seconds",
        "note",
    ),
    "price.score": ("score", "region", "zone", "zone_id", "types", "note"),
    "price.refresh": _FEEDS,
    "price.feeds": _FEEDS,
    "price.llm": (
        "model",
        "provider",
        "input_usd_per_million",
        "cached_usd_per_million",
        "output_usd_per_million",
        "context_tokens",
        "modalities",
        "own_30_days_usd",
        "connections",
        "as_of",
    ),
    "quota.list": (
        "region",
        "market",
        "family",
        "limit_vcpus",
        "used_vcpus",
        "own_vcpus",
        "free_vcpus",
        "fits_machines",
        "type",
        "request_state",
        "age_seconds",
        "note",
    ),
    "quota.requests": (
        "region",
        "market",
        "family",
        "state",
        "limit_vcpus",
        "desired_vcpus",
        "asked_by",
        "created_at",
        "answered_at",
        "case_id",
    ),
    "cost.plan": (
        "plan",
        "machines",
        "type",
        "hours_per_day",
        "region",
        "low_usd_per_month",
        "high_usd_per_month",
        "low_days_ago",
        "what",
    ),
    "model.popular": (
        "id",
        "purpose",
        "parameters",
        "size_bytes",
        "vram_bytes",
        "context_length",
        "licence",
        "ollama",
        "quality",
        "age_seconds",
    ),
    "model.trending": _MODELS,
    "model.search": _MODELS,
    "model.places": (
        "where",
        "name",
        "cloud",
        "region",
        "gpu_name",
        "gpu_count",
        "usd_per_hour",
        "read_days_ago",
        "verdict",
        "max_context",
        "why",
    ),
    "template.list": ("name", "arguments", "saved_at", "version"),
    "region.list": ("code", "name", "country", "enabled", "is_default"),
    "key.list": ("id", "keys", "usual_keys", "place", "source"),
    "theme.list": ("name", "is_chosen", "about", "problem"),
    "setting.list": ("key", "value", "source", "help"),
    "event.list": ("at", "level", "actor", "kind", "subject_name", "message"),
    "event.follow": ("at", "level", "actor", "kind", "subject_name", "message"),
    "job.list": ("id", "action_id", "state", "owner", "progress", "created_at", "error_message"),
    "host.list": ("name", "state", "kind", "engine_version", "running", "containers", "gpus", "url", "problem"),
    "container.list": _CONTAINERS,
    "container.stats": (
        "at",
        "host",
        "name",
        "cpu_percent",
        "memory_bytes",
        "memory_percent",
        "received_bytes",
        "sent_bytes",
        "processes",
    ),
    "image.list": ("host", "name", "size", "age_seconds", "used_by", "id", "problem"),
    "image.unused": ("host", "name", "frees", "age_seconds", "item", "problem"),
    "image.prune": ("host", "removed", "kept", "freed", "problem"),
    "image.remove": ("host", "name", "removed", "problem"),
    "volume.list": ("host", "called", "size", "age_seconds", "used_by", "driver", "problem"),
    "volume.unused": ("host", "called", "frees", "age_seconds", "item", "problem"),
    "volume.prune": ("host", "removed", "kept", "freed", "problem"),
    "volume.remove": ("host", "name", "removed", "problem"),
    "registry.list": ("registry", "user", "problem"),
    "connection.list": ("name", "status", "kind", "model", "base_url", "flags", "tags"),
    "connection.import": ("name", "action", "kind", "base_url", "has_key", "note"),
    "connection.health": _HEALTH,
    "server.health": _HEALTH,
    "connection.check": ("name", "ok", "state", "latency_ms", "problem", "next_step"),
    "connection.find": ("title", "where", "models", "next_step"),
    "connection.models": ("id", "context_tokens", "name"),
    "connection.usage": (
        "connection",
        "requests",
        "failed",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "unpriced",
        "p50_seconds",
        "p95_seconds",
        "p50_first_token_seconds",
        "last_used_at",
    ),
    "connection.calls": (
        "at",
        "connection",
        "caller",
        "operation",
        "model",
        "problem_kind",
        "input_tokens",
        "output_tokens",
        "cost_usd",
        "first_token_seconds",
        "total_seconds",
    ),
    "server.list": ("name", "state", "kind", "server_version", "models", "latency_seconds", "base_url", "problem"),
    "server.check": (
        "name",
        "state",
        "kind",
        "latency_seconds",
        "requests_running",
        "requests_waiting",
        "tokens_per_second",
        "models",
        "problem",
    ),
    "server.models": ("id", "state", "size_bytes", "quantisation", "parameters", "context_tokens", "memory_share"),
    "server.metrics": ("at", *_FIGURES),
    "server.watch": ("at", "state", "latency_seconds", *_FIGURES),
    "server.rerank": ("score", "document"),
    "doctor.run": ("check", "verdict", "reason", "next_step"),
}
for _verb in ("launch", "terminate", "stop", "start", "reboot"):
    COLUMNS[f"instance.{_verb}"] = COLUMNS["instance.list"]
for _verb in ("start", "stop", "restart", "kill", "pause", "unpause", "remove"):
    COLUMNS[f"container.{_verb}"] = _CONTAINERS

_OFFERED = (
    "verdict", "type", "gpu_name", "gpu_count", "cloud", "region", "market", "usd_per_hour", "usd_per_month",
    "read_days_ago", "quantisation", "max_context", "why", "tight", "quota",
)  # fmt: skip
_NESTED_COLUMNS = {
    "checks": ("name", "verdict", "reason", "next_step"),
    "steps": ("stage", "name", "state", "percent", "elapsed_seconds", "typical_seconds", "detail"),
    "machines": ("type", "gpu_name", "gpu_count", "verdict", "usd_per_hour", "read_days_ago", "region", "why"),
    "needs": ("level", "subject", "text", "next_step"),
    "offers": _OFFERED,
    "instead": _OFFERED,
    "variants": ("name", "format", "quantisation", "size_bytes", "files", "vram_bytes", "note"),
    "advice": ("framework", "model", "why"),
    "mounts": ("type", "source", "target", "writable"),
    "tunnels": ("remote_port", "local_port", "is_endpoint", "state", "problem"),
}
_LONG_LIST = 60
_UNKNOWN_WHERE_ABSENT = frozenset(
    {"price_usd_per_hour", "cost_usd", "cost_ttl_usd", "cost_month_usd", "account_id", "enabled"}
)


def columns_for(action_id: str, rows: Sequence[Json]) -> tuple[str, ...]:
    """The action's columns; machines that are not ours, spans of time and callers are told apart by one more."""
    named = COLUMNS.get(action_id, ())
    if action_id == "connection.usage" and any(isinstance(row, dict) and row.get("at") for row in rows):
        return ("at", *named)
    if action_id == "connection.usage" and any(isinstance(row, dict) and row.get("caller") for row in rows):
        return ("caller", *named)
    if named and any(isinstance(row, dict) and "ownership" in row for row in rows):
        return (*named, "ownership", "owner")
    return named


def table_lines(rows: Sequence[JsonObject], columns: Sequence[str] = ()) -> list[str]:
    """A header and a line per row; the header alone where there is none, nothing where no column is known."""
    names = list(columns) or list(dict.fromkeys(key for row in rows for key in row))
    if not names:
        return []
    grid = [[name.upper() for name in names], *([cell(row, name) for name in names] for row in rows)]
    widths = [max(cell_width(line[column]) for line in grid) for column in range(len(names))]
    return ["  ".join(padded(text, width) for text, width in zip(line, widths, strict=True)).rstrip() for line in grid]


def object_lines(value: Json) -> list[str]:
    """An object as `key  value` lines; tables, objects and long lists inside it follow under their own names."""
    if not isinstance(value, dict):
        return [] if value is None else [clean(_text(value))]
    nested = {key: lines for key, item in value.items() if (lines := _section(key, item))}
    flat = [key for key in value if key not in nested]
    width = max((cell_width(key) for key in flat), default=0)
    lines = [f"{padded(key, width)}  {cell(value, key)}" for key in flat]
    for key, section in nested.items():
        lines += ["", key.upper(), *("  " + line for line in section)]
    return lines


def _section(key: str, item: Json) -> list[str]:
    """The lines of a value that does not fit beside its key, none where it does."""
    if isinstance(item, dict) and item:
        return object_lines(item)
    if not isinstance(item, list) or not item:
        return []
    if all(isinstance(row, dict) for row in item):
        return table_lines([row for row in item if isinstance(row, dict)], _NESTED_COLUMNS.get(key, ()))
    texts = [clean(_text(each)) for each in item]
    return texts if sum(map(len, texts)) > _LONG_LIST else []


def cell(row: JsonObject, name: str) -> str:
    """One value on one line."""
    value = row.get(name)
    if value is None or value == "":
        if name == "expires_at" and value is None and "ttl_seconds" in row and row["ttl_seconds"] is None:
            return "NEVER"
        return "unknown" if name in _UNKNOWN_WHERE_ABSENT else "-"
    checks = row.get(name.replace("_percent", "_checks")) if name.startswith("uptime_") else None
    if checks is not None:
        return f"{clean(_text(value))} of {checks}"
    if name == ("status" if "status" in row else "state"):
        return clean(_text(value)) + _age_of_state(row)
    if name == "gpu_count" and isinstance(value, float):
        return gpus_told(value)
    return clean(_text(value))


def _age_of_state(row: JsonObject) -> str:
    """What keeps a state from being that of now."""
    held_back = ", held back" if row.get("is_held_back") is True else ""
    seconds = row.get("unchecked_seconds")
    return f"{held_back}, not checked for {span(seconds)}" if isinstance(seconds, int | float) else held_back


def clean(text: str) -> str:
    """One line without control or direction characters, which could otherwise drive the terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join("\ufffd" if unicodedata.category(letter) in _UNSAFE else letter for letter in text)


def cell_width(text: str) -> int:
    """Columns on screen."""
    if text.isascii():
        return len(text)
    return sum(_letter_width(letter) for letter in text)


def _letter_width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def padded(text: str, width: int) -> str:
    return text + " " * (width - cell_width(text))


def _text(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".") if value else "0"
    if isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        return ", ".join(_text(item) for item in value) or "-"
    return json.dumps(value, ensure_ascii=False)
