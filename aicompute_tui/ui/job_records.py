"""Jobs as a list: their columns, and one of them in full with its progress, its error or its result."""

from __future__ import annotations

from textual.content import Content

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.job import JobState
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.format import JOB_LOOKS, sign, span
from aicompute_tui.ui.record_lines import Field, field_lines, flat_fields, label_width_of, object_of, said
from aicompute_tui.ui.records import RecordList, RowColumn, plain_column, text, time_column
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column

_TONES = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": "$foreground-muted"}


def job_columns(session: Session) -> list[RowColumn]:
    return [
        Column(key="state", title="state", width=11, cell=lambda row: state_cell(session, row), letter="S",
               sort=lambda row: text(row, "state")),
        Column(key="job", title="job", width=16, cell=job_title, weight=1, most=30, letter="J", sort=job_title,
               fields=("action_id",)),
        Column(key="subject", title="about", width=14, cell=lambda row: job_subject(session, row), weight=1, most=30,
               letter="A", sort=lambda row: job_subject(session, row)),
        Column(key="progress", title="progress", width=18, cell=_progress, weight=3,
               fields=("progress", "error_message")),
        plain_column("created_by", "by", 12, letter="B", needs=100),
        time_column(session, "created_at", "asked", "C", needs=90),
        Column(key="took", title="took", width=6, align="right", cell=lambda row: Cell(took(session, row), "dim"),
               needs=70, fields=("started_at", "ended_at")),
    ]  # fmt: skip


def state_cell(session: Session, row: JsonObject) -> Cell:
    word = text(row, "state")
    if word not in set(JobState):
        return Cell(word)
    look = JOB_LOOKS[JobState(word)]
    return Cell(f"{sign(look, session.glyphs)} {word}", look.tone)


def job_title(row: JsonObject) -> str:
    action = ACTIONS.get(text(row, "action_id"))
    return text(row, "title") or (action.title if action else text(row, "action_id"))


def job_subject(session: Session, row: JsonObject) -> str:
    subject = text(row, "subject")
    machine = session.state.instances.get(subject)
    if machine is not None:
        return machine.name
    if title := session.state.title_of(subject):
        return title
    parameters = object_of(row, "parameters")
    found = next((parameters[key] for key in ("name", "names", "key", "type") if parameters.get(key)), subject[:8])
    named = found if isinstance(found, list) else [found]
    return ", ".join(session.state.title_of(str(each)) or str(each) for each in named)


def _progress(row: JsonObject) -> Cell:
    if row.get("error_message"):
        return Cell(text(row, "error_message"), "bad")
    return Cell(text(row, "progress"))


def took(session: Session, row: JsonObject) -> str:
    """From its beginning to its end, or to now; unknown where nobody has begun it."""
    started, ended = parse_moment(text(row, "started_at")), parse_moment(text(row, "ended_at"))
    if started is None:
        return session.glyphs.unknown
    return span(((ended or session.now()) - started).total_seconds())


def job_lines(session: Session, row: JsonObject, width: int) -> list[Content]:
    """Who asked for what and when, how it ended, what it was given and what came of it."""
    cell = state_cell(session, row)
    lasted = took(session, row)
    lasting = "" if lasted == session.glyphs.unknown else f"after {lasted}" if row.get("ended_at") else f"for {lasted}"
    stopping = "asked to stop" if row.get("cancel_requested") and not row.get("ended_at") else ""
    asked = said(row.get("created_at"), session)
    fields = [
        Field("state", "  ".join(filter(None, (cell.text, lasting, stopping))), _TONES.get(cell.tone, "")),
        Field("job", " ".join(filter(None, (job_title(row), job_subject(session, row)))), "bold"),
        Field("asked", f"{asked} by {text(row, 'created_by')}" if row.get("created_by") else asked),
        Field("progress", text(row, "progress")),
        Field("error", text(row, "error_message"), "$error"),
        Field("do", text(row, "error_next_step")),
        Field("kind", text(row, "error_kind")),
    ]
    given = list(flat_fields(row.get("parameters"), session))
    result = list(flat_fields(row.get("result"), session)) if row.get("result") is not None else []
    parts = (("ARGUMENTS", _known(session, given)), ("RESULT", _known(session, result)))
    label_width = label_width_of(each.label for each in (*_known(session, fields), *parts[0][1], *parts[1][1]))
    lines = field_lines(fields, width, label_width)
    for title, part in parts:
        if part:
            lines += [Content(""), Content.styled(title, "$foreground-muted"), *field_lines(part, width, label_width)]
    return lines


def _known(session: Session, fields: list[Field]) -> list[Field]:
    return [each for each in fields if each.value not in ("", session.glyphs.unknown)]


JOBS = RecordList(
    question="job.list", title="Jobs", key="id", columns=job_columns, scope="jobs", opens="job.show", lines=job_lines,
    empty="Nothing has been asked for yet. Press n to launch a machine.", follows=True, marks=True,
)  # fmt: skip
