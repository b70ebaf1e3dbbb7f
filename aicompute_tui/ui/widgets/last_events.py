"""What happened last: when, to what, and in which words, the newest on top."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from aicompute_tui.store.rows import EventRow
from aicompute_tui.ui.format import moment, short_moments
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.widgets.columns import fit

_MOST_NAME = 20
_DIM = "$foreground-muted"


def event_lines(events: Sequence[EventRow], width: int, glyphs: Glyphs, *, utc: bool, now: float) -> list[Content]:
    """A title, and a line for each of `events`; the message is cut, never when and what it is about."""
    lines = [Content.styled("LAST EVENTS", _DIM)]
    whens = [moment(event.at, utc=utc, now=now, glyphs=glyphs) for event in events]
    wide = max((len(when) for when in whens), default=0)
    names = min(_MOST_NAME, max((cell_len(event.subject_name) for event in events), default=0))
    signs = {"warning": (glyphs.warning, "$warning"), "error": (glyphs.failed, "$error")}
    for when, event in zip(whens, events, strict=True):
        told = event.message.removeprefix(f"{event.subject_name}: ").removeprefix(f"{event.subject_name} ")
        name = fit(event.subject_name, names, more=glyphs.more)
        room = max(8, width - wide - names - 6)
        told = short_moments(told or event.kind, utc=utc, now=now, glyphs=glyphs)
        text = fit(told, room, more=glyphs.more).rstrip()
        sign = signs.get(event.level, (" ", ""))
        lines.append(Content.assemble((f"{when:>{wide}}", _DIM), "  ", sign, " ", name, "  ", (text, _DIM)))
    return lines
