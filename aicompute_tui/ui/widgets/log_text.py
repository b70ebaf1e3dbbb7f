"""What of a log's line is shown: free of control characters, tabs spread, measured in cells and broken into them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from rich.cells import cell_len, get_character_cell_size

_TAB = 8
_OVERWRITTEN = 8
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_WITHOUT_WIDTH = re.compile(
    "[\u00ad\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e01ef]"
)
"""Joiners, direction marks and variation selectors: terminals do not agree on what they do to widths."""
_ACCENTS = "[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_HEAPED_ACCENTS = re.compile(f"(?<={_ACCENTS}{{4}}){_ACCENTS}+")
"""More than four on one letter: no script needs them, and thousands would stand in one cell."""
_TIME = re.compile(
    r"\[?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,]\d{1,9})?(Z|[+-]\d\d:?\d\d)?\]?(?:[ \t]+(?:-[ \t]+)?|$)",
    re.ASCII,
)
_LEVEL = re.compile(
    r"(?<![A-Za-z])(?:"
    r"(?P<error>ERROR|ERR|FATAL|CRITICAL|PANIC|ALERT|EMERG|Traceback)|(?P<warn>WARN(?:ING)?)|"
    r"(?P<info>INFO|NOTICE)|(?P<debug>DEBUG|TRACE|VERBOSE)"
    r")(?![A-Za-z])"
    r"|(?i:\b(?:level|lvl|severity)\"?\s*[=:]\s*\"?)(?i:"
    r"(?P<error2>error|err|fatal|critical|panic)|(?P<warn2>warn(?:ing)?)|(?P<info2>info|notice)|"
    r"(?P<debug2>debug|trace))\b",
    re.ASCII,
)
_LEVEL_WITHIN = 240
"""How far into a line its level is looked for."""


class Span(NamedTuple):
    """Letters `start` to `end` of a shown line, and the part of the look they belong to."""

    start: int
    end: int
    part: str


def plain_line(text: str) -> str:
    """Without escape sequences and control characters; of what was overwritten by a carriage return, the last."""
    if text.isascii() and text.isprintable():
        return text
    text = last_written(text)
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if not text.isascii():
        text = _HEAPED_ACCENTS.sub("", _WITHOUT_WIDTH.sub("", text))
    if text.isprintable():
        return text
    text = _CONTROLS.sub(" ", text)
    if text.replace("\t", "").isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter == "\t" else " " for letter in text)


def last_written(text: str) -> str:
    """What stands behind the last carriage return that something readable follows."""
    if "\r" not in text:
        return text
    pieces = text.rsplit("\r", _OVERWRITTEN)
    return next((piece for piece in reversed(pieces) if _ESCAPES.sub("", piece).strip()), "").rpartition("\r")[2]


def spread_tabs(text: str) -> str:
    """Tabs as spaces to the next eighth cell."""
    if "\t" not in text:
        return text
    if text.isascii():
        return text.expandtabs(_TAB)
    parts: list[str] = []
    column = 0
    *before, last = text.split("\t")
    for part in before:
        column += cell_len(part)
        gap = _TAB - column % _TAB
        parts.append(part + " " * gap)
        column += gap
    return "".join(parts) + last


def time_length(text: str) -> int:
    """How many letters the leading time takes with the space behind it; 0 where there is none."""
    found = _TIME.match(text)
    return found.end() if found else 0


def time_of_day(text: str, zone: tzinfo | None) -> str:
    """The leading time as `14:03:01 `, moved to `zone` where it says its own; empty where there is none."""
    found = _TIME.match(text)
    if found is None:
        return ""
    day, clock, own_zone = found.groups()
    if own_zone is None or zone is None:
        return f"{clock} "
    try:
        return f"{datetime.fromisoformat(f'{day}T{clock}{own_zone}').astimezone(zone):%H:%M:%S} "
    except (ValueError, OverflowError):
        return f"{clock} "


def level_span(text: str) -> Span | None:
    """The first word that says how grave the line is."""
    found = _LEVEL.search(text, 0, _LEVEL_WITHIN)
    if found is None or found.lastgroup is None:
        return None
    start, end = found.span(found.lastgroup)
    return Span(start, end, found.lastgroup.removesuffix("2"))


def cells(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def breaks(text: str, width: int) -> Sequence[int]:
    """Where each line of `width` cells begins, as places in `text`; at least one."""
    if text.isascii():
        return range(0, max(1, len(text)), width)
    starts, used = [0], 0
    for place, letter in enumerate(text):
        size = get_character_cell_size(letter)
        if used + size > width and place > starts[-1]:
            starts.append(place)
            used = 0
        used += size
    return starts


def window(text: str, left: int, width: int) -> tuple[int, int, int]:
    """Which letters stand in the `width` cells from cell `left`: (start, end, cells blank before them).

    A wide letter cut by the left edge leaves a blank, one cut by the right edge is left out.
    """
    if text.isascii():
        return min(left, len(text)), min(left + width, len(text)), 0
    cell, start, blank = 0, len(text), 0
    for place, letter in enumerate(text):
        size = get_character_cell_size(letter)
        if start == len(text) and cell >= left and (size or cell == 0):
            start, blank = place, cell - left
        if cell + size > left + width:
            return min(start, place), place, min(blank, width)
        cell += size
    return start, len(text), blank
