"""What every view shares: header, body, jobs line, footer, its keys, and what a change of the store means to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingsMap
from textual.screen import Screen

from aicompute_tui.actions.model import Scope
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui import row_views
from aicompute_tui.ui.bindings import footer_word, key_text, navigation_bindings, screen_bindings
from aicompute_tui.ui.format import this_minute
from aicompute_tui.ui.navigation import Command, Place, commands
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import FINAL_JOB_STATES, StateChange
from aicompute_tui.ui.widgets.columns import Tone
from aicompute_tui.ui.widgets.footer_line import FooterLine, Hint
from aicompute_tui.ui.widgets.header_line import HeaderLine, HeaderView, stale_seconds
from aicompute_tui.ui.widgets.jobs_line import JobsLine
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp
    from aicompute_tui.ui.widgets.filter_line import FilterLine

_MOST_HINTS = 7
_REACTION_SECONDS = 0.3
"""Nobody sees a change and presses a key for it faster than this."""


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """A view. `SCOPES` name the actions it binds, `HINTS` the commands of its footer by id."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ("global",)
    HINTS: ClassVar[tuple[str, ...]] = ("go.filter", "go.command", "go.help")
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = ()
    """Keys and words that stand before `HINTS`, for a view with keys of its own."""
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ()
    """Movements only this view binds, which its help tells."""
    CRUMBS: ClassVar[tuple[str, ...]] = ()
    """The breadcrumb; override `crumbs` where it depends on what is open."""
    AUTO_FOCUS = "VirtualTable"

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.filter_text = ""
        self._header = HeaderLine(session.glyphs)
        self._filter_line: FilterLine | None = None
        self._jobs_line = JobsLine(session.glyphs)
        self._footer = FooterLine()
        self.HORIZONTAL_BREAKPOINTS = self.HORIZONTAL_BREAKPOINTS or [(0, "-narrow"), (100, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]
        self._bindings = screen_bindings(self.SCOPES, read_only=session.read_only)
        for place in self.OWN_PLACES:
            own = BindingsMap(navigation_bindings(place, read_only=session.read_only))
            self._bindings.key_to_bindings |= own.key_to_bindings

    @property
    def console(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        """What was given after the view's word, before it is shown; a view without use for it lets it be."""

    # -- what a view says about itself

    @property
    def crumbs(self) -> tuple[str, ...]:
        return self.CRUMBS

    def compose_body(self) -> ComposeResult:
        """The view itself; header, jobs line and footer stand around it."""
        yield from ()

    def selected_ids(self) -> list[str]:
        """Rows an action would take: the marked ones, else the one under the cursor."""
        table = self.active_table
        return table.selected_ids() if table is not None else []

    def state_changed(self, change: StateChange) -> None:
        """Called on the visible screen only; `on_screen_resume` is where a hidden one catches up."""

    def tick(self) -> None:
        """Called on the visible screen when a minute has gone by: repaint what time alone has changed."""

    def asked_anew(self) -> None:
        """ctrl+r: a view that asked a question itself asks it again."""

    def apply_filter(self, text: str) -> None:
        """Narrows what is shown; an empty text shows all. Raises InvalidInput for what it cannot read."""

    def copied_text(self) -> tuple[str, str]:
        """What `c` copies, and what to call it."""
        ids = self.selected_ids()
        return "\n".join(ids), "id" if len(ids) == 1 else f"{len(ids)} ids"

    def record_of(self, row_id: str) -> JsonObject | None:
        """The row as programs see it; None where it is not known."""
        return self.session.record(row_id)

    def called(self, record: JsonObject) -> str:
        """What a record is called over its page."""
        return str(record.get("name") or record.get("remote_id") or record.get("id") or "record")

    # -- around it

    def compose(self) -> ComposeResult:
        yield self._header
        yield from self.compose_body()
        yield self._jobs_line
        yield self._footer

    @property
    def active_table(self) -> VirtualTable[object] | None:
        """The table in focus, else the first one shown."""
        tables = [table for table in self.query(VirtualTable).results() if table.display]
        focused = next((table for table in tables if table.has_focus), None)
        return focused or next(iter(tables), None)

    def on_screen_resume(self) -> None:
        self.refresh_frame()
        self._jobs_line.show_jobs(self.session.state)

    def take_change(self, change: StateChange) -> None:
        """A new reading of the store, already in the session's state."""
        self.refresh_header()
        if change.jobs:
            self._take_jobs(change)
        self.state_changed(change)

    def pass_minute(self) -> None:
        self.refresh_header()
        self.tick()

    def say(self, text: str, tone: Tone = "", *, next_step: str = "") -> None:
        """One sentence in the jobs line."""
        self._jobs_line.say(text, tone, next_step=next_step)

    def refresh_frame(self) -> None:
        self.refresh_header()
        self._footer.show_hints(self._hints())

    def refresh_header(self) -> None:
        overview, now = self.session.overview, this_minute(self.session.now())
        figures = overview.figures(now)
        self._header.show_view(
            HeaderView(
                crumbs=self.crumbs,
                filter=self.filter_text,
                figures=figures,
                stale_seconds=stale_seconds(figures, now),
                agent=self.session.agent_state,
                alerts=len(overview.needs(now)),
                demo=self.session.demo,
                read_only=self.session.read_only,
            )
        )

    def _take_jobs(self, change: StateChange) -> None:
        state, line = self.session.state, self._jobs_line
        for job_id in change.jobs.changed:
            if state.jobs[job_id].state in FINAL_JOB_STATES:
                line.announce(state.jobs[job_id], state, self.session.now().timestamp())
        line.show_jobs(state)

    def offers(self, command_id: str) -> bool:  # noqa: ARG002
        """Whether the footer names a command now; its key says why not where it is not offered."""
        return True

    @property
    def hint_ids(self) -> tuple[str, ...]:
        """What the footer may name now, the most needed first."""
        return self.HINTS

    def hint_word(self, command: Command) -> str:
        """What the footer calls a command here."""
        return footer_word(command)

    def _hints(self) -> Sequence[Hint]:
        own: list[Hint] = [("", key, word) for key, word in self.KEY_HINTS]
        keys = {active.binding.id: key for key, active in reversed(self.active_bindings.items())}
        known = commands()
        for command_id in self.hint_ids:
            key = keys.get(command_id)
            if key is not None and self.offers(command_id):
                own.append((key, key_text(key), self.hint_word(known[command_id])))
        return own[: max(_MOST_HINTS, len(self.KEY_HINTS))]

    # -- movements

    def action_perform(self, action_id: str) -> None:
        if ACTIONS[action_id].scope == "global" or not self.has_slipped():
            self.console.perform(action_id, self.selected_ids())

    def has_slipped(self) -> bool:
        """Whether the key was meant for a row that went away from under the cursor meanwhile; then it says so."""
        table, read_at = self.active_table, self.console.key_read_at
        if table is None or read_at is None or read_at - table.slipped_at > _REACTION_SECONDS:
            return False
        if self.selected_ids() != [table.cursor_id] or table.marked_ids:
            return False
        self.say("The row under the cursor has just gone. Press again for this one.", "warn")
        return True

    async def action_filter(self) -> None:
        """The line is made when it is first asked for, which keeps it out of the first frame."""
        from aicompute_tui.ui.widgets.filter_line import FilterLine

        if self._filter_line is None:
            self._filter_line = FilterLine()
            await self.mount(self._filter_line, before=self._jobs_line)
        self._filter_line.open(self.filter_text)

    def action_back(self) -> None:
        """Leaves the filter, the marks or the view, whichever is innermost."""
        if self.filter_text:
            self._filter("")
        elif not self.unmark_all():
            self.console.go_back()

    def unmark_all(self) -> bool:
        """Takes the marks back in every table here; False where there were none."""
        marked = [table for table in self.query(VirtualTable).results() if table.marked_ids]
        for table in marked:
            table.unmark_all()
        return bool(marked)

    def action_copy_row(self) -> None:
        from aicompute_tui.ui.clipboard import copy

        text, what = self.copied_text()
        copy(self.console, text, what)

    def action_json(self) -> None:
        row_views.show_json(self)

    def action_describe(self) -> None:
        row_views.describe(self)

    def action_compare(self) -> None:
        row_views.compare(self)

    def action_export(self, path: str = "") -> None:
        """Asks for the file where none is named."""
        from aicompute_tui.ui.exporting import export

        self.console.work_on(export(self, path))

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        event.stop()
        self._filter(event.text)

    def on_filter_line_closed(self, event: FilterLine.Closed) -> None:
        event.stop()
        if self._filter(event.text):
            if self._filter_line is not None:
                self._filter_line.close()
            table = self.active_table
            if table is not None:
                table.focus()

    def _filter(self, text: str) -> bool:
        from aicompute_tui.domain.errors import InvalidInput

        try:
            self.apply_filter(text)
        except InvalidInput as error:
            self._say_filter(f"{error.message} {error.next_step}")
            return False
        self._say_filter("")
        self.filter_text = text.strip()
        self.refresh_header()
        return True

    def _say_filter(self, problem: str) -> None:
        if self._filter_line is not None:
            self._filter_line.say(problem)
        elif problem:
            self.say(problem, "warn")
