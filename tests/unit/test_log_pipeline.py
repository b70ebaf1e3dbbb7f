"""A log's way to the screen: every line once and in order, nothing that hurts a terminal, and breaks told in words."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.errors import AuthFailed, Unreachable
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.services import log_pipeline
from aicompute_tui.services.log_lines import LONGEST_LINE, LineSplitter
from aicompute_tui.services.log_pipeline import Opening, follow_source, log_items
from tests.moved_clock import MovedClock
from tests.waiting import until


def split(*chunks: bytes) -> list[str]:
    splitter = LineSplitter()
    batches = [batch for chunk in chunks for batch in splitter.feed(chunk)] + splitter.finish()
    return [line for batch in batches for line in batch]


def lines_of(items: Sequence[JsonObject]) -> list[object]:
    return [line for item in items if isinstance(found := item.get("lines"), list) for line in found]


async def stream(*chunks: bytes) -> AsyncGenerator[bytes]:
    for chunk in chunks:
        yield chunk


async def all_of(items: AsyncIterator[JsonObject]) -> list[JsonObject]:
    return [item async for item in items]


PIECES = st.sampled_from([b"a", b"\n", b"\n\n", "é€😀".encode(), b"\xff", b"\xc3", b"line ", b"x" * 70_000])


@given(st.lists(PIECES), st.lists(st.integers(0, 400)))
def test_lines_do_not_depend_on_where_chunks_are_cut(pieces: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(pieces)
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    chunks = [whole[start:end] for start, end in itertools.pairwise(edges)]
    expected = whole.decode(errors="replace").split("\n")
    if not whole or whole.endswith(b"\n"):
        expected.pop()
    got = split(*chunks)
    assert [line for line in got if len(line) < LONGEST_LINE - 100] == [
        line for line in expected if len(line) < LONGEST_LINE - 100
    ]
    assert len(got) == len(expected)


@given(st.lists(PIECES))
def test_all_bytes_of_answered_lines_are_counted(pieces: list[bytes]) -> None:
    splitter = LineSplitter()
    for piece in pieces:
        splitter.feed(piece)
        assert splitter.consumed <= sum(map(len, pieces))
    whole = b"".join(pieces)
    assert splitter.consumed == whole.rfind(b"\n") + 1
    splitter.finish()
    assert splitter.consumed == len(whole)


@pytest.mark.parametrize("size", [LONGEST_LINE + 1, 90_000 * 8, 3_000_000])
@pytest.mark.parametrize("step", [65_536, 10_000_000])
def test_an_endless_line_is_cut_and_says_by_how_much(size: int, step: int) -> None:
    data = b"before\n" + b"y" * size + b"\nafter\n"
    before, cut, after = split(*(data[start : start + step] for start in range(0, len(data), step)))
    assert (before, after) == ("before", "after")
    assert len(cut) <= LONGEST_LINE
    head, _, note = cut.partition(" …[")
    assert note.endswith(" more characters]")
    assert len(head) + int(note.split()[0]) == size
    assert split(b"z" * LONGEST_LINE) == ["z" * LONGEST_LINE]


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"\x1b[31;1mred\x1b[0m plain\n", ["red plain"]),
        (b"\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link\n", ["textlink"]),
        (b"a\x1b[2J\x1b[?1049h\x1bcb\n", ["ab"]),
        (b"bell\x07 back\x08space \x00nul\ttab\n", ["bell backspace nul\ttab"]),
        ("c1 \x9b31m csi \x85\n".encode(), ["c1  csi "]),
        (b"half \x1b[", ["half "]),
        (b"\x1b]unclosed stays\n", ["unclosed stays"]),
        (b"\r10 %\r20 %\r\ndone\n", ["10 %", "20 %", "done"]),
        (b"\xff\xfe ok\n", ["�� ok"]),
    ],
)
def test_nothing_reaches_the_screen_that_it_would_obey(raw: bytes, shown: list[str]) -> None:
    assert split(raw) == shown
    assert split(*(raw[index : index + 1] for index in range(len(raw)))) == shown


def test_progress_is_shown_before_its_line_ends() -> None:
    splitter = LineSplitter()
    assert splitter.feed(b"10 %\r20 %\r3") == [["10 %", "20 %"]]


def test_batches_are_of_bounded_size() -> None:
    splitter = LineSplitter()
    many = splitter.feed(b"x\n" * 12_000)
    assert [len(batch) for batch in many] == [5_000, 5_000, 2_000]
    large = splitter.feed((b"y" * 999 + b"\n") * 1_000)
    assert max(sum(map(len, batch)) for batch in large) <= 256 << 10
    assert sum(map(len, large)) == 1_000


@pytest.mark.asyncio
async def test_a_trickle_waits_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_pipeline, "_FLUSH_SECONDS", 3_600.0)

    async def trickle() -> AsyncGenerator[bytes]:
        yield b"first\n"
        await asyncio.Event().wait()

    items = log_items(trickle())
    assert await asyncio.wait_for(anext(items), 60) == {"lines": ["first"]}
    await items.aclose()


@pytest.mark.asyncio
async def test_a_line_comes_at_once_and_a_flood_in_few_items() -> None:
    seen = asyncio.Event()

    async def flood() -> AsyncGenerator[bytes]:
        yield b"first\n"
        await seen.wait()
        for number in range(3_000):
            yield b"%d\n" % number
            if number % 100 == 0:
                await asyncio.sleep(0.001)

    items = log_items(flood())
    first = await anext(items)
    assert first == {"lines": ["first"]}
    seen.set()
    rest = await all_of(items)
    assert lines_of(rest) == [str(number) for number in range(3_000)]
    assert len(rest) < 30


class Log:
    """A log that breaks off where it is told to; each opening takes the next of `parts`."""

    def __init__(self, *parts: Callable[[Opening], AsyncGenerator[bytes]]) -> None:
        self.parts = list(parts)
        self.openings: list[Opening] = []
        self.closed = 0

    @asynccontextmanager
    async def open(self, opening: Opening) -> AsyncIterator[AsyncIterator[bytes]]:
        self.openings.append(opening)
        if not self.parts:
            raise Unreachable("calm-otter does not answer.")
        try:
            yield self.parts.pop(0)(opening)
        finally:
            self.closed += 1


def part(*texts: str, breaks: bool = False) -> Callable[[Opening], AsyncGenerator[bytes]]:
    """`@` stands for the opening's token."""

    async def chunks(opening: Opening) -> AsyncGenerator[bytes]:
        for text in texts:
            yield text.replace("@", opening.token).encode()
        if breaks:
            raise Unreachable("The ssh connection broke.")

    return chunks


