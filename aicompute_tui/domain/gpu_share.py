"""A share of a GPU: into how many parts a cloud cuts the GPU, and how many whole ones its parts come to."""

from __future__ import annotations

WHOLE = 1
_MOST_PARTS = 64
_ROUNDING = 0.03
"""Lists round: 0.167 is a sixth, 0.33 a third."""


def parts_of(share: float) -> int | None:
    """Of how many parts the share is one; None where it is not one of equal parts."""
    if share >= 1:
        return WHOLE
    if share < 1 / _MOST_PARTS:
        return None
    parts = round(1 / share)
    return parts if parts > WHOLE and abs(parts * share - 1) <= _ROUNDING else None


def gpus_of(count: int | None, parts: int | None) -> float | None:
    """So many parts as whole GPUs: 0.125 for an eighth; None where either is unknown."""
    if count is None or parts is None or parts < WHOLE:
        return None
    return count if parts == WHOLE else count / parts


def gpus_told(gpus: float | None, unknown: str = "?") -> str:
    """`4`, `1/8`."""
    if gpus is None:
        return unknown
    parts = parts_of(gpus) if gpus < 1 else None
    return f"{gpus:g}" if parts is None else f"1/{parts}"
