"""What tokens cost at every provider, beside what the own connections use: the second tab of the prices."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui import records
from aicompute_tui.ui.filter_language import parse_filter
from aicompute_tui.ui.llm_price_records import FIGURES, LLM_PRICES
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.screens.prices import TABS
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.widgets.section_line import SectionLine

_TAB = 1


class LlmPricesScreen(RecordScreen):
    LIST = LLM_PRICES
    CSS_PATH = [STYLES / "records.tcss", STYLES / "prices.tcss"]  # noqa: RUF012 - Textual's own form
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("price-tabs",)
    HINTS: ClassVar[tuple[str, ...]] = (
        "go.mark", "go.compare", "price-tabs.next", "go.filter", "go.export", "go.help",
    )  # fmt: skip

    @property
    def crumbs(self) -> tuple[str, ...]:
        return (*super().crumbs[:1], "LLM APIs, USD per million tokens")

    def compose_body(self) -> ComposeResult:
        yield SectionLine(TABS, _TAB, self.session.glyphs, id="price-head")
        yield from super().compose_body()

    def apply_filter(self, text: str) -> None:
        """Figures are compared as they are, not as they are written."""
        names = {each.key for each in self._columns if " " not in each.key} | {"used"}

        def value_of(row: JsonObject, name: str) -> str | float | None:
            if name in FIGURES:
                return records.number(row, FIGURES[name])
            return records.column_value(self._columns, row, "used by" if name == "used" else name)

        predicate = parse_filter(text, names).predicate(lambda row: records.row_text(self._columns, row), value_of)
        self.table.set_filter(predicate)
        self.table.set_empty_message("Nothing matches the filter. esc shows all." if text.strip() else self.LIST.empty)

    def asked_anew(self) -> None:
        self.load()

    def called(self, row: JsonObject) -> str:
        return f"{records.text(row, 'model')} {records.text(row, 'provider')}"

    def action_section(self, by: int) -> None:  # noqa: ARG002
        self.console.open_view("price.list")

    @on(SectionLine.Clicked)
    def go_to_section(self, event: SectionLine.Clicked) -> None:
        if event.section != _TAB:
            self.action_section(event.section)
