"""A request to a model server of the demo, its answer, and the words it answers with, one at a time."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SECONDS_A_WORD = 0.035
_SECONDS_TO_FIRST = 0.18
_OPENINGS = (
    "Good question.",
    "Let me put it plainly.",
    "Here is the short answer.",
    "In a word: it depends, and this is on what.",
)
_MIDDLES = (
    "A smaller model with a longer context often does better than a larger one that must forget.",
    "Most of the time goes into reading weights from memory, not into sums.",
    "Two requests at once cost hardly more than one, since the weights are read for both.",
    "What is measured can be improved; what is guessed is merely discussed.",
    "Spot machines are cheap for the reason that they may go, so keep nothing on them that you need.",
    "The first word takes longest, because the whole prompt is read before it.",
)
_END = "I am a stand-in of the demo, so please take none of this for advice."


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def fields(self) -> dict[str, Any] | None:
        """The JSON object of its body, None where there is none."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return None
        return found if isinstance(found, dict) else None


@dataclass(frozen=True, slots=True)
class Answer:
    """Either `body`, or `stream`, whose parts go out as they come."""

    status: int
    content_type: str
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None

    @classmethod
    def json(cls, content: Any, status: int = 200) -> Answer:
        return cls(status, "application/json", json.dumps(content).encode())

    @classmethod
    def once(cls, content_type: str, later: AsyncIterator[bytes]) -> Answer:
        return cls(200, content_type, b"", later)


def prompt_of(fields: Mapping[str, Any]) -> str:
    """What was asked, whichever way it was put."""
    messages = fields.get("messages")
    if isinstance(messages, list):
        return " ".join(str(message.get("content", "")) for message in messages if isinstance(message, dict))
    return str(fields.get("prompt") or "")


def tokens_in(text: str) -> int:
    return max(1, round(len(text) / 4))


def words_for(prompt: str, most: int | None) -> list[str]:
    """The same prompt gets the same words; `most` limits their number."""
    luck = zlib.crc32(prompt.encode())
    chosen = [_OPENINGS[luck % len(_OPENINGS)]]
    chosen += [_MIDDLES[(luck >> shift) % len(_MIDDLES)] for shift in (3, 7, 11)]
    words = " ".join(dict.fromkeys([*chosen, _END])).split(" ")
    return [word if place == 0 else f" {word}" for place, word in enumerate(words)][:most]


async def spoken(words: Sequence[str]) -> AsyncIterator[str]:
    """Word by word, at the pace of a model."""
    await asyncio.sleep(_SECONDS_TO_FIRST)
    for word in words:
        yield word
        await asyncio.sleep(_SECONDS_A_WORD)
