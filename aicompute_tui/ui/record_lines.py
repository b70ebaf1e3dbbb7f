"""A record in full, line by line: what each field says beside its name, and what a change made of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from typing import NamedTuple

from textual.content import Content

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import fit, plain

_WIDEST_LABEL = 24
_LONGEST_VALUE = 20_000
_MUTED = "$foreground-muted"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)")


class Field(NamedTuple):
    """A name and what it says; `style` where the value needs one."""

    label: str
    value: str
    style: str = ""


Lines = Callable[[int], list[Content]]
"""The lines of something at a width."""


def label_width_of(labels: Iterable[str]) -> int:
    """The width at which blocks of lines stand below each other in one column."""
    return min(_WIDEST_LABEL, max(map(len, labels), default=0))


def field_lines(fields: Iterable[Field], width: int, label_width: int = 0) -> list[Content]:
    """Names in one column, values beside them, wrapped under themselves."""
    shown = [each for each in fields if each.value]
    label_width = label_width or label_width_of(each.label for each in shown)
    room = max(8, width - label_width - 2)
    lines: list[Content] = []
    for each in shown:
        value = Content.styled(plain(each.value)[:_LONGEST_VALUE], each.style)
        for place, part in enumerate(value.wrap(room)):
            label = "" if place else each.label
            lines.append(Content.assemble((fit(label, label_width), _MUTED), "  ", part))
    return lines


def flat_fields(value: Json, session: Session, name: str = "") -> Iterator[Field]:
    """Every value of a record by its name; what lies deeper stands by its path."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from flat_fields(item, session, f"{name}.{key}" if name else key)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for number, item in enumerate(value, 1):
            yield from flat_fields(item, session, f"{name}.{number}" if name else str(number))
    else:
        yield Field(name, said(value, session))


def said(value: Json, session: Session) -> str:
    """A value as people read it; what is not there is unknown."""
    if value is None or value in ("", [], {}):
        return session.glyphs.unknown
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(said(item, session) for item in value)
    return full_moments(str(value), utc=session.utc)


def full_moments(sentence: str, *, utc: bool) -> str:
    """`2026-11-20T16:55:00Z` in a sentence as `2026-11-20 16:55:00Z`, without the Z in this machine's zone."""

    def told(match: re.Match[str]) -> str:
        when = parse_moment(match[0])
        if when is None:
            return match[0]
        return when.astimezone(UTC if utc else None).strftime("%Y-%m-%d %H:%M:%S") + ("Z" if utc else "")

    return _MOMENT.sub(told, sentence)


def comparison_lines(
    before: JsonObject, after: JsonObject, session: Session, width: int, label_width: int
) -> list[Content]:
    """Each field before and after; one that changed has an arrow between them, one that did not is dim."""
    keys = list(dict.fromkeys([*before, *after]))
    if not keys:
        return []
    keys.sort(key=lambda key: before.get(key) == after.get(key))
    room = max(6, width - label_width - 7)
    left = min(room // 2, max(len("before"), *(len(_side(before, key, session)) for key in keys)))
    arrow = session.glyphs.crumb if not session.glyphs.unicode else "→"
    head = f"{' ' * label_width}  {fit('before', left)}   after"
    lines = [Content.styled(head.rstrip(), _MUTED)]
    for key in keys:
        changed = before.get(key) != after.get(key)
        old = fit(_side(before, key, session), left, more=session.glyphs.more)
        new = Content.styled(plain(_side(after, key, session)), "bold" if changed else _MUTED)
        for place, part in enumerate(new.wrap(max(6, room - left))):
            first = place == 0
            lines.append(
                Content.assemble(
                    (fit(key if first else "", label_width), _MUTED),
                    "  ",
                    (old if first else " " * left, "" if changed else _MUTED),
                    (f" {arrow} " if changed and first else "   "),
                    part,
                )
            )
    return lines


def _side(values: Mapping[str, Json], key: str, session: Session) -> str:
    return said(values.get(key), session)


def object_of(row: JsonObject, key: str) -> JsonObject:
    value = row.get(key)
    return value if isinstance(value, dict) else {}


def title_line(parts: Sequence[tuple[str, str] | str], glyphs: Glyphs, width: int) -> Content:
    """The line over the fields, cut at the end."""
    line = Content.assemble(*parts)
    return line if line.cell_length <= width else Content.assemble(line[: max(0, width - 1)], glyphs.more)
