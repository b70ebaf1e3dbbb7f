"""An embedding in the stable shape that programs see: how long it is, how it begins, and how alike another one is."""

from __future__ import annotations

import math
from collections.abc import Sequence

from aicompute_tui.domain.json import JsonObject

_FIRST_NUMBERS = 8


def embedding_view(vector: Sequence[float], other: Sequence[float] | None) -> JsonObject:
    return {
        "dimensions": len(vector),
        "length": round(sum(number * number for number in vector) ** 0.5, 4),
        "first_numbers": [round(number, 6) for number in vector[:_FIRST_NUMBERS]],
        "cosine": None if other is None else _cosine(vector, other),
    }


def _cosine(first: Sequence[float], second: Sequence[float]) -> float | None:
    """How alike two vectors are, 1 at most; None where they cannot be compared."""
    lengths = sum(each * each for each in first) * sum(each * each for each in second)
    if len(first) != len(second) or not lengths:
        return None
    return round(sum(a * b for a, b in zip(first, second, strict=True)) / math.sqrt(lengths), 4)
