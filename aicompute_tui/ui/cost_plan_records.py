"""Plans of a month's cost as a list: its columns, and what the plan under the cursor rests on."""

from __future__ import annotations

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.format import days_old, gpus, money
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column


def _columns(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs

    def machine(row: JsonObject) -> str:
        return f"{text(row, 'machines')} {glyphs.times} {text(row, 'type')}"

    def gpu(row: JsonObject) -> str:
        name = text(row, "gpu_name")
        return gpus(number(row, "gpu_count"), name, glyphs) if name else glyphs.unknown

    def month(key: str, title: str, letter: str) -> RowColumn:
        def shown(row: JsonObject) -> Cell:
            amount = number(row, key)
            return Cell(glyphs.unknown, "dim") if amount is None else Cell(f"${amount:,.0f}", "strong")

        return Column(key=key, title=title, width=9, align="right", letter=letter, cell=shown,
                      sort=lambda row: number(row, key))  # fmt: skip

    return [
        plain_column("plan", "plan", 9, letter="N"),
        Column(key="type", title="machines", width=16, weight=1, most=22, letter="T", cell=machine,
               sort=lambda row: text(row, "type"), fields=("machines", "type")),
        Column(key="hours_per_day", title="h/day", width=5, align="right", letter="H", descending=True,
               cell=lambda row: f"{number(row, 'hours_per_day') or 0:g}",
               sort=lambda row: number(row, "hours_per_day")),
        month("low_usd_per_month", "at least", "L"),
        month("high_usd_per_month", "at most", "M"),
        plain_column("region", "region", 12, weight=1, most=18, letter="R"),
        Column(key="gpu_name", title="GPU", width=10, needs=92, letter="G", cell=gpu,
               sort=lambda row: text(row, "gpu_name"), fields=("gpu_name", "gpu_count")),
        Column(key="low_days_ago", title="age", width=4, align="right", letter="A",
               cell=lambda row: Cell(_age(row, glyphs.unknown), "dim"), sort=lambda row: number(row, "low_days_ago")),
    ]  # fmt: skip


def _age(row: JsonObject, unknown: str) -> str:
    days = number(row, "low_days_ago")
    return unknown if days is None else days_old(days)


def _told(session: Session, row: JsonObject) -> str:
    low, high = (money(number(row, f"{end}_usd_per_hour"), session.glyphs) for end in ("low", "high"))
    hours = number(row, "hours_per_month") or 0
    tokens = number(row, "tokens_per_month")
    said = "" if tokens is None else f", and {tokens:,.0f} tokens over {text(row, 'connection')}"
    first = f"{text(row, 'what')}: {hours:,.0f} machine hours at {low} to {high} each{said}"
    return f"{first}   {text(row, 'basis')} {text(row, 'low_source')}"


PLANS = RecordList(
    question="cost.plan", title="Cost plan", key="plan", columns=_columns, told=_told,
    empty="No plan is known.", marks=False,
)  # fmt: skip
