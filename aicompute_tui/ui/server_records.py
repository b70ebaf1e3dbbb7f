"""A row of the model servers as the record programs see: the same keys and units as `server list` prints."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.store.rows import ServerRow
from aicompute_tui.ui.server_columns import models_of, state_word, tags_of

_OPTIONS = {"timeout": "timeout_seconds", "expected_status": "expected_status", "tls_ca": "tls_ca"}


def server_record(row: ServerRow) -> JsonObject:
    options = json.loads(row.options) if row.options else {}
    return {
        "id": row.id,
        "name": row.name,
        "kind": row.kind,
        "state": state_word(row),
        "is_held_back": bool(row.is_held_back and row.is_active),
        "base_url": row.base_url,
        "server_version": row.server_version or None,
        "models": [str(each.get("id") or "") for each in models_of(row.models)],
        "has_key": bool(row.has_key),
        "tags": [*tags_of(row)],
        "source": row.source,
        **{name: options.get(key) for name, key in _OPTIONS.items()},
        "checked_at": _moment(row.checked_at),
        "latency_seconds": row.latency_seconds,
        "problem": row.problem or None,
        "next_step": row.next_step or None,
        "created_at": _moment(row.created_at),
        "version": row.version,
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else format_moment(datetime.fromtimestamp(seconds, UTC))
