"""What a column of many rows holds, figures or words: whole vectors for sorts and filters, made when asked for."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

Vector = Sequence[float]


class Figures:
    """A figure for each row; one below `least` is not known.

    `of` answers the figure as it is stored, `vector` all of them where that is quicker; times `scale` it is what is
    shown and typed, with `places` decimals.
    """

    def __init__(
        self,
        of: Callable[[int], float],
        count: int,
        *,
        vector: Callable[[], Vector] | None = None,
        scale: float = 1.0,
        places: int = 0,
        least: float = 0.0,
    ) -> None:
        self._of = of
        self._count = count
        self._made = vector
        self.scale = scale
        self.places = places
        self.least = least

    def __call__(self, row: int) -> float | None:
        """In the unit that is shown; None where it is not known."""
        figure = self._of(row)
        return figure * self.scale if figure >= self.least else None

    @cached_property
    def vector(self) -> Vector:
        """All of them as they are stored."""
        return self._made() if self._made is not None else array("d", map(self._of, range(self._count)))


class Words:
    """A word for each row, by its place in a list of few; an empty word or a place below zero is not known."""

    least = 0.0

    def __init__(self, made: Callable[[], tuple[Sequence[str], Sequence[int]]]) -> None:
        self._made = made

    @cached_property
    def _both(self) -> tuple[Sequence[str], Sequence[int]]:
        return self._made()

    @property
    def words(self) -> Sequence[str]:
        return self._both[0]

    @property
    def codes(self) -> Sequence[int]:
        return self._both[1]

    def __call__(self, row: int) -> str | None:
        code = self.codes[row]
        return (self.words[code] or None) if code >= 0 else None

    @cached_property
    def vector(self) -> Vector:
        """Each word's place in the alphabet."""
        places = {code: place for place, code in enumerate(sorted(range(len(self.words)), key=self._alphabetical))}
        ranks = array("i", [places[code] if self.words[code] else -1 for code in range(len(self.words))])
        ranks.append(-1)  # what a code below zero finds
        return array("i", map(ranks.__getitem__, self.codes))

    def _alphabetical(self, code: int) -> tuple[str, str]:
        word = self.words[code]
        return (word.lower(), word)

    def mask(self, matches: Callable[[str], bool]) -> bytes:
        """1 where the word matches; each word is asked about once."""
        found = bytes([bool(word) and matches(word) for word in self.words])
        if isinstance(self.codes, array) and self.codes.itemsize == 1:
            return self.codes.tobytes().translate(found.ljust(256, b"\0"))
        return bytes(map((found + b"\0").__getitem__, self.codes))


Field = Figures | Words


def both(masks: Iterable[bytes | None]) -> bytes | None:
    """1 where all of them have it; None stands for one that has it everywhere."""
    together: bytes | None = None
    for mask in masks:
        if mask is not None:
            together = mask if together is None else joined(together, mask, int.__and__)
    return together


def joined(one: bytes, other: bytes, operation: Callable[[int, int], int]) -> bytes:
    """Bit by bit, all rows at once."""
    result = operation(int.from_bytes(one, "little"), int.from_bytes(other, "little"))
    return result.to_bytes(len(one), "little")