async def collect(items: AsyncIterator[JsonObject], into: list[JsonObject]) -> None:
    async for item in items:
        into.append(item)  # noqa: PERF401


async def moving(clock: MovedClock, log: Log, *, follow: bool) -> list[JsonObject]:
    """Everything until the end, the clock moved on whenever somebody waits for it."""
    got: list[JsonObject] = []
    task = asyncio.create_task(collect(follow_source(log.open, clock=clock, follow=follow), got))

    def tick() -> bool:
        if clock.sleepers:
            clock.advance(1)
        return task.done()

    await until(tick, "the log ends")
    await task
    return got


@pytest.mark.asyncio
async def test_a_file_is_read_on_where_its_last_whole_line_ended() -> None:
    log = Log(
        part("@file 77 1000 first\n", "one\ntwo\nhal", breaks=True),
        part("@file 77 1008 same\nhalf\nthree\n@stop It was enough.\n"),
    )
    got = await moving(MovedClock(), log, follow=True)
    assert lines_of(got) == ["one", "two", "half", "three"]
    read = log.openings[1].read
    assert read is not None
    assert (read.inode, read.offset) == ("77", 1008)
    assert [item["mark"] for item in got if "mark" in item] == ["gap", "note", "end"]
    [gap] = [str(item["text"]) for item in got if item.get("mark") == "gap"]
    assert gap == "The connection was lost from 08:00:00 UTC to 08:00:01 UTC; nothing is missing."
    assert log.closed == 2


@pytest.mark.asyncio
async def test_a_file_that_was_begun_anew_is_told() -> None:
    log = Log(
        part("@file 77 0 first\none\n", breaks=True),
        part("@file 77 0 truncated\nanew\n"),
        part("@file 78 0 rotated\nother\n@stop done\n"),
    )
    got = await moving(MovedClock(), log, follow=True)
    assert lines_of(got) == ["one", "anew", "other"]
    texts = [str(item["text"]) for item in got if "mark" in item]
    assert "became shorter meanwhile and is read from its beginning, so lines may be missing" in texts[0]
    assert texts[1] == "The file was replaced by a new one: it is read from its beginning."


