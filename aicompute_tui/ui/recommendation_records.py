"""What is recommended for a model as a list: what the form asks, its columns, and an offer in a line or two."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.sizes import format_bytes, format_tokens
from aicompute_tui.ui.format import days_old, gpus, money
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column, Tone

FIELDS: tuple[tuple[str, str, str], ...] = (
    ("model", "model", "llama 70b, owner/name, or a file"),
    ("budget", "budget", "none; 3 an hour, or 900/month"),
    ("context", "context", "8k, or what the model has"),
    ("parallel", "parallel", "1"),
)
"""Name, label, and what stands there while it is empty."""
EITHER = "either"
MARKETS = ((EITHER, "spot or on-demand"), ("spot", "spot"), ("on-demand", "on-demand"))
_BUDGET = re.compile(
    r"\$?\s*(?P<usd>\d{1,6}(?:\.\d{1,6})?)\s*(?:usd)?\s*(?:/|an?\s+|per\s+)?\s*(?P<per>h|hour|m|mo|month)?"
)
_VERDICTS: Mapping[str, Tone] = {"FITS": "good", "TIGHT": "warn", "NO": "bad", "UNKNOWN": "warn"}


def asked(values: Mapping[str, str]) -> JsonObject:
    """The arguments of the question. Raises InvalidInput for a budget that cannot be read."""
    made: JsonObject = {name: values[name].strip() for name in ("context", "parallel") if values[name].strip()}
    made["model"] = values["model"].strip()
    if values["market"] != EITHER:
        made["market"] = values["market"]
    written = values["budget"].strip().lower()
    if written:
        match = _BUDGET.fullmatch(written)
        if match is None:
            raise InvalidInput(f"“{values['budget'].strip()}” is not a budget.", "Write it like 3, or 900/month.")
        per = "month" if (match["per"] or "h").startswith("m") else "hour"
        made[f"max_usd_per_{per}"] = match["usd"]
    return made


def first_values(arguments: Mapping[str, Json]) -> dict[str, str]:
    """What stands in the fields where the view was opened with arguments."""
    values = {name: _written(arguments.get(name)) for name, _, _ in FIELDS}
    hourly, monthly = _written(arguments.get("max_usd_per_hour")), _written(arguments.get("max_usd_per_month"))
    values["budget"] = hourly or (f"{monthly}/month" if monthly else "")
    market = _written(arguments.get("market"))
    return {**values, "market": market if market in dict(MARKETS) else EITHER}


def _written(value: Json) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def offers_of(answer: Json) -> list[JsonObject]:
    """What fits, else what would fit instead."""
    found = answer if isinstance(answer, dict) else {}
    for name in ("offers", "instead"):
        rows = found.get(name)
        if isinstance(rows, list) and rows:
            return [row for row in rows if isinstance(row, dict)]
    return []


def headline(answer: JsonObject) -> str:
    """What the words of the model are taken for, and what is found of it."""
    also = answer.get("also")
    others = ", ".join(map(str, also)) if isinstance(also, list) else ""
    named = text(answer, "title") or text(answer, "model")
    taken = f"{named} (not {others})" if others else named
    tokens, count = number(answer, "context"), number(answer, "parallel") or 1
    served = "" if tokens is None else f" at {format_tokens(int(tokens))} context"
    at_once = f", {count:.0f} at once" if count > 1 else ""
    offers = answer.get("offers")
    if isinstance(offers, list) and offers:
        kinds = "1 machine type" if len(offers) == 1 else f"{len(offers)} machine types"
        return f"{taken}{served}{at_once} fits on {kinds}."
    return f"{taken}{served}{at_once}: {text(answer, 'reason')}"


def launch_arguments(row: JsonObject, most_usd_per_hour: str | None) -> JsonObject:
    """The wizard's own; a cap is for spot machines, and a budget that was given is one."""
    made: JsonObject = {name: text(row, name) for name in ("type", "region", "market")}
    if text(row, "served_as"):
        made |= {"framework": text(row, "engine"), "model": [text(row, "served_as")]}
        if number(row, "context"):
            made["context"] = text(row, "context")
    if most_usd_per_hour and text(row, "market") == "spot":
        made["max_price"] = most_usd_per_hour
    return made


def _columns(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs

    def verdict(row: JsonObject) -> Cell:
        word = text(row, "verdict")
        return Cell(word, _VERDICTS.get(word, ""))

    def usd(key: str, title: str, letter: str, width: int, *, needs: int = 0, places: int = 2) -> RowColumn:
        def shown(row: JsonObject) -> str:
            amount = number(row, key)
            return money(amount, glyphs) if amount is None or places else f"${amount:,.0f}"

        return Column(key=key, title=title, width=width, align="right", letter=letter, needs=needs, cell=shown,
                      sort=lambda row: number(row, key))  # fmt: skip

    def gpu(row: JsonObject) -> str:
        return gpus(number(row, "gpu_count"), text(row, "gpu_name"), glyphs)

    def context(row: JsonObject) -> str:
        most = number(row, "max_context")
        return "any" if most is None else format_tokens(int(most))

    def band(row: JsonObject) -> Cell:
        return Cell(text(row, "interruption_band") or glyphs.unknown, "dim")

    return [
        Column(key="verdict", title="fit", width=5, letter="F", cell=verdict, sort=lambda row: text(row, "verdict")),
        plain_column("type", "type", 12, weight=1, most=24, letter="T"),
        Column(key="gpu", title="GPU", width=11, weight=1, most=18, letter="G", cell=gpu,
               sort=lambda row: (text(row, "gpu_name"), number(row, "gpu_count")), fields=("gpu_name", "gpu_count")),
        plain_column("cloud", "cloud", 6, letter="C"),
        usd("usd_per_hour", "$/h", "P", 6),
        usd("usd_per_month", "month", "M", 7, places=0),
        plain_column("quantisation", "as", 6, letter="Q"),
        Column(key="max_context", title="up to", width=5, align="right", letter="U", descending=True, cell=context,
               sort=lambda row: number(row, "max_context")),
        plain_column("region", "region", 12, weight=1, most=20, letter="R", needs=96),
        plain_column("market", "market", 9, letter="K", needs=100),
        Column(key="interruption_band", title="taken", width=6, needs=106, letter="I", cell=band,
               sort=lambda row: number(row, "interruption_index")),
    ]  # fmt: skip


def _told(_: Session, row: JsonObject) -> str:
    """Why it fits, what gives out first and what the quota leaves, then where the price is from."""
    weights, days = number(row, "weights_bytes"), number(row, "read_days_ago")
    size = "" if weights is None else f"{format_bytes(int(weights))} "
    tight = f"; tight: {text(row, 'tight')}" if text(row, "tight") else ""
    quota = f"; {text(row, 'quota')}" if text(row, "quota") else ""
    old = "" if days is None else f", {days_old(days)} old"
    where = f"{text(row, 'cloud')} {text(row, 'region')}, {text(row, 'market')}"
    served = text(row, "served_as") or "no place is known that has these weights"
    fits = f"{size}on {text(row, 'engine')}: {text(row, 'why')}{tight}{quota}."
    return f"{fits}  {where}: {text(row, 'source')}{old}.  {served}"


RECOMMENDED = RecordList(
    question="model.recommend", title="Recommend", key="id", columns=_columns, told=_told,
    empty="Name a model: what it fits on is ranked here by price.",
)  # fmt: skip
