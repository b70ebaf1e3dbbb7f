"""What the page of one model server says: what it is, how it fares, what it does now, and its models as a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from textual.content import Content

from aicompute_tui.domain.durations import span
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.sizes import format_bytes
from aicompute_tui.store.rows import JobRow, ServerRow
from aicompute_tui.ui.format import StateLook, sign
from aicompute_tui.ui.health_words import unchecked_words
from aicompute_tui.ui.records import RowColumn, number, text
from aicompute_tui.ui.server_columns import kind_title, models_of, place_of, state_look, state_word, tags_of
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column
from aicompute_tui.ui.widgets.spark_line import progress_bar
from aicompute_tui.ui.widgets.text_line import spread

_DIM = "$foreground-muted"
_STYLES = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": _DIM}
_LABEL = 8
_BAR = 20
_PERCENT = re.compile(r"(\d{1,3}) ?%")
_MODEL_LOOKS = {
    "loaded": StateLook("●", "*", "good"),
    "loading": StateLook("◐", "%", "warn"),
    "sleeping": StateLook("◌", ".", "dim"),
    "available": StateLook("○", "o", "dim"),
    "failed": StateLook("✕", "x", "bad"),
}
_KILO = 1_024


class ServerView(NamedTuple):
    """Everything known of one server now; `live` is the newest of its stream, empty until that tells."""

    row: ServerRow
    live: JsonObject
    jobs: Sequence[JobRow]
    session: Session

    @property
    def now(self) -> float:
        return self.session.now().timestamp()

    @property
    def unchecked(self) -> float | None:
        """Seconds for which nobody has checked it although it was well; its stream tells by itself how it is."""
        return None if self.live else self.session.state.unchecked_for(self.row, self.now)

    @property
    def models(self) -> Sequence[JsonObject]:
        told = self.live.get("models")
        if isinstance(told, list) and text(self.live, "state") != "offline":
            return [each for each in told if isinstance(each, dict)]
        return models_of(self.row.models)


def fact_lines(view: ServerView, width: int) -> list[Content]:
    """Each cut to `width`; a problem may take several."""
    lines = [*_headline(view, width), *_where(view)]
    lines += _problem(view, width)
    lines += [line for job in view.jobs for line in _job(job, view, width)]
    more = view.session.glyphs.more
    return [
        line if line.cell_length <= width else Content.assemble(line.truncate(max(0, width - 1)), more)
        for line in lines
    ]


def _headline(view: ServerView, width: int) -> Iterator[Content]:
    row, glyphs = view.row, view.session.glyphs
    word = _state(view)
    look = state_look(word)
    tone = _STYLES.get(look.tone, "") if view.unchecked is None else _DIM
    state = (f"{sign(look, glyphs)} {word}", f"bold {tone}")
    left = Content.assemble(state, "  ", f"{kind_title(row.kind)} {row.server_version}".rstrip(), "  ", row.base_url)
    right = Content.styled(", ".join(_checked(view)), _DIM)
    if left.cell_length + right.cell_length + 3 <= width:
        yield spread(left, right, width, glyphs.more)
    else:
        yield left
        if right:
            yield right


def _state(view: ServerView) -> str:
    """As the last checks found it; before the first one as its stream tells."""
    word = state_word(view.row)
    return text(view.live, "state") or word if word == "unknown" else word


def _checked(view: ServerView) -> Iterator[str]:
    """`online for 2d03, answered in 4 ms, checked 12s ago`"""
    row, now = view.row, view.now
    if view.unchecked is not None:
        yield f"checked {span(view.unchecked)} ago"
        return
    if row.since is not None and row.is_active and state_word(row) != "unknown":
        yield f"{state_word(row)} for {span(max(0.0, now - row.since))}"
    latency = number(view.live, "latency_seconds") or row.latency_seconds
    if latency is not None and row.state != "down":
        yield f"answers in {latency * 1_000:,.0f} ms"
    if row.checked_at is not None and row.state == "down":
        yield f"asked {span(max(0.0, now - row.checked_at))} ago"


def _where(view: ServerView) -> Iterator[Content]:
    row = view.row
    place, tags = place_of(view.session.state, row), tags_of(row)
    parts = [("runs on", place), ("tags", ", ".join(tags)), ("key", "sealed in the vault" if row.has_key else "")]
    shown = [Content.assemble((f"{label} ", _DIM), value) for label, value in parts if value]
    if shown:
        yield Content("   ").join(shown)


def _problem(view: ServerView, width: int) -> Iterator[Content]:
    row = view.row
    if view.unchecked is not None:
        told = unchecked_words(view.unchecked, view.session)
        yield from Content.styled(told, "$warning").wrap(max(10, width))
    if row.problem and state_word(row) in ("offline", "degraded"):
        tone = "$error" if row.state == "down" else "$warning"
        yield from Content.styled(row.problem, tone).wrap(max(10, width))
        if row.next_step:
            yield from Content(row.next_step).wrap(max(10, width))


def _job(job: JobRow, view: ServerView, width: int) -> Iterator[Content]:
    """What is done to it now, with a bar where it says how far."""
    glyphs = view.session.glyphs
    verb = job.action_id.partition(".")[2].replace("-", " ")
    told = job.progress or job.state
    found = _PERCENT.search(job.progress)
    bar = progress_bar(float(found[1]), _BAR, glyphs) if found is not None else ("", "")
    left = Content.assemble((f"{verb:<{_LABEL}}", _DIM), (bar[0], "$primary"), (bar[1], _DIM), "  " if found else "",
                            told)  # fmt: skip
    ending = "being cancelled" if job.cancel_requested else "C cancels it"
    yield spread(left, Content.styled(ending, _DIM), width, glyphs.more)


# -- its models


def model_columns(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs
    unknown = glyphs.unknown

    def known(value: str) -> Cell:
        return Cell(value or unknown, "" if value else "dim")

    def state(row: JsonObject) -> Cell:
        word = text(row, "state")
        look = _MODEL_LOOKS.get(word, _MODEL_LOOKS["available"])
        return Cell(word or unknown, look.tone, sign(look, glyphs), look.tone)

    def size(row: JsonObject, key: str) -> str:
        value = number(row, key)
        return "" if value is None else format_bytes(int(value), unknown)

    def context(row: JsonObject) -> str:
        value = number(row, "context_tokens")
        if value is None:
            return ""
        return f"{value / _KILO:.0f}k" if value >= _KILO else f"{value:.0f}"

    def memory(row: JsonObject) -> str:
        """`5.1 GiB 100 %`: what lies in GPU memory, and how much of it that is."""
        used, whole = number(row, "memory_bytes"), number(row, "size_bytes")
        if used is None:
            return ""
        share = f" {min(used / whole, 1.0) * 100:.0f} %" if whole else ""
        return f"{format_bytes(int(used), unknown)}{share}"

    return [
        Column(key="id", title="model", width=18, weight=3, most=56, letter="N", sort=lambda row: text(row, "id"),
               cell=lambda row: Cell(f"  {text(row, 'id')}" if row.get("parent") else text(row, "id"))),
        Column(key="state", title="state", width=11, cell=state, letter="S", sort=lambda row: text(row, "state")),
        Column(key="size", title="size", width=9, align="right", cell=lambda row: known(size(row, "size_bytes")),
               letter="Z", sort=lambda row: number(row, "size_bytes"), descending=True, fields=("size_bytes",)),
        Column(key="memory", title="in VRAM", width=13, align="right", cell=lambda row: known(memory(row)),
               letter="V", sort=lambda row: number(row, "memory_bytes"), fields=("memory_bytes",)),
        Column(key="quantisation", title="quant", width=7, cell=lambda row: known(text(row, "quantisation")),
               letter="Q", sort=lambda row: text(row, "quantisation") or None),
        Column(key="context", title="context", width=7, align="right", cell=lambda row: known(context(row)),
               letter="X", sort=lambda row: number(row, "context_tokens"), fields=("context_tokens",)),
        Column(key="parameters", title="params", width=6, align="right", letter="P",
               cell=lambda row: known(text(row, "parameters")), sort=lambda row: text(row, "parameters") or None),
    ]  # fmt: skip


def loaded_first(models: Sequence[JsonObject]) -> dict[str, JsonObject]:
    """By id, those in memory on top."""
    words = list(_MODEL_LOOKS)

    def rank(row: JsonObject) -> tuple[int, str]:
        word = text(row, "state")
        return words.index(word) if word in words else len(words), text(row, "id").lower()

    return {text(row, "id"): row for row in sorted(models, key=rank)}
