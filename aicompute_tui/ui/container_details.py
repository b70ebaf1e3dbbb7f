"""What is told of one container beside its log: events, processes, environment, mounts, and facts of its record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.content import Content

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.container_page import ContainerView
from aicompute_tui.ui.format import moment
from aicompute_tui.ui.record_lines import Field, field_lines
from aicompute_tui.ui.widgets.columns import fit, plain

_EVENTS_SHOWN = 30
_PROCESSES_SHOWN = 50
_DIM = "$foreground-muted"
_LEVELS = {"warning": "$warning", "error": "$error"}


def detail_lines(view: ContainerView, width: int, problem: str) -> list[Content]:
    """`problem` is why its host could not be asked; what is stored here is shown all the same."""
    lines: list[Content] = []
    for title, block in (
        ("", _events(view, width)),
        ("PROCESSES", _processes(view, width)),
        ("ENVIRONMENT", _environment(view, width)),
        ("MOUNTS", _mounts(view, width)),
        ("RECORD", iter(field_lines(_facts(view), width))),
    ):
        found = list(block)
        if not found:
            continue
        lines += [Content(""), Content.styled(title, _DIM)] if title else []
        lines += found
    if problem:
        lines += [Content(""), *Content.styled(f"The rest is not here: {problem}", "$warning").wrap(max(10, width))]
    elif not view.shown:
        lines += [Content(""), Content.styled(f"asking {view.session.glyphs.more}", _DIM)]
    return lines


def _events(view: ContainerView, width: int) -> Iterator[Content]:
    """Newest first."""
    if not view.events:
        yield Content.styled("Nothing was told of it yet.", _DIM)
    for event in view.events[:_EVENTS_SHOWN]:
        when = _when(view, _word(event, "at"))
        told = _without_name(_word(event, "message") or _word(event, "kind"), view)
        text = fit(told, max(10, width - len(when) - 2), more=view.session.glyphs.more).rstrip()
        yield Content.assemble((when, _DIM), "  ", (text, _LEVELS.get(_word(event, "level"), "")))


def _without_name(message: str, view: ContainerView) -> str:
    """Under its own name a sentence need not begin with it."""
    for name in (f"{view.row.name} on {view.host.name if view.host else ''} ", f"{view.title} ", f"{view.row.name} "):
        message = message.removeprefix(name)
    return message


def _processes(view: ContainerView, width: int) -> Iterator[Content]:
    found = _rows(view.shown.get("processes"))
    for each in found[:_PROCESSES_SHOWN]:
        number = _word(each, "pid") or _word(each, "hpid")
        command = _word(each, "cmd") or _word(each, "command") or _word(each, "args")
        text = fit(plain(command), max(8, width - 9), more=view.session.glyphs.more).rstrip()
        yield Content.assemble((f"{number:>7}", _DIM), "  ", text)
    if len(found) > _PROCESSES_SHOWN:
        yield Content.styled(f"and {len(found) - _PROCESSES_SHOWN} more", _DIM)


def _environment(view: ContainerView, width: int) -> Iterator[Content]:
    """As the agent gave it, in which nothing of a secret is left."""
    found = view.shown.get("environment")
    pairs = sorted(found.items()) if isinstance(found, dict) else []
    more = view.session.glyphs.more
    for name, value in pairs:
        text = plain(f"{name}={'' if value is None else value}")
        yield Content(fit(text, max(10, width), more=more).rstrip())


def _mounts(view: ContainerView, width: int) -> Iterator[Content]:
    for each in _rows(view.shown.get("mounts")):
        kind, rest = _word(each, "type"), "" if each.get("writable") is not False else "  read only"
        text = f"{_word(each, 'target')}  {kind} {_word(each, 'source')}".rstrip()
        room = max(10, width - len(rest))
        yield Content.assemble(fit(plain(text), room, more=view.session.glyphs.more).rstrip(), (rest, _DIM))


def _facts(view: ContainerView) -> Sequence[Field]:
    row, shown = view.row, view.shown
    return (
        Field("id", row.id[:12]),
        Field("host", f"{view.host.name} ({view.host.url})" if view.host is not None else ""),
        Field("image id", row.image_id.removeprefix("sha256:")[:12]),
        Field("command", row.command),
        Field("project", row.project),
        Field("restarts", row.restart_policy),
        Field("made", _when_stored(view, row.created_at)),
        Field("started", _when_stored(view, row.started_at)),
        Field("ended", "" if row.is_alive else _when_stored(view, row.finished_at)),
        Field("exit code", "" if row.exit_code is None else str(row.exit_code)),
        Field("terminal", "yes" if shown.get("terminal") else ""),
    )


def _when(view: ContainerView, text: str) -> str:
    found = parse_moment(text)
    return _when_stored(view, None if found is None else found.timestamp()) or view.session.glyphs.unknown


def _when_stored(view: ContainerView, seconds: float | None) -> str:
    if seconds is None:
        return ""
    return moment(seconds, utc=view.session.utc, now=view.now, glyphs=view.session.glyphs)


def _rows(value: Json) -> list[JsonObject]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _word(record: JsonObject, key: str) -> str:
    value = record.get(key)
    return "" if value is None else str(value)
