"""What connections used: a chart over time with its figures, sums for each, and the log of their requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual import work
from textual.app import ComposeResult

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.records import RowColumn
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.usage_lists import (
    CALLS,
    SPANS,
    USAGE,
    Span,
    begun,
    by_caller_columns,
    by_time_columns,
    chart_lines,
    summed,
    table_lines,
    within,
)
from aicompute_tui.ui.widgets.content_lines import ContentLines

_CHART_HIGH, _CHART_LOW = 9, 6
_MARGIN = 6
_CALLER = "caller"
_MOST_CALLS = 1_000


class UsageScreen(RecordScreen):
    """Of one connection over time, or of all; asked anew each minute while it is looked at, and with ctrl+r."""

    LIST = USAGE
    CSS_PATH = [STYLES / "records.tcss", STYLES / "usage.tcss"]  # noqa: RUF012 - Textual's own form
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("usage",)
    HINTS: ClassVar[tuple[str, ...]] = (
        "go.open", "usage.all", "usage.longer", "usage.shorter", "usage.figures", "usage.callers", "go.help",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._span = 1
        self._shows_figures = False
        self._is_by_caller = False
        self._by_time: list[JsonObject] | None = None
        """None until the agent has told."""
        self._chart = ContentLines(id="usage-chart")

    @property
    def span(self) -> Span:
        return SPANS[self._span]

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        super().take_arguments(arguments)
        self._is_by_caller = self.arguments.get("by") == _CALLER
        self._columns = self._columns_now()

    @property
    def _is_of_one(self) -> bool:
        return bool(self.arguments.get("name"))

    @property
    def _is_by_time(self) -> bool:
        """Whether the rows are those of the chart."""
        return self._is_of_one and not self._is_by_caller

    def _columns_now(self) -> list[RowColumn]:
        if self._is_by_caller:
            return by_caller_columns(self.session)
        return by_time_columns(self.session, lambda: self.span) if self._is_of_one else self.LIST.columns(self.session)

    @property
    def crumbs(self) -> tuple[str, ...]:
        name = str(self.arguments.get("name") or "")
        called = self.session.state.title_of(name) or name
        by_caller = ["by caller"] if self._is_by_caller else []
        return ("Connections", *([called] if called else []), self.LIST.title, self.span.title, *by_caller)

    @property
    def asked(self) -> JsonObject:
        by = _CALLER if self._is_by_caller else self.span.by if self._is_of_one else None
        return {**self.arguments, "since": self.span.since, "by": by}

    def compose_body(self) -> ComposeResult:
        yield self._chart
        yield from super().compose_body()

    def load(self) -> None:
        super().load()
        if not self._is_by_time:
            self._load_chart()

    def fill(self, answer: Json) -> None:
        """Of one connection the rows are those of the chart, the newest first."""
        if not self._is_by_time:
            super().fill(answer)
            return
        self._by_time = within(_rows(answer), self.span, self.session.now())
        newest = sorted(self._by_time, key=lambda row: str(row.get("at")), reverse=True)
        super().fill(list[Json](newest))
        self._paint_chart()

    @work(group="chart", exclusive=True, exit_on_error=False)
    async def _load_chart(self) -> None:
        try:
            answer = await self.session.query(self.LIST.question, {**self.asked, "by": self.span.by})
        except AicError:
            return  # the table says why
        self._by_time = _rows(answer)
        self._paint_chart()

    def tick(self) -> None:
        super().tick()
        self.load()

    def asked_anew(self) -> None:
        self.load()

    def on_resize(self) -> None:
        self._paint_chart()

    def _paint_chart(self) -> None:
        width = self.size.width - _MARGIN
        if width <= 0:
            return
        high = _CHART_HIGH if self.size.height >= 30 else _CHART_LOW
        if self._by_time is None:
            self._chart.show_lines([])
            return
        figures, glyphs = summed(self._by_time, self.span, self.session.now()), self.session.glyphs
        if self._shows_figures:
            self._chart.show_lines(table_lines(figures, self.span, high, glyphs))
        else:
            self._chart.show_lines(chart_lines(figures, self.span, (width, high), glyphs))

    def action_span(self, step: int) -> None:
        wanted = max(0, min(len(SPANS) - 1, self._span + step))
        if wanted != self._span:
            self._span, self._by_time = wanted, None
            self.refresh_header()
            self.load()

    def action_everyone(self) -> None:
        """From one connection to all of them, and from all to the one under the cursor."""
        rows = self.selected_rows()
        if self._is_of_one:
            self.arguments = {name: value for name, value in self.arguments.items() if name != "name"}
        elif rows:
            self.arguments = {**self.arguments, "name": str(rows[0].get("connection_id"))}
        self._ask_otherwise()

    def action_callers(self) -> None:
        """A row for each who asked, or no longer."""
        self._is_by_caller = not self._is_by_caller
        self._ask_otherwise()

    def _ask_otherwise(self) -> None:
        self._columns, self._by_time = self._columns_now(), None
        self.table.set_rows({})
        self.table.set_columns(self._columns)
        self.table.set_empty_message("asking …")
        self._paint_chart()
        self.refresh_header()
        self.load()

    def action_figures(self) -> None:
        self._shows_figures = not self._shows_figures
        self._paint_chart()

    def open_selected(self) -> None:
        """The requests that the row under the cursor sums up."""
        from aicompute_tui.ui.view_stack import Place as View

        rows = self.selected_rows()
        if rows:
            asked: JsonObject = {"name": str(rows[0].get("connection_id")), "since": self.span.since}
            if self._is_by_caller:
                asked["caller"] = rows[0].get("caller")
            if self._is_by_time and (span := begun(rows[0], self.span)) is not None:
                asked["since"], asked["until"] = span
            self.console.views.enter(View("connection.calls", asked))


def _rows(answer: Json) -> list[JsonObject]:
    return [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []


class CallsScreen(RecordScreen):
    """Without a word of what was said: none is kept."""

    LIST = CALLS
    _is_cut = False
    HINTS: ClassVar[tuple[str, ...]] = ("go.open", "go.json", "go.filter", "go.export", "go.command", "go.help")

    @property
    def crumbs(self) -> tuple[str, ...]:
        row = self.session.state.connections.get(str(self.arguments.get("name")))
        time = [when] if (when := self._time) else []
        cut = [f"the newest {_MOST_CALLS:,}"] if self._is_cut else []
        return ("Connections", *([row.name] if row is not None else []), self.LIST.title, *time, *cut)

    @property
    def _time(self) -> str:
        """The hour, day or month that was opened; empty for all that the list goes back."""
        begin, end = (parse_moment(str(self.arguments.get(name) or "")) for name in ("since", "until"))
        if begin is None or end is None:
            return ""
        days = (end - begin).total_seconds() / 86_400
        return begin.strftime("%b %Y" if days > 2 else "%d %b" if days > 0.5 else "%d %b %H:%M")

    @property
    def asked(self) -> JsonObject:
        return {"limit": _MOST_CALLS, **self.arguments}

    def fill(self, answer: Json) -> None:
        super().fill(answer)
        self._is_cut = isinstance(answer, list) and len(answer) >= _MOST_CALLS
        self.refresh_header()

    def tick(self) -> None:
        super().tick()
        self.load()

    def asked_anew(self) -> None:
        self.load()
