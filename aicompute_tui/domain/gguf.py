"""The header of a GGUF file, read by the published format and no further; a hostile one is refused in a sentence."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import BinaryIO

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.model_shape import LARGEST

Value = int | float | bool | str | list[int]
Metadata = Mapping[str, Value]
_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_FRACTIONS = frozenset({6, 12})
_MOST_ENTRIES = 65_536
_LONGEST_KEY = 65_535
_MOST_KEPT = 4_096
"""Longer lists (the words of a tokenizer) and longer texts are passed over."""
_HEADER_LIMIT = 64 << 20
"""What all entries and descriptions of tensors together may take."""
_MOST_TENSORS = 1 << 20
_MOST_DIMENSIONS = 8
_USUAL_ALIGNMENT = 32
_BLOCKS_OF_256 = {10: 84, 11: 110, 12: 144, 13: 176, 14: 210, 15: 292, 16: 66, 17: 74, 18: 98, 19: 50, 21: 110, 22: 82}
_BLOCKS_OF_256 |= {23: 136, 29: 56, 34: 54, 35: 66}
_BLOCKS_OF_32 = {2: 18, 3: 20, 6: 22, 7: 24, 8: 34, 9: 40, 20: 18, 39: 17}
_SINGLE = {0: 4, 1: 2, 24: 1, 25: 2, 26: 4, 27: 8, 28: 8, 30: 2}
_TENSOR_KINDS = {
    **{kind: (1, size) for kind, size in _SINGLE.items()},
    **{kind: (32, size) for kind, size in _BLOCKS_OF_32.items()},
    **{kind: (256, size) for kind, size in _BLOCKS_OF_256.items()},
    40: (64, 36),
    41: (128, 18),
}
"""How many values a block holds and how many bytes it takes."""


def read_metadata(file: BinaryIO) -> dict[str, Value]:
    """The entries of the header: scalars, texts and short lists of whole numbers. Raises InvalidInput."""
    return _Header(file).entries()


def whole_size(file: BinaryIO) -> int:
    """How large the file is when it is whole, also where only its beginning is here. Raises InvalidInput.

    A tensor of a kind that is not known counts as nothing: it is then at least so large.
    """
    header = _Header(file)
    alignment = header.entries().get("general.alignment", _USUAL_ALIGNMENT)
    if not isinstance(alignment, int) or not 0 < alignment <= _HEADER_LIMIT:
        raise _bad("its tensors are aligned to nothing")
    end = header.tensors_end()
    return -(-file.tell() // alignment) * alignment + end


class EndsEarly(InvalidInput):
    """What is there of it is not its whole header."""

    @property
    def kind(self) -> str:
        return InvalidInput.__name__


class _Header:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = _HEADER_LIMIT
        self._tensors = 0

    def entries(self) -> dict[str, Value]:
        if self._file.read(4) != _MAGIC:
            raise _bad("it does not begin with GGUF")
        version = self._number(4)
        if version not in _VERSIONS:
            raise _bad(f"its version is {version}, and versions {_VERSIONS[0]} and {_VERSIONS[1]} are read")
        self._tensors = self._number(8)
        count = self._number(8)
        if count > _MOST_ENTRIES:
            raise _bad(f"it says that it has {count:,} entries")
        found: dict[str, Value] = {}
        for _ in range(count):
            length = self._number(8)
            if length > _LONGEST_KEY:
                raise _bad("the name of an entry is too long")
            key = self._bytes(length).decode("utf-8", "replace")
            value = self._value(self._number(4))
            if value is not None:
                found[key] = value
        return found

    def tensors_end(self) -> int:
        """Where the last tensor ends, counted from the first; the entries have been read."""
        if self._tensors > _MOST_TENSORS:
            raise _bad(f"it says that it has {self._tensors:,} tensors")
        return max((self._tensor_end() for _ in range(self._tensors)), default=0)

    def _tensor_end(self) -> int:
        self._pass_over(self._number(8))
        dimensions = self._number(4)
        if dimensions > _MOST_DIMENSIONS:
            raise _bad(f"it has a tensor of {dimensions:,} dimensions")
        values = math.prod(self._number(8) for _ in range(dimensions))
        block, size = _TENSOR_KINDS.get(self._number(4), (1, 0))
        end = self._number(8) + -(-values // block) * size
        if end > LARGEST:
            raise _bad("it has a tensor that no disk could hold")
        return end

    def _value(self, kind: int) -> Value | None:
        if kind == _STRING:
            return self._text()
        if kind == _ARRAY:
            return self._array()
        if kind not in _SCALARS:
            raise _bad(f"it has a value of an unknown kind ({kind})")
        return self._scalar(kind)

    def _scalar(self, kind: int) -> int | float | bool:
        form = _SCALARS[kind]
        value: int | float | bool = struct.unpack(form, self._bytes(struct.calcsize(form)))[0]
        return value

    def _text(self) -> str | None:
        length = self._number(8)
        if length > _MOST_KEPT:
            self._pass_over(length)
            return None
        return self._bytes(length).decode("utf-8", "replace")

    def _array(self) -> list[int] | None:
        kind, count = self._number(4), self._number(8)
        if kind == _STRING:
            if count * 8 > self._left:
                raise _bad("a list in it is longer than a header may be")
            for _ in range(count):
                self._pass_over(self._number(8))
            return None
        if kind not in _SCALARS:
            raise _bad(f"it has a list of an unknown kind ({kind})")
        if kind in _FRACTIONS or count > _MOST_KEPT:
            self._pass_over(count * struct.calcsize(_SCALARS[kind]))
            return None
        return [int(self._scalar(kind)) for _ in range(count)]

    def _number(self, size: int) -> int:
        return int.from_bytes(self._bytes(size), "little")

    def _bytes(self, count: int) -> bytes:
        self._take(count)
        found = self._file.read(count)
        if len(found) != count:
            raise EndsEarly(
                "This GGUF file cannot be read: it ends in the middle of its header.",
                "Download it again, or choose another file.",
            )
        return found

    def _pass_over(self, count: int) -> None:
        self._take(count)
        self._file.seek(count, 1)

    def _take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise _bad(f"its header is longer than {_HEADER_LIMIT >> 20} MiB")


def _bad(why: str) -> InvalidInput:
    return InvalidInput(f"This GGUF file cannot be read: {why}.", "Download it again, or choose another file.")
