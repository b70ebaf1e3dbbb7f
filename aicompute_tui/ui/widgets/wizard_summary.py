"""What a wizard would do and what stands in its way: one answer of its checks, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.widgets import Static

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.serving_context import parse_context
from aicompute_tui.domain.sizes import format_tokens
from aicompute_tui.ui.format import short_moments
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.wizard_form import FormField, labels_for_flags

_VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "refused": ("✕", "x", "bad"),
    "warning": ("⚠", "!", "warn"),
    "unknown": ("?", "?", "warn"),
    "ok": ("✓", "+", "good"),
}
"""Verdict → its mark, the mark's ASCII twin, and its tone."""
FIT_TONES = {"FITS": "good", "TIGHT": "warn", "NO": "bad", "UNKNOWN": "warn"}
_WIDE = 60
"""From this width on a check's name has a column of its own."""


class WizardSummary(Static):
    """Shows one answer; `begin_checking` dims it while the next one is awaited."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "wizard-summary--title",
        "wizard-summary--strong",
        "wizard-summary--dim",
        "wizard-summary--good",
        "wizard-summary--warn",
        "wizard-summary--bad",
    }
    FIELDS: ClassVar[Sequence[FormField]] = ()
    """Those of the form, for their labels."""
    VERB = "check"
    """What a refusal of the whole is called."""

    def __init__(self, session: Session, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id)
        self.session = session
        self._answer: JsonObject | None = None
        self.command = ""
        """The command line that does the same."""
        self._problems: Mapping[str, str] = {}
        self._error: AicError | None = None
        self.waiting_for: str = "checking …"

    @property
    def is_current(self) -> bool:
        """The answer shown is for what stands in the form."""
        return not self.waiting_for

    def begin_checking(self) -> None:
        self._problems = {}
        self._wait("checking …")

    @property
    def answer(self) -> JsonObject | None:
        """The last one, None where the checks did not end."""
        return self._answer

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Nothing is asked while a field is wrong."""
        self._answer, self._error, self.waiting_for, self._problems = None, None, "", problems
        self.refresh(layout=True)

    def show(self, answer: JsonObject, command: str = "") -> None:
        self._answer, self._error, self.waiting_for, self._problems = answer, None, "", {}
        self.command = command
        self.refresh(layout=True)

    def show_error(self, error: AicError) -> None:
        self._answer, self._error, self.waiting_for, self._problems = None, error, "", {}
        self.refresh(layout=True)

    def _wait(self, words: str) -> None:
        if words != self.waiting_for:
            self.waiting_for = words
            self.refresh(layout=True)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def render(self) -> RenderableType:
        if self._problems:
            wrong: list[JsonObject] = [self._wrong(name, sentence) for name, sentence in self._problems.items()]
            return Group(self.title_line("MEND FIRST"), self.check_lines(wrong))
        if self._error is not None:
            return Group(self.title_line("CHECKS"), self.check_lines([self._refused(self._error)]))
        if self._answer is None:
            return Group(Text(self.waiting_for, self.style_of("dim")))
        return Group(*self.parts(self._answer))

    def parts(self, answer: JsonObject) -> list[RenderableType]:
        """The answer from top to bottom."""
        raise NotImplementedError

    def style_of(self, tone: str) -> Style:
        if not tone:
            tone = "dim" if self.waiting_for else ""
        elif self.waiting_for and tone in ("strong", "good", "warn"):
            tone = "dim"
        if not tone:
            return Style()
        # A partial style would lose the alpha of a dim colour.
        full = self.get_component_rich_style(f"wizard-summary--{tone}")
        return Style(color=full.color, bold=full.bold)

    def title_line(self, words: str, told: str = "") -> Text:
        line = Text(no_wrap=True, overflow="ellipsis").append(words, self.style_of("title"))
        return line.append(f"  {told}", self.style_of("dim")) if told else line

    def in_own_words(self, sentence: str) -> str:
        """With the labels of the fields for flags, and moments as the rest of the console shows them."""
        session = self.session
        told = short_moments(plain(sentence), utc=session.utc, now=session.now().timestamp(), glyphs=session.glyphs)
        return labels_for_flags(told, self.FIELDS)

    def fit_lines(self, answer: Mapping[str, Json]) -> list[RenderableType]:
        """Whether the model fits, in a line; nothing where none is served."""
        fit = answer.get("fit")
        if not isinstance(fit, dict):
            return []
        tone = FIT_TONES.get(word_of(fit, "verdict"), "")
        line = self.in_own_words(word_of(fit, "line"))
        return [Text(line, self.style_of(tone), no_wrap=True, overflow="ellipsis")]

    def attention(self, checks: Sequence[Mapping[str, Json]]) -> list[RenderableType]:
        """What is not all right, with a gap before it; nothing where all is."""
        found = [check for check in checks if _verdict(check) != "ok"]
        return [Text(""), self.title_line("CHECKS", _counted(checks)), self.check_lines(found)] if found else []

    def all_right(self, checks: Sequence[Mapping[str, Json]]) -> list[RenderableType]:
        """The others, likewise."""
        right = [check for check in checks if _verdict(check) == "ok"]
        if not right:
            return []
        is_all = len(right) == len(checks)
        title = self.title_line("CHECKS", _counted(checks)) if is_all else self.title_line("ALL RIGHT")
        return [Text(""), title, self.check_lines(right)]

    def check_lines(self, checks: Sequence[Mapping[str, Json]]) -> RenderableType:
        """Refusals first; what is all right takes one line, what is not may take as many as it needs."""
        wide = self.content_size.width >= _WIDE
        grid = Table.grid(padding=(0, 1), expand=False)
        grid.add_column(no_wrap=True, width=9)
        if wide:
            grid.add_column(no_wrap=True, width=11)
        grid.add_column()
        for check in sorted(checks, key=lambda check: list(_VERDICTS).index(_verdict(check))):
            glyph, twin, tone = _VERDICTS[_verdict(check)]
            mark = Text(f"{glyph if self.session.glyphs.unicode else twin} {_verdict(check)}", self.style_of(tone))
            name, reason = plain(word_of(check, "name")), self._reason(check)
            if wide:
                grid.add_row(mark, Text(name, self.style_of("")), reason)
            else:
                told = Text(f"{name}  ", self.style_of(""), no_wrap=reason.no_wrap, overflow=reason.overflow)
                grid.add_row(mark, told.append_text(reason))
        return grid

    def _reason(self, check: Mapping[str, Json]) -> Text:
        words = self.in_own_words(word_of(check, "reason"))
        if _verdict(check) == "ok":
            return Text(words, self.style_of("dim"), no_wrap=True, overflow="ellipsis")
        step = self.in_own_words(word_of(check, "next_step"))
        reason = Text(f"{words}." if step and not words.endswith((".", "!", "?")) else words, self.style_of(""))
        return reason.append(f" {step}", self.style_of("dim")) if step else reason

    def _wrong(self, name: str, sentence: str) -> JsonObject:
        label = next((field.label for field in self.FIELDS if field.name == name), name)
        return {"name": label, "verdict": "refused", "reason": sentence}

    def _refused(self, error: AicError) -> JsonObject:
        return {"name": self.VERB, "verdict": "refused", "reason": error.message, "next_step": error.next_step}


def _verdict(check: Mapping[str, Json]) -> str:
    verdict = word_of(check, "verdict")
    return verdict if verdict in _VERDICTS else "unknown"


def _counted(checks: Sequence[Mapping[str, Json]]) -> str:
    """`1 refused, 8 ok`"""
    verdicts = [_verdict(check) for check in checks]
    return ", ".join(f"{verdicts.count(each)} {each}" for each in _VERDICTS if each in verdicts)


def word_of(row: Mapping[str, Json], key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value)


def context_told(written: str) -> str:
    """` · 8k context` of an argument; nothing where the server is told none."""
    if not written:
        return ""
    tokens = parse_context(written)
    return f" · {format_tokens(tokens)} context" if tokens else " · all its context"


def objects(value: Json) -> list[JsonObject]:
    return [each for each in (value if isinstance(value, list) else []) if isinstance(each, dict)]


def does_not_fit(answer: Mapping[str, Json]) -> str:
    """The verdict where the model does not fit on what was chosen, in a sentence; empty otherwise."""
    fit = answer.get("fit")
    return f"{word_of(fit, 'line')}." if isinstance(fit, dict) and word_of(fit, "verdict") == "NO" else ""
