"""From the bytes of a container's log to whole stamped lines of one stream: headers taken off, split lines joined."""

from __future__ import annotations

import re
from datetime import datetime
from struct import Struct

from aicompute_tui.domain.container import LogPiece, LogStream
from aicompute_tui.domain.errors import InvalidInput

PIECE_BYTES = 16 << 10
"""An engine keeps a longer line in pieces of so many bytes, each with the moment of the line before it."""
MOST_OPEN_BYTES = 512 << 10
"""So much is kept of a line that has not ended; the rest is counted."""
_HEADER = Struct(">BxxxI")
_STREAMS = {0: LogStream.STDOUT, 1: LogStream.STDOUT, 2: LogStream.STDERR}
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d) ")
_PARTS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


class FrameReader:
    """Frames of 8 bytes and what they announce; each ends in a line's end unless the line was too long for one."""

    def __init__(self) -> None:
        self._rest = b""
        self._open: dict[int, _OpenLine] = {}

    def feed(self, data: bytes) -> list[LogPiece]:
        """Pieces in the order of the log, neighbours of one stream together."""
        data = self._rest + data if self._rest else data
        pieces: list[LogPiece] = []
        lines: list[bytes] = []
        stream, at, size = 0, 0, len(data)
        unpack = _HEADER.unpack_from
        while size - at >= 8:
            kind, length = unpack(data, at)
            end = at + 8 + length
            if end > size:
                break
            line = data[at + 8 : end]
            at = end
            if kind != stream:
                if lines:
                    pieces.append(_piece(stream, lines))
                    lines = []
                stream = kind
            if self._open or not line.endswith(b"\n"):
                lines += self._join(kind, line)
            else:
                lines.append(line)
        self._rest = data[at:]
        if lines:
            pieces.append(_piece(stream, lines))
        return pieces

    def finish(self) -> list[LogPiece]:
        """Lines that have not ended: the last words of each stream."""
        opened, self._open, self._rest = self._open, {}, b""
        return [_piece(kind, [line.whole(b"\n")]) for kind, line in opened.items()]

    def _join(self, kind: int, line: bytes) -> list[bytes]:
        """The lines that have ended with this frame."""
        known = self._open.get(kind)
        if known is None:
            if line.endswith(b"\n"):
                return [line]
            self._open[kind] = _OpenLine(line)
            return []
        if not known.goes_on_in(line):
            self._open.pop(kind)
            return [known.whole(b"\n"), *self._join(kind, line)]
        known.add(line)
        if not line.endswith(b"\n"):
            return []
        self._open.pop(kind)
        return [known.whole(b"")]


class TerminalReader:
    """The one stream of a container with a terminal: no headers, and split lines known by where their pieces begin."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[LogPiece]:
        self._rest += data
        end = self._rest.rfind(b"\n") + 1
        if not end and len(self._rest) < MOST_OPEN_BYTES:
            return []
        end = end or len(self._rest)
        block = bytes(self._rest[:end])
        del self._rest[:end]
        return [LogPiece(LogStream.TERMINAL, _joined(block))]

    def finish(self) -> list[LogPiece]:
        rest, self._rest = bytes(self._rest), bytearray()
        return [LogPiece(LogStream.TERMINAL, _joined(rest) + b"\n")] if rest else []


class _OpenLine:
    """A line that came in pieces. Those of one line carry the same moment."""

    def __init__(self, first: bytes) -> None:
        self._stamp = _stamp(first)
        self._text = bytearray(first)
        self._more = 0

    def goes_on_in(self, piece: bytes) -> bool:
        return piece.startswith(self._stamp)

    def add(self, piece: bytes) -> None:
        body = piece[len(self._stamp) :]
        room = MOST_OPEN_BYTES - len(self._text)
        if len(body) <= room:
            self._text += body
        else:
            self._text += body[: max(0, room)]
            self._more += len(body.rstrip(b"\n")) - max(0, room)

    def whole(self, end: bytes) -> bytes:
        if self._more:
            return bytes(self._text) + b" \xe2\x80\xa6[%d more bytes]\n" % self._more
        return bytes(self._text) + end


def unix_time(stamp: str) -> str:
    """Seconds since 1970 with all digits of a line's moment, as an engine is asked for what came since.

    Raises InvalidInput for what is no moment.
    """
    found = _PARTS.fullmatch(stamp)
    if found is None:
        raise InvalidInput(f"“{stamp}” is not a moment of a log.", "Give one like 2026-11-20T14:00:00Z.")
    whole = datetime.fromisoformat(found.group(1) + found.group(3))
    return f"{int(whole.timestamp())}{found.group(2) or ''}"


def _piece(kind: int, lines: list[bytes]) -> LogPiece:
    return LogPiece(_STREAMS.get(kind, LogStream.STDOUT), b"".join(lines))


def _stamp(line: bytes) -> bytes:
    found = _STAMP.match(line)
    return found.group() if found else b""


def _joined(block: bytes) -> bytes:
    """Without the moments inside lines that were kept in pieces."""
    if len(block) <= PIECE_BYTES:
        return block
    lines = block.split(b"\n")
    return b"\n".join(_without_stamps(line) if len(line) > PIECE_BYTES else line for line in lines)


def _without_stamps(line: bytes) -> bytes:
    stamp = _stamp(line)
    if not stamp:
        return line
    width = len(stamp) + PIECE_BYTES
    pieces = [line[at : at + width] for at in range(0, len(line), width)]
    if not all(piece.startswith(stamp) for piece in pieces):
        return line
    return b"".join([pieces[0], *(piece[len(stamp) :] for piece in pieces[1:])])
