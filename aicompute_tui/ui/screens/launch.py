"""The launch form: every field on one page, and beside it what the launch costs, what ends it and what forbids it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import ClassVar
from weakref import WeakKeyDictionary

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingsMap
from textual.containers import Horizontal, VerticalScroll
from textual.events import DescendantFocus
from textual.widget import Widget
from textual.widgets import Input, Static

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.launch_form import FIELDS, YES, FormField, LaunchForm, button_text, defaults, promise
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.form_fields import Answer, Choice, ChoicePane, FormRow, LineInput, ListField, TurnField
from aicompute_tui.ui.widgets.launch_side import QUIET_SECONDS, LaunchSide
from aicompute_tui.ui.widgets.launch_summary import LaunchSummary

_LISTED = ("profile", "region", "type")
_DRAFTS: WeakKeyDictionary[Session, LaunchForm] = WeakKeyDictionary()
"""What stood in the form of a console when it was left."""

_KEYS = [
    Binding("escape", "back", "back", show=False),
    Binding("ctrl+l", "launch", "launch", show=False),
    # Before the field itself: what is typed after them must find the next field in focus.
    Binding("down,tab", "turn_to(1)", "next field", show=False, priority=True),
    Binding("up,shift+tab", "turn_to(-1)", "previous field", show=False, priority=True),
    Binding("ctrl+r", "check_again", "check again", show=False),
    Binding("ctrl+n", "start_over", "start over", show=False),
    Binding("pagedown", "scroll_checks(1)", "more checks", show=False),
    Binding("pageup", "scroll_checks(-1)", "fewer checks", show=False),
]


class LaunchScreen(ConsoleScreen):
    """Opened by `n`; leaves the fields as they are for the next time."""

    SCOPES: ClassVar[tuple[Scope, ...]] = ()
    CRUMBS: ClassVar[tuple[str, ...]] = ("Launch",)
    HINTS: ClassVar[tuple[str, ...]] = ()
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("enter", "choose"),
        ("↑↓", "field"),
        ("←→", "turn"),
        ("ctrl+l", "launch"),
        ("ctrl+n", "start over"),
        ("esc", "back"),
    )
    AUTO_FOCUS = "#type"
    CSS_PATH = STYLES / "launch.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-medium"), (110, "-wide")]  # noqa: RUF012

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._bindings = BindingsMap(_KEYS)
        self._form = _DRAFTS.get(session) or LaunchForm()
        self._is_fresh = session not in _DRAFTS
        self._price: float | None = None
        self._can_launch = False
        self._refusal = ""

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        """They go before what was left here."""
        if arguments:
            self._form = _DRAFTS[self.session] = self._form.with_arguments(arguments)
            self._is_fresh = False

    @property
    def form(self) -> LaunchForm:
        return self._form

    def compose_body(self) -> ComposeResult:
        with Horizontal(id="launch"):
            with VerticalScroll(id="launch-form", can_focus=False):
                for each in FIELDS:
                    yield FormRow(each.label, self._field(each), id=f"row-{each.name}")
                yield Answer(button_text(self._form, None), id="launch-button")
                yield Static("", id="launch-message", markup=False)
            yield LaunchSide(self.session, id="launch-side")

    def _field(self, each: FormField) -> Widget:
        value = self._form.values[each.name]
        if each.name in _LISTED:
            return ListField(value, placeholder=each.empty, id=each.name)
        if each.is_flag:
            return TurnField((("", "no"), (YES, "yes")), value, glyphs=self.session.glyphs, id=each.name)
        if each.choices:
            choices = [(choice, choice) for choice in each.choices]
            return TurnField(choices, value, glyphs=self.session.glyphs, id=each.name)
        return LineInput(value, placeholder=each.empty, id=each.name)

    def on_mount(self) -> None:
        if self._is_fresh:
            self._load_defaults()
        self.query_one(LaunchSide).load_types(self._form)
        self._weigh()

    # -- what is typed

    @work(group="defaults", exclusive=True, exit_on_error=False)
    async def _load_defaults(self) -> None:
        try:
            rows = await self.session.query("setting.list", {})
        except AicError:
            return
        if self._form == LaunchForm():
            self._take_over(defaults(rows))

    def _take_over(self, form: LaunchForm) -> None:
        """Puts a whole form into the fields."""
        self._form = form
        for each in FIELDS:
            field = self.query_one(f"#{each.name}")
            if isinstance(field, (LineInput, TurnField)):
                with self.prevent(Input.Changed, TurnField.Changed):
                    field.value = form.values[each.name]
        self.query_one(LaunchSide).load_types(self._form)
        self._weigh()

    @on(Input.Changed)
    def take_text(self, event: Input.Changed) -> None:
        if not (isinstance(event.input, ListField) and event.input.is_open):
            # What stands in the field now: the message may be older than a form taken over since.
            self._take(event.input.id or "", event.input.value)

    @on(TurnField.Changed)
    def take_turn(self, event: TurnField.Changed) -> None:
        self._take(event.field.id or "", event.field.value)

    def _take(self, name: str, value: str) -> None:
        if self._form.values.get(name) == value:
            return
        self._form = self._form.changed(name, value)
        _DRAFTS[self.session] = self._form
        self._refusal = ""
        if name in ("profile", "region"):
            self.query_one(LaunchSide).load_types(self._form)
        self._weigh()

    # -- the checks

    def _weigh(self) -> None:
        """Marks wrong fields, and asks for the checks once the fields rest."""
        problems = self._form.problems()
        for each in FIELDS:
            self.query_one(f"#row-{each.name}", FormRow).mark(each.name in problems)
        self.query_one("#row-ttl_none_confirm").display = self._form.never_ends
        self.query_one("#row-ttl").set_class(self._form.never_ends, "-never")
        self._can_launch = False
        self.workers.cancel_group(self, "preflight")
        summary = self.query_one(LaunchSummary)
        if problems:
            summary.wait_for_fields()
        else:
            summary.begin_checking()
            self._check(self._form)
        self._say()

    @work(group="preflight", exclusive=True, exit_on_error=False)
    async def _check(self, form: LaunchForm) -> None:
        await asyncio.sleep(QUIET_SECONDS)
        summary = self.query_one(LaunchSummary)
        try:
            answer = await self.session.query("instance.preflight", form.arguments())
        except AicError as error:
            self._price = None
            summary.show_error(error)
            self._say()
            return
        if isinstance(answer, dict):
            price = answer.get("price_usd_per_hour")
            self._price = float(price) if isinstance(price, (int, float)) else None
            self._can_launch = answer.get("can_launch") is True
            summary.show(answer)
        self._say()

    def _say(self) -> None:
        """The button with its price, and under it the one sentence that matters now."""
        button = self.query_one("#launch-button", Answer)
        button.say(button_text(self._form, self._price))
        button.set_class(not self._can_launch, "-refused")
        problems = self._form.problems()
        focused = self.focused.id if self.focused is not None else None
        message = self._refusal or problems.get(focused or "") or next(iter(problems.values()), "")
        wrong = bool(message)
        if not message:
            message = next((each.help for each in FIELDS if each.name == focused), "")
        line = self.query_one("#launch-message", Static)
        line.update(Text(message))
        line.set_class(wrong, "-wrong")

    def action_check_again(self) -> None:
        self.query_one(LaunchSide).load_types(self._form)
        self._weigh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """An open list keeps its arrows."""
        return not (action == "turn_to" and isinstance(self.focused, ListField) and self.focused.is_open)

    def action_turn_to(self, step: int) -> None:
        self.focus_next() if step > 0 else self.focus_previous()

    def action_scroll_checks(self, pages: int) -> None:
        self.query_one(LaunchSide).scroll_checks(pages)

    # -- the lists

    @on(ListField.Opened)
    def open_list(self, event: ListField.Opened) -> None:
        self.query_one(LaunchSide).open_list(event.field, self._form)
        self.query_one(LaunchSide).scroll_visible(animate=False)

    @on(ListField.Filtered)
    def narrow_list(self, event: ListField.Filtered) -> None:
        self.query_one(LaunchSide).narrow(event.text)

    @on(ListField.Moved)
    def move_in_list(self, event: ListField.Moved) -> None:
        self.query_one(LaunchSide).move(event.step)

    @on(ListField.Chosen)
    def choose(self, event: ListField.Chosen) -> None:
        self._choose(event.field, self.query_one(LaunchSide).highlighted)

    @on(ChoicePane.Picked)
    def pick(self, event: ChoicePane.Picked) -> None:
        if isinstance(self.focused, ListField):
            self._choose(self.focused, event.choice)

    def _choose(self, field: ListField, choice: Choice | None) -> None:
        field.close(choice.value if choice is not None else field.value)
        self.focus_next()

    @on(ListField.Closed)
    def close_list(self, event: ListField.Closed) -> None:
        self.query_one(LaunchSide).close_list()
        self._take(event.field.id or "", event.field.value)

    def on_descendant_focus(self, _: DescendantFocus) -> None:
        self._say()

    # -- leaving

    @on(Answer.Pressed, "#launch-button")
    @on(Input.Submitted)
    def press(self, event: Answer.Pressed | Input.Submitted) -> None:
        if isinstance(event, Answer.Pressed):
            self.action_launch()
        else:
            self.focus_next()

    def action_launch(self) -> None:
        """Launches what was checked and priced on this screen, never anything newer."""
        problems = self._form.problems()
        if problems:
            self._refuse(next(iter(problems.values())))
        elif not self.query_one(LaunchSummary).is_current:
            self._refuse("The checks are still running. Wait for the price, then press again.")
        elif not self._can_launch:
            self._refuse("A check refuses this launch. Mend what stands at ✕, then press again.")
        else:
            self._can_launch = False
            self._submit(self._form)

    @work(group="submit", exclusive=True, exit_on_error=False)
    async def _submit(self, form: LaunchForm) -> None:
        try:
            job_id = await self.session.submit("instance.launch", form.arguments())
        except AicError as error:
            self._can_launch = True
            self._refuse(f"{error.message} {error.next_step}".strip())
            return
        # The next machine wants a name of its own, and the word for one without an end typed anew.
        _DRAFTS[self.session] = form.changed("name", "").changed("ttl_none_confirm", "")
        self.console.go_home()
        self.console.await_launch(job_id)
        self.console.say(promise(form), "dim")

    def _refuse(self, sentence: str) -> None:
        self._refusal = sentence
        self._say()
        line = self.query_one("#launch-message")
        line.call_after_refresh(line.scroll_visible, animate=False)

    def action_start_over(self) -> None:
        _DRAFTS.pop(self.session, None)
        self._take_over(LaunchForm())
        self._load_defaults()
