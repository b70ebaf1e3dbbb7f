"""The lists beside the launch form: machine types with memory and price, credentials, regions."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping

from rich.text import Text

from aicompute_tui.domain.json import Json
from aicompute_tui.settings.packaged import DATA
from aicompute_tui.ui.widgets.columns import fit
from aicompute_tui.ui.widgets.form_fields import Choice

_NAME, _MEMORY, _VCPU, _PRICE = 13, 5, 4, 6
_FIXED = _NAME + _MEMORY + _VCPU + _PRICE + 4


def type_title(market: str, width: int) -> str:
    price = "spot/h" if market == "spot" else "list/h"
    return _columns("type", "GPU", "VRAM", "vCPU", price, width)


def type_choices(rows: Json, market: str, width: int) -> list[Choice]:
    """Rows of `instance.types`, cheapest first; those without a price after them, those that cannot be had last."""
    known = [row for row in _objects(rows) if row.get("name")]
    known.sort(key=lambda row: _rank(row, market))
    return [_type_choice(row, market, width) for row in known]


def credential_choices(rows: Json, width: int) -> list[Choice]:
    """Rows of `credential.list`; one whose last test failed can still be chosen, and says so."""
    name_width = max(10, min(24, width // 3))
    made = []
    for row in _objects(rows):
        name = _word(row, "name") or _word(row, "id")
        told = " ".join(filter(None, (_word(row, "account_id"), _word(row, "region"), _word(row, "method"))))
        if row.get("error_message"):
            told = _word(row, "error_message")
        line = Text(no_wrap=True).append(fit(name, name_width)).append(" ")
        line.append(fit(told, max(1, width - name_width - 1)).rstrip(), "dim")
        made.append(Choice(name, line))
    return made


def region_choices() -> list[Choice]:
    """Regions of the shipped price list; another can be typed."""
    with (DATA / "aws-gpu-prices.csv").open(encoding="utf-8", newline="") as file:
        codes = sorted({row["region"] for row in csv.DictReader(file)})
    return [Choice(code, Text(code, no_wrap=True)) for code in codes]


def price_of(row: Mapping[str, Json], market: str) -> float | None:
    price = row.get("spot_usd_per_hour" if market == "spot" else "on_demand_usd_per_hour")
    return float(price) if isinstance(price, (int, float)) and not isinstance(price, bool) else None


def _type_choice(row: Mapping[str, Json], market: str, width: int) -> Choice:
    name = _word(row, "name")
    reason = _word(row, "disabled_reason")
    if not reason and market == "spot" and row.get("has_spot") is False:
        reason = "not rented as spot"
    if reason:
        room = max(1, width - _NAME - 1)
        return Choice(name, Text(f"{fit(name, _NAME)} {fit(reason, room)}", no_wrap=True), reason)
    price = price_of(row, market)
    line = _columns(
        name,
        _gpus(row),
        _memory(row),
        _word(row, "vcpu_count") or "–",
        f"${price:.2f}" if price is not None else "–",
        width,
    )
    return Choice(name, Text(line, no_wrap=True))


def _columns(name: str, gpu: str, memory: str, vcpu: str, price: str, width: int) -> str:
    gpu_width = max(6, min(22, width - _FIXED))
    return " ".join(
        (
            fit(name, _NAME),
            fit(gpu, gpu_width),
            fit(memory, _MEMORY, align="right"),
            fit(vcpu, _VCPU, align="right"),
            fit(price, _PRICE, align="right"),
        )
    )


def _gpus(row: Mapping[str, Json]) -> str:
    count = row.get("gpu_count")
    return f"{count:g}×{_word(row, 'gpu_name') or 'GPU'}" if isinstance(count, (int, float)) else "–"


def _memory(row: Mapping[str, Json]) -> str:
    """Of all GPUs together, in GiB."""
    count, each = row.get("gpu_count"), row.get("gpu_memory_mib")
    if not isinstance(count, (int, float)) or not isinstance(each, (int, float)):
        return "–"
    # A GPU cut into parts reports the memory of the part, of which there is one.
    return f"{round(max(count, 1) * each / 1024)}G"


def _rank(row: Mapping[str, Json], market: str) -> tuple[int, float, str]:
    price = price_of(row, market)
    if row.get("disabled_reason") or (market == "spot" and row.get("has_spot") is False):
        return (2, 0.0, _word(row, "name"))
    return (0, price, _word(row, "name")) if price is not None else (1, 0.0, _word(row, "name"))


def _objects(rows: Json) -> Iterator[dict[str, Json]]:
    yield from (row for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict))


def _word(row: Mapping[str, Json], key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value)
