"""What a launch is, what it would cost, what ends it and what stands in its way: one answer of the preflight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text
from textual.widgets import Static

from aicompute_tui.domain.durations import format_duration
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.format import short_moments
from aicompute_tui.ui.launch_form import FIELDS, in_form_words
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import plain

_VERDICTS: Mapping[str, tuple[str, str, str]] = {
    "refused": ("✕", "x", "bad"),
    "warning": ("⚠", "!", "warn"),
    "unknown": ("?", "?", "warn"),
    "ok": ("✓", "+", "good"),
}
"""Verdict → its mark, the mark's ASCII twin, and its tone."""


_WIDE = 60
"""From this width on a check's name has a column of its own."""


class LaunchSummary(Static):
    """Shows one answer of `instance.preflight`; `begin_checking` dims it while the next one is awaited."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "launch-summary--title",
        "launch-summary--strong",
        "launch-summary--dim",
        "launch-summary--good",
        "launch-summary--warn",
        "launch-summary--bad",
    }

    def __init__(self, session: Session, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__("", id=id)
        self._session = session
        self._answer: JsonObject | None = None
        self._command = ""
        self._problems: Mapping[str, str] = {}
        self._error: AicError | None = None
        self._waiting_for: str = "checking …"

    @property
    def is_current(self) -> bool:
        """The answer shown is for what stands in the form."""
        return not self._waiting_for

    def begin_checking(self) -> None:
        self._problems = {}
        self._wait("checking …")

    @property
    def answer(self) -> JsonObject | None:
        """The last one, None where the checks did not end."""
        return self._answer

    def show_problems(self, problems: Mapping[str, str]) -> None:
        """Nothing is asked while a field is wrong."""
        self._answer, self._error, self._waiting_for, self._problems = None, None, "", problems
        self.refresh(layout=True)

    def show(self, answer: JsonObject, command: str = "") -> None:
        self._answer, self._error, self._waiting_for, self._problems = answer, None, "", {}
        self._command = command
        self.refresh(layout=True)

    def show_error(self, error: AicError) -> None:
        self._answer, self._error, self._waiting_for, self._problems = None, error, "", {}
        self.refresh(layout=True)

    def _wait(self, words: str) -> None:
        if words != self._waiting_for:
            self._waiting_for = words
            self.refresh(layout=True)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def render(self) -> RenderableType:
        wide = self.content_size.width >= _WIDE
        if self._problems:
            wrong: list[JsonObject] = [_wrong(name, sentence) for name, sentence in self._problems.items()]
            return Group(self._title("MEND FIRST"), self._checks(wrong, wide))
        if self._error is not None:
            return Group(self._title("CHECKS"), self._checks([_refused(self._error)], wide))
        if self._answer is None:
            return Group(Text(self._waiting_for, self._style("dim")))
        checks = _objects(self._answer.get("checks"))
        first, rest = self._ends(self._answer)
        gap = Text("")
        parts: list[RenderableType] = [*self._what(self._answer), *self._costs(self._answer)]
        attention = [check for check in checks if _verdict(check) != "ok"]
        right = [check for check in checks if _verdict(check) == "ok"]
        if attention:
            parts += [gap, self._title("CHECKS", _counted(checks)), self._checks(attention, wide)]
        parts += [gap, self._title("WHAT ENDS IT"), *first]
        if right:
            title = self._title("ALL RIGHT") if attention else self._title("CHECKS", _counted(checks))
            parts += [gap, title, self._checks(right, wide)]
        if rest:
            parts += [gap, *rest]
        if self._command:
            parts += [gap, self._title("THE SAME BY COMMAND", "c copies it"), Text(self._command, self._style(""))]
        return Group(*parts)

    def _what(self, answer: JsonObject) -> list[RenderableType]:
        """The machine and what it serves, a line each."""
        spec = answer.get("spec")
        if not isinstance(spec, dict):
            return []
        count = answer.get("count")
        times = f"{count} × " if isinstance(count, int) and count > 1 else ""
        where = " · ".join(filter(None, (_word(spec, "region"), _word(spec, "zone"), _word(spec, "market"))))
        lines = [f"{times}{_word(answer, 'gpus') or _word(spec, 'type')} · {where}"]
        models = " ".join(map(str, _list(spec.get("model"))))
        if _word(spec, "framework") not in ("", "none"):
            lines.append(f"{_word(spec, 'framework')} {models}".strip() + _usually(answer))
        return [Text(plain(line), self._style(""), no_wrap=True, overflow="ellipsis") for line in lines]

    def _style(self, tone: str) -> Style:
        if not tone:
            tone = "dim" if self._waiting_for else ""
        elif self._waiting_for and tone in ("strong", "good", "warn"):
            tone = "dim"
        if not tone:
            return Style()
        # A partial style would lose the alpha of a dim colour.
        full = self.get_component_rich_style(f"launch-summary--{tone}")
        return Style(color=full.color, bold=full.bold)

    def _costs(self, answer: JsonObject) -> list[RenderableType]:
        count = answer.get("count")
        times = count if isinstance(count, int) else 1
        hourly = _number(answer, "price_usd_per_hour")
        line = Text(no_wrap=True, overflow="ellipsis")
        if hourly is None:
            line.append("price unknown", self._style("warn"))
        else:
            line.append(f"${hourly * times:,.2f}/h", self._style("strong"))
            line.append(_clause(_number(answer, "cost_ttl_usd"), f" for {_ttl(answer)}"), self._style(""))
            line.append(_clause(_number(answer, "cost_month_usd"), "/month"), self._style("dim"))
        told = plain(_word(answer, "price_source"))
        if hourly is not None:
            told = f"{f'{times} × ' if times > 1 else ''}${hourly:,.4f}, {told}"
        return [line, Text(self._waiting_for or told, self._style("dim"), no_wrap=True, overflow="ellipsis")]

    def _ends(self, answer: JsonObject) -> tuple[list[RenderableType], list[RenderableType]]:
        """The two sentences that matter most, and the others."""
        sentences = [in_form_words(self._with_short_moments(plain(str(each)))) for each in _list(answer.get("ends"))]
        if answer.get("ends_at") is None:
            return [Text(sentence, self._style("bad")) for sentence in sentences], []
        made = [Text(sentence, self._style("" if place < 2 else "dim")) for place, sentence in enumerate(sentences)]
        return list(made[:2]), list(made[2:])

    def _with_short_moments(self, sentence: str) -> str:
        """`2026-11-20T16:55:00Z` as the rest of the console shows it."""

        session = self._session
        return short_moments(sentence, utc=session.utc, now=session.now().timestamp(), glyphs=session.glyphs)

    def _title(self, words: str, told: str = "") -> Text:
        line = Text(no_wrap=True, overflow="ellipsis").append(words, self._style("title"))
        return line.append(f"  {told}", self._style("dim")) if told else line

    def _checks(self, checks: Sequence[Mapping[str, Json]], wide: bool) -> RenderableType:
        """Refusals first; what is all right takes one line, what is not may take as many as it needs."""
        grid = Table.grid(padding=(0, 1), expand=False)
        grid.add_column(no_wrap=True, width=9)
        if wide:
            grid.add_column(no_wrap=True, width=11)
        grid.add_column()
        for check in sorted(checks, key=lambda check: list(_VERDICTS).index(_verdict(check))):
            glyph, twin, tone = _VERDICTS[_verdict(check)]
            mark = Text(f"{glyph if self._session.glyphs.unicode else twin} {_verdict(check)}", self._style(tone))
            name, reason = plain(_word(check, "name")), self._reason(check)
            if wide:
                grid.add_row(mark, Text(name, self._style("")), reason)
            else:
                told = Text(f"{name}  ", self._style(""), no_wrap=reason.no_wrap, overflow=reason.overflow)
                grid.add_row(mark, told.append_text(reason))
        return grid

    def _reason(self, check: Mapping[str, Json]) -> Text:
        words = in_form_words(self._with_short_moments(plain(_word(check, "reason"))))
        if _verdict(check) == "ok":
            return Text(words, self._style("dim"), no_wrap=True, overflow="ellipsis")
        reason = Text(words, self._style(""))
        step = in_form_words(plain(_word(check, "next_step")))
        return reason.append(f" {step}", self._style("dim")) if step else reason


def _usually(answer: Mapping[str, Json]) -> str:
    """How long set-ups measured here took; nothing where none was."""
    seconds = _number(answer, "setup_seconds")
    return "" if seconds is None else f" · usually ready in {format_duration(seconds)}"


def _wrong(name: str, sentence: str) -> JsonObject:
    label = next((field.label for field in FIELDS if field.name == name), name)
    return {"name": label, "verdict": "refused", "reason": sentence}


def _refused(error: AicError) -> JsonObject:
    return {"name": "launch", "verdict": "refused", "reason": error.message, "next_step": error.next_step}


def _verdict(check: Mapping[str, Json]) -> str:
    verdict = _word(check, "verdict")
    return verdict if verdict in _VERDICTS else "unknown"


def _counted(checks: Sequence[Mapping[str, Json]]) -> str:
    """`1 refused, 8 ok`"""
    verdicts = [_verdict(check) for check in checks]
    return ", ".join(f"{verdicts.count(each)} {each}" for each in _VERDICTS if each in verdicts)


def _clause(amount: float | None, words: str) -> str:
    return "" if amount is None else f"  ${amount:,.2f}{words}"


def _ttl(answer: Mapping[str, Json]) -> str:
    """`8h`, from the seconds of the resolved values."""
    spec = answer.get("spec")
    seconds = _word(spec, "ttl").removesuffix("s") if isinstance(spec, dict) else ""
    return format_duration(int(seconds)) if seconds.isdecimal() else "its time"


def _number(answer: Mapping[str, Json], key: str) -> float | None:
    value = answer.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _word(row: Mapping[str, Json], key: str) -> str:
    value = row.get(key)
    return "" if value is None else str(value)


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _objects(value: Json) -> list[JsonObject]:
    return [each for each in _list(value) if isinstance(each, dict)]
