"""A container's log from its frames: whatever the network makes of them, the lines are those that were written."""

from __future__ import annotations

from struct import pack

from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.container import LogPiece, LogStream
from aicompute_tui.hosts.docker.frames import MOST_OPEN_BYTES, PIECE_BYTES, FrameReader, TerminalReader

STAMP = b"2026-11-21T07:17:05.078331808Z "
LATER = b"2026-11-21T07:17:06.000000000Z "


def frame(kind: int, data: bytes) -> bytes:
    return pack(">BxxxI", kind, len(data)) + data


def frames_of(kind: int, line: bytes, stamp: bytes = STAMP) -> list[bytes]:
    """As an engine keeps a line: in pieces of 16 KiB, each with the line's moment."""
    whole = line + b"\n"
    if len(line) < PIECE_BYTES:
        return [frame(kind, stamp + whole)]
    pieces = [line[at : at + PIECE_BYTES] for at in range(0, len(line), PIECE_BYTES)]
    last = pieces.pop() if len(pieces[-1]) < PIECE_BYTES else b""
    return [*(frame(kind, stamp + piece) for piece in pieces), frame(kind, stamp + last + b"\n")]


def read(data: bytes, sizes: list[int], reader: FrameReader | TerminalReader) -> list[LogPiece]:
    """`data` as a network might cut it."""
    found: list[LogPiece] = []
    at = 0
    for size in [*sizes, len(data)]:
        found += reader.feed(data[at : at + size])
        at += size
    return found + reader.finish()


def of_stream(pieces: list[LogPiece], stream: LogStream) -> bytes:
    return b"".join(piece.data for piece in pieces if piece.stream is stream)


LINES = st.lists(
    st.tuples(
        st.sampled_from([1, 2]),
        st.one_of(
            st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b" ")),
            st.integers(PIECE_BYTES - 2, 3 * PIECE_BYTES + 2).map(lambda size: b"x" * size),
        ),
    ),
    max_size=12,
)


@given(LINES, st.lists(st.integers(1, 40_000), max_size=20))
def test_however_the_bytes_are_cut_each_stream_has_its_lines(lines: list[tuple[int, bytes]], sizes: list[int]) -> None:
    data = b"".join(b"".join(frames_of(kind, line)) for kind, line in lines)
    pieces = read(data, sizes, FrameReader())
    for kind, stream in ((1, LogStream.STDOUT), (2, LogStream.STDERR)):
        assert of_stream(pieces, stream) == b"".join(STAMP + line + b"\n" for each, line in lines if each == kind)
    assert all(piece.data.endswith(b"\n") for piece in pieces)


def test_neighbours_of_one_stream_come_together_and_in_order() -> None:
    data = frame(1, STAMP + b"a\n") + frame(1, STAMP + b"b\n") + frame(2, STAMP + b"c\n") + frame(1, STAMP + b"d\n")
    pieces = FrameReader().feed(data)
    assert [(piece.stream, piece.data.count(b"\n")) for piece in pieces] == [
        (LogStream.STDOUT, 2),
        (LogStream.STDERR, 1),
        (LogStream.STDOUT, 1),
    ]
    assert pieces[0].stamp == STAMP.decode().strip()


def test_a_long_line_is_joined_while_the_other_stream_speaks_in_between() -> None:
    first, second, third = frames_of(1, b"x" * (2 * PIECE_BYTES + 5))
    pieces = read(first + frame(2, LATER + b"meanwhile\n") + second + third, [], FrameReader())
    assert of_stream(pieces, LogStream.STDOUT) == STAMP + b"x" * (2 * PIECE_BYTES + 5) + b"\n"
    assert of_stream(pieces, LogStream.STDERR) == LATER + b"meanwhile\n"


def test_last_words_without_an_end_are_a_line_and_no_beginning_of_the_next() -> None:
    data = frame(1, STAMP + b"killed in the mid") + frame(1, LATER + b"started again\n")
    assert of_stream(read(data, [], FrameReader()), LogStream.STDOUT) == (
        STAMP + b"killed in the mid\n" + LATER + b"started again\n"
    )


def test_of_a_line_without_measure_a_part_is_kept_and_the_rest_counted() -> None:
    size = MOST_OPEN_BYTES + 3 * PIECE_BYTES
    line = of_stream(read(b"".join(frames_of(1, b"x" * size)), [], FrameReader()), LogStream.STDOUT)
    kept, _, note = line.partition(" …[".encode())
    assert len(kept) == MOST_OPEN_BYTES
    assert note == b"%d more bytes]\n" % (size - (MOST_OPEN_BYTES - len(STAMP)))


@given(st.integers(0, 3 * PIECE_BYTES), st.lists(st.integers(1, 40_000), max_size=20))
def test_a_terminals_long_line_has_its_moment_once(size: int, sizes: list[int]) -> None:
    line = b"x" * size + b"\r"
    stored = b"".join(each[8:] for each in frames_of(1, line))
    pieces = read(stored + LATER + b"next\r\n", sizes, TerminalReader())
    assert of_stream(pieces, LogStream.TERMINAL) == STAMP + line + b"\n" + LATER + b"next\r\n"
