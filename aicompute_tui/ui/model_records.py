"""Models of the hub as a list: its columns, what a filter compares, and the row under the cursor in two lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aicompute_tui.domain.durations import span
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.records import RecordList, RowColumn, number, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column

_GIB = 1 << 30
_KILO = 1_024
_DAY = 86_400
_STEPS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_TASKS: Mapping[str, str] = {
    "text-generation": "text",
    "image-text-to-text": "vision",
    "any-to-any": "any to any",
    "feature-extraction": "embedding",
    "sentence-similarity": "embedding",
    "text-ranking": "reranking",
    "text-to-image": "image",
    "image-to-image": "image",
    "text-to-video": "video",
    "automatic-speech-recognition": "speech",
    "text-to-speech": "voice",
}
_GATED = {"no": Cell("no", "dim"), "auto": Cell("yes", "warn"), "manual": Cell("asks", "warn")}


def task_word(row: JsonObject) -> str:
    """What it is for: `chat`, else the hub's task in a word."""
    task = text(row, "task")
    return text(row, "purpose") or _TASKS.get(task, task.replace("-", " "))


def title_of(row: JsonObject) -> str:
    """A curated one by its name, any other by its id, since on the hub names repeat."""
    return text(row, "name") if text(row, "curated_name") and text(row, "name") else text(row, "id")


def short_count(amount: float | None, glyphs: Glyphs) -> str:
    """`8.0B`, `335M`, `1.2k`, three digits at most."""
    if amount is None:
        return glyphs.unknown
    for step, letter in _STEPS:
        if amount >= step * 0.9995:
            scaled = amount / step
            return f"{scaled:.0f}{letter}" if scaled >= 99.95 else f"{scaled:.1f}{letter}"
    return f"{amount:.0f}"


def context_word(tokens: float | None, glyphs: Glyphs) -> str:
    """`128k`"""
    if tokens is None:
        return glyphs.unknown
    return f"{tokens / _KILO:.0f}k" if tokens >= _KILO else f"{tokens:.0f}"


def gib(amount: float | None, glyphs: Glyphs) -> str:
    """`14.9`, the unit being in the header."""
    return glyphs.unknown if amount is None else f"{amount / _GIB:.1f}"


def days(seconds: float) -> str:
    """As `span`, in days alone after two of them."""
    return f"{seconds // _DAY:.0f}d" if seconds >= 2 * _DAY else span(seconds)


def seconds_since(session: Session, row: JsonObject, key: str) -> float | None:
    when = parse_moment(text(row, key))
    return None if when is None else max(0.0, (session.now() - when).total_seconds())


def age_of(session: Session, row: JsonObject) -> float | None:
    """Of what is told, in seconds."""
    since = seconds_since(session, row, "read_at")
    return number(row, "age_seconds") if since is None else since


def model_columns(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs

    def figure(
        key: str, title: str, width: int, letter: str, shown: Callable[[float | None, Glyphs], str], needs: int = 0
    ) -> RowColumn:
        def cell(row: JsonObject) -> Cell:
            value = number(row, key)
            return Cell(shown(value, glyphs), "dim" if value is None else "")

        return Column(key=key, title=title, width=width, align="right", letter=letter, needs=needs, cell=cell,
                      sort=lambda row: number(row, key), descending=True)  # fmt: skip

    def known(key: str) -> Callable[[JsonObject], Cell]:
        return lambda row: Cell(text(row, key)) if row.get(key) else Cell(glyphs.unknown, "dim")

    def updated(row: JsonObject) -> Cell:
        since = seconds_since(session, row, "updated_at")
        return Cell(glyphs.unknown if since is None else days(since), "dim")

    def age(row: JsonObject) -> Cell:
        seconds = age_of(session, row)
        return Cell(glyphs.unknown if seconds is None else days(seconds), "warn" if row.get("problem") else "dim")

    return [
        Column(key="name", title="model", width=18, weight=3, most=52, letter="N", cell=title_of, fields=("id", "name"),
               sort=lambda row: title_of(row).lower()),
        Column(key="task", title="for", width=9, letter="F", fields=("purpose", "task"),
               cell=lambda row: task_word(row) or Cell(glyphs.unknown, "dim"), sort=lambda row: task_word(row) or None),
        figure("parameters", "params", 6, "P", short_count),
        figure("size_bytes", "size G", 6, "Z", gib),
        figure("vram_bytes", "VRAM G", 6, "V", gib),
        figure("context_length", "ctx", 5, "X", context_word),
        figure("downloads", "loads", 5, "D", short_count, needs=90),
        Column(key="gated", title="gated", width=5, letter="A", sort=lambda row: text(row, "gated") or None,
               cell=lambda row: _GATED.get(text(row, "gated"), Cell(glyphs.unknown, "dim"))),
        figure("likes", "likes", 5, "L", short_count, needs=100),
        Column(key="licence", title="licence", width=10, letter="I", needs=100,
               cell=known("licence"), sort=lambda row: text(row, "licence") or None),
        Column(key="updated_at", title="updated", width=7, align="right", letter="U", needs=124, cell=updated,
               sort=lambda row: seconds_since(session, row, "updated_at")),
        Column(key="age", title="age", width=4, align="right", letter="E", cell=age, fields=("age_seconds", "read_at"),
               sort=lambda row: age_of(session, row)),
    ]  # fmt: skip


def compared_value(row: JsonObject, name: str) -> float | None:
    """What `column>number` looks at: billions of parameters, GiB, thousands of tokens, plain counts."""
    key, unit = _COMPARED.get(name, ("", 1.0))
    value = number(row, key) if key else None
    return None if value is None else value / unit


_COMPARED: Mapping[str, tuple[str, float]] = {
    "params": ("parameters", 1e9), "parameters": ("parameters", 1e9),
    "size": ("size_bytes", _GIB), "size_bytes": ("size_bytes", _GIB),
    "vram": ("vram_bytes", _GIB), "vram_bytes": ("vram_bytes", _GIB),
    "ctx": ("context_length", _KILO), "context_length": ("context_length", _KILO),
    "loads": ("downloads", 1.0), "downloads": ("downloads", 1.0), "likes": ("likes", 1.0),
}  # fmt: skip
NUMBERS = frozenset(_COMPARED)


def model_told(_: Session, row: JsonObject) -> str:
    """Its id and other names, and what is said of its quality and by whom."""
    names = [text(row, "id")]
    names += [f"ollama {text(row, 'ollama')}"] if row.get("ollama") else []
    note, source = text(row, "quality"), text(row, "quality_source")
    said = f"{note} ({source})" if note and source else note
    return "   ".join([*names, said] if said else names)


MODELS = RecordList(
    question="model.popular", title="Models", key="id", columns=model_columns, told=model_told, marks=True,
    empty="No model is like that.",
)  # fmt: skip
