"""The model servers on home: how each fares, what it has, and how busy it is."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content

from aicompute_tui.domain.durations import span
from aicompute_tui.store.rows import ServerRow
from aicompute_tui.ui.format import sign
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.server_columns import (
    figure,
    models_of,
    models_text,
    state_look,
    state_word,
    tokens_text,
    wait_text,
)
from aicompute_tui.ui.widgets.columns import fit

_MOST_NAME, _MODELS = 22, 18
_DIM = "$foreground-muted"
_STYLES = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": _DIM}


def server_lines(
    rows: Sequence[tuple[ServerRow, float | None]], width: int, glyphs: Glyphs, now: float
) -> list[Content]:
    """A title, and a line for each of `rows`; what it does is cut, never how it fares and what it is called.

    Beside a row stand the seconds for which nobody has checked it, None where somebody does.
    """
    names = min(_MOST_NAME, max((cell_len(row.name) for row, _ in rows), default=0))
    lines = [Content.styled("SERVERS", _DIM)]
    for row, unchecked in rows:
        look = state_look(state_word(row))
        told, tone = _told(row, now) if unchecked is None else (f"not checked for {span(unchecked)}", _DIM)
        colour = _STYLES[look.tone] if unchecked is None else _DIM
        room = max(8, width - names - _MODELS - 6)
        lines.append(
            Content.assemble(
                (sign(look, glyphs), colour), " ", fit(row.name, names, more=glyphs.more), "  ",
                (fit(_models(row), _MODELS, more=glyphs.more), _DIM), "  ",
                (fit(told, room, more=glyphs.more).rstrip(), tone),
            )
        )  # fmt: skip
    return lines


def _models(row: ServerRow) -> str:
    count = len(models_of(row.models))
    return models_text(row) if count < 2 else f"{count} models"


def _told(row: ServerRow, now: float) -> tuple[str, str]:
    """`41 tok/s  TTFT 0.40 s`, `12 wait`; of one that is not well, for how long and why."""
    word = state_word(row)
    if word in ("offline", "degraded"):
        since = "" if row.since is None else f" {span(max(0.0, now - row.since))}"
        return f"{word}{since}  {row.problem}".rstrip(), "$warning" if word == "degraded" else "$error"
    if word != "online":
        return word, _DIM
    waiting, speed, first = (figure(row, name) for name in ("requests_waiting", "tokens_per_second",
                                                            "first_token_seconds"))  # fmt: skip
    running = figure(row, "requests_running")
    parts = [f"{waiting:,.0f} wait"] if waiting else []
    parts += [f"{tokens_text(speed)} tok/s"] if speed else []
    parts += [f"TTFT {wait_text(first)}"] if first is not None and speed else []
    if not parts and running is not None:
        parts.append(f"{running:,.0f} running" if running else "idle")
    return "   ".join(parts), "$warning" if waiting else ""
