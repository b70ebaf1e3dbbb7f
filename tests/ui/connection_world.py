"""Connections as the demo has them, with what the agent answers about one of them."""

from __future__ import annotations

from typing import Any

from aicompute_tui.domain.json import Json
from aicompute_tui.store.rows import ConnectionRow
from tests.ui.console_world import MINUTE, NOW, connection_row

_HOSTED = "http://127.0.0.1:40813/hosted/v1"
_PRICED = {"timeout_seconds": 60, "retries": 2, "input_nano_usd": 2_500_000_000, "output_nano_usd": 10_000_000_000}


def connection_rows() -> list[ConnectionRow]:
    """Three that answer, two that fail, one at rest."""
    refused: dict[str, Any] = {
        "state": "down", "since": NOW - 37 * MINUTE, "problem_kind": "AuthFailed", "failures": 74,
        "problem": "“hosted mini” does not accept the key.", "latency_seconds": None,
        "next_step": "Give another: aic-tui connection edit 'hosted mini' --api-key-stdin",
    }  # fmt: skip
    silent = {"state": "down", "since": NOW - 37 * MINUTE, "problem": "“batch box” refuses the connection.",
              "problem_kind": "Unreachable", "next_step": "Is it running there?", "latency_seconds": None}  # fmt: skip
    return [
        connection_row("hosted large", kind="openai-compatible", base_url=_HOSTED, model="large-2", has_key=1,
                       flags=["mcp", "automation"], tags=["hosted"], description="for the agents", options=_PRICED,
                       latency_seconds=0.184, used_at=NOW - 4 * MINUTE),
        connection_row("llama on lab-1", base_url="http://127.0.0.1:40813/v1", flags=["livekit", "mcp"], tags=["lab"],
                       model="meta-llama/Llama-3.1-8B-Instruct", latency_seconds=0.006, used_at=NOW - 4 * MINUTE),
        connection_row("ollama on lab-1", kind="ollama", base_url="http://127.0.0.1:40813", model="llama3.2:3b",
                       flags=["livekit"], tags=["lab", "cheap"], latency_seconds=0.004, used_at=NOW - 4 * MINUTE),
        connection_row("hosted mini", kind="openai-compatible", base_url=_HOSTED, model="large-2-mini", has_key=1,
                       flags=["automation"], tags=["hosted"], options=_PRICED, used_at=NOW - 4 * MINUTE, **refused),
        connection_row("batch box", kind="sglang", base_url="http://127.0.0.1:34911/v1", tags=["lab"],
                       model="Qwen/Qwen2.5-72B-Instruct", **silent),
        connection_row("night runs", base_url="http://127.0.0.1:40813/v1", tags=["lab"], is_active=0,
                       model="meta-llama/Llama-3.1-8B-Instruct", latency_seconds=None),
    ]  # fmt: skip


def answers() -> dict[str, Json]:
    """What the agent says of the first one."""
    return {
        "connection.show": {"id": "connection-hosted large", "name": "hosted large", "key": "sk-…7f3a"},
        "connection.find": [
            {"state": "found", "kind": "ollama", "title": "Ollama", "name": "ollama", "where": "port 11434",
             "base_url": "http://127.0.0.1:11434", "key_variable": None, "models": 3,
             "next_step": "aic-tui connection add ollama --type ollama --base-url http://127.0.0.1:11434"},
            {"state": "found", "kind": "openai", "title": "OpenAI", "name": "OpenAI",
             "where": "variable OPENAI_API_KEY", "base_url": "https://api.openai.com/v1",
             "key_variable": "OPENAI_API_KEY", "models": None,
             "next_step": "aic-tui connection add OpenAI --type openai --api-key-env OPENAI_API_KEY"},
        ],
    }  # fmt: skip
