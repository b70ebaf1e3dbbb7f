"""What became of one machine: launch attempts, history, and the facts nobody needs at a glance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.content import Content

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.format import moment, price
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import fit

_LABEL = 10
_EVENTS_SHOWN = 50
_WITH_ACTOR = 64
"""From this width on an event names who did it."""
_DIM = "$foreground-muted"


def history_lines(record: JsonObject, session: Session, width: int, problem: str) -> list[Content]:
    """`record` is a machine as `instance.show` answers, or the fewer keys of its row while that is on its way."""
    lines = [*_events(record, session, width, problem)]
    attempts = _rows(record.get("attempts"))
    if attempts:
        lines += [Content(""), Content.styled("ATTEMPTS", _DIM)]
        lines += [_attempt(attempt, session, width) for attempt in attempts]
    lines += [Content(""), Content.styled("RECORD", _DIM)]
    for label, text in _facts(record, session):
        lines += _fact(label, text, width)
    return lines


def _events(record: JsonObject, session: Session, width: int, problem: str) -> Iterator[Content]:
    """Oldest first."""
    events = sorted(_rows(record.get("events") or record.get("history")), key=lambda event: _text(event, "at"))
    if problem:
        yield from Content.styled(f"Attempts and history are not here: {problem}", "$warning").wrap(max(10, width))
    elif "events" not in record and "history" not in record:
        yield Content.styled(f"asking {session.glyphs.more}", _DIM)
    elif not events:
        yield Content.styled("Nothing is written down yet.", _DIM)
    for event in events[-_EVENTS_SHOWN:]:
        actor = _text(event, "actor") if width >= _WITH_ACTOR else ""
        told = _without_name(_text(event, "message") or _text(event, "kind"), _text(record, "name"))
        when = _when(event, "at", session)
        room = max(10, width - len(when) - 2 - (len(actor) + 2 if actor else 0))
        text = fit(told, room, more=session.glyphs.more)
        yield Content.assemble(
            (when, _DIM), "  ", text if actor else text.rstrip(), (f"  {actor}" if actor else "", _DIM)
        )


def _without_name(message: str, name: str) -> str:
    """Under the machine's own name a sentence need not begin with it."""
    rest = message.removeprefix(f"{name} ").removeprefix(f"{name}: ") if name else message
    return rest or message


def _attempt(attempt: JsonObject, session: Session, width: int) -> Content:
    why = f"  {_text(attempt, 'error_message')}" if attempt.get("error_message") else ""
    where = _text(attempt, "zone") or "any zone"
    when = _when(attempt, "written_at", session)
    text = fit(f"{where:<16}{_text(attempt, 'state')}{why}", max(10, width - len(when) - 2), more=session.glyphs.more)
    return Content.assemble((when, _DIM), "  ", text.rstrip())


def _facts(record: JsonObject, session: Session) -> Iterator[tuple[str, str]]:
    unknown = session.glyphs.unknown
    profile = _text(record, "credential_id").rpartition(":")[2]
    parts = (_text(record, "cloud"), _text(record, "account_id"), f"({profile})" if profile else "")
    yield "account", " ".join(part for part in parts if part)
    yield "cloud id", _text(record, "remote_id") or unknown
    yield "id", _text(record, "id")
    source = _text(record, "price_source")
    yield "price", price(_number(record, "price_usd_per_hour"), session.glyphs) + (f" ({source})" if source else "")
    if record.get("expires_at"):
        enforcers = "its own timer and the agent" if record.get("node_expires_at") else "the agent"
        yield "ended by", f"{enforcers}, at {_when(record, 'expires_at', session)}"
    if record.get("max_expires_at"):
        yield "longest", _when(record, "max_expires_at", session)
    yield "owner", _text(record, "owner")
    seen = record.get("last_seen_at")
    text = f"{_when(record, 'last_seen_at', session)} in the cloud's own list" if seen else "not by the cloud yet"
    yield "last seen", text


def _fact(label: str, text: str, width: int) -> list[Content]:
    """One label and its text; what is longer than a line goes on under itself."""
    first, *rest = Content(text).wrap(max(10, width - _LABEL)) or [Content("")]
    return [
        Content.assemble((f"{label:<{_LABEL}}", _DIM), first),
        *(Content.assemble(" " * _LABEL, line) for line in rest),
    ]


def _rows(value: Json) -> Iterable[JsonObject]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _when(record: JsonObject, key: str, session: Session) -> str:
    when = parse_moment(_text(record, key))
    seconds = None if when is None else when.timestamp()
    return moment(seconds, utc=session.utc, now=session.now().timestamp(), glyphs=session.glyphs)


def _text(record: JsonObject, key: str) -> str:
    value = record.get(key)
    return "" if value is None else str(value)


def _number(record: JsonObject, key: str) -> float | None:
    value = record.get(key)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
