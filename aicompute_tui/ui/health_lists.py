"""How connections and servers answered, as lists: their health over days, and what checking them now brought."""

from __future__ import annotations

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.answering import took
from aicompute_tui.ui.format import StateLook, sign
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text, time_column
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column
from aicompute_tui.ui.widgets.health_panel import UPTIMES

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


def _uptime_column(session: Session, key: str, title: str, letter: str, needs: int) -> RowColumn:
    def cell(row: JsonObject) -> Cell:
        percent = number(row, key)
        return Cell(session.glyphs.unknown, "dim") if percent is None else Cell(f"{percent:.4g} %")

    return Column(
        key=key, title=title, width=8, align="right", letter=letter, needs=needs, cell=cell,
        sort=lambda row: number(row, key),
    )  # fmt: skip


def _health_columns(session: Session) -> list[RowColumn]:
    uptimes = [
        _uptime_column(session, key, f"{title.replace(' ', '')} up", letter, needs)
        for (key, title), letter, needs in zip(UPTIMES, "UWM", (0, 60, 60), strict=True)
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
    question="connection.health", title="Health", key="id", columns=_health_columns, told=_told, order=_rank,
    empty="No connection is known.", marks=False,
)  # fmt: skip
SERVER_HEALTH = RecordList(
    question="server.health", title="Health", key="id", columns=_health_columns, told=_told, order=_rank,
    empty="No model server is known.", marks=False,
)  # fmt: skip
CONNECTION_CHECKS = RecordList(
    question="connection.check", title="Checks", key="name", columns=_check_columns, told=_told,
    order=lambda row: row.get("ok") is True, empty="No connection is in use.", marks=False,
)  # fmt: skip
