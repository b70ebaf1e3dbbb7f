"""The few lines that say what one container is, how it fares, where it is reached, and which GPUs it has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from textual.content import Content

from aicompute_tui.domain.durations import span
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.services.container_trouble import trouble
from aicompute_tui.services.host_age import UNREAD_STEP, unread_for
from aicompute_tui.store.rows import ContainerRow, HostRow
from aicompute_tui.ui.container_columns import container_look
from aicompute_tui.ui.format import sign
from aicompute_tui.ui.row_records import gpu_text, port_texts
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.stats_history import StatsHistory
from aicompute_tui.ui.widgets.text_line import spread

_STYLES = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": "$foreground-muted"}
_DIM = "$foreground-muted"
_DOT = " · "
_LABEL = 10
_READY = "endpoint.ready"
_ROOMY = 96


class ContainerView(NamedTuple):
    """Everything known of one container now; `shown` and `events` are empty until the agent has answered."""

    row: ContainerRow
    host: HostRow | None
    shown: JsonObject
    events: Sequence[JsonObject]
    use: StatsHistory
    session: Session

    @property
    def now(self) -> float:
        return self.session.now().timestamp()

    @property
    def is_reached(self) -> bool:
        return self.host is not None and self.host.state == "up" and unread_for(self.host, self.now) is None

    @property
    def title(self) -> str:
        """As every command takes it."""
        return f"{self.host.name}/{self.row.name}" if self.host is not None else self.row.name


def fact_lines(view: ContainerView, width: int) -> list[Content]:
    """Each cut to `width`; troubles may take several."""
    lines = [*_headline(view, width), *_reached(view, width)]
    for text, tone in _troubles(view):
        lines += Content.styled(text, tone).wrap(max(10, width))
    return [_cut(line, width, view) for line in lines]


def endpoint(view: ContainerView) -> str:
    """Where it answers, as it was told last; empty where nothing does."""
    told = next((event for event in view.events if str(event.get("kind")).startswith("endpoint.")), None)
    after = told.get("after") if told is not None and told.get("kind") == _READY else None
    return str(after.get("url") or "") if isinstance(after, dict) else ""


def _headline(view: ContainerView, width: int) -> Iterator[Content]:
    row, glyphs = view.row, view.session.glyphs
    look, word = container_look(row, view.host, view.now)
    state = (f"{sign(look, glyphs)} {word}", f"bold {_STYLES.get(look.tone, '')}")
    left = Content.assemble(state, "  ", row.image, (_image_age(view), _DIM))
    restarts = row.restart_count
    figures = [_since(view)]
    if restarts:
        figures.append(Content(f"{restarts} restart{'' if restarts == 1 else 's'}"))
    right = Content("  ").join(figures)
    if left.cell_length + right.cell_length + 3 <= width:
        yield spread(left, right, width, glyphs.more)
    else:
        yield left
        yield right


def _image_age(view: ContainerView) -> str:
    made = parse_moment(_word(view.shown, "image_created_at"))
    return "" if made is None else f"{_DOT}built {span(max(0.0, view.now - made.timestamp()))} ago"


def _since(view: ContainerView) -> Content:
    row, now = view.row, view.now
    if row.is_alive and row.started_at is not None:
        if view.is_reached:
            return Content(f"up {span(max(0.0, now - row.started_at))}")
        read = view.host.read_at if view.host is not None else None
        ago = f"{span(max(0.0, now - read))} ago" if read is not None else "once"
        return Content.styled(f"seen {ago}", "$warning")
    if row.finished_at is not None:
        return Content(f"ended {span(max(0.0, now - row.finished_at))} ago")
    made = row.created_at
    return Content("not started yet" if made is None else f"made {span(max(0.0, now - made))} ago, not started")


def _reached(view: ContainerView, width: int) -> Iterator[Content]:
    """Endpoint and ports beside each other where they fit, then its GPUs and its shell."""
    ports = ", ".join(_port(text) for text in port_texts(view.row)) or "none"
    url = endpoint(view)
    parts = [_labelled("ports", Content(ports))]
    if url:
        parts.insert(0, _labelled("endpoint", Content(url)))
    gpus = _gpus(view)
    if gpus is not None:
        parts.append(_labelled("GPU", gpus))
    if view.row.is_alive and width >= _ROOMY:
        parts.append(_labelled("shell", Content.styled(f"aic-tui container exec {view.title}", _DIM)))
    yield from _in_columns(parts, width)


def _in_columns(parts: Sequence[Content], width: int) -> Iterator[Content]:
    """Two beside each other where both fit in half of the width."""
    half = width // 2
    waiting: Content | None = None
    for part in parts:
        if part.cell_length + 3 > half or width < _ROOMY - 20:
            if waiting is not None:
                yield waiting
            waiting = None
            yield part
        elif waiting is None:
            waiting = part
        else:
            yield Content.assemble(waiting, " " * (half - waiting.cell_length), part)
            waiting = None
    if waiting is not None:
        yield waiting


def _gpus(view: ContainerView) -> Content | None:
    """What it asked for and what it sees, which engines do not always make the same."""
    asked = gpu_text(view.row)
    if asked is None:
        return None
    told = f"asked for {asked}"
    problem = view.use.gpu_problem
    if view.use.gpus:
        kinds = [(gpu.name or "GPU").removeprefix("NVIDIA ") for gpu in view.use.gpus]
        times = view.session.glyphs.times
        seen = ", ".join(f"{kinds.count(kind)} {times} {kind}" for kind in dict.fromkeys(kinds))
        return Content(f"{told}, sees {seen}")
    if problem:
        return Content.assemble(f"{told}, ", (problem, "$error"))
    return Content(told)


def _troubles(view: ContainerView) -> Iterator[tuple[str, str]]:
    row, host = view.row, view.host
    if host is not None and host.state == "down":
        yield f"{host.name} does not answer: {host.problem} {host.next_step}".strip(), "$error"
    unread = unread_for(host, view.now)
    if host is not None and unread is not None:
        yield f"{host.name} was not read for {span(unread)}. {UNREAD_STEP}.", "$warning"
    found = trouble(row, view.now)
    if found is not None:
        yield f"It {found.text}." if found.kind != "unhealthy" else "Its own health check fails.", "$error"
    elif row.error:
        yield row.error, "$error"


def _port(text: str) -> str:
    return text.replace("->", " → ").removesuffix("/tcp")


def _labelled(label: str, text: Content) -> Content:
    return Content.assemble((f"{label:<{_LABEL}}", _DIM), text)


def _cut(line: Content, width: int, view: ContainerView) -> Content:
    if line.cell_length <= width:
        return line
    return Content.assemble(line.truncate(max(0, width - 1)), view.session.glyphs.more)


def _word(record: JsonObject, key: str) -> str:
    value: Json = record.get(key)
    return "" if value is None else str(value)
