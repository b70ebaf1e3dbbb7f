"""A conversation with a connection: answers come as they are made, esc stops one, and no key waits for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static
from textual.worker import Worker

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.answering import answer, ending_line
from aicompute_tui.ui.navigation import Place
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.form_fields import LineInput
from aicompute_tui.ui.widgets.said_lines import SaidLines

_LONGEST_LINE = 20_000
_MOST_EARLIER = 200_000
"""Characters of the conversation that go along, the newest first."""


class ChatScreen(ConsoleScreen):
    """What was said is there again when the view is; it ends with the console, or where it is begun anew."""

    CSS_PATH: ClassVar[str | None] = str(STYLES / "talk.tcss")
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("chat",)
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "send"), ("esc", "stop, leave"), ("tab", "read back"))
    HINTS: ClassVar[tuple[str, ...]] = ("chat.anew",)
    AUTO_FOCUS = "#chat-line"

    def __init__(self, session: Session, row_id: str) -> None:
        super().__init__(session)
        self.row_id = row_id
        row = session.state.connections.get(row_id)
        self._connection_name = row_id if row is None else row.name
        self._given: JsonObject = {}
        self._turns = session.conversations.of(row_id)
        """Who and what, of all that was answered."""
        self._said = SaidLines(id="chat-said")
        self._line = LineInput(placeholder="write here", longest=_LONGEST_LINE, id="chat-line")
        self._worker: Worker[None] | None = None

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Connections", self._connection_name, "Chat")

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        self._given = {key: arguments[key] for key in ("model", "max_tokens") if arguments.get(key) is not None}
        self._line.value = str(arguments.get("prompt") or "")

    def compose_body(self) -> ComposeResult:
        with Vertical(id="talk"):
            yield self._said
            with Horizontal(id="chat-entry"):
                yield Static("you ", id="chat-you", markup=False)
                yield self._line

    def on_mount(self) -> None:
        for who, said in self._turns:
            self._said.say("you" if who == "user" else self._connection_name, said)

    def selected_ids(self) -> list[str]:
        return [self.row_id]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self._send(event.value.strip())

    @property
    def is_answering(self) -> bool:
        return self._worker is not None and not self._worker.is_finished

    def _send(self, prompt: str) -> None:
        if self.is_answering:
            self.say("It is still answering.", "dim", next_step="esc stops it.")
            return
        self._line.value = ""
        self._said.say("you", prompt)
        self._said.say(self._connection_name)
        self._worker = self.run_worker(self._answer(prompt), group="answer", exclusive=True, exit_on_error=False)

    async def _answer(self, prompt: str) -> None:
        """What was stopped or failed is no part of what goes along next time, unless something of it was said."""
        said: list[str] = []

        def take(piece: str) -> None:
            said.append(piece)
            self._said.feed(piece)

        turns = self._turns  # another list once it is begun anew
        arguments: JsonObject = {**self._given, "name": self.row_id, "prompt": prompt, "earlier": self._earlier()}
        try:
            ending = await answer(self.session, arguments, take)
            self._said.note(ending_line(ending, self.session.glyphs))
        except AicError as error:
            self._said.note(f"{error.message} {error.next_step}".strip(), "bad")
        finally:
            if said:
                turns += [("user", prompt), ("assistant", "".join(said))]

    def _earlier(self) -> list[Json]:
        """Whole exchanges only: some take nothing but turns by turns."""
        room, found = _MOST_EARLIER, 0
        for place in range(len(self._turns) - 2, -1, -2):
            room -= len(self._turns[place][1]) + len(self._turns[place + 1][1])
            if room < 0:
                break
            found += 2
        del self._turns[: len(self._turns) - found]
        return [f"{who}={text}" for who, text in self._turns]

    def action_back(self) -> None:
        if self.is_answering and self._worker is not None:
            self._worker.cancel()
            self._worker = None
            self._said.note("stopped")
            self.say("It was stopped.", "dim")
        else:
            super().action_back()

    def action_anew(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
        self._worker, self._turns = None, self.session.conversations.begin(self.row_id)
        self._said.clear()
        self._line.focus()

    def copied_text(self) -> tuple[str, str]:
        """The last answer."""
        return (self._turns[-1][1], "answer") if self._turns else ("", "answer")
