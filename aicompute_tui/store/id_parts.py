"""Ids for statements, in parts of few lengths: every length is a statement of its own, which a connection keeps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_MOST = 512


def id_parts(ids: Iterable[str]) -> Iterator[list[str]]:
    """Each id, in order, in parts as long as a power of two: the last one stands there as often as that takes."""
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), _MOST):
        part = wanted[start : start + _MOST]
        yield part + part[-1:] * ((1 << (len(part) - 1).bit_length()) - len(part))
