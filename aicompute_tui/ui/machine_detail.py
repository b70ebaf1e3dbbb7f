"""The text of one machine: facts in two columns, then attempts and history, oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.content import Content

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.format import StateLook, moment, money, price, sign, size, span, state_look
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import fit

_LABEL = 11
_STYLES = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": "$foreground-muted"}
_EVENTS_SHOWN = 50


def detail_content(record: JsonObject, session: Session, width: int, problem: str) -> Content:
    """`record` is a machine as `instance.show` answers, or the fewer keys of its row while that is on its way."""
    blocks = [_headline(record, session), Content("")]
    blocks += [_fact(label, text, width) for label, text in _facts(record, session)]
    if record.get("error_message"):
        blocks += [Content(""), _fact("trouble", Content.styled(_text(record, "error_message"), "$error"), width)]
    blocks += [Content(""), *_history(record, session, width, problem)]
    return Content("\n").join(blocks)


def _headline(record: JsonObject, session: Session) -> Content:
    look: StateLook = state_look(_text(record, "state"))
    up = record.get("uptime_seconds")
    parts = [
        Content.styled(f"{sign(look, session.glyphs)} {_text(record, 'state')}", f"bold {_STYLES.get(look.tone, '')}"),
        Content(_text(record, "instance_type")),
        Content(f"up {span(float(up))}" if isinstance(up, (int, float)) else "not started yet"),
        Content(price(_number(record, "price_usd_per_hour"), session.glyphs)),
        Content(f"{money(_number(record, 'cost_usd'), session.glyphs)} so far"),
    ]
    if record.get("protected"):
        parts.append(Content.styled("protected", "bold"))
    return Content("   ").join(parts)


def _facts(record: JsonObject, session: Session) -> Iterator[tuple[str, Content]]:
    unknown = session.glyphs.unknown
    yield "name", Content(_text(record, "name"))
    yield "machine", Content(_gpu(record, session))
    where = " · ".join(
        part for part in (_text(record, "zone") or _text(record, "region"), _text(record, "cloud")) if part
    )
    account = " ".join(part for part in (_text(record, "account_id"), f"({_text(record, 'credential_id')})") if part)
    yield "where", Content(f"{where} · account {account}")
    yield "cloud id", Content(_text(record, "remote_id") or unknown)
    yield "id", Content(_text(record, "id"))
    yield "market", Content(_market(record, session))
    yield "ends", _end(record, session)
    idle = record.get("idle_seconds")
    if isinstance(idle, int):
        yield "idle limit", Content(f"{span(idle)} without work; then it powers itself off")
    yield "endpoint", Content(_text(record, "endpoint") or _text(record, "node_endpoint") or unknown)
    models = record.get("models")
    names = ", ".join(str(model) for model in models) if isinstance(models, list) else ""
    yield "meant for", Content(" · ".join(part for part in (_text(record, "framework"), names) if part) or unknown)
    yield "owner", Content(_text(record, "owner"))
    seen = _when(record, "last_seen_at", session)
    yield (
        "last seen",
        Content(f"{seen} in the cloud's own list" if record.get("last_seen_at") else "not seen by the cloud yet"),
    )


def _gpu(record: JsonObject, session: Session) -> str:
    name, count, memory = _text(record, "gpu_name"), record.get("gpu_count"), record.get("gpu_memory_mib")
    if not name:
        return _text(record, "instance_type")
    gpus = f"{count} {session.glyphs.times} {name}" if count else name
    each = f", {size(memory, session.glyphs)} each" if isinstance(memory, int) else ""
    return f"{_text(record, 'instance_type')} · {gpus}{each}"


def _market(record: JsonObject, session: Session) -> str:
    source = _text(record, "price_source")
    shown = price(_number(record, "price_usd_per_hour"), session.glyphs)
    return f"{_text(record, 'market')} · {shown}" + (f" ({source})" if source else "")


def _end(record: JsonObject, session: Session) -> Content:
    """What ends it: the machine's own unit at its end, somebody's wish, or nothing."""
    if record.get("ended_at"):
        return Content(
            f"ended {_when(record, 'ended_at', session)}: {_text(record, 'end_reason') or 'no reason is known'}"
        )
    if record.get("desired_state") == "terminated":
        return Content.styled("being terminated; it stays here until the cloud says it is gone", "$warning")
    ends_at = parse_moment(_text(record, "expires_at"))
    if ends_at is None:
        return Content.styled("never by itself: terminate it when you are done", "bold $error")
    left = (ends_at - session.now()).total_seconds()
    when = _when(record, "expires_at", session)
    text = f"in {span(left)}, at {when}" if left > 0 else f"{span(-left)} late, was due {when}"
    parts = [text, "by its own timer and by the agent" if record.get("node_expires_at") else "by the agent"]
    if record.get("max_expires_at"):
        parts.append(f"extendable to {_when(record, 'max_expires_at', session)}")
    return Content.styled(" · ".join(parts), "" if left > 0 else "$error")


def _history(record: JsonObject, session: Session, width: int, problem: str) -> Iterator[Content]:
    attempts = _rows(record.get("attempts"))
    if attempts:
        yield Content.styled("ATTEMPTS", "$foreground-muted")
        for attempt in attempts:
            why = f"  {_text(attempt, 'error_message')}" if attempt.get("error_message") else ""
            where = _text(attempt, "zone") or "any zone"
            line = f"{_when(attempt, 'written_at', session)}  {where:<16}{_text(attempt, 'state')}{why}"
            yield Content(fit(line, width, more=session.glyphs.more).rstrip())
        yield Content("")
    events = sorted(_rows(record.get("events") or record.get("history")), key=lambda event: _text(event, "at"))
    yield Content.styled("HISTORY", "$foreground-muted")
    if problem:
        yield Content.styled(f"Attempts and history are not here: {problem}", "$warning")
    elif "events" not in record and "history" not in record:
        yield Content.styled(f"asking {session.glyphs.more}", "$foreground-muted")
    elif not events:
        yield Content.styled("Nothing is written down yet.", "$foreground-muted")
    for event in events[-_EVENTS_SHOWN:]:
        line = f"{_when(event, 'at', session)}  {_text(event, 'message') or _text(event, 'kind')}"
        actor = _text(event, "actor")
        yield Content.assemble(
            fit(line, max(10, width - len(actor) - 2), more=session.glyphs.more), "  ", (actor, "$foreground-muted")
        )


def _rows(value: Json) -> Iterable[JsonObject]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _fact(label: str, text: Content, width: int) -> Content:
    """One label and its text; what is longer than a line goes on under itself."""
    lines = text.wrap(max(10, width - _LABEL)) if text.cell_length > width - _LABEL else [text]
    first, *rest = lines
    block = Content.assemble((f"{label:<{_LABEL}}", "$foreground-muted"), first)
    return Content("\n").join([block, *(Content.assemble(" " * _LABEL, line) for line in rest)])


def _when(record: JsonObject, key: str, session: Session) -> str:
    when = parse_moment(_text(record, key))
    seconds = None if when is None else when.timestamp()
    return moment(seconds, utc=session.utc, now=session.now().timestamp(), glyphs=session.glyphs)


def _text(record: JsonObject, key: str) -> str:
    value = record.get(key)
    return "" if value is None else str(value)


def _number(record: JsonObject, key: str) -> float | None:
    value = record.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
