"""Tables for people: stable columns, plain text, and no control character from the outside."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence

from aicompute_tui.domain.json import Json, JsonObject

_CONTAINERS = ("host", "name", "state", "health", "exit_code", "image", "ports", "gpus", "up_seconds", "host_state")

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
    "quota.list": ("type", "market", "region", "name", "limit_vcpus", "used_vcpus", "free_vcpus", "note"),
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
    "doctor.run": ("check", "verdict", "reason", "next_step"),
}
for _verb in ("launch", "terminate", "stop", "start", "reboot"):
    COLUMNS[f"instance.{_verb}"] = COLUMNS["instance.list"]
for _verb in ("start", "stop", "restart", "kill", "pause", "unpause", "remove"):
    COLUMNS[f"container.{_verb}"] = _CONTAINERS

_NESTED_COLUMNS = {
    "checks": ("name", "verdict", "reason", "next_step"),
    "steps": ("stage", "name", "state", "percent", "elapsed_seconds", "typical_seconds", "detail"),
    "needs": ("level", "subject", "text", "next_step"),
    "mounts": ("type", "source", "target", "writable"),
    "tunnels": ("remote_port", "local_port", "is_endpoint", "state", "problem"),
}
_LONG_LIST = 60
_UNKNOWN_WHERE_ABSENT = frozenset(
    {"price_usd_per_hour", "cost_usd", "cost_ttl_usd", "cost_month_usd", "account_id", "enabled"}
)


def columns_for(action_id: str, rows: Sequence[Json]) -> tuple[str, ...]:
    """The action's columns; machines that are not ours are told apart by one more."""
    named = COLUMNS.get(action_id, ())
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
    return ["  ".join(_padded(text, width) for text, width in zip(line, widths, strict=True)).rstrip() for line in grid]


def object_lines(value: Json) -> list[str]:
    """An object as `key  value` lines; tables, objects and long lists inside it follow under their own names."""
    if not isinstance(value, dict):
        return [] if value is None else [clean(_text(value))]
    nested = {key: lines for key, item in value.items() if (lines := _section(key, item))}
    flat = [key for key in value if key not in nested]
    width = max((cell_width(key) for key in flat), default=0)
    lines = [f"{_padded(key, width)}  {cell(value, key)}" for key in flat]
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
    return clean(_text(value))


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


def _padded(text: str, width: int) -> str:
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
