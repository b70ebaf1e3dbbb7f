"""What was said with each connection in this console: in memory alone, the latest few conversations."""

from __future__ import annotations

Turns = list[tuple[str, str]]
"""Who said what: `user` and `assistant` in turns."""

_MOST = 20


class Conversations:
    """By the connection's id."""

    def __init__(self) -> None:
        self._turns: dict[str, Turns] = {}

    def of(self, connection_id: str) -> Turns:
        """The list itself, which who talks adds to; empty where nothing was said yet."""
        turns = self._turns.pop(connection_id, [])
        self._turns[connection_id] = turns
        for oldest in list(self._turns)[:-_MOST]:
            del self._turns[oldest]
        return turns

    def begin(self, connection_id: str) -> Turns:
        """Another list; what is still being said goes to the one before."""
        self._turns.pop(connection_id, None)
        return self.of(connection_id)
