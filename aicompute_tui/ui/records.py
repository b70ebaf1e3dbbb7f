"""The plain lists of the console: which question fills each, its columns, and what its rows say in full."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aicompute_tui.actions.model import Scope
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.format import gpus, moment, money
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column, Tone

if TYPE_CHECKING:
    from textual.content import Content

_VERDICTS: Mapping[str, tuple[str, str, Tone]] = {
    "ok": ("●", "*", "good"),
    "info": ("·", ".", "dim"),
    "warning": ("⚠", "^", "warn"),
    "unknown": ("?", "?", "warn"),
    "refused": ("✕", "x", "bad"),
    "failed": ("✕", "x", "bad"),
    "error": ("✕", "x", "bad"),
}
"""Verdict or level → its sign, the sign's ASCII twin and its tone."""
_BAD_FIRST = ("refused", "failed", "error", "warning", "unknown", "info", "ok")

RowColumn = Column[JsonObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordList:
    """`question` is the action that answers the rows, `key` names them; `opens` is what enter performs, None for JSON.

    `follows` is true where a change of the store may change the rows.
    """

    question: str
    title: str
    key: str
    columns: Callable[[Session], list[RowColumn]]
    empty: str
    told: Callable[[Session, JsonObject], str] | None = None
    """The row under the cursor in a line or two."""
    lines: Callable[[Session, JsonObject, int], list[Content]] | None = None
    """The same in full at a width, where a line does not do."""
    scope: Scope | None = None
    opens: str | None = None
    order: Callable[[JsonObject], Any] | None = None
    follows: bool = False
    marks: bool = True

    @property
    def word(self) -> str:
        return ACTIONS[self.question].aliases[0]


def text(row: JsonObject, key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value)


def number(row: JsonObject, key: str) -> float | None:
    value = row.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _moment(session: Session, row: JsonObject, key: str) -> str:
    when = parse_moment(text(row, key))
    at = None if when is None else when.timestamp()
    return moment(at, utc=session.utc, now=session.now().timestamp(), glyphs=session.glyphs)


def plain_column(
    key: str, title: str, width: int, *, weight: int = 0, most: int = 0, letter: str = "", needs: int = 0
) -> RowColumn:
    return Column(
        key=key, title=title, width=width, weight=weight, most=most, letter=letter, needs=needs,
        cell=lambda row: text(row, key), sort=lambda row: text(row, key).lower() or None,
    )  # fmt: skip


def time_column(session: Session, key: str, title: str, letter: str, *, needs: int = 0) -> RowColumn:
    return Column(
        key=key,
        title=title,
        width=12,
        letter=letter,
        needs=needs,
        cell=lambda row: Cell(_moment(session, row, key), "dim"),
        sort=lambda row: text(row, key) or None,
        descending=True,
    )


# -- machine types


def _type_columns(session: Session) -> list[RowColumn]:
    unknown = session.glyphs.unknown

    def priced(key: str, title: str, letter: str) -> RowColumn:
        return Column(
            key=title,
            title=title,
            width=8,
            align="right",
            letter=letter,
            needs=60,
            cell=lambda row: money(number(row, key), session.glyphs),
            sort=lambda row: number(row, key),
        )

    def gpu(row: JsonObject) -> str:
        count = number(row, "gpu_count")
        return gpus(count, text(row, "gpu_name") or "GPU", session.glyphs) if count else unknown

    def memory(row: JsonObject) -> float | None:
        count, each = number(row, "gpu_count"), number(row, "gpu_memory_mib")
        return None if count is None or each is None else max(count, 1) * each / 1024

    def zones(row: JsonObject) -> str:
        found = row.get("zones")
        return " ".join(str(zone)[-1] for zone in found) if isinstance(found, list) and found else unknown

    return [
        plain_column("name", "type", 15, letter="T"),
        Column(key="gpu", title="GPU", width=12, weight=1, most=24, cell=gpu, letter="G",
               sort=lambda row: text(row, "gpu_name")),
        Column(key="vram", title="VRAM G", width=6, align="right", letter="V", sort=memory, descending=True,
               cell=lambda row: unknown if (found := memory(row)) is None else f"{found:.0f}"),
        Column(key="vcpu", title="vCPU", width=4, align="right", letter="C", sort=lambda row: number(row, "vcpu_count"),
               cell=lambda row: text(row, "vcpu_count") or unknown),
        priced("spot_usd_per_hour", "spot/h", "S"),
        priced("on_demand_usd_per_hour", "list/h", "L"),
        Column(key="zones", title="zones", width=7, cell=zones, needs=76),
        Column(key="reason", title="not to be had", width=14, weight=2, needs=94,
               cell=lambda row: Cell(text(row, "disabled_reason"), "dim")),
    ]  # fmt: skip


def _type_told(_: Session, row: JsonObject) -> str:
    source = text(row, "price_source") or "no price is known"
    return text(row, "disabled_reason") or f"Prices: {source}. Press enter to launch one."


def _type_rank(row: JsonObject) -> tuple[bool, float]:
    """Cheapest first, those that cannot be had last."""
    price = number(row, "spot_usd_per_hour")
    return (bool(row.get("disabled_reason")), price if price is not None else float("inf"))


# -- doctor


def _rank(row: JsonObject) -> int:
    """What needs someone comes first."""
    verdict = text(row, "verdict")
    return _BAD_FIRST.index(verdict) if verdict in _BAD_FIRST else 0


def _doctor_columns(session: Session) -> list[RowColumn]:
    return [
        Column(key="verdict", title="verdict", width=10, letter="V", sort=_rank,
               cell=lambda row: verdict_cell(session, text(row, "verdict"))),
        plain_column("check", "check", 14, letter="C"),
        plain_column("reason", "reason", 30, weight=3),
        plain_column("next_step", "what to do", 20, weight=2, needs=90),
    ]  # fmt: skip


def _doctor_told(_: Session, row: JsonObject) -> str:
    return f"{text(row, 'reason')}  {text(row, 'next_step')}".strip()


def verdict_cell(session: Session, word: str) -> Cell:
    return Cell(signed(session, word), _VERDICTS.get(word, ("", "", ""))[2])


def signed(session: Session, word: str) -> str:
    glyph, twin, _ = _VERDICTS.get(word, ("?", "?", ""))
    return f"{glyph if session.glyphs.unicode else twin} {word}"


TYPES = RecordList(
    question="instance.types", title="Types", key="name", columns=_type_columns, told=_type_told,
    empty="No GPU machine is offered here.", order=_type_rank,
)  # fmt: skip
DOCTOR = RecordList(
    question="doctor.run", title="Doctor", key="check", columns=_doctor_columns, told=_doctor_told,
    empty="There was nothing to check.", order=_rank,
)  # fmt: skip


def rows_by_key(records: RecordList, answer: Json) -> dict[str, JsonObject]:
    """Rows by their key, in the order they came; two with one key both stay."""
    found: dict[str, JsonObject] = {}
    rows = [row for row in (answer if isinstance(answer, list) else []) if isinstance(row, dict)]
    for row in rows if records.order is None else sorted(rows, key=records.order):
        key = text(row, records.key) or str(len(found))
        found[key if key not in found else f"{key} {len(found)}"] = row
    return found


def column_value(columns: list[RowColumn], row: JsonObject, name: str) -> str | float | None:
    """What `name:text` and `name>number` in a filter look at; `@` is the subject or account."""
    if name == "@":
        return " ".join(text(row, key) for key in ("subject_name", "account_id", "region", "actor", "created_by"))
    column = next((each for each in columns if name in (each.key, each.title)), None)
    if column is None:
        return None
    cell = column.cell(row)
    return cell.text if isinstance(cell, Cell) else cell


def row_text(columns: list[RowColumn], row: JsonObject) -> str:
    """Everything of a row that is searched."""
    cells = (column.cell(row) for column in columns)
    return "\n".join(cell.text if isinstance(cell, Cell) else cell for cell in cells).lower()
