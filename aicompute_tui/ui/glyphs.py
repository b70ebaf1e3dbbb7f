"""The few marks the console draws, and their ASCII twins for terminals without UTF-8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rich.cells import cell_len

from aicompute_tui.settings.charset import takes_utf8


class Glyphs(NamedTuple):
    cursor: str
    marked: str
    more: str
    unknown: str
    dot: str
    hollow: str
    warning: str
    failed: str
    descending: str
    ascending: str
    times: str
    crumb: str
    left: str
    right: str
    unicode: bool


UNICODE = Glyphs("▸", "✓", "…", "–", "●", "○", "⚠", "✕", "▾", "▴", "×", "›", "‹", "›", unicode=True)
ASCII = Glyphs(">", "*", "~", "-", "o", ".", "!", "x", "v", "^", "x", ">", "<", ">", unicode=False)


_TWINS = {
    ord(each): twin
    for letters, twin in (
        ("↑▴▔", "^"), ("↓▾", "v"), ("←‹", "<"), ("→›▸", ">"), ("…", "~"), ("–—·─━▁▂", "-"), ("•●", "*"), ("×✕", "x"),
        ("✓", "+"), ("○", "o"), ("◐", "%"), ("⚠", "!"), ("“”", '"'), ("‘’", "'"), ("│┃▏▎▌┤", "|"), ("▃▄", "="),
        ("▅▆▇█", "#"), ("┼", "+"), ("\u00a0", " "),
    )
    for each in letters
}  # fmt: skip


def ascii_twin(text: str) -> str:
    """`text` in as many cells of ASCII; a letter without a twin becomes a question mark, a wide one two."""
    if text.isascii():
        return text
    return "".join(each if each.isascii() else "?" * cell_len(each) for each in text.translate(_TWINS))


def glyphs_for(environment: Mapping[str, str]) -> Glyphs:
    """ASCII where the locale names a character set that is not UTF-8."""
    return UNICODE if takes_utf8(environment) else ASCII
