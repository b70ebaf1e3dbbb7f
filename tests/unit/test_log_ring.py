"""The log without its widget: the ring, what is looked for in it, what a line looks like, where a view stands."""

from __future__ import annotations

import sys
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.ui.widgets.log_place import LogPlace
from aicompute_tui.ui.widgets.log_ring import MOST_BYTES, LogRing
from aicompute_tui.ui.widgets.log_rows import LogRows, mark_kind, mark_tone
from aicompute_tui.ui.widgets.log_search import Pattern, TooSlow, time_limit
from aicompute_tui.ui.widgets.log_text import breaks, level_span, plain_line, spread_tabs, time_length, window

CATASTROPHE = "/(?:.*.*)*zz/"


def held(ring: LogRing) -> list[str]:
    return ring.texts(ring.first, len(ring))


def filled(lines: list[str], most_lines: int = 1_000) -> LogRows:
    rows = LogRows(most_lines)
    rows.ring.extend(lines)
    return rows


def looked_through(rows: LogRows) -> LogRows:
    while not rows.step(1.0):
        pass
    return rows


# -- the ring


@given(st.integers(1, 50), st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255)), max_size=30))
def test_a_ring_holds_the_newest_lines_and_counts_the_others(most: int, parts: list[tuple[int, int]]) -> None:
    ring, said = LogRing(most), 0
    kinds: list[int] = []
    for count, kind in parts:
        ring.extend([f"line {said + each}" for each in range(count)], kind)
        said += count
        kinds += [kind] * count
        assert held(ring) == [f"line {each}" for each in range(max(0, said - most), said)]
        assert list(ring.kinds(ring.first, len(ring))) == kinds[max(0, said - most) :]
        assert (ring.dropped, ring.end) == (max(0, said - most), said)
        assert ring.byte_count == sum(map(sys.getsizeof, held(ring)))


def test_long_lines_are_bounded_in_bytes_and_the_newest_stays() -> None:
    tracemalloc.start()
    try:
        ring = LogRing()
        for number in range(2_000):
            ring.extend([f"{number:05}" + "x" * 90_000])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert ring.byte_count <= MOST_BYTES
    assert kept <= 40_000_000, "what is dropped is let go at once"
    assert ring.dropped == 2_000 - len(ring) > 0
    assert held(ring)[-1].startswith("01999")
    small = LogRing(100, most_bytes=1_000)
    small.extend(["y" * 5_000])
    assert len(small) == 1, "one line that is larger than everything is still shown"


def test_a_million_lines_need_no_more_memory_than_a_full_ring() -> None:
    tracemalloc.start()
    try:
        ring = LogRing()
        for start in range(0, 1_000_000, 2_000):
            ring.extend([f"{each:012} {'x' * 137}" for each in range(start, start + 2_000)])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(ring), ring.dropped) == (100_000, 900_000)
    assert kept <= 40_000_000


def test_a_cleared_ring_forgets_without_counting() -> None:
    ring = LogRing(10)
    ring.extend(["a"] * 15)
    ring.clear()
    ring.extend(["b"])
    assert (held(ring), ring.dropped, ring.end) == (["b"], 0, 16)


# -- search


@pytest.mark.parametrize(
    ("pattern", "line", "matches"),
    [
        ("error", "An ERROR came", True),
        ("Error", "An ERROR came", False),
        ("(a+", "cost (a+b)", True),
        ("/err.r/", "ERROR", True),
        ("/Err.r/", "ERROR", False),
        (r"/\S+\s\D/", "ab cd", True),
        ("/api/chat", "POST /api/chat 200", True),
        ("/api/chat", "POST apichat", False),
        ("/", "a / b", True),
    ],
)
def test_text_is_looked_for_as_it_is_and_capitals_count_when_there_are_any(
    pattern: str, line: str, matches: bool
) -> None:
    assert Pattern(pattern).matches(line) is matches
    assert bool(Pattern(pattern).spans(line)) is matches


@pytest.mark.parametrize("text", ["/(/", "/a{2,1}/", "/[z-a]/", "/*/"])
def test_an_expression_that_does_not_parse_is_said_in_words(text: str) -> None:
    with pytest.raises(InvalidInput, match="does not parse") as raised:
        Pattern(text)
    assert raised.value.next_step


