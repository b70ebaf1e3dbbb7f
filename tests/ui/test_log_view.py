"""The log on screen: follows and pauses, searches, filters, wraps, keeps its lines, and does nothing while hidden."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.runtime.clock import SystemClock
from aicompute_tui.ui.ascii_filter import AsciiFilter
from aicompute_tui.ui.bindings import keys_of, navigation_bindings
from aicompute_tui.ui.glyphs import ASCII, UNICODE, Glyphs
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets import log_pane
from aicompute_tui.ui.widgets.log_view import LogView
from tests.waiting import until

OWN_KEYS = {"n", "N", "w", "m", "f", "0", "1", "2", "3", "4", "5", "6", "ctrl+t", "enter"}
NOON = datetime(2026, 11, 21, 12, 0, 5, tzinfo=UTC)


class Watched(LogView):
    """Remembers what it asked to be painted and how often it looked at its news."""

    painted: list[Region]
    rounds = 0

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Watched:
        self.__dict__.setdefault("painted", []).extend(regions or [Region(0, 0, 0, 0)])
        super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
        return self

    def settle(self) -> None:
        self.rounds += 1
        super().settle()


class LogApp(App[None]):
    def __init__(self, most_lines: int, glyphs: Glyphs) -> None:
        super().__init__()
        self.log_view = Watched(
            most_lines=most_lines, glyphs=glyphs, empty_message="Nothing has been said yet.", now=lambda: NOON
        )
        self.told: list[LogView] = []
        self.asked: list[tuple[int | None, int | None]] = []

    def compose(self) -> ComposeResult:
        yield self.log_view

    def on_log_view_state_changed(self, event: LogView.StateChanged) -> None:
        self.told.append(event.log_view)

    def on_log_view_range_asked(self, event: LogView.RangeAsked) -> None:
        self.asked.append((event.tail, event.since_seconds))


@asynccontextmanager
async def shown(
    count: int = 0, *, size: tuple[int, int] = (40, 10), most_lines: int = 100_000, glyphs: Glyphs = UNICODE
) -> AsyncIterator[tuple[Watched, Pilot[None]]]:
    app = LogApp(most_lines, glyphs)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        if count:
            app.log_view.append([f"line {each}" for each in range(count)])
            await painted(app.log_view)
        yield app.log_view, pilot


async def painted(view: LogView) -> None:
    """What has come is on screen, and nothing is left to be looked through."""
    await until(lambda: view._timer is None and view._rows.is_current, "the log is painted")


def screen_text(view: LogView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


def lines_shown(view: LogView) -> list[str]:
    return [text[2:] for text in screen_text(view)]


def cursor_text(view: LogView) -> str:
    return next(text[1:].strip() for text in screen_text(view) if text.startswith(("▸", ">")))


def cursor_height(view: LogView) -> int:
    return next(y for y, text in enumerate(screen_text(view)) if text.startswith("▸"))


def looks(view: LogView, y: int) -> dict[str, str]:
    return {segment.text.strip(): str(segment.style) for segment in view.render_line(y)}


# -- following


@pytest.mark.asyncio
async def test_it_follows_and_pauses_and_counts_what_came_meanwhile() -> None:
    async with shown(50) as (view, pilot):
        assert lines_shown(view) == [f"line {each}" for each in range(40, 50)]
        await pilot.press("up")
        assert not view.follow
        view.append([f"line {each}" for each in range(50, 1_284)])
        await painted(view)
        assert lines_shown(view) == [f"line {each}" for each in range(40, 50)]
        assert (view.new_count, cursor_text(view)) == (1_234, "line 48")
        await pilot.press("end")
        assert (view.follow, view.new_count, cursor_text(view)) == (True, 0, "line 1283")
        await pilot.press("f")
        assert not view.follow
        await pilot.press("f")
        assert view.follow


@pytest.mark.asyncio
async def test_a_change_of_state_is_told_once() -> None:
    async with shown(50) as (view, pilot):
        app = pilot.app
        assert isinstance(app, LogApp)
        app.told.clear()
        await pilot.press("up")
        await pilot.press("left")
        assert app.told == [view]
        await pilot.press("up", "down")
        assert app.told == [view]


@pytest.mark.asyncio
async def test_the_view_stays_on_its_lines_while_the_ring_drops_its_head() -> None:
    async with shown(100, most_lines=100) as (view, pilot):
        await pilot.press("pageup", "pageup")
        before = lines_shown(view)
        view.painted.clear()
        for start in range(100, 160, 20):
            view.append([f"line {each}" for each in range(start, start + 20)])
            await painted(view)
        assert (lines_shown(view), view.dropped) == (before, 60)
        assert view.painted == [], "what stays as it is is not painted again"
        view.append([f"line {each}" for each in range(160, 260)])
        await painted(view)
        assert lines_shown(view)[0] == "line 160"


@pytest.mark.asyncio
async def test_the_wheel_and_the_bar_pause_and_their_end_follows() -> None:
    async with shown(200) as (view, pilot):
        await pilot._post_mouse_events([_wheel_up()], offset=(5, 5))
        assert not view.follow
        assert lines_shown(view)[-1] == "line 196"
        view.scroll_to(y=50, animate=False)
        await pilot.pause()
        assert lines_shown(view)[0] == "line 50"
        assert cursor_text(view) == "line 59"
        view.scroll_to(y=view.max_scroll_y, animate=False)
        await pilot.pause()
        assert view.follow


@pytest.mark.asyncio
async def test_the_bar_stays_through_a_layout_of_what_stands_around_the_log() -> None:
    async with shown(200) as (view, pilot):
        bar = view.vertical_scrollbar
        assert (bar.window_size, bar.window_virtual_size) == (view.size.height, 200)
        view.screen.refresh(layout=True)
        await pilot.pause()
        assert (bar.window_size, bar.window_virtual_size) == (view.size.height, 200)


def _wheel_up() -> type:
    from textual.events import MouseScrollUp

    return MouseScrollUp


@pytest.mark.asyncio
async def test_while_somebody_types_it_is_painted_in_the_pause_after_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(log_pane, "monotonic", lambda: now[0])
    async with shown(3) as (view, pilot):
        view.hold_still()
        view.append(["late"])
        for _ in range(19):
            now[0] += 0.1
            view.hold_still()
            await pilot.pause()
            assert "late" not in lines_shown(view)
        now[0] += 0.2
        assert "late" not in lines_shown(view)
        view.hold_still()
        await until(lambda: "late" in lines_shown(view), "it is painted after the key")


# -- when it works


@pytest.mark.asyncio
async def test_hidden_it_takes_lines_and_does_nothing_else() -> None:
    async with shown(20) as (view, pilot):
        view.display = False
        await until(lambda: not view.is_painted and not view.has_focus, "it is hidden")
        await pilot.pause()
        view.rounds = 0
        view.painted.clear()
        for each in range(20, 40):
            view.append([f"line {each}"])
            await pilot.pause()
        assert (view._timer, view.rounds, view.painted, view.line_count) == (None, 0, [], 40)
        view.display = True
        await until(lambda: "line 39" in lines_shown(view), "the newest line is shown")


@pytest.mark.asyncio
async def test_below_another_screen_it_does_nothing_and_catches_up_afterwards() -> None:
    async with shown(20) as (view, pilot):
        await pilot.app.push_screen(Screen())
        await pilot.pause()
        view.rounds = 0
        view.search("line 3")
        rounds = view.rounds
        view.append([f"line {each}" for each in range(20, 40)])
        await pilot.pause()
        assert (view._timer, view.rounds) == (None, rounds)
        pilot.app.pop_screen()
        await until(lambda: view.match_text == "11 of 11", "the search has caught up")
        assert cursor_text(view) == "line 39"


@pytest.mark.asyncio
async def test_a_quiet_log_has_no_timer_and_many_lines_are_painted_together() -> None:
    async with shown(20) as (view, _):
        assert view._timer is None
        view.rounds = 0
        for each in range(500):
            view.append([f"line {each}"])
        assert view._timer is not None
        await painted(view)
        assert view.rounds == 1


@pytest.mark.asyncio
async def test_a_million_lines_leave_a_bounded_log() -> None:
    async with shown() as (view, _):
        for start in range(0, 1_000_000, 50_000):
            view.append([f"line {each}" for each in range(start, start + 50_000)])
        await painted(view)
        assert (view.line_count, view.dropped) == (100_000, 900_000)
        assert lines_shown(view)[-1] == "line 999999"


# -- search and filter


@pytest.mark.asyncio
async def test_a_search_marks_goes_and_counts_on_as_lines_come() -> None:
    async with shown() as (view, pilot):
        view.append([f"{'Error' if each % 10 == 0 else 'fine'} {each}" for each in range(140)])
        await painted(view)
        view.search("error")
        await painted(view)
        assert (view.match_text, cursor_text(view)) == ("14 of 14", "Error 130")
        assert "underline" in looks(view, [text[:5] for text in lines_shown(view)].index("Error"))["Error"]
        await pilot.press("n")
        assert (view.match_text, cursor_text(view)) == ("1 of 14", "Error 0")
        await pilot.press("n")
        assert (view.match_text, cursor_text(view)) == ("2 of 14", "Error 10")
        await pilot.press("N", "N")
        assert view.match_text == "14 of 14"
        view.append(["Error 140"])
        await painted(view)
        assert (view.match_text, view.new_count) == ("14 of 15", 1)
        await pilot.press("up")
        assert view.match_text == "15 found"
        view.search("Fine")
        await painted(view)
        assert view.match_text == "not found"
        view.search("")
        assert view.match_text == ""


@pytest.mark.asyncio
async def test_a_search_forgets_what_the_ring_drops() -> None:
    async with shown(100, most_lines=100) as (view, pilot):
        view.search("/[05]$/")
        await painted(view)
        assert view.match_text == "20 of 20"
        await pilot.press("g")
        await pilot.press("n")
        assert (view.match_text, cursor_text(view)) == ("2 of 20", "line 5")
        view.append(["new"] * 50)
        await painted(view)
        assert view.match_text == "1 of 10"
        assert cursor_text(view) == "line 50"


@pytest.mark.asyncio
async def test_a_filter_keeps_the_place_and_a_search_works_inside() -> None:
    async with shown(500) as (view, pilot):
        await pilot.press("pageup", "pageup", "pageup")
        line, height = cursor_text(view), cursor_height(view)
        view.filter("!5")
        await painted(view)
        assert (cursor_text(view), cursor_height(view), view.follow) == (line, height, False)
        assert not any("5" in text for text in lines_shown(view))
        view.search("line 15")
        await painted(view)
        assert view.match_text == "not found"
        view.filter("")
        await painted(view)
        assert (cursor_text(view), view.match_text) == (line, "11 found")
        view.filter("nothing like it")
        await painted(view)
        assert any("No line passes the filter." in text for text in screen_text(view))
        assert list(view.lines()) == []
        view.mark("lines are missing", "warn")
        await painted(view)
        assert any("lines are missing" in text for text in screen_text(view))


@pytest.mark.asyncio
async def test_a_filter_goes_on_with_the_lines_that_come() -> None:
    async with shown(20) as (view, _):
        view.filter("9")
        await painted(view)
        view.append(["39", "40", "49"])
        await painted(view)
        assert lines_shown(view)[:4] == ["line 9", "line 19", "39", "49"]
        assert list(view.lines()) == ["line 9", "line 19", "39", "49"]
        assert (view.follow, view.filter_text, view.row_count, view.line_count) == (True, "9", 4, 23)


@pytest.mark.asyncio
async def test_a_bad_expression_leaves_the_search_as_it_was() -> None:
    async with shown(20) as (view, _):
        view.search("line 1")
        await painted(view)
        with pytest.raises(InvalidInput, match="does not parse"):
            view.search("/(/")
        assert (view.search_text, view.match_text) == ("line 1", "11 of 11")
        with pytest.raises(InvalidInput):
            view.filter("/(/")
        assert view.filter_text == ""


@pytest.mark.asyncio
async def test_an_expression_that_would_run_for_years_ends_and_the_view_says_so() -> None:
    async with shown() as (view, pilot):
        view.append(["x" * 5_000] * 30)
        view.search("/(?:.*.*)*zz/")
        await until(lambda: view.problem, "the search is given up")
        await pilot.press("up")
        assert "takes too long" in view.problem
        assert not view.follow


# -- long lines


@pytest.mark.asyncio
async def test_a_line_of_90_000_letters_is_clipped_read_sideways_and_expanded() -> None:
    async with shown(3) as (view, pilot):
        view.append(["start " + "x" * 90_000 + " end"])
        await painted(view)
        assert lines_shown(view)[3].startswith("start xxx")
        assert lines_shown(view)[3].endswith("x›")
        await pilot.press("right")
        assert lines_shown(view)[3].startswith("‹x")
        assert lines_shown(view)[0].startswith("‹")
        await pilot.press("left")
        await pilot.press("up", "down", "enter")
        assert len([text for text in lines_shown(view) if "xxx" in text]) == 10
        await pilot.press("G")
        assert lines_shown(view)[-1].endswith(" end")
        await pilot.press("up", "down", "enter")
        assert lines_shown(view)[3].endswith("x›")


@pytest.mark.asyncio
async def test_a_click_on_the_sign_of_a_clipped_line_shows_it_whole() -> None:
    async with shown() as (view, pilot):
        view.append(["short", "a" * 100, "last"])
        await painted(view)
        await pilot.click(Watched, offset=(5, 0))
        assert cursor_text(view) == "short"
        await pilot.click(Watched, offset=(38, 1))
        assert lines_shown(view)[1:5] == ["a" * 37, "a" * 37, "a" * 26, "last"]
        assert view.current_line == "a" * 100


@pytest.mark.asyncio
async def test_wrapped_wide_letters_stay_in_their_columns() -> None:
    async with shown() as (view, pilot):
        view.append(["数据处理机器" * 8, "👩‍🚀 crew שלום e\u0301tude\ttab", "plain"])
        await pilot.press("w")
        await painted(view)
        assert view.wrap
        text = [view.render_line(y).text for y in range(10)]
        assert all(cell_len(each) == cell_len(text[-1]) for each in text)
        assert [cell_len(each.rstrip()) for each in text[:3]] == [2 + 36, 2 + 36, 2 + 24]
        assert "".join(each[2:].strip() for each in text[:3]) == "数据处理机器" * 8
        await pilot.resize_terminal(25, 10)
        await painted(view)
        assert all(cell_len(view.render_line(y).text) == 24 for y in range(10))
        assert any("plain" in each for each in screen_text(view))


@pytest.mark.asyncio
async def test_a_wrapped_log_follows_to_its_last_part_and_is_read_part_by_part() -> None:
    async with shown(size=(22, 5)) as (view, pilot):
        view.wrap = True
        view.append([f"{each} " + "y" * 40 for each in range(30)])
        await painted(view)
        assert lines_shown(view)[-1].startswith("y")
        assert [text for text in lines_shown(view) if text.startswith("29")]
        await pilot.press("g")
        assert lines_shown(view)[0].startswith("0 yyy")
        await pilot.press("down", "down")
        assert cursor_text(view).startswith("2 yyy")


@pytest.mark.asyncio
async def test_a_resize_keeps_the_end_in_view_or_the_line_read() -> None:
    async with shown(100) as (view, pilot):
        await pilot.resize_terminal(60, 20)
        await painted(view)
        assert lines_shown(view) == [f"line {each}" for each in range(80, 100)]
        await pilot.press("pageup")
        line = cursor_text(view)
        await pilot.resize_terminal(30, 6)
        await painted(view)
        assert not view.follow
        assert view.current_line == line
        assert all(text.startswith("line") for text in lines_shown(view))


# -- marks, times, levels, ranges


@pytest.mark.asyncio
async def test_m_puts_a_dated_line_and_stderr_has_a_bar() -> None:
    async with shown(2) as (view, pilot):
        view.append(["it broke"], stderr=True)
        await pilot.press("m")
        await painted(view)
        assert screen_text(view)[2] == " ┃it broke"
        assert lines_shown(view)[3].startswith("── 2026-11-21 12:00:05 UTC ───")


@pytest.mark.asyncio
async def test_times_are_dim_and_can_be_hidden_and_levels_have_their_colour() -> None:
    async with shown() as (view, pilot):
        view.append(["2026-11-21T03:04:05Z ERROR one", "2026-11-21 03:04:05,100 INFO two", "no time", ""])
        await painted(view)
        found = looks(view, 0)
        assert "dim" in found["03:04:05"]
        assert len({found["ERROR"], looks(view, 1)["INFO"], looks(view, 2)["no time"]}) == 3
        await pilot.press("ctrl+t")
        assert lines_shown(view)[0] == "2026-11-21T03:04:05Z ERROR one"
        await pilot.press("ctrl+t")
        assert [text for text in lines_shown(view) if text] == ["ERROR one", "INFO two", "no time"]
        assert next(iter(view.lines())) == "2026-11-21T03:04:05Z ERROR one"
        await pilot.press("ctrl+t")
        assert lines_shown(view)[1] == "03:04:05 INFO two"


@pytest.mark.asyncio
async def test_times_stand_in_the_readers_zone_where_they_say_their_own() -> None:
    zone = timezone(timedelta(hours=-5))
    async with shown() as (view, _):
        view.append(["2026-11-21T03:04:05.123456789Z a", "2026-11-21 03:04:05+01:00 b", "2026-11-21 03:04:05 c"])
        await painted(view)
        assert [text for text in lines_shown(view) if text] == ["03:04:05 a", "02:04:05 b", "03:04:05 c"]
        view._now = lambda: datetime(2026, 11, 21, tzinfo=zone)
        view.take_zone()
        assert [text for text in lines_shown(view) if text] == ["22:04:05 a", "21:04:05 b", "03:04:05 c"]


@pytest.mark.asyncio
async def test_each_time_has_the_offset_of_its_own_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clocks in Toronto went back on the first of November: neither today's offset nor another day's fits all."""
    monkeypatch.setenv("TZ", "America/Toronto")
    time.tzset()
    try:
        async with shown() as (view, _):
            view._now = Session(SystemClock()).now_here
            view.take_zone()
            view.append(["2026-10-31T12:00:00Z a", "2026-11-01T05:30:00Z b", "2026-11-01T06:30:00Z c"])
            await painted(view)
            assert [text for text in lines_shown(view) if text] == ["08:00:00 a", "01:30:00 b", "01:30:00 c"]
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


