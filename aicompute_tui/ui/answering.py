"""A prompt to a connection through the agent: the answer's pieces as they come, and how it ended in a line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing
from math import floor, log10

from aicompute_tui.domain.errors import BadAnswer
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.records import number, text
from aicompute_tui.ui.session import Session

_MOST_CHARACTERS = 256 << 10
_GAP = "   "
_WHOLE = frozenset({"", "stop", "STOP", "end_turn", "stop_sequence", "completed", "eos_token"})
"""How an answer ends that said all it had to say."""


async def answer(session: Session, arguments: Mapping[str, Json], on_piece: Callable[[str], None]) -> JsonObject:
    """The row that says how it ended. Raises AicError. Cancelling it stops the server's work."""
    size = 0
    async with aclosing(session.stream("connection.ask", arguments)) as items:
        async for item in items:
            row: JsonObject = item if isinstance(item, dict) else {}
            piece = text(row, "text")
            size += len(piece)
            if piece:
                on_piece(piece)
            if row.get("total_seconds") is not None:
                return row
            if size > _MOST_CHARACTERS:
                raise BadAnswer("The answer is longer than this view holds, and was stopped.", "Ask on a command line.")
    raise BadAnswer("The answer did not come to its end.", "Ask again.")


def ending_line(row: JsonObject, glyphs: Glyphs) -> str:
    """Times, tokens, cost, who answered, and what ended it too early."""
    tokens = f"{_count(row, 'input_tokens', glyphs)} tokens in, {_count(row, 'output_tokens', glyphs)} out"
    parts = [
        f"connect {seconds(row, 'connect_seconds', glyphs)}",
        f"first {seconds(row, 'first_token_seconds', glyphs)}",
        f"all {seconds(row, 'total_seconds', glyphs)}",
        tokens,
        f"cost {cost(number(row, 'cost_usd'), glyphs)}",
        text(row, "model"),
        "" if text(row, "finish_reason") in _WHOLE else f"ended by {text(row, 'finish_reason')}",
    ]
    return _GAP.join(part for part in parts if part)


def seconds(row: JsonObject, key: str, glyphs: Glyphs) -> str:
    value = number(row, key)
    return took(None if value is None else value * 1000, glyphs)


def took(milliseconds: float | None, glyphs: Glyphs) -> str:
    if milliseconds is None:
        return glyphs.unknown
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def cost(usd: float | None, glyphs: Glyphs) -> str:
    """To the cent; below a dollar two digits that say something."""
    if usd is None:
        return glyphs.unknown
    if usd == 0 or usd >= 1:
        return f"${usd:,.2f}"
    return f"${usd:.{max(2, 1 - floor(log10(usd)))}f}"


def _count(row: JsonObject, key: str, glyphs: Glyphs) -> str:
    value = number(row, key)
    return glyphs.unknown if value is None else f"{value:,.0f}"
