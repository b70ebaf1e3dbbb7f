"""What to rent for a model: a few fields above, and below them the offers it fits on, ranked anew as they are typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import Input, Static

from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui import recommendation_records as rules
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.records import RecordScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.view_stack import Place as View
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.footer_line import Hint
from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput, TurnField

_SETTLED_SECONDS = 0.25
"""How long no letter is typed before the question is put."""
_SLOW_SECONDS = 0.5
"""After so long without an answer it is said that what stands there is none to the question."""
_LAUNCHES = "aws"


class RecommendScreen(RecordScreen):
    """enter in a field goes to the offers, enter on an offer to the launch wizard with what it is to serve."""

    LIST = rules.RECOMMENDED
    CSS_PATH = [STYLES / "records.tcss", STYLES / "recommend.tcss"]  # noqa: RUF012 - Textual's own form
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("recommend",)
    AUTO_FOCUS = "#recommend-model"
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "launch"),)
    HINTS: ClassVar[tuple[str, ...]] = (
        "recommend.model", "go.mark", "go.compare", "go.filter", "go.command", "go.help",
    )  # fmt: skip

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._values = rules.first_values({})
        self._asked: JsonObject = {}
        """What was asked for last."""
        self._answered: JsonObject = {}
        """What the offers that stand there were asked for with."""
        self._said = ""
        self._timer: Timer | None = None
        self._waits: Timer | None = None

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        self._values = rules.first_values(arguments)

    @property
    def crumbs(self) -> tuple[str, ...]:
        return (self.LIST.title, *([self._values["model"].strip()] if self._values["model"].strip() else []))

    def compose_body(self) -> ComposeResult:
        with Vertical(id="recommend-fields"):
            for name, label, empty in rules.FIELDS:
                field = LineInput(self._values[name], placeholder=empty, id=f"recommend-{name}")
                yield FormRow(label, field, id=f"row-{name}")
            markets = TurnField(
                rules.MARKETS, self._values["market"], glyphs=self.session.glyphs, id="recommend-market"
            )
            yield FormRow("market", markets, id="row-market")
        yield Static("", id="recommend-said", markup=False)
        yield from super().compose_body()

    # -- asking

    def load(self) -> None:
        """Puts the question as the fields stand; the one before is cancelled."""
        try:
            wanted = rules.asked(self._values)
        except InvalidInput as error:
            self._refuse(error)
            return
        if not wanted["model"]:
            self._asked = {}
            self.workers.cancel_group(self, "load")
            self._show("", {})
            self.table.set_empty_message(self.LIST.empty)
            return
        if wanted != self._asked:
            self._asked = wanted
            self.table.set_empty_message("asking …")
            self._stop_waiting()
            self._waits = self.set_timer(_SLOW_SECONDS, self._say_asking)
            self._load(wanted)

    def _say_asking(self) -> None:
        """What stands there answers the question before."""
        self._said = "asking …"
        self.query_one("#recommend-said", Static).update(self._said)

    def _stop_waiting(self) -> None:
        if self._waits is not None:
            self._waits.stop()
            self._waits = None

    def _refuse(self, error: AicError) -> None:
        self._asked = {}
        self.workers.cancel_group(self, "load")
        self._show(f"{error.message} {error.next_step}".strip(), {})
        self.table.set_empty_message("")

    def _cannot_load(self, error: AicError) -> None:
        self._refuse(error)

    def fill(self, answer: Json) -> None:
        found = answer if isinstance(answer, dict) else {}
        self._show(rules.headline(found), found)
        self.table.set_empty_message("Nothing matches the filter. esc shows all." if self.filter_text else "")

    def _show(self, said: str, answer: JsonObject) -> None:
        self._stop_waiting()
        self._answered = dict(self._asked)
        rows: list[Json] = [*rules.offers_of(answer)]
        super().fill(rows)
        self._to_first_launchable()
        if said != self._said:
            self._said = said
            self.query_one("#recommend-said", Static).update(Text(plain(said)))

    def _to_first_launchable(self) -> None:
        """The cursor begins on the cheapest offer that enter can do something with."""
        rows = self.table.rows
        first = next((key for key in self.table.order if text(rows[key], "cloud") == _LAUNCHES), None)
        if first is not None:
            self.table.move_to_row(first)

    def asked_anew(self) -> None:
        self._asked = {}
        self.load()

    @on(Input.Changed)
    def take_text(self, event: Input.Changed) -> None:
        event.stop()
        name = (event.input.id or "").removeprefix("recommend-")
        if name in self._values and self._values[name] != event.value:
            self._take(name, event.value)

    @on(TurnField.Changed)
    def take_market(self, event: TurnField.Changed) -> None:
        event.stop()
        if self._values["market"] != event.value:
            self._take("market", event.value)

    def _take(self, name: str, value: str) -> None:
        self._values[name] = value
        if name == "model":
            self.refresh_header()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_SETTLED_SECONDS, self.load)

    @on(Input.Submitted)
    def go_to_offers(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_offers()

    # -- moving and choosing

    def action_field(self, by: int) -> None:
        self.focus_next() if by > 0 else self.focus_previous()

    def action_model(self) -> None:
        self.query_one("#recommend-model").focus()

    def action_offers(self) -> None:
        self._ask_at_once()
        self.table.focus()

    def _ask_at_once(self) -> None:
        """For what stands in the fields now."""
        if self._timer is not None:
            self._timer.stop()
        self.load()

    def on_descendant_focus(self) -> None:
        self.refresh_frame()

    def _hints(self) -> Sequence[Hint]:
        if isinstance(self.focused, (LineInput, TurnField)):
            return [("", "enter", "offers"), ("", "↑↓", "field"), ("", "←→", "turn"), ("escape", "esc", "back")]
        return super()._hints()

    def open_selected(self) -> None:
        self._ask_at_once()
        rows = self.selected_rows()
        if not rows or self.session.read_only:
            self.action_json()
            return
        row = rows[0]
        if self._answered != self._asked:
            self.say("The offers for what stands in the fields are still being asked for.", "dim")
            return
        if text(row, "cloud") != _LAUNCHES:
            step = "enter on an offer of AWS opens the launch wizard; /cloud:aws shows those alone."
            self.say(f"Nothing is launched at {text(row, 'cloud')} from here.", "warn", next_step=step)
            return
        budget = self._asked.get("max_usd_per_hour")
        arguments = rules.launch_arguments(row, None if budget is None else str(budget))
        self.console.views.enter(View("instance.launch", arguments))

    def called(self, row: JsonObject) -> str:
        return f"{text(row, 'type')} {text(row, 'region')}"