@pytest.mark.asyncio
async def test_the_number_keys_ask_for_a_range() -> None:
    async with shown(2) as (_, pilot):
        await pilot.press("0", "1", "2", "3", "4", "5", "6")
        app = pilot.app
        assert isinstance(app, LogApp)
        minutes = [(None, 60 * each) for each in (1, 5, 15, 30, 60)]
        assert app.asked == [(1_000, None), (None, None), *minutes]


@pytest.mark.asyncio
async def test_current_line_visible_text_and_clearing() -> None:
    async with shown(30) as (view, pilot):
        assert view.current_line == "line 29"
        assert view.visible_text.splitlines() == [f"line {each}" for each in range(20, 30)]
        await pilot.press("up")
        view.clear()
        assert (view.line_count, view.follow, view.current_line, view.visible_text) == (0, True, "", "")
        assert "Nothing has been said yet." in screen_text(view)[1]
        await pilot.press("up", "down", "enter", "pageup", "pagedown", "g", "G", "n", "N", "left", "right", "w", "f")
        view.append(["again"])
        view.follow = True
        await painted(view)
        assert lines_shown(view)[0] == "again"


@pytest.mark.asyncio
async def test_the_mouse_selects_text_over_several_lines() -> None:
    async with shown(30) as (view, pilot):
        view.append(["数据处理 wide"])
        await painted(view)
        await pilot.mouse_down(Watched, offset=(4, 7))
        await pilot.hover(Watched, offset=(6, 9))
        view.append(["comes while selecting"])
        await painted(view)
        await pilot.mouse_up(Watched, offset=(6, 9))
        await pilot.pause()
        assert pilot.app.screen.get_selected_text() == "ne 28\nline 29\n数据处"
        assert not view.follow
        assert any("reverse" in str(style) or " on " in str(style) for style in looks(view, 8).values())


# -- terminals


@pytest.mark.asyncio
async def test_it_can_be_read_in_ascii() -> None:
    async with shown(glyphs=ASCII) as (view, _):
        view.append(["x" * 100], stderr=True)
        view.mark("a gap")
        await painted(view)
        twins, background = AsciiFilter(), view.background_colors[1]
        drawn = [
            "".join(segment.text for segment in twins.apply(list(view.render_line(y)), background)) for y in range(2)
        ]
        assert all(text.isascii() for text in drawn)
        assert drawn[0].startswith(" |xxx")
        assert drawn[0].endswith("x>")
        assert drawn[1].startswith("> -- a gap ---")


def test_a_focused_log_shadows_its_own_keys_and_no_others() -> None:
    others = {key for action in ACTIONS.values() for key in keys_of(action)}
    others |= {key for place in ("app", "screen") for entry in [*navigation_bindings(place)] for key in _keys(entry)}
    bound = dict.fromkeys(key for key, _ in LogView()._bindings)
    assert set(bound) & others <= OWN_KEYS
    assert set(bound) >= OWN_KEYS


def _keys(binding: Binding) -> list[str]:
    return binding.key.split(",")
