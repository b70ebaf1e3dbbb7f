"""The way out of a terminal that nothing answers any more: `~.` at the start of a line, as ssh has it."""

from __future__ import annotations

_TILDE, _DOT = ord("~"), ord(".")
_LINE_ENDS = b"\r\n"


class EscapeKeys:
    """Kept from the far end: `~.`, which leaves, and one of the tildes of `~~`, which stands for a tilde."""

    def __init__(self) -> None:
        self._begins_line = True
        self._holds_tilde = False

    def take(self, typed: bytes) -> tuple[bytes, bool]:
        """What goes on to the far end, and whether the person leaves; what is typed after that goes nowhere."""
        on = bytearray()
        for key in typed:
            if self._holds_tilde:
                if key == _DOT:
                    return bytes(on), True
                self._holds_tilde = False
                on.append(_TILDE)
                if key == _TILDE:
                    continue
            elif key == _TILDE and self._begins_line:
                self._holds_tilde, self._begins_line = True, False
                continue
            on.append(key)
            self._begins_line = key in _LINE_ENDS
        return bytes(on), False
