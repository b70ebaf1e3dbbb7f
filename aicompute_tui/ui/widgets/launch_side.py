"""The pane beside the launch form: the checks, or the list of the field that was opened."""

from __future__ import annotations

import asyncio

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import ContentSwitcher

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json
from aicompute_tui.ui import launch_lists
from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.form_fields import Choice, ChoicePane, ListField
from aicompute_tui.ui.widgets.launch_summary import LaunchSummary

QUIET_SECONDS = 0.35
"""How long the fields must rest before anything is asked about them."""
_SCROLLBAR = 1


class LaunchSide(ContentSwitcher):
    """Asks for machine types and credentials by itself; the form tells it which field is open."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, initial="launch-checks")
        self.session = session
        self._types: Json = None
        self._opened: ListField | None = None
        self._form = LaunchForm()

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="launch-checks", can_focus=False):
            yield LaunchSummary(self.session, id="launch-summary")
        yield ChoicePane(id="choice-pane")

    @property
    def summary(self) -> LaunchSummary:
        return self.query_one(LaunchSummary)

    @property
    def highlighted(self) -> Choice | None:
        return self.query_one(ChoicePane).highlighted

    def scroll_checks(self, pages: int) -> None:
        checks = self.query_one("#launch-checks", VerticalScroll)
        checks.scroll_relative(y=pages * max(1, checks.size.height - 2), animate=False)

    def load_types(self, form: LaunchForm) -> None:
        """Asks for the machine types of the form's region once the form rests."""
        self._types = None
        self._read_types(form)

    @work(group="types", exclusive=True, exit_on_error=False)
    async def _read_types(self, form: LaunchForm) -> None:
        wanted: dict[str, Json] = {name: form[name] for name in ("profile", "region") if form[name]}
        await asyncio.sleep(QUIET_SECONDS)
        try:
            self._types = await self.session.query("instance.types", wanted)
        except AicError as error:
            self._types = f"{error.message} {error.next_step}".strip()
        if self._opened is not None and self._opened.id == "type":
            self._list_types(self._opened)

    def open_list(self, field: ListField, form: LaunchForm) -> None:
        self._opened, self._form = field, form
        self.current = "choice-pane"
        self.call_after_refresh(self._fill, field)

    def close_list(self) -> None:
        self._opened = None
        self.current = "launch-checks"

    def _fill(self, field: ListField) -> None:
        if field.id == "type":
            self._list_types(field)
        elif field.id == "region":
            self._offer("region", launch_lists.region_choices(), field)
        else:
            self._list_credentials(field)

    def _offer(self, title: str, choices: list[Choice], field: ListField) -> None:
        typed = field.value if field.value != self._form[field.id or ""] else ""
        self.query_one(ChoicePane).show(title, choices, at=field.value, text=typed)

    def _list_types(self, field: ListField) -> None:
        if not isinstance(self._types, list):
            waiting = "asking for the machine types …"
            self.query_one(ChoicePane).say(self._types if isinstance(self._types, str) else waiting)
            return
        market = self._form["market"]
        choices = launch_lists.type_choices(self._types, market, self._line_width)
        title = launch_lists.type_title(market, self._line_width)
        self._offer(title if choices else "No GPU machine is offered here.", choices, field)

    @work(group="credentials", exclusive=True, exit_on_error=False)
    async def _list_credentials(self, field: ListField) -> None:
        pane = self.query_one(ChoicePane)
        pane.say("looking for credentials …")
        try:
            rows = await self.session.query("credential.list", {})
        except AicError as error:
            pane.say(f"{error.message} {error.next_step}".strip())
            return
        choices = launch_lists.credential_choices(rows, self._line_width)
        if choices:
            self._offer("credential", choices, field)
        else:
            pane.say("No credential is found. Run `aws configure`, or `aic-tui credential set NAME`.")

    @property
    def _line_width(self) -> int:
        return max(36, self.content_size.width - _SCROLLBAR)

    def narrow(self, text: str) -> None:
        self.query_one(ChoicePane).narrow(text)

    def move(self, step: int) -> None:
        self.query_one(ChoicePane).move(step)
