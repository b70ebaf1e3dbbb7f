"""The test of a connection: what costs nothing at once, a real prompt on request, with its cost told before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input
from textual.worker import Worker

from aicompute_tui.domain.connection_choices import TEST_PROMPT
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.answering import answer, cost, ending_line, took
from aicompute_tui.ui.records import number, text
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.form_fields import FormRow, LineInput
from aicompute_tui.ui.widgets.said_lines import SaidLines
from aicompute_tui.ui.widgets.text_line import TextLine

_TYPED_SECONDS = 0.3
"""How long nobody types before the cost is asked for again."""
_DIM = "$foreground-muted"
_LONGEST_PROMPT = 4_000


class ConnectionTestScreen(ConsoleScreen):
    """Nothing is billed before enter."""

    CSS_PATH: ClassVar[str | None] = str(STYLES / "talk.tcss")
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("enter", "ask it"), ("esc", "stop, leave"), ("tab", "next field"), ("ctrl+r", "probe again"),
    )  # fmt: skip
    HINTS: ClassVar[tuple[str, ...]] = ()
    AUTO_FOCUS = "#test-prompt"

    def __init__(self, session: Session, row_id: str) -> None:
        super().__init__(session)
        self.row_id = row_id
        row = session.state.connections.get(row_id)
        self._connection_name = row_id if row is None else row.name
        self._url = "" if row is None else row.base_url
        self._given: JsonObject = {}
        self._facts = ContentLines(id="test-facts")
        self._prompt = LineInput(TEST_PROMPT, longest=_LONGEST_PROMPT, id="test-prompt")
        self._tokens = LineInput("50", longest=8, id="test-tokens")
        self._cost = TextLine(id="test-cost")
        self._said = SaidLines(id="test-said")
        self._timer: Timer | None = None
        self._worker: Worker[None] | None = None

    @property
    def crumbs(self) -> tuple[str, ...]:
        return ("Connections", self._connection_name, "Test")

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        self._given = {"model": arguments["model"]} if arguments.get("model") else {}
        self._prompt.value = str(arguments.get("prompt") or self._prompt.value)
        self._tokens.value = str(arguments.get("max_tokens") or self._tokens.value)

    def compose_body(self) -> ComposeResult:
        with Vertical(id="talk"):
            yield self._facts
            with Vertical(id="test-form"):
                yield FormRow("prompt", self._prompt)
                yield FormRow("tokens", self._tokens)
                yield self._cost
            yield self._said

    def on_mount(self) -> None:
        self.asked_anew()
        self._estimate()

    def selected_ids(self) -> list[str]:
        return [self.row_id]

    # -- what costs nothing

    def asked_anew(self) -> None:
        self._tell([Content.styled("asking what costs nothing …", _DIM)])
        self.run_worker(self._probe(), group="probe", exclusive=True, exit_on_error=False)

    async def _probe(self) -> None:
        try:
            told: Json = await self.session.query("connection.test", {"name": self.row_id})
        except AicError as error:
            told = {"ok": False, "error": error.message, "next_step": error.next_step}
        self._tell(self._probed(told if isinstance(told, dict) else {}))

    def _probed(self, row: JsonObject) -> list[Content]:
        glyphs = self.session.glyphs
        if row.get("ok") is not True:
            cross = "✕" if glyphs.unicode else "x"
            lines = [Content.styled(f"{cross} {plain(text(row, 'error'))}", "$error")]
            lines += [Content.styled(plain(text(row, key)), _DIM) for key in ("next_step", "details") if text(row, key)]
            return lines
        dot = "●" if glyphs.unicode else "*"
        model = text(row, "model")
        told = f"in {took(number(row, 'latency_ms'), glyphs)}   {_models(row)}"
        lines = [Content.assemble((f"{dot} answers", "$success"), " ", told)]
        if row.get("model_is_listed") is True:
            lines.append(Content.styled(f"{plain(model)} is among its models", _DIM))
        if text(row, "note"):
            lines.append(Content.styled(plain(text(row, "note")), _DIM))
        return lines

    def _tell(self, lines: list[Content]) -> None:
        self._facts.show_lines([*lines, Content.styled(plain(self._url), _DIM)])

    # -- what it would cost

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_TYPED_SECONDS, self._estimate)

    def _estimate(self) -> None:
        self.run_worker(self._ask_cost(), group="cost", exclusive=True, exit_on_error=False)

    async def _ask_cost(self) -> None:
        try:
            told = await self.session.query(
                "connection.estimate", {**self._asked, "prompt": self._prompt.value.strip()}
            )
        except AicError as error:
            self._cost.show(Content.styled(plain(f"{error.message} {error.next_step}"), "$warning"))
            return
        row: JsonObject = told if isinstance(told, dict) else {}
        most = number(row, "cost_at_most_usd")
        if most is None:
            told_cost = "what it costs is unknown: nobody told a price"
        else:
            as_of = f" of {text(row, 'price_as_of')}" if text(row, "price_as_of") else ""
            told_cost = f"costs at most {cost(most, self.session.glyphs)}, by {text(row, 'price_source')}{as_of}"
        self._cost.show(Content.styled(plain(told_cost), _DIM))

    @property
    def _asked(self) -> JsonObject:
        tokens = self._tokens.value.strip()
        return {**self._given, "name": self.row_id, **({"max_tokens": tokens} if tokens else {})}

    # -- the prompt

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._is_answering:
            self.say("It is still answering.", "dim", next_step="esc stops it.")
            return
        self._said.clear()
        self._said.say(self._connection_name)
        self._worker = self.run_worker(self._answer(), group="answer", exclusive=True, exit_on_error=False)

    @property
    def _is_answering(self) -> bool:
        return self._worker is not None and not self._worker.is_finished

    async def _answer(self) -> None:
        arguments: JsonObject = {**self._asked, "prompt": self._prompt.value.strip(), "test": True}
        try:
            ending = await answer(self.session, arguments, self._said.feed)
        except AicError as error:
            self._said.note(f"{error.message} {error.next_step}".strip(), "bad")
        else:
            self._said.note(ending_line(ending, self.session.glyphs))

    def action_back(self) -> None:
        if self._is_answering and self._worker is not None:
            self._worker.cancel()
            self._worker = None
            self._said.note("stopped")
        else:
            super().action_back()


def _models(row: JsonObject) -> str:
    count = number(row, "models")
    if count is None:
        return ""
    return f"{count:,.0f} model" if count == 1 else f"{count:,.0f} models"
