"""Sizes as people read them: `12 KiB`, `1.4 GiB`, `20k` tokens."""

from __future__ import annotations

_STEP = 1024
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def format_bytes(count: int | None, unknown: str = "–") -> str:
    """Three digits at most before the unit changes; `unknown` where nobody knows."""
    if count is None:
        return unknown
    amount = float(count)
    for unit in _UNITS[:-1]:
        if abs(amount) < _STEP:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= _STEP
    return f"{amount:.1f} {_UNITS[-1]}"


def format_tokens(count: int) -> str:
    """`20k` for 20,480 tokens and a little more: never more than there are."""
    return f"{count // _STEP}k" if count >= _STEP else str(count)