def test_an_expression_that_would_run_for_years_is_ended() -> None:
    pattern = Pattern(CATASTROPHE)
    with pytest.raises(TooSlow), time_limit(0.02):
        pattern.matches("x" * 5_000)
    rows = filled(["zz", *["x" * 5_000] * 3])
    rows.set_search(CATASTROPHE)
    looked_through(rows)
    assert "takes too long" in rows.problem
    assert pattern.spans("x" * 5_000) == []
    rows.set_search("zz")
    assert looked_through(rows).problem == ""
    assert rows.match_count == 1


@given(
    st.lists(st.sampled_from(["plain", "an error", "ERROR two", "nothing"]), max_size=60),
    st.integers(1, 40),
    st.sampled_from(["error", "!error", "ERROR", "", "/e.r/"]),
    st.sampled_from(["two", "n", "", "/T|N/"]),
)
@settings(max_examples=150)
def test_rows_and_matches_stay_right_as_lines_come_and_go(
    lines: list[str], most: int, narrowed: str, wanted: str
) -> None:
    rows = LogRows(most)
    rows.set_filter(narrowed)
    rows.set_search(wanted)
    for place in range(0, len(lines), 7):
        rows.ring.extend(lines[place : place + 7])
        looked_through(rows)
    left = lines[max(0, len(lines) - most) :]
    body = narrowed.lstrip("!")
    shown = [line for line in left if not body or Pattern(body).matches(line) != narrowed.startswith("!")]
    assert list(rows.lines()) == shown
    assert rows.match_count == (sum(Pattern(wanted).matches(line) for line in shown) if wanted else 0)
    assert [rows.ring.text(rows.serial(row)) for row in range(len(rows))] == shown


def test_the_next_match_goes_round_the_ends() -> None:
    rows = filled(["hit", "miss", "hit", "miss", "hit", "miss"])
    rows.set_search("hit")
    looked_through(rows)
    assert [rows.match_from(serial, 1) for serial in range(6)] == [2, 2, 4, 4, 0, 0]
    assert [rows.match_from(serial, -1) for serial in range(6)] == [4, 0, 0, 2, 2, 4]
    assert [rows.match_near(serial) for serial in range(6)] == [0, 2, 2, 4, 4, 4]
    assert [rows.match_place(serial) for serial in range(6)] == [1, 0, 2, 0, 3, 0]


def test_a_mark_passes_every_filter() -> None:
    rows = filled(["one", "two"])
    rows.ring.extend(["lines are missing"], mark_kind("warn"))
    rows.ring.extend(["three"])
    for narrowed, shown in (("two", ["two", "lines are missing"]), ("!t", ["one", "lines are missing"])):
        rows.set_filter(narrowed)
        looked_through(rows)
        assert list(rows.lines()) == shown
    assert mark_tone(rows.ring.kind(2)) == "warn"
    assert mark_tone(rows.ring.kind(3)) is None


# -- what a line looks like


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[32mINFO\x1b[0m done\x1b[K", "INFO done"),
        ("\x1b]0;title\x07text", "text"),
        (" 10%\r 55%\r100%", "100%"),
        (" 10%\r100%\r\x1b[K", "100%"),
        ("bell\x07 null\x00 del\x7f", "bell  null  del "),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("\ufeffbom ⚠\ufe0f zero\u200bwidth", "bom ⚠ zerowidth"),
        ("half \ud83d letter", "half   letter"),
        ("tab\tstays", "tab\tstays"),
        ("heap a" + "\u0301" * 9_000 + "b", "heap a" + "\u0301" * 4 + "b"),
        ("שלום עולם e\u0301", "שלום עולם e\u0301"),
    ],
)
def test_nothing_in_a_line_moves_the_terminal(text: str, shown: str) -> None:
    assert plain_line(text) == shown


def test_tabs_reach_to_the_eighth_cell_also_after_wide_letters() -> None:
    assert spread_tabs("a\tb") == "a       b"
    assert cell_len(spread_tabs("数据\tb").partition("b")[0]) == 8


@given(st.text(max_size=80), st.integers(2, 30))
def test_a_broken_line_loses_nothing_and_fits_its_width(text: str, width: int) -> None:
    text = spread_tabs(plain_line(text))
    starts = [*breaks(text, width), len(text)]
    parts = [text[near:far] for near, far in pairwise(starts)]
    assert "".join(parts) == text
    assert all(cell_len(part) <= width for part in parts)


@given(st.text(max_size=60), st.integers(0, 50), st.integers(0, 30))
def test_a_window_on_a_line_fits_its_width(text: str, left: int, width: int) -> None:
    text = spread_tabs(plain_line(text))
    start, end, blank = window(text, left, width)
    assert start <= end
    assert blank + cell_len(text[start:end]) <= width


def test_a_wide_letter_cut_by_an_edge_leaves_a_blank() -> None:
    assert window("数据处理", 1, 4) == (1, 2, 1)
    assert window("abcdef", 2, 3) == (2, 5, 0)


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("2026-11-21T03:04:05.123456789Z ready", "ready"),
        ("2026-11-21T03:04:05+01:00 ready", "ready"),
        ("2026-11-21 03:04:05,123 - util.py", "util.py"),
        ("[2026-11-21 03:04:05] ready", "ready"),
        ("2026-11-21 ready", "2026-11-21 ready"),
        ("at 2026-11-21 03:04:05", "at 2026-11-21 03:04:05"),
    ],
)
def test_a_leading_time_is_recognised(text: str, rest: str) -> None:
    assert text[time_length(text) :] == rest


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("03:04 ERROR no", "error"),
        ("[WARNING] hm", "warn"),
        ("INFO: up", "info"),
        ('{"level":"debug"}', "debug"),
        ("level=warn x", "warn"),
        ("Traceback (most recent call last):", "error"),
        ("TERRORS and INFORMATION", None),
        ("an error in lower case prose", None),
    ],
)
def test_a_level_is_a_word_of_its_own(text: str, level: str | None) -> None:
    span = level_span(text)
    assert (span.part if span else None) == level


