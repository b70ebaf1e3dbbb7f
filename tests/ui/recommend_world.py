"""What the agent says to a model and a budget, and of plans for a month, as the views show it."""

from __future__ import annotations

from collections.abc import Mapping

from aicompute_tui.domain.json import Json, JsonObject

SOURCE = "snapshot skypilot-catalog 00148f2a, read 2026-11-20, price date unknown"


def offer(name: str, *, cloud: str = "aws", usd: float = 2.21, **changes: Json) -> JsonObject:
    row: JsonObject = {
        "id": f"{cloud}/us-east-2/{name}", "cloud": cloud, "region": "us-east-2", "type": name, "gpu_name": "A10G",
        "gpu_count": 4, "gpu_memory_mib": 22_888, "vcpu_count": 48, "interruption_band": None,
        "interruption_index": None, "market": "spot", "usd_per_hour": usd, "usd_per_month": round(usd * 730, 2),
        "verdict": "FITS", "why": "71 % of what the engine may take, up to 60k context", "tight": None,
        "max_context": 61_440, "max_parallel": 7, "engine": "vllm", "quantisation": None,
        "served_as": "meta-llama/Llama-3.1-70B-Instruct", "weights_bytes": 141_107_412_992, "gpus_used": 4,
        "source": SOURCE, "read_days_ago": 1,
    }  # fmt: skip
    return {**row, **changes}


OFFERS: list[Json] = [
    offer("4x_L40_SECURE", cloud="runpod", usd=2.0, gpu_name="L40", region="CA"),
    offer("g6e.12xlarge", usd=2.92, verdict="TIGHT", gpu_name="L40S", tight="memory, parallel > 1"),
    offer("g5.48xlarge", usd=4.54, gpu_count=8),
]
INSTEAD: list[Json] = [
    offer("g6.12xlarge", usd=1.28, quantisation="awq", weights_bytes=39_765_278_720,
          served_as="hugging-quants/Meta-Llama-3.1-70B-Instruct-AWQ-INT4"),
]  # fmt: skip


def recommended(arguments: Mapping[str, Json]) -> Json:
    """Dearer offers only for a larger budget, and under 1.50 none but in fewer bits."""
    written = arguments.get("max_usd_per_hour")
    most = 100.0 if written is None else float(str(written))
    found: list[Json] = [row for row in OFFERS if isinstance(row, dict) and float(str(row["usd_per_hour"])) <= most]
    return {
        "verdict": "FITS" if found else "NO", "ok": bool(found), "title": "Llama 3.1 70B", "also": ["Llama 3.3 70B"],
        "reason": f"Llama 3.1 70B as it is (131 GiB) fits on nothing for ${most:.2f}/h or less.",
        "model": "Llama 3.1 70B", "engine": "vllm", "context": 8192, "parallel": 1,
        "offers": found, "instead": [] if found else INSTEAD,
    }  # fmt: skip


def plan(name: str, kind: str, hours: float, low: float | None, high: float | None) -> JsonObject:
    return {
        "plan": name, "what": "one person with a model of 8 billion parameters", "machines": 1, "type": kind,
        "gpu_name": "A10G", "gpu_count": 1, "cloud": "aws", "region": "us-east-2", "hours_per_day": hours,
        "hours_per_month": round(hours * 730 / 24, 2), "low_usd_per_hour": low and 0.39, "high_usd_per_hour": 1.01,
        "tokens_per_month": None, "connection": None, "tokens_low_usd": None, "tokens_high_usd": None,
        "low_usd_per_month": low, "high_usd_per_month": high,
        "basis": "At least by spot, at most by on-demand prices. Disks and traffic are not counted.",
        "low_source": SOURCE, "low_days_ago": 1, "high_source": SOURCE, "high_days_ago": 1,
    }  # fmt: skip


def answers() -> dict[str, Json]:
    return {
        "model.recommend": recommended({"max_usd_per_hour": "3"}),
        "cost.plan": [
            plan("light", "g5.xlarge", 4, 47.97, 122.4),
            plan("heavy", "g5.12xlarge", 24, 1488.62, 4140.56),
            plan("rare", "p5.4xlarge", 1, None, 124.0),
        ],
    }
