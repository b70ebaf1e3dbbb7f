"""What machines cost at every cloud: one table of all offers, narrowed, ranked, compared, and begun to launch from."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.offer_table import OfferTable, offer_view
from aicompute_tui.domain.states import Market
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.offer_columns import USUAL, offer_told, table_columns
from aicompute_tui.ui.offer_facets import Facets, wanted
from aicompute_tui.ui.offer_sheet import CONTEXT, ON_DEMAND, SEARCHED, SPOT, OfferSheet
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.column_fields import both
from aicompute_tui.ui.widgets.column_table import ColumnTable
from aicompute_tui.ui.widgets.columns import Tone
from aicompute_tui.ui.widgets.section_line import SectionLine
from aicompute_tui.ui.widgets.text_line import TextLine
from aicompute_tui.ui.widgets.told_lines import ToldLines
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from aicompute_tui.ui.offer_answers import QuotaLeft

TABS = ("machines", "LLM APIs")
_LAUNCHES = "aws"
_MARGIN = 7
_SORTS = {"gpu": "gpu_hour", "vram": "gib_hour"}
"""Columns by what `price list` ranks by."""
_FILTERED_OUT = "No offer is like that. esc shows all."


class PricesScreen(ConsoleScreen):
    """Read from disk in a thread, and again when the agent has written it anew; nobody is asked for the table."""

    CSS_PATH = [STYLES / "records.tcss", STYLES / "prices.tcss"]  # noqa: RUF012 - Textual's own form
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("prices", "price-tabs")
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "launch"),)
    HINTS: ClassVar[tuple[str, ...]] = (
        "go.mark", "go.compare", "prices.history", "prices.market", "go.filter", "go.help",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.facets = Facets()
        self.sheet: OfferSheet | None = None
        self._by = ""
        self._quota_left: QuotaLeft | None = None
        self._table = ColumnTable([], id="records", empty_message="reading …", glyphs=session.glyphs)

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        """Those of the list on the command line, as facets and as a filter."""
        self.facets, self.filter_text = wanted(arguments)
        self._by = _SORTS.get(str(arguments.get("by") or ""), "")

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Prices", *self.facets.words)

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="price-head"):
            yield SectionLine(TABS, 0, self.session.glyphs, id="price-tabs")
            yield TextLine(id="price-count")
        yield self._table
        yield ToldLines(self.session.glyphs, id="record-told")

    # -- rows

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._load()
        self._load_quotas()

    def on_resize(self) -> None:
        if self.sheet is not None:
            self._lay_out(self.sheet)

    def tick(self) -> None:
        self._load()

    def asked_anew(self) -> None:
        self._load()
        self._load_quotas()

    @work(group="load", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        try:
            table = await self.session.offers()
        except AicError as error:
            self._table.set_empty_message(f"{error.message} {error.next_step}".strip())
            return
        if self.sheet is None or table is not self.sheet.table:
            self._show(table)
        else:
            self.sheet.now = self.session.now().timestamp()
            self._table.refresh_texts()
        self._tell()

    @work(group="quotas", exclusive=True, exit_on_error=False)
    async def _load_quotas(self) -> None:
        from aicompute_tui.ui.offer_answers import quota_left

        with suppress(AicError):  # the column says that it is not known
            self._quota_left = await quota_left(self.session)
            if self.sheet is not None:
                self._show(self.sheet.table)

    def _show(self, table: OfferTable) -> None:
        """Other rows, or the same ranked by another market."""
        left = None if self._quota_left is None else self._quota_left.machines(table, self.facets.market)
        self.sheet = sheet = OfferSheet(table, self.session.now().timestamp(), self.facets.market, left)
        self._lay_out(sheet)
        try:
            mask = self._mask(sheet, self.filter_text)
        except InvalidInput as error:
            self.filter_text, mask = "", self._mask(sheet, "")
            self.say(error.message, "warn", next_step=error.next_step)
        self._table.show_rows(sheet, mask)
        if self._table.sorted_by is None and (first := self._by or self._priced):
            self._table.sort_by(first, descending=False)
        self._count()
        self._tell()

    @property
    def _priced(self) -> str:
        """The column of the market that ranks; empty where the lower price does, by which the offers come."""
        return {SPOT: "spot", ON_DEMAND: "list"}.get(self.facets.market, "")

    def _lay_out(self, sheet: OfferSheet) -> None:
        narrow = self.size.width < 100
        self._table.set_columns(
            table_columns(sheet, self.session.offer_columns or USUAL, self.session.glyphs, narrow=narrow)
        )

    def _mask(self, sheet: OfferSheet, text: str) -> bytes | None:
        """Raises InvalidInput for what the filter cannot read."""
        found = None
        if text.strip():
            from aicompute_tui.ui.column_filter import filter_mask
            from aicompute_tui.ui.filter_language import parse_filter

            found = filter_mask(parse_filter(text, sheet.fields), sheet.fields, SEARCHED, CONTEXT)
        return both([*self.facets.masks(sheet), sheet.priced, found])

    def apply_filter(self, text: str) -> None:
        if self.sheet is not None:
            self._table.set_mask(self._mask(self.sheet, text))
            self._table.set_empty_message(_FILTERED_OUT)
            self._count()

    def _count(self) -> None:
        shown, known = len(self._table.order), len(self._table.rows)
        told = f"{known:,} offers" if shown == known else f"{shown:,} of {known:,} offers"
        self.query_one("#price-count", TextLine).show(Content.styled(told, "$foreground-muted"))

    @property
    def row(self) -> int | None:
        """The row under the cursor."""
        cursor = self._table.cursor_id
        return None if cursor is None or self.sheet is None else self.sheet.row_of(cursor)

    @on(VirtualTable.SelectionChanged)
    def _tell(self) -> None:
        row, sheet, told, whose = self.row, self.sheet, "", ""
        if row is not None and sheet is not None:
            told = offer_told(sheet, row, self.size.width - _MARGIN, self.session.glyphs)
            whose = self._quota_left.whose(sheet.table, row, sheet.market) if self._quota_left else ""
        line = self.query_one(ToldLines)
        line.set_class(bool(whose), "-account")
        line.tell(f"{told}\n{whose}".strip())

    def record_of(self, row_id: str) -> JsonObject | None:
        row = None if self.sheet is None else self.sheet.row_of(row_id)
        if row is None or self.sheet is None:
            return None
        market = Market(self.facets.market) if self.facets.market else None
        left = self.sheet.fields["quota"](row)
        return {**offer_view(self.sheet.table, row, market, self.session.now()), "quota_machines": left}

    def called(self, record: JsonObject) -> str:
        return f"{record['type']} {record['region']}"

    # -- narrowing

    def action_narrow(self, name: str) -> None:
        """To what stands in the row under the cursor, or back to all."""
        row = self.row
        if self.sheet is None or (row is None and not self.facets.words):
            return
        word = "" if row is None else self.sheet.table.word(name, row)
        self._narrow(self.facets.turned(name, word))

    def action_market(self) -> None:
        self._narrow(self.facets.next_market())

    def _narrow(self, facets: Facets) -> None:
        market, self.facets = self.facets.market, facets
        self.refresh_header()
        if self.sheet is None:
            return
        if facets.market == market:
            self.apply_filter(self.filter_text)
            return
        self._table.unsort()
        self._show(self.sheet.table)

    def action_back(self) -> None:
        """The facets after the filter, before the marks."""
        if not self.filter_text and self.facets.words:
            self._narrow(Facets())
        else:
            super().action_back()

    def action_columns(self) -> None:
        from aicompute_tui.ui.screens.column_choice import ColumnChoice

        def chosen(keys: tuple[str, ...] | None) -> None:
            if keys is not None and self.sheet is not None:
                self.session.offer_columns = keys
                self._lay_out(self.sheet)

        self.app.push_screen(ColumnChoice(self.session.glyphs, self.session.offer_columns or USUAL), chosen)

    def action_section(self, by: int) -> None:  # noqa: ARG002
        self.console.open_view("price.llm")

    @on(SectionLine.Clicked)
    def go_to_section(self, event: SectionLine.Clicked) -> None:
        if event.section:
            self.action_section(event.section)

    # -- what is done with an offer

    @on(VirtualTable.RowOpened)
    def open_row(self, event: VirtualTable.RowOpened) -> None:
        """The launch wizard, where that cloud can be launched at; not for a row that went away meanwhile."""
        row = self.row
        if row is None or self.sheet is None or event.row_id != self._table.cursor_id:
            return
        cloud = self.sheet.table.word("cloud", row)
        if self.session.read_only:
            self.action_json()
        elif cloud != _LAUNCHES:
            step = "m, o or / narrow to what can be launched; y shows this one whole."
            self.say(f"Nothing is launched at {cloud} from here.", "warn", next_step=step)
        else:
            self.console.open_view("instance.launch", {**self._named(row), "market": self.sheet.market_of(row)})

    def _named(self, row: int) -> JsonObject:
        table = self.sheet.table if self.sheet is not None else None
        return {} if table is None else {"type": table.word("machine_type", row), "region": table.word("region", row)}

    def action_history(self) -> None:
        row = self.row
        if row is None or self.sheet is None:
            return
        cloud = self.sheet.table.word("cloud", row)
        if cloud == _LAUNCHES:
            self.console.perform("price.history", [], self._named(row))
        else:
            self.say(f"{cloud} does not tell what its machines cost before.", "warn", next_step="AWS alone does.")

    def action_score(self) -> None:
        """Asked of AWS, which limits how often."""
        row = self.row
        if row is None or self.sheet is None:
            return
        cloud = self.sheet.table.word("cloud", row)
        if cloud != _LAUNCHES:
            self.say(f"{cloud} gives no placement score.", "warn", next_step="AWS alone does.")
        else:
            from aicompute_tui.ui.offer_answers import score

            self.say("Placement score …", "dim")
            self.console.work_on(self._say_answer(score(self.session, self._named(row))))

    def action_refresh(self) -> None:
        from aicompute_tui.ui.offer_answers import refresh

        self.say("Asking every price feed …", "dim")
        self.console.work_on(self._say_answer(refresh(self.session)))

    async def _say_answer(self, asked: Awaitable[tuple[str, Tone]]) -> None:
        self.say(*await asked)
        self._load()