# -- where a view stands


def place_in(count: int, *, height: int = 10, most: int = 1_000, tall: dict[int, int] | None = None) -> LogPlace:
    heights = tall or {}
    rows = filled([f"line {each}" for each in range(count)], most)
    place = LogPlace(rows, lambda serial: heights.get(serial, 1))
    place.height = height
    place.settle()
    return place


def test_it_follows_until_it_goes_up_and_again_when_told() -> None:
    place = place_in(50)
    assert [part.serial for part in place.parts()] == list(range(40, 50))
    place.move(-1)
    place._rows.ring.extend(["new"] * 5)
    place.settle()
    assert not place.follow
    assert [part.serial for part in place.parts()] == list(range(40, 50))
    place.follow = True
    place.settle()
    assert (place.cursor, place.parts()[-1].serial) == (54, 54)


def test_a_paused_view_stays_on_its_lines_while_the_ring_drops_its_head() -> None:
    place = place_in(100, most=100)
    place.go_to_row(50)
    seen = place.parts()
    for _ in range(4):
        place._rows.ring.extend(["new"] * 10)
        place.settle()
        assert (place.parts(), place.cursor) == (seen, 50)
    place._rows.ring.extend(["new"] * 90)
    place.settle()
    first = place._rows.ring.first
    assert (place.parts()[0].serial, place.cursor) == (first, first)


def test_a_line_higher_than_the_view_is_read_part_by_part() -> None:
    place = place_in(5, height=4, tall={2: 10})
    place.go_to_row(2)
    assert [tuple(part) for part in place.parts()] == [(2, 0), (2, 1), (2, 2), (2, 3)]
    for _ in range(6):
        place.move(1)
    assert [tuple(part) for part in place.parts()] == [(2, 6), (2, 7), (2, 8), (2, 9)]
    place.move(1)
    assert place.cursor == 3
    place.scroll(-100)
    assert (place.top, place.cursor) == ((0, 0), 2)


@given(
    st.dictionaries(st.integers(0, 30), st.integers(1, 25)),
    st.integers(1, 12),
    st.lists(st.tuples(st.sampled_from(["move", "page", "row", "scroll", "bar", "add", "end"]), st.integers(-40, 40))),
)
@settings(max_examples=200)
def test_the_view_is_always_full_and_its_cursor_a_row_of_it(
    tall: dict[int, int], height: int, steps: list[tuple[str, int]]
) -> None:
    place = place_in(20, height=height, most=25, tall=tall)
    rows = place._rows
    for step, by in steps:
        if step == "add":
            rows.ring.extend(["more"] * max(0, by))
        elif step == "end":
            place.follow = True
        else:
            act = {"move": place.move, "page": place.page, "row": place.go_to_row}
            act |= {"scroll": place.scroll, "bar": place.scroll_to_row}
            act[step](by)
        place.settle()
        parts = place.parts()
        total = sum(tall.get(rows.serial(row), 1) for row in range(len(rows)))
        assert len(parts) == min(height, total)
        assert parts == sorted(parts)
        assert rows.ring.first <= place.cursor < rows.ring.end
        if step in {"move", "row", "scroll", "bar", "end"}:
            assert place.cursor in {part.serial for part in parts}
