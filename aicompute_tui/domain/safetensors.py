"""How large a safetensors file is when it is whole, read from its header alone."""

from __future__ import annotations

import json
from typing import BinaryIO

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.model_shape import LARGEST

_HEADER_LIMIT = 100_000_000
"""The format's own."""


def whole_size(file: BinaryIO, name: str) -> int:
    """In bytes, also of a file that is not whole yet. Raises InvalidInput for what is no such file."""
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= _HEADER_LIMIT:
        raise _bad(name)
    try:
        header = json.loads(file.read(length))
    except (ValueError, RecursionError):
        raise _bad(name) from None
    if not isinstance(header, dict):
        raise _bad(name)
    ends = [_end(entry, name) for key, entry in header.items() if key != "__metadata__"]
    return 8 + length + max(ends, default=0)


def _end(entry: object, name: str) -> int:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not isinstance(offsets, list) or len(offsets) != 2 or not isinstance(offsets[1], int):
        raise _bad(name)
    if not 0 <= offsets[1] < LARGEST:
        raise _bad(name)
    return offsets[1]


def _bad(name: str) -> InvalidInput:
    return InvalidInput(f"{name} is no safetensors file.", "Download it again, or give --weights-bytes.")
