"""Rows side by side for people: a line for each field, a column for each row."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.cli.table import cell, cell_width, padded
from aicompute_tui.domain.json import JsonObject

FIELDS: dict[str, tuple[str, ...]] = {
    "price.compare": (
        "type",
        "cloud",
        "region",
        "zone",
        "gpu_name",
        "gpu_count",
        "gpu_memory_mib",
        "vcpu_count",
        "memory_mib",
        "architecture",
        "spot_usd_per_hour",
        "spot_source",
        "spot_age_seconds",
        "on_demand_usd_per_hour",
        "on_demand_source",
        "on_demand_age_seconds",
        "saving_percent",
        "usd_per_gpu_hour",
        "usd_per_vram_gib_hour",
        "interruption_band",
        "interruption_source",
    ),
}
"""Actions whose rows are set side by side, and which fields of them; one that no row has is left out."""


def side_by_side_lines(rows: Sequence[JsonObject], fields: Sequence[str]) -> list[str]:
    """Nothing where there is no row."""
    told = [name for name in fields if any(row.get(name) not in {None, ""} for row in rows)]
    grid = [[name.upper(), *(cell(row, name) for row in rows)] for name in told]
    widths = [max(map(cell_width, column)) for column in zip(*grid, strict=True)]
    return ["  ".join(padded(text, width) for text, width in zip(line, widths, strict=True)).rstrip() for line in grid]