@pytest.mark.asyncio
async def test_a_dated_log_is_read_on_without_the_lines_already_given() -> None:
    stamp = "2026-11-20T08:00:00.5Z"
    log = Log(
        part(f"@log\n2026-11-20T08:00:00.4Z a\n{stamp} b\n", f"{stamp} c\n", breaks=True),
        part(f"@log\n{stamp} b\n{stamp} c\n{stamp} d\n2026-11-20T08:00:01Z e\n@stop x\n"),
    )
    got = await moving(MovedClock(), log, follow=True)
    assert [str(line)[-1] for line in lines_of(got)] == list("abcde")
    read = log.openings[1].read
    assert read is not None
    assert (read.stamp, read.repeats) == (stamp, 2)
    [gap] = [str(item["text"]) for item in got if item.get("mark") == "gap"]
    assert gap.endswith("lines of that time may be missing or come twice.")


@pytest.mark.asyncio
async def test_what_its_reader_tells_is_found_however_it_is_cut() -> None:
    def bytewise(opening: Opening) -> AsyncGenerator[bytes]:
        text = f"{opening.token}log\nno end{opening.token}note it waits\n@ mail@aic-tui\n".encode()
        return stream(*(text[index : index + 1] for index in range(len(text))))

    got = await moving(MovedClock(), Log(bytewise), follow=False)
    assert lines_of(got) == ["no end", "@ mail@aic-tui"]
    assert [item["text"] for item in got if item.get("mark") == "note"] == ["it waits"]


@pytest.mark.asyncio
async def test_what_its_reader_tells_drives_no_terminal_and_has_an_end() -> None:
    log = Log(part("@file 7 \u00b2 first\n@note it \x1b]52;c;aGk=\x07waits\x9b2J\n@note ", "x" * 100_000, "y\nline\n"))
    got = await moving(MovedClock(), log, follow=False)
    plain, long = [str(item["text"]) for item in got if item.get("mark") == "note"]
    assert plain == "it waits"
    assert len(long) < 20_000
    assert lines_of(got) == ["line"]


@pytest.mark.asyncio
async def test_a_long_break_is_told_while_it_lasts_and_tried_ever_less_often() -> None:
    clock = MovedClock()
    log = Log(part("@file 7 0 first\none\n", breaks=True))
    got: list[JsonObject] = []
    task = asyncio.create_task(collect(follow_source(log.open, clock=clock, follow=True), got))
    tried: list[float] = []
    for _ in range(7):
        await until(lambda: clock.sleepers, "it waits")
        before, count = clock.now(), len(log.openings)
        while len(log.openings) == count:
            clock.advance(0.1)
            await asyncio.sleep(0)
        tried.append(round((clock.now() - before).total_seconds(), 1))
    assert tried[:3] == [0.2, 0.5, 1.0]
    assert max(tried) <= 10.1
    notes = [str(item["text"]) for item in got if item.get("mark") == "note"]
    assert notes == ["calm-otter does not answer. Since 08:00:00 UTC nothing is read; still trying."]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.asyncio
async def test_the_first_opening_and_other_errors_are_not_swallowed() -> None:
    with pytest.raises(Unreachable):
        await all_of(follow_source(Log().open, clock=MovedClock(), follow=True))

    async def refused(_: Opening) -> AsyncGenerator[bytes]:
        raise AuthFailed("no")
        yield b""

    with pytest.raises(AuthFailed):
        await moving(MovedClock(), Log(part("@log\nx\n", breaks=True), refused), follow=True)


@pytest.mark.asyncio
async def test_leaving_closes_the_log() -> None:
    async def endless(opening: Opening) -> AsyncGenerator[bytes]:
        yield f"{opening.token}log\nx\n".encode()
        await asyncio.Event().wait()

    log = Log(endless)
    items = follow_source(log.open, clock=MovedClock(), follow=True)
    assert await anext(items) == {"lines": ["x"]}
    await items.aclose()
    assert log.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}
