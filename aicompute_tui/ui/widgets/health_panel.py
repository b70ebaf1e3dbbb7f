"""How one connection or server answered: its latency over a day, its share of good checks, and the last of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.worker import Worker

from aicompute_tui.domain.durations import span
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.answering import took
from aicompute_tui.ui.format import moment
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.health_history import (
    UPTIMES,
    Sample,
    checked_for,
    checks_of,
    last_checks,
    parts_of,
    samples_of,
    share_words,
)
from aicompute_tui.ui.records import number, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.content_lines import ContentLines
from aicompute_tui.ui.widgets.spark_line import spark_line
from aicompute_tui.ui.widgets.text_line import TextLine, spread

_DIM = "$foreground-muted"
_LABEL, _GAP = 9, "   "
_ROOMY = 64
"""From this width on figures stand beside their chart, and since when beside the checks."""
_LONGEST_CHART, _SHORTEST_CHART = 60, 8
_LAST_CHECKS = 20
_LEAST_MILLISECONDS = 10.0
"""A chart of next to nothing does not fill its line."""
_WORDS = {"up": "up", "degraded": "degraded", "down": "down"}


class HealthView(NamedTuple):
    """What the agent told of one target; `told` is empty before it did, `problem` says why it did not."""

    told: JsonObject
    day: Sequence[Sample]
    newest: Sequence[Sample]
    now: float
    problem: str = ""
    utc: bool = False


class HealthPanel(Vertical):
    """Asks the agent when its view says so; nothing goes to the target itself."""

    DEFAULT_CSS = "HealthPanel { height: auto; }"

    def __init__(self, session: Session, question: str, name: str) -> None:
        """`question` is `connection.health` or `server.health`, `name` the id of what it is about."""
        super().__init__(id="health-panel")
        self._session = session
        self._question, self._name = question, name
        self._told: JsonObject = {}
        self._day: list[Sample] = []
        self._newest: list[Sample] = []
        self._problem = ""
        self._width = 0
        self._asking: Worker[None] | None = None
        self._title = TextLine(id="health-title")
        self._lines = ContentLines(id="health-lines")

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._lines

    @property
    def text(self) -> str:
        return f"{self._title.text}\n{self._lines.text}"

    def ask(self) -> None:
        """What is shown stays until the answer comes."""
        is_asking = self._asking is not None and not self._asking.is_finished
        if self.is_attached and self.app.screen is self.screen and not is_asking:
            self._asking = self.run_worker(self._ask(), group="health", exit_on_error=False)

    def on_mount(self) -> None:
        self.ask()

    async def _ask(self) -> None:
        try:
            told, day = await self._of("24h")
            _, newest = await self._of("1h")
            self._told, self._day, self._newest = told, day, newest
        except AicError as error:
            self._problem = error.message
        else:
            self._problem = ""
        self.show(self._width)

    async def _of(self, since: str) -> tuple[JsonObject, list[Sample]]:
        answer: Json = await self._session.query(self._question, {"name": self._name, "since": since})
        row = answer[0] if isinstance(answer, list) and answer else None
        told: JsonObject = row if isinstance(row, dict) else {}
        return told, samples_of(told)

    def show(self, width: int) -> None:
        """As it stands, in `width` cells."""
        self._width = width
        if width <= 0:
            return
        now, glyphs = self._session.now().timestamp(), self._session.glyphs
        view = HealthView(self._told, self._day, self._newest, now, self._problem, self._session.utc)
        left = Content.styled(f"HEALTH  {_span(view, glyphs)}", _DIM)
        self._title.show(spread(left, Content.styled(_failed(view), _DIM), width, glyphs.more))
        self._lines.show_lines([line.truncate(width) for line in health_lines(view, width, glyphs)])


def _span(view: HealthView, glyphs: Glyphs) -> str:
    """Beside the title: what is shown, or why nothing newer is."""
    if view.problem or not view.told:
        return view.problem or f"asking {glyphs.more}"
    if text(view.told, "state") == "inactive":
        return "nobody checks it while it is out of use"
    return "the last 24 hours" if view.day else "not checked yet"


def _failed(view: HealthView) -> str:
    """`2 of 2,880 checks failed`"""
    checks, failed = sum(each.checks for each in view.day), sum(each.failed for each in view.day)
    if not checks:
        return ""
    return f"{failed:,} of {checks:,} checks failed" if failed else f"no check of {checks:,} failed"


def health_lines(view: HealthView, width: int, glyphs: Glyphs) -> list[Content]:
    """Latency, uptime and the last checks; none where there was no check."""
    if not view.day:
        return []
    is_roomy = width >= _ROOMY
    return [*_latency(view, width, glyphs, is_roomy=is_roomy), _uptimes(view, width, glyphs),
            *_checks(view, glyphs, is_roomy=is_roomy)]  # fmt: skip


def _latency(view: HealthView, width: int, glyphs: Glyphs, *, is_roomy: bool) -> Iterator[Content]:
    latest = took(number(view.told, "latency_ms"), glyphs)
    ranks = [f"p{rank} {took(number(view.told, f'latency_p{rank}_ms'), glyphs)}" for rank in (50, 95)]
    figures = _GAP.join([latest, *ranks]) if is_roomy else latest
    room = max(_SHORTEST_CHART, min(_LONGEST_CHART, width - _LABEL - len(figures) - len(_GAP)))
    yield Content.assemble(_labelled("latency"), *_bars(view, room, glyphs), _GAP, figures)
    if not is_roomy:
        yield Content.assemble(_labelled(""), (_GAP.join(ranks), _DIM))


def _bars(view: HealthView, count: int, glyphs: Glyphs) -> Iterator[tuple[str, str]]:
    """A bar for each part of the day; one in which checks failed stands out, a cross where none succeeded."""
    parts = parts_of(view.day, count, view.now)
    most = max((part.latency for part in parts if part.latency is not None), default=0.0)
    bars = spark_line([part.latency for part in parts], count, glyphs, most=max(_LEAST_MILLISECONDS, most))
    cross = "✕" if glyphs.unicode else "x"
    for part, bar in zip(parts, bars, strict=True):
        if part.failed and part.latency is None:
            yield cross, "$error"
        else:
            yield bar, "$warning" if part.failed else "$primary"


def _uptimes(view: HealthView, width: int, glyphs: Glyphs) -> Content:
    """`24 h 99.93 % of 2,880   since 3d 99.98 % of 8,640`; without the counts where there is no room for them."""
    line = Content.assemble(_labelled("uptime"), Content(_GAP).join(_shares(view, glyphs, counts=True)))
    if line.cell_length <= width:
        return line
    return Content.assemble(_labelled("uptime"), Content(_GAP).join(_shares(view, glyphs, counts=False)))


def _shares(view: HealthView, glyphs: Glyphs, *, counts: bool) -> Iterator[Content]:
    """One for each window, up to the first that began before the first check: wider ones hold the same checks."""
    for key, title, window in UPTIMES:
        percent, checks, short = (
            number(view.told, key),
            checks_of(view.told, key),
            checked_for(view.told, window, view.now),
        )
        told = glyphs.unknown if percent is None else share_words(percent)
        many = [(f" of {checks:,.0f}", _DIM)] if counts and checks else []
        name = title if short is None else f"since {span(short)}"
        yield Content.assemble((f"{name} ", _DIM), told, *many)
        if short is not None:
            return


def _checks(view: HealthView, glyphs: Glyphs, *, is_roomy: bool) -> Iterator[Content]:
    good, bad = ("●", "✕") if glyphs.unicode else ("*", "x")
    signs = [(good, "$success") if is_good else (bad, "$error") for is_good in last_checks(view.newest, _LAST_CHECKS)]
    since = (_since(view, glyphs), _DIM)
    if signs:
        yield Content.assemble(_labelled("checks"), *signs, *((_GAP, since) if is_roomy else ()))
    if since[0] and not (signs and is_roomy):
        yield Content.assemble(_labelled("" if signs else "checks"), since)


def _since(view: HealthView, glyphs: Glyphs) -> str:
    """`up since 11-18 13:02`"""
    at, word = parse_moment(text(view.told, "since")), _WORDS.get(text(view.told, "state"), "")
    if at is None or not word:
        return ""
    return f"{word} since {moment(at.timestamp(), utc=view.utc, now=view.now, glyphs=glyphs)}"


def _labelled(label: str) -> tuple[str, str]:
    return f"{label:<{_LABEL}}", _DIM
