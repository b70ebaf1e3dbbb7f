"""The audit as a list: its columns, and one event in full, what it changed field by field."""

from __future__ import annotations

from textual.content import Content

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.format import short_moments
from aicompute_tui.ui.record_lines import (
    Field,
    comparison_lines,
    field_lines,
    full_moments,
    label_width_of,
    object_of,
    said,
)
from aicompute_tui.ui.records import RecordList, RowColumn, plain_column, text, time_column, verdict_cell
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Column

_LEVEL_STYLES = {"warning": "$warning", "error": "$error"}
_LEVELS = ("error", "warning", "info")


def event_columns(session: Session) -> list[RowColumn]:
    return [
        time_column(session, "at", "when", "W"),
        Column(key="level", title="level", width=9, cell=lambda row: verdict_cell(session, text(row, "level")),
               letter="L", sort=lambda row: _LEVELS.index(level) if (level := text(row, "level")) in _LEVELS else None),
        plain_column("subject_name", "about", 14, weight=1, letter="A"),
        plain_column("kind", "what", 20, letter="K", needs=110),
        Column(key="message", title="message", width=24, weight=4,
               cell=lambda row: short_moments(text(row, "message"), utc=session.utc, now=session.now().timestamp(),
                                              glyphs=session.glyphs)),
        plain_column("actor", "by", 14, letter="B", needs=90),
    ]  # fmt: skip


def event_lines(session: Session, row: JsonObject, width: int) -> list[Content]:
    """Who did what to which thing, and each field it changed before and after."""
    kind, name = text(row, "subject_kind"), text(row, "subject_name")
    about = " ".join(filter(None, (name, f"({kind} {text(row, 'subject_id')})" if kind else "")))
    level = text(row, "level") or "info"
    told = "  ".join(filter(None, (text(row, "kind"), level if level != "info" else "")))
    fields = [
        Field("what", told, _LEVEL_STYLES.get(level, "bold")),
        Field("about", about),
        Field("when", f"{said(row.get('at'), session)} by {text(row, 'actor') or session.glyphs.unknown}"),
    ]
    message = Field("message", full_moments(text(row, "message"), utc=session.utc))
    before, after = object_of(row, "before"), object_of(row, "after")
    label_width = label_width_of([message.label, *before, *after])
    changed = comparison_lines(before, after, session, width, label_width)
    if not changed:
        return field_lines([*fields, message], width, label_width)
    # The message stands in the row too, what changed only here.
    gap, last = Content(""), field_lines([message], width, label_width)
    return [*field_lines(fields, width, label_width), gap, *changed, gap, *last]


EVENTS = RecordList(
    question="event.list", title="Events", key="id", columns=event_columns, scope="events", lines=event_lines,
    empty="Nothing has happened yet. Press n to launch a machine.", follows=True, marks=True,
)  # fmt: skip
