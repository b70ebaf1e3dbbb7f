"""What a spot machine cost in the last days, zone by zone: a chart, the same in figures, and where it is cheapest."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.price_history import HISTORY, SPANS, chart_of, day_columns, days_of, points_of, with_cheapest
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.line_chart import chart_lines
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_CHART_HIGH, _CHART_LOW = 14, 8
_MARGIN = 6
_DAY = 86_400.0


class PriceHistoryScreen(RecordScreen):
    """Opened by `$` on an offer. Marked zones alone are drawn; the one under the cursor stands out."""

    LIST = HISTORY
    CSS_PATH = [STYLES / "records.tcss", STYLES / "prices.tcss"]  # noqa: RUF012 - Textual's own form
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("price-history",)
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "launch"),)
    HINTS: ClassVar[tuple[str, ...]] = (
        "price-history.longer", "price-history.shorter", "price-history.figures", "go.mark", "go.help",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._span = 1
        self._shows_days = False
        self._rows: list[JsonObject] = []
        self._chart = ContentLines(id="price-chart")

    @property
    def days(self) -> int:
        return SPANS[self._span]

    @property
    def crumbs(self) -> tuple[str, ...]:
        named = (str(self.arguments[name]) for name in ("type", "region") if self.arguments.get(name))
        return ("Prices", *named, f"spot, {self.days} days")

    @property
    def asked(self) -> JsonObject:
        return {**self.arguments, "days": self.days}

    def compose_body(self) -> ComposeResult:
        yield self._chart
        yield from super().compose_body()

    def fill(self, answer: Json) -> None:
        rows = [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []
        self._rows = with_cheapest(rows)
        self._fill_table()
        self._paint_chart()

    def _fill_table(self) -> None:
        """A line for each zone, or for each day."""
        if self._shows_days:
            self._columns = day_columns(self._rows, self.session)
            self.table.set_columns(self._columns)
            self.table.set_rows(days_of(self._rows, self.days, self.session.now()))
            self.table.set_empty_message(self.LIST.empty)
        else:
            self._columns = self.LIST.columns(self.session)
            self.table.set_columns(self._columns)
            super().fill(list[Json](self._rows))

    def asked_anew(self) -> None:
        self.load()

    def on_resize(self) -> None:
        self._paint_chart()

    @on(VirtualTable.SelectionChanged)
    def _selected(self) -> None:
        self._paint_chart()

    @property
    def zone(self) -> str | None:
        """The one under the cursor; None among days."""
        cursor = self.table.cursor_id
        row = None if cursor is None or self._shows_days else self.table.rows.get(cursor)
        return None if row is None else text(row, "zone")

    def _paint_chart(self) -> None:
        width = self.size.width - _MARGIN
        if width <= 0 or not self._rows:
            self._chart.show_lines([])
            return
        marked = set() if self._shows_days else self.table.marked_ids
        drawn = [
            row for row in self._rows if not marked or text(row, "zone") in marked or text(row, "zone") == self.zone
        ]
        lines = chart_of(drawn, self.zone or text(self._rows[0], "zone"))
        high = _CHART_HIGH if self.size.height >= 30 else _CHART_LOW
        now = self.session.now().timestamp()
        if lines:
            painted = chart_lines(lines, (now - self.days * _DAY, now), (width, high), self.session.glyphs)
            self._chart.show_lines([self._title(len(lines)), *painted])
        else:
            note = next((text(row, "note") for row in self._rows if text(row, "note")), "")
            self._chart.show_lines([Content.styled(note or self.LIST.empty, "$foreground-muted")])

    def _title(self, drawn: int) -> Content:
        told = sum(len(points_of(row)) > 1 for row in self._rows)
        zones = f"{drawn} of {told} zones" if drawn != told else f"{told} zone{'s' if told != 1 else ''}"
        return Content.assemble((f"SPOT $/h, last {self.days} days", "$foreground-muted"), f"   {zones}")

    def called(self, row: JsonObject) -> str:
        return text(row, "zone") or text(row, "day")

    def action_span(self, step: int) -> None:
        wanted = max(0, min(len(SPANS) - 1, self._span + step))
        if wanted != self._span:
            self._span = wanted
            self.refresh_header()
            self.load()

    def action_figures(self) -> None:
        self._shows_days = not self._shows_days
        if self._rows:
            self._fill_table()
            self._paint_chart()

    def open_selected(self) -> None:
        """The launch wizard in that zone."""
        if self.session.read_only or self._shows_days:
            self.action_json()
            return
        rows = self.selected_rows()
        if rows:
            wanted: JsonObject = {"type": text(rows[0], "type"), "region": text(rows[0], "region"), "market": "spot"}
            if text(rows[0], "zone"):
                wanted["zone"] = text(rows[0], "zone")
            self.console.open_view("instance.launch", wanted)
