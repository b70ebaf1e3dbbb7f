"""Models of the hub: those that are popular, those that trend, and a search of all, in one table with tabs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.content import Content
from textual.types import CSSPathType

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui import records
from aicompute_tui.ui.filter_language import parse_filter
from aicompute_tui.ui.model_records import MODELS, NUMBERS, compared_value, title_of
from aicompute_tui.ui.model_sending import SendsModels, give_back
from aicompute_tui.ui.model_tabs import (
    PICK,
    POPULAR,
    SEARCH,
    TABS,
    TRENDING,
    WORDS,
    Tab,
    given_words,
    kept_back,
    words_of,
)
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.filter_line import FilterLine
from aicompute_tui.ui.widgets.footer_line import Hint
from aicompute_tui.ui.widgets.section_line import SectionLine
from aicompute_tui.ui.widgets.text_line import TextLine
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_AHEAD = 12
"""So many rows before the end the next page is asked for."""


class ModelsScreen(SendsModels, RecordScreen):
    """Opened at one of its tabs; what a tab holds stays while another is looked at."""

    LIST = MODELS
    FIRST = POPULAR
    CSS_PATH: ClassVar[CSSPathType | None] = [STYLES / "records.tcss", STYLES / "models.tcss"]
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("models", "any-model")
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("tab", "tabs"),)
    HINTS: ClassVar[tuple[str, ...]] = (
        "models.search", "models.hub-filters", "models.launch", "models.deploy", "models.pull", "go.help",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._tabs = [Tab(question) for _, question in TABS]
        self._at = self.FIRST
        self._pick = ""
        self._types_words = False
        self._sections = SectionLine([name for name, _ in TABS], self._at, session.glyphs, id="model-tabs")
        self._note = TextLine(id="model-note")

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        given: JsonObject = {name: value for name, value in arguments.items() if value not in (None, "", [])}
        self._pick = str(given.pop(PICK, ""))
        self._tab.given = given

    @property
    def _tab(self) -> Tab:
        return self._tabs[self._at]

    @property
    def crumbs(self) -> tuple[str, ...]:
        place = f"Models for {self._pick}" if self._pick else "Models"
        return (place, TABS[self._at][0], *given_words(self._tab.given))

    @property
    def hint_ids(self) -> tuple[str, ...]:
        return ("models.search", "models.hub-filters", "go.filter", "go.back", "go.help") if self._pick else self.HINTS

    def _hints(self) -> Sequence[Hint]:
        return [*([("", "enter", "take it")] if self._pick else []), *super()._hints()]

    def compose_body(self) -> ComposeResult:
        yield self._sections
        yield self._note
        yield from super().compose_body()

    # -- rows

    def load(self) -> None:
        """Asks where nothing was asked yet; what was, stays as it is when the view is come back to."""
        if self._tab.rows is None:
            self._begin()

    def _begin(self) -> None:
        tab = self._tab
        if self._at == SEARCH and not tab.given:
            self.table.set_rows({})
            self.table.set_empty_message("s searches the whole hub by name, f by task, size, licence and more")
            self._show_note()
            return
        if not self.table.rows:
            self.table.set_empty_message(f"asking {self.session.glyphs.more}")
        self._ask(tab, "")

    def on_screen_suspend(self) -> None:
        """What nobody looks at is asked for no further."""
        self.workers.cancel_group(self, "pages")
        for tab in self._tabs:
            tab.is_asking = False

    def asked_anew(self) -> None:
        """From the beginning; a page that failed is tried again."""
        tab = self._tab
        if tab.problem is not None and tab.rows and tab.next_page:
            self._ask(tab, tab.next_page)
        else:
            self._begin()

    @work(group="pages", exclusive=True, exit_on_error=False)
    async def _ask(self, tab: Tab, page: str) -> None:
        tab.is_asking, tab.problem = True, None
        try:
            answer = await self.session.query(tab.question, {**tab.given, **({"cursor": page} if page else {})})
        except AicError as error:
            tab.problem = error
            answer = None
        finally:
            tab.is_asking = False
        if answer is not None:
            tab.take(answer, page)
        if tab is self._tab:
            self._show()

    def _show(self) -> None:
        tab = self._tab
        self.table.set_rows(tab.rows or {})
        if tab.problem is not None and not tab.rows:
            self.table.set_empty_message(f"{tab.problem.message} {tab.problem.next_step}".strip())
        elif tab.rows is not None:
            self.table.set_empty_message(self._nothing())
        if tab.cursor_id is not None:
            self.table.move_to_row(tab.cursor_id)
            tab.cursor_id = None
        self._show_note()
        self._tell()
        self.refresh_frame()

    def _nothing(self) -> str:
        if self.filter_text:
            return "Nothing matches the filter. esc shows all."
        return "The hub has no model like that. s and f search for others." if self._at else "No model is known."

    def _show_note(self) -> None:
        told = kept_back(self._tab) if self._tab.rows else ""
        self._note.display = bool(told)
        self._note.show(Content.styled(told, "$warning"))

    @on(VirtualTable.SelectionChanged)
    def ask_for_more(self) -> None:
        """The next page before the cursor comes to the end of what is there."""
        tab, order, cursor = self._tab, self.table.order, self.table.cursor_id
        if tab.next_page and not tab.is_asking and tab.problem is None and cursor in order[-_AHEAD:]:
            self._ask(tab, tab.next_page)

    def apply_filter(self, line: str) -> None:
        names = {each for column in self._columns for each in (column.key, column.title)} | NUMBERS

        def value_of(row: JsonObject, name: str) -> str | float | None:
            return compared_value(row, name) if name in NUMBERS else records.column_value(self._columns, row, name)

        found = parse_filter(line, names)
        self.table.set_filter(found.predicate(lambda row: records.row_text(self._columns, row), value_of))
        self.filter_text = line.strip()
        if self._tab.rows is not None:
            self.table.set_empty_message(self._nothing())

    # -- tabs and the search

    def action_tab(self, by: int) -> None:
        self._turn_to((self._at + by) % len(TABS))

    @on(SectionLine.Clicked)
    def go_to_clicked(self, event: SectionLine.Clicked) -> None:
        event.stop()
        self._turn_to(event.section)

    def _turn_to(self, at: int) -> None:
        if at == self._at:
            return
        self._tab.cursor_id = self.table.cursor_id
        self.unmark_all()
        self._at = at
        self._sections.turn_to(at)
        self._show()
        self.load()

    async def action_search(self) -> None:
        """In the line of the filter, asked when it is closed."""
        await super().action_filter()
        self._types_words = True
        if self._filter_line is not None:
            self._filter_line.open(words_of(self._tabs[SEARCH].given), mark="s")

    async def action_filter(self) -> None:
        self._types_words = False
        await super().action_filter()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        if self._types_words:
            event.prevent_default()
            event.stop()

    def on_filter_line_closed(self, event: FilterLine.Closed) -> None:
        if not self._types_words:
            return
        event.prevent_default()
        event.stop()
        self._types_words = False
        if self._filter_line is not None:
            self._filter_line.close()
        self.table.focus()
        if event.text.strip():
            self.search({**self._tabs[SEARCH].given, WORDS: list[Json](event.text.split())})

    def search(self, given: JsonObject) -> None:
        """The whole hub, from the first page."""
        self._tabs[SEARCH] = Tab(TABS[SEARCH][1], given)
        if self._at == SEARCH:
            self._show()
            self.load()
        else:
            self._turn_to(SEARCH)

    def action_hub_filters(self) -> None:
        """Of the search, or of what trends."""
        from aicompute_tui.ui.screens.model_filters import ModelFilters

        at = self._at or SEARCH

        def answered(given: JsonObject | None) -> None:
            if given is None:
                return
            if at == SEARCH:
                self.search(given)
            else:
                self._tabs[at] = Tab(TABS[at][1], given)
                self._show()
                self.load()

        form = ModelFilters(self.session.glyphs, self._tabs[at].given, asks_words=at == SEARCH)
        self.console.push_screen(form, lambda found: answered(None if found is None else found.arguments))

    # -- what is done with the model under the cursor

    def called(self, row: JsonObject) -> str:
        return title_of(row)

    @property
    def model_in_hand(self) -> tuple[str, str] | None:
        row = self.table.rows.get(self.table.cursor_id or "")
        return None if row is None else (text(row, "id"), title_of(row))

    def open_selected(self) -> None:
        """Its page; for a wizard that looks for a model, back there with it."""
        from aicompute_tui.ui.view_stack import Place as View

        row = self.table.rows.get(self.table.cursor_id or "")
        if row is None:
            return
        if not self._pick:
            self.console.views.enter(View("model.show", {"model": text(row, "id"), "seen": row}))
            return
        try:
            give_back(self.console, row, self._pick)
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)


class TrendingModelsScreen(ModelsScreen):
    FIRST = TRENDING


class SearchModelsScreen(ModelsScreen):
    FIRST = SEARCH
