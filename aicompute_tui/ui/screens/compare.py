"""Rows side by side: a line per field, those that differ first."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.filter_language import parse_filter
from aicompute_tui.ui.record_lines import flat_fields
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_FIELD_WIDTH = 24


class Line(NamedTuple):
    """A field and what each of the rows says in it."""

    field: str
    values: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


class CompareScreen(ConsoleScreen):
    """Opened by `v` over marked rows; the field stays where it is when paging sideways."""

    CSS_PATH = STYLES / "records.tcss"
    HINTS: ClassVar[tuple[str, ...]] = ("go.back", "go.json", "go.filter", "go.export", "go.command", "go.help")

    def __init__(
        self, session: Session, crumbs: Sequence[str], names: Sequence[str], records: Sequence[JsonObject]
    ) -> None:
        super().__init__(session)
        self._from = tuple(crumbs)
        self.names = unlike(names)
        self.lines = compared(records, session)
        self._differing = sum(line.differs for line in self.lines)

    @property
    def crumbs(self) -> tuple[str, ...]:
        return (*self._from, f"{len(self.names)} compared, {self._differing} fields differ")

    def compose_body(self) -> ComposeResult:
        yield VirtualTable(self._columns(), id="records", glyphs=self.session.glyphs, marks=False)

    def on_mount(self) -> None:
        self.query_one(VirtualTable).set_rows({line.field: line for line in self.lines})

    def _columns(self) -> list[Column[Line]]:
        sign = "≠" if self.session.glyphs.unicode else "!"

        def field(line: Line) -> Cell:
            return Cell(line.field, "" if line.differs else "dim", sign if line.differs else " ", "warn")

        def value(place: int, line: Line) -> Cell:
            return Cell(line.values[place], "strong" if line.differs else "dim")

        columns: list[Column[Line]] = [
            Column(
                key="field", title="  field", width=_FIELD_WIDTH, cell=field, sort=lambda line: line.field, letter="F"
            )
        ]
        for place, name in enumerate(self.names):
            columns.append(
                Column(key=name, title=name, width=20, weight=1, most=60, cell=partial(value, place), letter="")
            )
        return columns

    def record_of(self, row_id: str) -> JsonObject | None:
        line = self.query_one(VirtualTable).rows.get(row_id)
        if line is None:
            return None
        values: dict[str, Json] = dict(zip(self.names, line.values, strict=True))
        return {"field": line.field, "differs": line.differs, **values}

    def called(self, record: JsonObject) -> str:
        return str(record["field"])

    def apply_filter(self, text: str) -> None:
        def text_of(line: Line) -> str:
            return "\n".join((line.field, *line.values)).lower()

        def value_of(line: Line, name: str) -> str | None:
            if name == "field":
                return line.field
            return line.values[self.names.index(name)] if name in self.names else None

        table = self.query_one(VirtualTable)
        table.set_filter(parse_filter(text, {"field", *self.names}).predicate(text_of, value_of))
        table.set_empty_message("No field matches.  esc shows all")


def compared(records: Sequence[JsonObject], session: Session) -> list[Line]:
    """The fields of all records in their order, those that differ first."""
    told = [{each.label: each.value for each in flat_fields(record, session)} for record in records]
    fields = dict.fromkeys(field for each in told for field in each)
    lines = [Line(field, tuple(each.get(field, session.glyphs.unknown) for each in told)) for field in fields]
    return sorted(lines, key=lambda line: not line.differs)


def unlike(names: Sequence[str]) -> list[str]:
    """Names that are told apart: a second one of a kind is numbered."""
    found: list[str] = []
    for name in names:
        number, wanted = 2, name
        while wanted in found:
            wanted, number = f"{name} {number}", number + 1
        found.append(wanted)
    return found
