"""One model: what it is, where it fits, its variants and files, and the keys that send it on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content
from textual.types import CSSPathType

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui import model_page
from aicompute_tui.ui.filter_language import parse_filter
from aicompute_tui.ui.model_records import title_of
from aicompute_tui.ui.model_sending import DEPLOY, LAUNCH, SendsModels, advice_of, for_variant, open_form
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.records import RowColumn, column_value, row_text, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.record_pane import RecordPane
from aicompute_tui.ui.widgets.section_line import SectionLine
from aicompute_tui.ui.widgets.told_lines import ToldLines
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

FITS, VARIANTS, FILES, ABOUT = range(4)
_SECTIONS = ("where it fits", "variants", "files", "about")
_LAUNCHES = "aws"
_DIM = "$foreground-muted"


class ModelScreen(SendsModels):
    """Painted at once with what its row said; the rest is asked for, where it fits last."""

    CSS_PATH: ClassVar[CSSPathType | None] = str(STYLES / "model.tcss")
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global",)
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("model", "any-model")
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("tab", "sections"),)
    HINTS: ClassVar[tuple[str, ...]] = (
        "go.open", "models.launch", "models.deploy", "models.pull", "go.filter", "go.help",
    )  # fmt: skip
    AUTO_FOCUS = "#model-places"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.model = ""
        self._row: JsonObject = {}
        self._known: JsonObject | None = None
        self._problem = ""
        self._at = FITS
        self._variant: JsonObject = {}
        """The one that places are shown for, empty for the model as it is."""
        self._facts = ContentLines(id="model-facts")
        self._sections = SectionLine(_SECTIONS, self._at, session.glyphs, id="model-sections")
        self._about = RecordPane(id="model-about")
        self._tables = [
            self._table("model-places", model_page.place_columns(session)),
            self._table("model-variants", model_page.variant_columns(session)),
            self._table("model-files", model_page.file_columns(session)),
        ]

    def _table(self, name: str, columns: list[RowColumn]) -> VirtualTable[JsonObject]:
        return VirtualTable(columns, id=name, glyphs=self.session.glyphs, marks=False, empty_message="asking …")

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        seen = arguments.get("seen")
        self.model = str(arguments.get("model") or "")
        self._row = dict(seen) if isinstance(seen, dict) else {"id": self.model}

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Models", *filter(None, (title_of(self._row) or self.model, text(self._variant, "name"))))

    def compose_body(self) -> ComposeResult:
        yield self._facts
        yield self._sections
        with Container(id="model-body"):
            yield from self._tables
            yield self._about
        yield ToldLines(self.session.glyphs, id="model-told")

    # -- what is known of it

    def on_mount(self) -> None:
        self._about.tell(lambda room: model_page.about_lines(self._row, room))
        self._show_section()

    def on_screen_resume(self) -> None:
        self._fill()
        if self._known is None:
            self._load()

    def on_resize(self) -> None:
        self._fill()

    def tick(self) -> None:
        self._fill()

    def asked_anew(self) -> None:
        self._load()

    @work(group="model", exclusive=True, exit_on_error=False)
    async def _load(self) -> None:
        if not self.model:
            self._cannot("No model is named. 7 shows some; enter opens one.")
            return
        try:
            answer = await self.session.query("model.show", {"model": self.model})
        except AicError as error:
            self._cannot(f"{error.message} {error.next_step}".strip())
            return
        self._problem = ""
        self._known = answer if isinstance(answer, dict) else {}
        self._row = {**self._row, **self._known}
        self._about.tell(lambda room: model_page.about_lines(self._row, room))
        self._fill()
        self._load_places()

    def _cannot(self, problem: str) -> None:
        self._problem = problem
        for table in self._tables:
            if not table.rows:
                table.set_empty_message("")
        self._fill()

    @work(group="places", exclusive=True, exit_on_error=False)
    async def _load_places(self) -> None:
        asked: JsonObject = {"model": self.model}
        engine = model_page.engine_of(self._row, self._variant)
        asked |= {"engine": engine} if engine else {}
        asked |= {"variant": text(self._variant, "name")} if self._variant else {}
        places = self._tables[FITS]
        try:
            answer = await self.session.query("model.places", asked)
        except AicError as error:
            places.set_rows({})
            places.set_empty_message(f"{error.message} {error.next_step}".strip())
            return
        rows = [row for row in (answer if isinstance(answer, list) else []) if isinstance(row, dict)]
        places.set_rows(model_page.places_by_key(rows))
        places.set_empty_message("No machine and no host with a GPU is known.")
        self._tell()

    def _fill(self) -> None:
        width = self.size.width - 6
        if width <= 0:
            return
        lines = model_page.fact_lines(self._row, self.session, width) if self.model else []
        if self._problem:
            lines += Content.styled(self._problem, "$warning").wrap(width)
        self._facts.show_lines(lines)
        self._fill_tables()
        self.refresh_frame()

    def _fill_tables(self) -> None:
        if self._known is None:
            return
        variants = {text(row, "name"): row for row in model_page.listed(self._row, "variants")}
        self._tables[VARIANTS].set_rows(variants)
        self._tables[VARIANTS].set_empty_message(
            "It comes in one form only." if self._row.get("files") else "Its variants are not known."
        )
        self._tables[FILES].set_rows({text(row, "path"): row for row in model_page.listed(self._row, "files")})
        self._tables[FILES].set_empty_message("Its files are not known.")

    # -- sections

    def action_section(self, by: int) -> None:
        self._turn_to((self._at + by) % len(_SECTIONS))

    @on(SectionLine.Clicked)
    def go_to_clicked(self, event: SectionLine.Clicked) -> None:
        event.stop()
        self._turn_to(event.section)

    def _turn_to(self, at: int) -> None:
        if self.filter_text:
            self._filter("")
        self._at = at
        self._sections.turn_to(at)
        self._show_section()

    def _show_section(self) -> None:
        for place, part in enumerate((*self._tables, self._about)):
            part.display = place == self._at
        shown = self._about if self._at == ABOUT else self._tables[self._at]
        shown.focus()
        self._tell()

    @on(VirtualTable.SelectionChanged)
    def _tell(self) -> None:
        """The place or the variant under the cursor in words."""
        row = self._under_cursor
        told = ""
        if self._at == FITS and row is not None:
            told = "\n".join(filter(None, (model_page.price_told(row), text(row, "reason"))))
        elif self._at == VARIANTS and row is not None:
            told = text(row, "note") or "enter shows where it fits"
        self.query_one(ToldLines).tell(told)

    @property
    def _under_cursor(self) -> JsonObject | None:
        if self._at == ABOUT:
            return None
        table = self._tables[self._at]
        return table.rows.get(table.cursor_id or "")

    def apply_filter(self, line: str) -> None:
        if self._at == ABOUT:
            return
        table = self._tables[self._at]
        columns = list(table.columns)
        found = parse_filter(line, {each for column in columns for each in (column.key, column.title)})
        table.set_filter(
            found.predicate(lambda row: row_text(columns, row), lambda row, name: column_value(columns, row, name))
        )
        self.filter_text = line.strip()

    # -- what is done with it

    @property
    def model_in_hand(self) -> tuple[str, str] | None:
        return (self.model, title_of(self._row)) if self.model else None

    @property
    def known_of_it(self) -> JsonObject | None:
        """With the variant that is looked at first among its advice."""
        return None if self._known is None else for_variant(self._known, self._variant)

    def on_virtual_table_row_opened(self) -> None:
        row = self._under_cursor
        if row is None:
            return
        if self._at == VARIANTS:
            self._variant = {} if self._variant == row else row
            self._tables[FITS].set_rows({})
            self._tables[FITS].set_empty_message("asking …")
            self._turn_to(FITS)
            self._load_places()
            self.refresh_frame()
        elif self._at == FITS:
            self._go_to(row)
        else:
            self.action_json()

    def _go_to(self, row: JsonObject) -> None:
        """The wizard on that machine or host, with the model in it."""
        advice, called = advice_of(self.known_of_it or {}), title_of(self._row)
        if self.session.read_only:
            self.action_json()
        elif row.get("where") == "offer" and text(row, "cloud") != _LAUNCHES:
            step = "enter on a machine of AWS opens the launch wizard; y shows this one whole."
            self.say(f"Nothing is launched at {text(row, 'cloud')} from here.", "warn", next_step=step)
        else:
            where, more = model_page.filled_by(row)
            try:
                open_form(self.console, DEPLOY if where == "host" else LAUNCH, called, advice, more)
            except AicError as error:
                self.say(error.message, "bad", next_step=error.next_step)

    def record_of(self, row_id: str) -> JsonObject | None:
        return next((table.rows[row_id] for table in self._tables if row_id in table.rows), self._row)

    def selected_ids(self) -> list[str]:
        """Where nothing stands under the cursor it is the model itself."""
        return super().selected_ids() or ([self.model] if self.model else [])

    def called(self, record: JsonObject) -> str:
        return text(record, "name") or text(record, "path") or self.model

    def copied_text(self) -> tuple[str, str]:
        return self.model, "model's id"
