"""The machine types as the launch wizard lists them: memory, price, saving, quota and zones, each unknown as such."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.domain.quota import machines_that_fit
from aicompute_tui.ui.format import age, money
from aicompute_tui.ui.format import gpus as gpu_words
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.launch_lists import chosen_cell
from aicompute_tui.ui.records import RowColumn, number, text
from aicompute_tui.ui.widgets.columns import Cell, Column

ON_DEMAND = "on-demand"


def machine_columns(form: LaunchForm, glyphs: Glyphs) -> list[RowColumn]:
    """Prices and quota are those of the form's market."""
    market = form["market"]

    def name(row: JsonObject) -> Cell:
        cell = chosen_cell(text(row, "name"), text(row, "name") == form["type"], glyphs)
        return cell._replace(tone="dim") if machine_refusal(row, market) or beyond_quota(row) else cell

    def quota(row: JsonObject) -> Cell:
        more = number(row, "quota_machines")
        return (
            Cell(glyphs.unknown, "dim") if more is None else Cell(f"{more:.0f} more") if more else Cell("none", "warn")
        )

    return [
        Column(key="type", title="  type", width=15, letter="T", sort=lambda row: text(row, "name"), cell=name),
        Column(key="gpu", title="GPU", width=11, most=18, letter="G", sort=lambda row: text(row, "gpu_name"),
               cell=lambda row: gpus(row, glyphs)),
        Column(key="vram", title="VRAM", width=6, align="right", letter="V", descending=True, sort=memory_gib,
               cell=lambda row: _figure(memory_gib(row), "{:,.0f} G", glyphs)),
        Column(key="vcpu", title="vCPU", width=4, align="right", letter="U", descending=True,
               sort=lambda row: number(row, "vcpu_count"),
               cell=lambda row: _figure(number(row, "vcpu_count"), "{:.0f}", glyphs)),
        Column(key="price", title="list/h" if market == ON_DEMAND else "spot/h", width=7, align="right", letter="P",
               sort=lambda row: price_of(row, market), cell=lambda row: money(price_of(row, market), glyphs)),
        *_other_price(market, glyphs),
        Column(key="saves", title="saves", width=5, align="right", letter="S", descending=True,
               sort=lambda row: number(row, "saving_percent"),
               cell=lambda row: _figure(number(row, "saving_percent"), "{:.0f}%", glyphs)),
        Column(key="quota", title="quota", width=7, letter="Q", descending=True,
               sort=lambda row: number(row, "quota_machines"), cell=quota),
        Column(key="zones", title="zones", width=5, weight=1, most=12, letter="Z",
               sort=lambda row: len(zones(row).split()) or None,
               cell=lambda row: Cell(zones(row) or glyphs.unknown, "dim")),
    ]  # fmt: skip


def _other_price(market: str, glyphs: Glyphs) -> list[RowColumn]:
    """What the other market costs, where there is room for it."""
    other = "spot" if market == ON_DEMAND else ON_DEMAND
    return [Column(key="other", title="spot/h" if other == "spot" else "list/h", width=7, align="right", needs=100,
                   cell=lambda row: Cell(money(price_of(row, other), glyphs), "dim"))]  # fmt: skip


def gpus(row: JsonObject, glyphs: Glyphs) -> str:
    """`4 × A10G`; a part of one GPU is a fraction of it."""
    count = number(row, "gpu_count")
    return glyphs.unknown if count is None else gpu_words(count, text(row, "gpu_name") or "GPU", glyphs)


def memory_gib(row: JsonObject) -> float | None:
    """Of all GPUs together; a GPU cut into parts reports the memory of the part, of which there is one."""
    count, each = number(row, "gpu_count"), number(row, "gpu_memory_mib")
    return None if count is None or each is None else max(count, 1) * each / 1024


def price_of(row: JsonObject, market: str) -> float | None:
    return number(row, "on_demand_usd_per_hour" if market == ON_DEMAND else "spot_usd_per_hour")


def zones(row: JsonObject) -> str:
    """`a b d`: what is not the region's own name."""
    found = row.get("zones")
    named = found if isinstance(found, list) else []
    return " ".join(str(zone).rpartition("-")[2].lstrip("0123456789") for zone in named)


def machine_refusal(row: JsonObject, market: str) -> str:
    """Why it cannot be had, empty where nothing is known against it."""
    if text(row, "disabled_reason"):
        return f"{text(row, 'name')}: {text(row, 'disabled_reason')}"
    if market != ON_DEMAND and row.get("has_spot") is False:
        return f"{text(row, 'name')} is not rented as spot; m shows on-demand prices."
    return ""


def beyond_quota(row: JsonObject) -> str:
    """Why not one more of it may be rented; empty where that is not known."""
    if number(row, "quota_machines") != 0:
        return ""
    quota = text(row, "quota_name").removesuffix(" Instance Requests")
    needed, free = number(row, "vcpu_count"), number(row, "quota_free_vcpus")
    if needed is None or free is None:
        return ""
    return f"{text(row, 'name')} needs {needed:.0f} vCPU of “{quota}”; {free:.0f} free.  i asks for more"


