"""What kinds of matter a model takes in and makes: text, images, sound."""

from __future__ import annotations

from dataclasses import dataclass

from aicompute_tui.domain.errors import BadAnswer

KINDS = ("text", "image", "audio", "video", "pdf", "embedding", "score")
"""In the order in which they are told."""
_MAKES = " > "


@dataclass(frozen=True, slots=True)
class Modalities:
    """Each side None where nobody told."""

    takes: tuple[str, ...] | None = None
    makes: tuple[str, ...] | None = None

    def __str__(self) -> str:
        """`text image > text`, a side that nobody told left empty, and nothing where neither is known."""
        if self.makes is None:
            return " ".join(self.takes or ())
        return f"{' '.join(self.takes or ())}{_MAKES}{' '.join(self.makes)}".strip()


UNTOLD = Modalities()


def modalities_of(text: str) -> Modalities:
    """The reverse of writing them. Raises BadAnswer for a kind that nobody knows."""
    takes, _, makes = f" {text}".partition(_MAKES)
    return Modalities(_kinds(takes), _kinds(makes))


def in_order(kinds: set[str]) -> tuple[str, ...] | None:
    """None for none at all. Raises BadAnswer for a kind that nobody knows."""
    if unknown := sorted(kinds - set(KINDS)):
        raise BadAnswer(
            f"“{unknown[0]}” is no known kind of what a model takes or makes.", f"Known: {', '.join(KINDS)}."
        )
    return tuple(kind for kind in KINDS if kind in kinds) or None


def _kinds(text: str) -> tuple[str, ...] | None:
    return in_order(set(text.split()))
