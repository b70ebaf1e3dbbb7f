"""What machines and tokens cost in the views' tests: a few offers of three clouds, their past, and what models ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.listed_offer import ListedOffer
from aicompute_tui.domain.offer_table import OfferTable, table_of
from tests.ui.console_world import START

_SOURCE = "snapshot skypilot-catalog 00148f2a, read 2026-11-20, price date unknown"
_DAY = 86_400


def offer(
    cloud: str,
    region: str,
    name: str,
    gpu_name: str,
    *,
    gpu_count: int = 1,
    spot: str | None = None,
    listed: str | None = None,
    band: int | None = None,
    zone: str = "",
) -> ListedOffer:
    return ListedOffer(
        cloud=cloud, region=region, machine_type=name, gpu_name=gpu_name, gpu_count=gpu_count, gpu_memory_mib=24_576,
        vcpu_count=4 * gpu_count, memory_mib=16_384 * gpu_count, architecture="x86_64", zone=zone,
        spot_usd_per_hour=None if spot is None else Decimal(spot),
        on_demand_usd_per_hour=None if listed is None else Decimal(listed),
        interruption_index=band, interruption_band="" if band is None else ("<5%", "5-10%", "10-15%")[band],
        source=_SOURCE, read_at=START - timedelta(hours=26),
    )  # fmt: skip


def shares() -> list[ListedOffer]:
    """Of an L4: an eighth of it, one of a share that nobody told, and the whole of it."""
    eighth = offer("aws", "us-east-1", "g6f.large", "L4", spot="0.08", listed="0.20")
    return [
        replace(eighth, gpu_parts=8, gpu_memory_mib=2_861),
        replace(eighth, machine_type="g9f.large", gpu_parts=None, gpu_memory_mib=2_861),
        offer("aws", "us-east-1", "g6.xlarge", "L4", spot="0.40", listed="0.80"),
    ]


def offers() -> OfferTable:
    """Cheapest first, as they lie on disk."""
    return table_of(
        [
            offer("aws", "ca-central-1", "g5.xlarge", "A10G", spot="0.42", listed="1.12", band=0, zone="ca-central-1b"),
            offer("lambda", "us-east-1", "gpu_1x_a10", "A10", listed="0.86"),
            offer("aws", "us-east-1", "g5.12xlarge", "A10G", gpu_count=4, spot="2.30", listed="5.67", band=2),
            offer("runpod", "CA", "8x_H100-SXM_SECURE", "H100-SXM", gpu_count=8, spot="14.0", listed="21.52"),
        ]
    )


def many(count: int) -> OfferTable:
    """A whole market, cheapest first."""
    regions = ("ca-central-1", "us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
    gpus = ("A10G", "L4", "L40S", "A100", "H100")
    return table_of(
        offer(
            ("aws", "runpod", "vast")[number % 3], regions[number % 5], f"{gpus[number % 5].lower()}.{number // 15}",
            gpus[number % 5], gpu_count=1 << number % 4, spot=f"{0.1 + number / 1_000:.3f}",
            listed=f"{0.3 + number / 900:.3f}", band=number % 3,
        )
        for number in range(count)
    )  # fmt: skip


def _points(base: float, swing: float, step: int) -> list[Json]:
    now = int(START.timestamp())
    return [[now - _DAY * 30 + place * step, round(base + swing * (place * 7 % 11) / 11, 4)]
            for place in range(_DAY * 30 // step)]  # fmt: skip


def history() -> list[Json]:
    """Three zones, the cheapest first."""
    rows: list[Json] = []
    for letter, base, swing, step in (("b", 0.40, 0.05, 43_200), ("a", 0.44, 0.03, 64_800), ("d", 0.50, 0.02, _DAY)):
        points = _points(base, swing, step)
        prices = [each[1] for each in points if isinstance(each, list) and isinstance(each[1], float)]
        row: JsonObject = {
            "type": "g5.xlarge", "region": "ca-central-1", "zone": f"ca-central-1{letter}", "days": 30,
            "now_usd_per_hour": prices[-1], "least_usd_per_hour": min(prices), "most_usd_per_hour": max(prices),
            "median_usd_per_hour": sorted(prices)[len(prices) // 2], "changes_per_day": round(_DAY / step, 2),
            "on_demand_usd_per_hour": 1.12, "points": points, "source": "AWS spot price history",
            "as_of": "2026-11-20T14:00:00Z", "age_seconds": 120, "note": None,
        }  # fmt: skip
        rows.append(row)
    return rows


def _token_price(provider: str, model: str, given: float | None, made: float | None, **more: Json) -> JsonObject:
    return {
        "id": f"{provider}/{model}", "provider": provider, "provider_title": provider.title(), "model": model,
        "input_usd_per_million": given, "cached_usd_per_million": None if given is None else given / 10,
        "output_usd_per_million": made, "context_tokens": 1_000_000, "modalities": "text image > text",
        "input_modalities": ["text", "image"], "output_modalities": ["text"], "dearer_above_tokens": None,
        "connections": [],
        "own_30_days_usd": None if given is None else given * 2, "source": "litellm 1.106.2", "as_of": "2026-11-20",
        "age_days": 0, **more,
    }  # fmt: skip


def answers() -> dict[str, Json]:
    return {
        "price.history": history(),
        "price.score": [{"region": "ca-central-1", "zone": "ca-central-1b", "score": 9, "note": None},
                        {"region": "ca-central-1", "zone": "ca-central-1a", "score": 3, "note": None}],
        "price.refresh": [{"feed": "spot", "title": "AWS spot prices", "state": "new", "problem": ""},
                          {"feed": "advisor", "title": "AWS spot advisor", "state": "failed",
                           "problem": "It did not answer within 10 s."}],
        "price.llm": [
            _token_price("anthropic", "claude-sonnet-5", 2, 10, connections=["hosted large"]),
            _token_price("vllm", "llama-8b", None, None, connections=["llama on lab-1"], source=None, as_of=None,
                         age_days=None, context_tokens=None, modalities=None, input_modalities=None,
                         output_modalities=None),
            _token_price("openai", "gpt-5-nano", 0.05, 0.4, dearer_above_tokens=272_000, context_tokens=272_000),
        ],
    }  # fmt: skip
