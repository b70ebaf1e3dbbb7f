"""Try-outs of a server or a connection: how near two texts are to each other, and how well texts answer a question."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.records import number, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import fit, plain
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.form_fields import Answer, FormRow, LineInput
from aicompute_tui.ui.widgets.spark_line import progress_bar

_LONGEST = 8_000
_WIDTH = 66
_BAR = 16
_DIM = "$foreground-muted"
_MILLI = 1_000


class TryOutDialog(ModalScreen[None]):
    """Fields above, and below them what came back; it stays open for another try."""

    CSS_PATH = [STYLES / "dialogs.tcss", STYLES / "forms.tcss", STYLES / "try_out.tcss"]  # noqa: RUF012
    AUTO_FOCUS = "Input"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "leave", show=False),
        Binding("down", "app.focus_next", "next", show=False),
        Binding("up", "app.focus_previous", "previous", show=False),
    ]
    ACTION: ClassVar[str]
    FIELDS: ClassVar[tuple[tuple[str, str, str], ...]]
    """Name, label, and what stands there while it is empty."""

    def __init__(self, session: Session, row_id: str, name: str, model: str) -> None:
        super().__init__()
        self._session = session
        self._row_id = row_id
        self._server_name = name
        self._model = model
        self._answer = ContentLines(id="answer")

    @property
    def question(self) -> str:
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Text(self.question), id="question")
            with Vertical(id="form-fields"):
                for name, label, hint in self.FIELDS:
                    field = LineInput(placeholder=hint, longest=_LONGEST, id=f"try-{name}")
                    yield FormRow(label, field, id=f"row-{name}")
            yield self._answer
            yield Static("", id="problem", markup=False)
            with Horizontal(id="answers"):
                yield Answer("esc leave", id="safe")
                yield Answer("enter Try it", id="go")

    @property
    def about(self) -> str:
        return f"{self._model} on {self._server_name}" if self._model else self._server_name

    def typed(self, name: str) -> str:
        return self.query_one(f"#try-{name}", Input).value.strip()

    def arguments(self) -> JsonObject:
        """What the question is asked with. Raises AicError."""
        raise NotImplementedError

    def told(self, answer: Json) -> list[Content]:
        raise NotImplementedError

    @on(Input.Submitted)
    @on(Answer.Pressed, "#go")
    def ask(self) -> None:
        filled = {name: self.typed(name) for name, _, _ in self.FIELDS}
        first = next((name for name, _, hint in self.FIELDS if not filled[name] and not hint), None)
        if first is not None:
            self.query_one(f"#try-{first}").focus()
            return
        self._say("")
        self._answer.show_lines([Content.styled(f"asking {self._session.glyphs.more}", _DIM)])
        model: JsonObject = {"model": self._model} if self._model else {}
        self._ask({"name": self._row_id, **model, **self.arguments()})

    @work(group="try", exclusive=True, exit_on_error=False)
    async def _ask(self, arguments: JsonObject) -> None:
        try:
            answer = await self._session.query(self.ACTION, arguments)
        except AicError as error:
            self._answer.show_lines([])
            self._say(f"{error.message} {error.next_step}".strip())
            return
        self._answer.show_lines(self.told(answer))

    def _say(self, problem: str) -> None:
        self.query_one("#problem", Static).update(Text(problem))

    @on(Answer.Pressed, "#safe")
    def action_leave(self) -> None:
        self.dismiss(None)


class EmbedDialog(TryOutDialog):
    ACTION = "server.embed"
    FIELDS = (("text", "text", ""), ("other", "compared to", "nothing"))

    @property
    def question(self) -> str:
        return f"Embed with {self.about}"

    def arguments(self) -> JsonObject:
        other = self.typed("other")
        return {"text": self.typed("text"), **({"other": other} if other else {})}

    def told(self, answer: Json) -> list[Content]:
        """`1,024 numbers   norm 1.000   38 ms`, then the likeness, then how the vector begins."""
        found = answer if isinstance(answer, dict) else {}
        seconds, norm, cosine = (number(found, name) for name in ("total_seconds", "length", "cosine"))
        parts = [f"{number(found, 'dimensions') or 0:,.0f} numbers"]
        parts += [f"norm {norm:.3f}"] if norm is not None else []
        parts += [f"{seconds * _MILLI:,.0f} ms"] if seconds is not None else []
        lines = [Content("   ".join(parts))]
        if cosine is not None:
            done, rest = progress_bar(max(0.0, cosine) * 100, _BAR, self._session.glyphs)
            lines.append(Content.assemble("cosine  ", (done, "$primary"), (rest, _DIM), f"  {cosine:.3f}"))
        first = found.get("first_numbers")
        if isinstance(first, list) and first:
            shown = "  ".join(f"{each:.3f}" for each in first if isinstance(each, int | float))
            lines.append(Content.styled(fit(f"{shown}  …", _WIDTH, more=self._session.glyphs.more).rstrip(), _DIM))
        return lines


class RerankDialog(TryOutDialog):
    ACTION = "server.rerank"
    FIELDS = (
        ("query", "question", ""), ("first", "text 1", ""), ("second", "text 2", "none"), ("third", "text 3", "none"),
    )  # fmt: skip

    @property
    def question(self) -> str:
        return f"Rank with {self.about}"

    def arguments(self) -> JsonObject:
        texts = [self.typed(name) for name in ("first", "second", "third")]
        return {"query": self.typed("query"), "documents": [each for each in texts if each]}

    def told(self, answer: Json) -> list[Content]:
        """Best first, each with a bar against the best."""
        rows = [row for row in (answer if isinstance(answer, list) else []) if isinstance(row, dict)]
        scores = [number(row, "score") or 0.0 for row in rows]
        least, most = min(scores, default=0.0), max(scores, default=1.0)
        foot = min(0.0, least)
        lines = []
        for row, score in zip(rows, scores, strict=True):
            share = (score - foot) / (most - foot) if most > foot else 1.0
            done, rest = progress_bar(share * 100, _BAR, self._session.glyphs)
            words = fit(plain(text(row, "document")), _WIDTH - _BAR - 12, more=self._session.glyphs.more)
            lines.append(Content.assemble(f"{score:8.4f}  ", (done, "$primary"), (rest, _DIM), "  ", words.rstrip()))
        return lines


class ConnectionRerankDialog(RerankDialog):
    ACTION = "connection.rerank"


class ConnectionEmbedDialog(EmbedDialog):
    ACTION = "connection.embed"
