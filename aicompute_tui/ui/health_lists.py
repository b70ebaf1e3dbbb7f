"""How connections and servers answered, as lists: their health over days, and what checking them now brought."""

from __future__ import annotations

from math import floor

from aicompute_tui.domain.durations import span
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.answering import took
from aicompute_tui.ui.format import StateLook, sign
from aicompute_tui.ui.health_history import DAY_SECONDS, UPTIMES, checked_for, checks_of, share_words
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text, time_column
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column

_LOOKS = {
    "down": StateLook("✕", "x", "bad"),
    "degraded": StateLook("⚠", "^", "warn"),
    "waiting": StateLook("◌", ".", "warn"),
    "up": StateLook("●", "*", "good"),
    "inactive": StateLook("■", "#", "dim"),
}
"""What needs someone first."""


def _look(row: JsonObject) -> StateLook:
    """A state of a newer program looks like one that nobody knows yet."""
    return _LOOKS.get(text(row, "state")) or _LOOKS["waiting"]


def _rank(row: JsonObject) -> int:
    words = list(_LOOKS)
    word = text(row, "state")
    return words.index(word) if word in words else len(words)


def _state_column(session: Session) -> RowColumn:
    def cell(row: JsonObject) -> Cell:
        look = _look(row)
        word = "held back" if row.get("is_held_back") else text(row, "state")
        return Cell(word, look.tone, sign(look, session.glyphs), look.tone)

    return Column(key="state", title="state", width=11, cell=cell, sort=_rank, letter="S")


def _time_column(session: Session, key: str, title: str, letter: str, needs: int = 0) -> RowColumn:
    return Column(
        key=key, title=title, width=7, align="right", letter=letter, needs=needs, descending=True,
        cell=lambda row: took(number(row, key), session.glyphs), sort=lambda row: number(row, key),
    )  # fmt: skip


def _uptime_column(session: Session, place: int, letter: str, needs: int) -> RowColumn:
    key, name, window = UPTIMES[place]
    title, narrower = f"{name.replace(' ', '')} up", UPTIMES[place - 1][2] if place else 0

    def cell(row: JsonObject) -> Cell:
        percent, now = number(row, key), session.now().timestamp()
        if percent is None or checked_for(row, narrower, now) is not None:  # the narrower holds the same checks
            return Cell(session.glyphs.unknown, "dim")
        short = checked_for(row, window, now)
        return Cell(share_words(percent)) if short is None else Cell(f"{_one_unit(short)} {floor(percent)}%", "dim")

    return Column(
        key=key, title=title, width=8, align="right", letter=letter, needs=needs, cell=cell,
        sort=lambda row: number(row, key),
    )  # fmt: skip


def _one_unit(seconds: float) -> str:
    """`<1m`, `12m`, `23h`, `6d`"""
    size = next((size for size in (DAY_SECONDS, 3_600, 60) if seconds >= size), 1)
    return span(seconds // size * size)


def _told_of_health(session: Session, row: JsonObject) -> str:
    key, _, window = UPTIMES[-1]
    checks, short = checks_of(row, key), checked_for(row, window, session.now().timestamp())
    many = f"{checks:,.0f} checks in {span(short)}." if checks and short is not None else ""
    return f"{_told(session, row)}   {many}".strip()


def _health_columns(session: Session) -> list[RowColumn]:
    uptimes = [
        _uptime_column(session, place, letter, needs)
        for place, (letter, needs) in enumerate(zip("UWM", (0, 60, 60), strict=True))
    ]
    return [
        plain_column("name", "name", 14, weight=2, most=40, letter="N"),
        _state_column(session),
        *uptimes,
        _time_column(session, "latency_ms", "now", "L"),
        _time_column(session, "latency_p50_ms", "p50", "P", 90),
        _time_column(session, "latency_p95_ms", "p95", "Q", 76),
        time_column(session, "since", "since", "C", needs=104),
        plain_column("problem", "what is wrong", 20, weight=2, needs=124),
    ]


def _check_columns(session: Session) -> list[RowColumn]:
    def ended(row: JsonObject) -> Cell:
        if row.get("ok") is True:
            return Cell("answers", "good", "●" if session.glyphs.unicode else "*", "good")
        return Cell("failed", "bad", "✕" if session.glyphs.unicode else "x", "bad")

    return [
        plain_column("name", "name", 14, weight=1, most=40, letter="N"),
        Column(key="ok", title="now", width=10, cell=ended, sort=lambda row: row.get("ok") is True, letter="O"),
        _state_column(session),
        _time_column(session, "latency_ms", "took", "L"),
        plain_column("problem", "what is wrong", 20, weight=3, needs=60),
    ]


def _told(_: Session, row: JsonObject) -> str:
    return f"{text(row, 'problem')} {text(row, 'next_step')}".strip()


CONNECTION_HEALTH = RecordList(
    question="connection.health", title="Health", key="id", columns=_health_columns, told=_told_of_health, order=_rank,
    empty="No connection is known.", marks=False,
)  # fmt: skip
SERVER_HEALTH = RecordList(
    question="server.health", title="Health", key="id", columns=_health_columns, told=_told_of_health, order=_rank,
    empty="No model server is known.", marks=False,
)  # fmt: skip
CONNECTION_CHECKS = RecordList(
    question="connection.check", title="Checks", key="name", columns=_check_columns, told=_told,
    order=lambda row: row.get("ok") is True, empty="No connection is in use.", marks=False,
)  # fmt: skip
