"""A connection of the console as the record programs see, with how it answers; of its key only that there is one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.money import NANO_PER_USD
from aicompute_tui.store.rows import ConnectionRow
from aicompute_tui.ui.connection_columns import status, words_of

_OPTIONS = ("retries", "priority", "requests_per_minute", "temperature", "max_tokens", "organization")
_PRICES = {
    "input_nano_usd": "price_in_usd",
    "output_nano_usd": "price_out_usd",
    "cached_nano_usd": "price_cached_usd",
}


def connection_record(row: ConnectionRow) -> JsonObject:
    """`state` is what a person chose, `status` what comes of it and of the last check."""
    options = options_of(row)
    latency = row.latency_seconds
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "state": "active" if row.is_active else "inactive",
        "status": status(row),
        "base_url": row.base_url,
        "model": row.model,
        "has_key": bool(row.has_key),
        "description": row.description or None,
        "flags": [*words_of(row.flags)],
        "tags": [*words_of(row.tags)],
        "source": row.source,
        "inactive_reason": row.inactive_reason,
        "health": row.state,
        "problem": row.problem or None,
        "next_step": row.next_step or None,
        "latency_ms": None if latency is None else round(latency * 1000, 1),
        "checked_at": _moment(row.checked_at),
        "since": _moment(row.since),
        "used_at": _moment(row.used_at),
        "timeout": options.get("timeout_seconds"),
        **{name: options.get(name) for name in _OPTIONS},
        "headers": ", ".join(header_names(options)) or None,
        "tls_ca": options.get("tls_ca"),
        "api_version": options.get("api_version"),
        **{name: _usd(options.get(key)) for key, name in _PRICES.items()},
        "owner": row.owner,
        "created_at": _moment(row.created_at),
        "version": row.version,
    }


def options_of(row: ConnectionRow) -> JsonObject:
    found: Json = json.loads(row.options) if row.options else {}
    return found if isinstance(found, dict) else {}


def header_names(options: JsonObject) -> list[str]:
    headers = options.get("headers")
    return [str(each[0]) for each in headers if isinstance(each, list)] if isinstance(headers, list) else []


def _usd(nano_usd: Json) -> float | None:
    return nano_usd / NANO_PER_USD if isinstance(nano_usd, int) else None


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else format_moment(datetime.fromtimestamp(seconds, UTC))