def quota_wish(row: JsonObject, form: LaunchForm) -> JsonObject:
    """What asking for more begins with: this type where the form is, and the quota as it stands."""
    wish: JsonObject = {"what": text(row, "name"), "type": text(row, "name"), "type_vcpus": row.get("vcpu_count")}
    wish |= {name: row.get(f"quota_{name}") for name in ("limit_vcpus", "used_vcpus")}
    wish |= {name: form[name] for name in ("region", "market", "profile") if form[name]}
    return {name: value for name, value in wish.items() if value is not None}


def one_of_each_family(rows: Sequence[JsonObject]) -> list[str]:
    """`g5.xlarge` for all of g5: what counts a family counts each of it."""
    return list({text(row, "name").partition(".")[0]: text(row, "name") for row in rows}.values())


def with_quotas(rows: Sequence[JsonObject], answer: Json) -> list[JsonObject]:
    """Rows completed by an answer of `quota.list`; a sentence is why there is none."""
    found = (
        {text(each, "type").partition(".")[0]: each for each in answer if isinstance(each, dict)}
        if isinstance(answer, list)
        else {}
    )
    why = answer if isinstance(answer, str) else "which quota counts it is not known"
    return [_with_quota(row, found.get(text(row, "name").partition(".")[0]), why) for row in rows]


def _with_quota(row: JsonObject, quota: JsonObject | None, why: str) -> JsonObject:
    if quota is None:
        return {**row, "quota_note": why, "quota_read": True}
    free, needed = number(quota, "free_vcpus"), number(row, "vcpu_count")
    return {
        **row,
        "quota_name": quota.get("name"),
        "quota_limit_vcpus": quota.get("limit_vcpus"),
        "quota_used_vcpus": quota.get("used_vcpus"),
        "quota_free_vcpus": free,
        "quota_machines": machines_that_fit(
            None if free is None else int(free), None if needed is None else int(needed)
        ),
        "quota_note": quota.get("note"),
        "quota_read": True,
    }


def machine_value(row: JsonObject, name: str, market: str) -> str | float | None:
    """What a filter compares."""
    values: dict[str, str | float | None] = {
        "type": text(row, "name"),
        "gpu": text(row, "gpu_name"),
        "gpus": number(row, "gpu_count"),
        "vram": memory_gib(row),
        "vcpu": number(row, "vcpu_count"),
        "price": price_of(row, market),
        "saves": number(row, "saving_percent"),
        "quota": number(row, "quota_machines"),
        "zones": zones(row),
    }
    return values.get(name)


FILTERED = ("type", "gpu", "gpus", "vram", "vcpu", "price", "saves", "quota", "zones")


def machine_text(row: JsonObject, glyphs: Glyphs) -> str:
    """What a word is looked for in; `24g` finds the memory of one GPU and of all."""
    each, together = number(row, "gpu_memory_mib"), memory_gib(row)
    sizes = [f"{size:.0f}g" for size in (None if each is None else each / 1024, together) if size is not None]
    return "\n".join((text(row, "name"), gpus(row, glyphs), *sizes, text(row, "architecture"))).lower()


def machine_needs(row: JsonObject, market: str) -> str:
    """What the quota says about it in one sentence, or why it cannot be had."""
    refused = machine_refusal(row, market) or beyond_quota(row)
    if refused:
        return refused
    name, needed = text(row, "name"), number(row, "vcpu_count")
    quota, free = text(row, "quota_name").removesuffix(" Instance Requests"), number(row, "quota_free_vcpus")
    if needed is None:
        return f"{name}: how many vCPU it has is not known."
    if not quota:
        told = text(row, "quota_note") if row.get("quota_read") else "the quota is being read …"
        return f"{name} needs {needed:.0f} vCPU; {told}"
    if free is None:
        note = text(row, "quota_note")
        return f"{name} needs {needed:.0f} vCPU of “{quota}”; what is free is not known{f': {note}' if note else '.'}"
    return f"{name} needs {needed:.0f} vCPU of “{quota}”; {free:.0f} are free."


def machine_sources(row: JsonObject, now: float, glyphs: Glyphs) -> list[str]:
    """Where each price comes from, and how old it is, a line each."""
    told = []
    for word, prefix in (("spot", "spot"), (ON_DEMAND, "on_demand")):
        source, amount = text(row, f"{prefix}_source"), number(row, f"{prefix}_usd_per_hour")
        if source and amount is not None:
            as_of = parse_moment(text(row, f"{prefix}_as_of"))
            old = f", {age(as_of.timestamp(), now, glyphs)} old" if as_of is not None else ""
            told.append(f"{word:<9}  ${amount:,.4f}/h  {source}{old}")
    return told or ["No source has a price for it."]


def machine_rank(row: JsonObject, market: str) -> tuple[int, float, str]:
    """Cheapest first; those without a price after them, those that cannot be had last."""
    price = price_of(row, market)
    if machine_refusal(row, market):
        return (2, 0.0, text(row, "name"))
    return (1, 0.0, text(row, "name")) if price is None else (0, price, text(row, "name"))


def _figure(value: float | None, shape: str, glyphs: Glyphs) -> Cell:
    return Cell(glyphs.unknown, "dim") if value is None else Cell(shape.format(value))
