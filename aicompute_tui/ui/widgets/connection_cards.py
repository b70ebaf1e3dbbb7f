"""The line of figures over the connections: how many there are, which answer, which fail, and for whom they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from textual.content import Content

from aicompute_tui.store.rows import ConnectionRow
from aicompute_tui.ui.connection_columns import status, words_of
from aicompute_tui.ui.widgets.text_line import TextLine, join

_DIM = "$foreground-muted"
_WIDE = 100
_READY = frozenset({"active", "degraded"})
_FAILING = frozenset({"error", "held back"})


class Counts(NamedTuple):
    total: int = 0
    active: int = 0
    failing: int = 0
    livekit: int = 0
    mcp: int = 0
    automation: int = 0
    unchecked: int = 0


def counted(rows: Iterable[ConnectionRow], is_unchecked: Callable[[ConnectionRow], bool]) -> Counts:
    """Ready for one of the three is what is offered to it and answers; not what nobody has checked for long."""
    found = dict.fromkeys(Counts._fields, 0)
    for row in rows:
        word = "unchecked" if is_unchecked(row) else status(row)
        found["total"] += 1
        found["unchecked"] += word == "unchecked"
        found["active"] += word in _READY
        found["failing"] += word in _FAILING
        if word in _READY:
            for flag in words_of(row.flags):
                if flag in found:
                    found[flag] += 1
    return Counts(**found)


class ConnectionCards(TextLine):
    def show_counts(self, counts: Counts) -> None:
        wide = self.expected_width >= _WIDE
        parts = [_card("Connections" if wide else "all", counts.total), _card("active", counts.active)]
        parts += [_card("not checked", counts.unchecked)] if counts.unchecked else []
        parts.append(_card("failing", counts.failing, "bold $error" if counts.failing else "bold"))
        ready = " ready" if wide else ""
        parts += [
            _card(f"{word}{ready}", count)
            for word, count in (
                ("LiveKit", counts.livekit), ("MCP", counts.mcp), ("automation", counts.automation),
            )
        ]  # fmt: skip
        self.show(Content.assemble("  ", join(parts, "      " if wide else "   ")))


def _card(word: str, count: int, style: str = "bold") -> Content:
    return Content.assemble((f"{word}  ", _DIM), (f"{count:,}", style))
