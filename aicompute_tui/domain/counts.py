"""Counts as people write them: `32k` tokens, `8.03b` parameters."""

from __future__ import annotations

import re

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.model_shape import LARGEST

_THOUSANDS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "t": 10**12}


def number(written: str, name: str, step: int) -> int:
    """`32k` in steps of 1024 for tokens, `8.03b` in steps of 1000 for parameters."""
    match = re.fullmatch(r"(\d{1,15})(?:\.(\d{1,6}))?([kmbt]?)", written.replace(",", "").lower())
    if match is None:
        raise InvalidInput(f"“{written}” is not a number ({name}).", "Write it like 32k.")
    whole, fraction, unit = match[1], match[2] or "", match[3]
    times = _THOUSANDS[unit] if step == 1000 else {"": 1, "k": 1 << 10, "m": 1 << 20}.get(unit, 0)
    value: int = int(whole + fraction) * times // 10 ** len(fraction)
    if not 0 < value < LARGEST:
        raise InvalidInput(f"“{written}” is not a number ({name}).", "Write it like 32k.")
    return value
