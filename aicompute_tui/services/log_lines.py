"""From the bytes of a log to lines that may be shown: whole, decoded, harmless to a terminal, and of bounded length."""

from __future__ import annotations

import codecs
import re

LONGEST_LINE = 131_072
MOST_LINES = 5_000
_MOST_BYTES = 256 << 10
_MOST_BYTES_NOT_ASCII = 128 << 10
"""Such text may grow sixfold where it is written as JSON."""
_CONTROLS = bytes(code for code in (*range(0x20), 0x7F) if code not in b"\t\n\r")
_COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")
_ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI
    rb"|[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)"  # OSC, DCS and other strings
    rb"|[ -/]*[0-~])"  # two characters
)
_C1 = re.compile(rb"\xc2(?:\x9b[0-?]*[ -/]*[@-~]|[\x90\x98\x9d-\x9f][^\x07\x1b\n\xc2]*\xc2\x9c|[\x80-\x9f])")
"""The same as single characters, in UTF-8."""


class LineSplitter:
    """Feed it bytes as they come; it answers batches of whole lines. Never holds more than one cut line."""

    def __init__(self) -> None:
        self.consumed = 0
        """Bytes of the lines answered so far."""
        self._rest = b""
        self._long: _LongLine | None = None

    def feed(self, data: bytes) -> list[list[str]]:
        if self._long is not None:
            ends = _first_end(data)
            if ends == 0:
                self._long.feed(data)
                return []
            batches = [[self._long.finish(data[: ends - 1])]]
            self.consumed += self._long.size + 1
            self._long = None
            return batches + self.feed(data[ends:])
        text = self._rest + data if self._rest else data
        cut = _last_end(text)
        self._rest = text[cut:]
        if len(self._rest) > 4 * LONGEST_LINE:
            self._long, self._rest = _LongLine(self._rest), b""
        self.consumed += cut
        return _batches(text[:cut]) if cut else []

    def finish(self) -> list[list[str]]:
        """What stands after the last line end, as a line of its own."""
        long, self._long, rest, self._rest = self._long, None, self._rest, b""
        if long is not None:
            self.consumed += long.size
            return [[long.finish(b"")]]
        self.consumed += len(rest)
        return _batches(rest + b"\n") if rest.strip(b"\r") else []

    def drop_rest(self) -> None:
        """Forgets an unfinished line: it will be read again."""
        self._rest, self._long = b"", None


class _LongLine:
    """A line of any length: its beginning is kept, the rest is counted."""

    def __init__(self, data: bytes) -> None:
        self.size = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head = ""
        self._more = 0
        self.feed(data)

    def feed(self, data: bytes, *, final: bool = False) -> None:
        self.size += len(data)
        text = self._decoder.decode(data, final)
        room = LONGEST_LINE - len(self._head)
        if room > 0:
            self._head += text[:room]
        self._more += max(0, len(text) - max(0, room))

    def finish(self, data: bytes) -> str:
        self.feed(data, final=True)
        head = _clean(self._head.replace("\r", "").encode("utf-8", "replace")).decode("utf-8", "replace")
        return _more(head, self._more)


def one_line(data: bytes) -> str:
    """What a machine says beside its log, as one line that a terminal would not obey."""
    return " ".join(_clean(data).decode("utf-8", "replace").split())


def _first_end(data: bytes) -> int:
    """Just behind the first line end, 0 where there is none."""
    return data.find(b"\n") + 1


def _last_end(text: bytes) -> int:
    """Just behind the last line end. A lone carriage return ends a line as well: progress is shown as it is drawn."""
    line_feed = text.rfind(b"\n")
    carriage_return = text.rfind(b"\r", line_feed + 1, len(text) - 1)
    return max(line_feed, carriage_return) + 1


def _batches(block: bytes) -> list[list[str]]:
    most = _MOST_BYTES if block.isascii() else _MOST_BYTES_NOT_ASCII
    made: list[list[str]] = []
    start = 0
    while start < len(block):
        end = len(block)
        if end - start > most:
            end = block.rfind(b"\n", start, start + most) + 1 or block.find(b"\n", start) + 1 or len(block)
        lines = _lines(block[start:end])
        made.extend(lines[first : first + MOST_LINES] for first in range(0, len(lines), MOST_LINES))
        start = end
    return made


def _lines(block: bytes) -> list[str]:
    block = _clean(block)
    if not block:  # carriage returns alone
        return []
    text = block.decode("utf-8", "replace")
    if text.endswith("\n"):
        text = text[:-1]
    lines = text.split("\n")
    if len(text) > LONGEST_LINE:
        return [_cut(line) for line in lines]
    return lines


def _clean(block: bytes) -> bytes:
    """Without what a terminal would obey; what a carriage return parts is shown one below the other."""
    if b"\x1b" in block:
        block = _ESCAPE.sub(b"", _COLOUR.sub(b"", block))
    if b"\xc2" in block:
        block = _C1.sub(b"", block)
    block = block.translate(None, _CONTROLS)
    if b"\r" not in block:
        return block
    block = block.replace(b"\r\n", b"\n")
    if b"\r" not in block:
        return block
    block = re.sub(rb"\r+\n", b"\n", block)
    block = re.sub(rb"(^|\n)\r+", rb"\1", block)
    return re.sub(rb"\r+", b"\n", block)


def _cut(line: str) -> str:
    return _more(line[:LONGEST_LINE], len(line) - LONGEST_LINE)


def _more(head: str, count: int) -> str:
    """Not longer than `LONGEST_LINE` with its note."""
    if count <= 0:
        return head
    note = f" …[{count} more characters]"
    kept = LONGEST_LINE - len(note) - 8
    dropped = max(0, len(head) - kept)
    return f"{head[:kept]} …[{count + dropped} more characters]"
