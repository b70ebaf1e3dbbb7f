"""Model servers for tests and pictures: of several kinds, one that does not answer, and what each tells."""

from __future__ import annotations

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.store.rows import ServerRow, Snapshot
from tests.ui.console_world import MINUTE, NOW, container_row, host_row, machine, reading, server_row

GIB = 1 << 30
MODELS: list[Json] = [
    {"id": "llama3.2:3b", "state": "available", "size_bytes": 2 * GIB, "quantisation": "Q4_K_M",
     "context_tokens": 131_072, "parameters": "3.2B", "memory_bytes": None, "parent": None},
    {"id": "qwen2.5-coder:7b", "state": "loaded", "size_bytes": 5 * GIB, "quantisation": "Q4_K_M",
     "context_tokens": 32_768, "parameters": "7.6B", "memory_bytes": 5 * GIB // 2, "parent": None},
]  # fmt: skip
VLLM_MODELS: list[Json] = [
    {"id": "meta-llama/Llama-3.1-8B-Instruct", "state": "loaded", "size_bytes": None, "quantisation": None,
     "context_tokens": 32_768, "parameters": None, "memory_bytes": None, "parent": None},
]  # fmt: skip
BUSY: JsonObject = {
    "requests_running": 3.0, "requests_waiting": 12.0, "cache_share": 0.31, "tokens_per_second": 412.4,
    "first_token_seconds": 0.24, "memory_used_bytes": None, "memory_total_bytes": None,
}  # fmt: skip


FOUND: JsonObject = {
    "kind": "ollama", "version": "0.33.0", "base_url": "http://gpu1:11434", "name": "gpu1:11434", "models": 3,
    "problem": None, "next_step": None,
}  # fmt: skip
"""What `server.probe` tells of gpu1:11434."""


def server_rows() -> list[ServerRow]:
    return [
        server_row("ollama-lab", kind="ollama", base_url="http://10.0.0.5:11434", models=MODELS, tags=["lab"],
                   source=f"container:{container_row('ollama-main').key}", figures={"memory_used_bytes": 2.5 * GIB}),
        server_row("vllm-llama", models=VLLM_MODELS, figures=BUSY),
        server_row("tei-bge", kind="tei", base_url="http://10.0.0.7:8081", state="down", since=NOW - 14 * MINUTE,
                   problem="tei-bge does not answer: connection refused.", next_step="Is it running?"),
        server_row("comfy", kind="comfyui", base_url="http://10.0.0.8:8188", state="degraded",
                   problem="It answers slowly.", figures={"requests_running": 1.0, "requests_waiting": 2.0}),
    ]  # fmt: skip


def servers(**changes: object) -> Snapshot:
    """`changes` are those of vllm-llama."""
    rows = [row._replace(**changes) if row.name == "vllm-llama" else row for row in server_rows()]  # type: ignore[arg-type]
    return reading([machine("m")], hosts=[host_row("lab-1")], containers=[container_row("ollama-main")], servers=rows)


def watched() -> list[Json]:
    """Figures of half a minute, as `server.watch` tells them."""
    return [
        {"at": f"2026-11-20T14:01:{second:02}Z", "state": "online", "latency_seconds": 0.004,
         **BUSY, "requests_running": float(second % 5), "models": VLLM_MODELS}
        for second in range(20, 60, 2)
    ]  # fmt: skip


def samples() -> list[Json]:
    """What `server.metrics` tells of the last hour."""
    return [
        {"at": f"2026-11-20T13:{minute:02}:30Z", "span_seconds": 30, **BUSY, "tokens_per_second": minute * 8.0}
        for minute in range(5, 60)
    ]  # fmt: skip
