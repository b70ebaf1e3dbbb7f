"""The columns of the connections table, what a filter finds in them, and which connections stand first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import lru_cache

from aicompute_tui.domain.connection_status import STATUSES, connection_status
from aicompute_tui.llms.presets import PRESETS
from aicompute_tui.store.rows import ConnectionRow
from aicompute_tui.ui.filter_language import CONTEXT, Known, Value, whole_words
from aicompute_tui.ui.format import StateLook, age, sign, span
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.columns import Cell, Column

Now = Callable[[], float]
Unchecked = Callable[[ConnectionRow], float | None]
"""Seconds for which nobody has checked one that was well."""
FILTER_COLUMNS = (
    "name", "id", "kind", "model", "url", "status", "tag", "flag", "source", "ms", "used",
)  # fmt: skip
FLAG_LETTERS = {"livekit": "L", "mcp": "M", "automation": "A"}
"""What stands for each offer in the table."""
_ACTIVE = StateLook("●", "*", "good")
_DEGRADED = StateLook("⚠", "^", "warn")
_ERROR = StateLook("✕", "x", "bad")
_TESTING = StateLook("◌", ".", "warn")
_INACTIVE = StateLook("■", "#", "dim")
_SOURCES = frozenset({"container", "instance", "none"})
_MOST_TEXTS = 20_000


def status(row: ConnectionRow) -> str:
    return connection_status(row.state, is_active=bool(row.is_active), is_held_back=bool(row.is_held_back))


def status_look(row: ConnectionRow) -> StateLook:
    if not row.is_active:
        return _INACTIVE
    return _LOOKS[status(row)]


_LOOKS = {"active": _ACTIVE, "degraded": _DEGRADED, "error": _ERROR, "held back": _ERROR, "testing": _TESTING}


def kind_word(kind: str) -> str:
    """`vLLM`, in a table's width."""
    return "as OpenAI" if kind == "openai-compatible" else kind_title(kind)


def kind_title(kind: str) -> str:
    """`Google Gemini`; the word itself for a kind of a newer program."""
    preset = PRESETS.get(kind)
    return kind if preset is None else preset.title


@lru_cache(maxsize=4_096)
def words_of(text: str) -> tuple[str, ...]:
    """Flags or tags as the store keeps them."""
    return tuple(str(each) for each in json.loads(text)) if text else ()


def flag_text(row: ConnectionRow) -> str:
    """`L M A`, each letter in its own place."""
    flags = words_of(row.flags)
    return " ".join(letter if flag in flags else " " for flag, letter in FLAG_LETTERS.items()).rstrip()


def trouble_first(rows: Iterable[tuple[str, ConnectionRow]]) -> dict[str, ConnectionRow]:
    """What fails on top, then what is in use, by name; last what is not."""
    return dict(sorted(rows, key=_place))


def _place(item: tuple[str, ConnectionRow]) -> tuple[int, str]:
    return STATUSES.index(status(item[1])), item[1].name.lower()


def connection_columns(glyphs: Glyphs, now: Now, unchecked: Unchecked) -> list[Column[ConnectionRow]]:
    """At 80 columns address and tags wait beyond the edge."""
    cells = _ConnectionCells(glyphs, now, unchecked)
    return [
        Column(key="name", title="name", width=15, weight=3, most=40, cell=cells.name,
               sort=lambda row: row.name.lower(), letter="N"),
        Column(key="status", title="status", width=11, cell=cells.status, sort=lambda row: STATUSES.index(status(row)),
               letter="S", fields=("status", "health")),
        Column(key="kind", title="kind", width=9, weight=1, most=26, cell=lambda row: cells.dim_if_off(row,
               kind_word(row.kind)), sort=lambda row: kind_word(row.kind).lower(), letter="K"),
        Column(key="model", title="model", width=14, weight=3, most=44, cell=cells.model,
               sort=lambda row: (row.model or "").lower() or None, letter="M"),
        Column(key="base_url", title="address", width=20, weight=2, most=46, needs=104,
               cell=lambda row: Cell(row.base_url, "dim"), sort=lambda row: row.base_url, letter="A"),
        Column(key="ms", title="ms", width=5, align="right", cell=cells.latency,
               sort=lambda row: row.latency_seconds, letter="L", fields=("latency_seconds",)),
        Column(key="flags", title="offer", width=5, cell=flag_text, sort=lambda row: words_of(row.flags) or None,
               letter="F"),
        Column(key="tags", title="tags", width=8, weight=1, most=24, needs=104,
               cell=lambda row: Cell(" ".join(words_of(row.tags)), "dim"), sort=lambda row: words_of(row.tags) or None,
               letter="T"),
        Column(key="used", title="used", width=5, align="right", cell=cells.used, sort=lambda row: row.used_at,
               letter="U", descending=True, fields=("used_at",)),
    ]  # fmt: skip


class _ConnectionCells:
    """Cells that need the clock or the glyphs."""

    def __init__(self, glyphs: Glyphs, now: Now, unchecked: Unchecked) -> None:
        self._glyphs = glyphs
        self._now = now
        self._unchecked = unchecked

    def name(self, row: ConnectionRow) -> Cell:
        return self.dim_if_off(row, row.name)

    def status(self, row: ConnectionRow) -> Cell:
        look, unchecked = status_look(row), self._unchecked(row)
        if unchecked is not None:
            return Cell(f"{span(unchecked)} ago", "dim", sign(look, self._glyphs), "dim")
        return Cell(status(row), look.tone, sign(look, self._glyphs), look.tone)

    def model(self, row: ConnectionRow) -> Cell:
        return self.dim_if_off(row, row.model) if row.model else Cell(self._glyphs.unknown, "dim")

    def latency(self, row: ConnectionRow) -> Cell:
        """Of the last answer there was."""
        if row.latency_seconds is None:
            return Cell(self._glyphs.unknown, "dim")
        stands = row.is_active and row.state in ("up", "degraded") and self._unchecked(row) is None
        return Cell(f"{row.latency_seconds * 1000:,.0f}", "" if stands else "dim")

    def used(self, row: ConnectionRow) -> Cell:
        return Cell(age(row.used_at, self._now(), self._glyphs), "" if row.used_at is not None else "dim")

    def dim_if_off(self, row: ConnectionRow, text: str) -> Cell:
        return Cell(text, "" if row.is_active else "dim")


# -- filter


def filter_value(now: Now) -> Callable[[ConnectionRow, str], Value]:
    """`used` in seconds ago, `ms` in milliseconds; `@` narrows by the kind and whose it is."""

    def of(row: ConnectionRow, column: str) -> Value:
        if column == "used":
            return None if row.used_at is None else max(0.0, now() - row.used_at)
        if column == CONTEXT:
            return f"{row.kind} {row.owner}"
        return _VALUES[column](row)

    return of


_VALUES: dict[str, Callable[[ConnectionRow], Value]] = {
    "name": lambda row: row.name,
    "id": lambda row: row.id,
    "kind": lambda row: Known(row.kind, PRESETS, f"{row.kind} {kind_title(row.kind)}"),
    "model": lambda row: row.model,
    "url": lambda row: row.base_url,
    "status": lambda row: whole_words(status(row)),
    "tag": lambda row: whole_words(*words_of(row.tags)),
    "flag": lambda row: whole_words(*words_of(row.flags)),
    "source": lambda row: Known((row.source or "none").partition(":")[0], _SOURCES, row.source or ""),
    "ms": lambda row: None if row.latency_seconds is None else row.latency_seconds * 1000,
}


class SearchedTexts:
    """What a plain word is looked for in, made once for each row: every key looks through all of them."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[ConnectionRow, str]] = {}

    def __call__(self, row: ConnectionRow) -> str:
        held = self._held.get(row.id)
        if held is None or held[0] is not row:
            if len(self._held) >= _MOST_TEXTS:
                self._held.clear()
            parts = (
                row.name, row.id, row.kind, kind_title(row.kind), row.model, row.base_url, status(row),
                *words_of(row.flags), *words_of(row.tags), row.description, row.problem,
            )  # fmt: skip
            held = self._held[row.id] = (row, "\n".join(part for part in parts if part).lower())
        return held[1]
