"""Every view at every size: nothing breaks, all that is offered can be seen, colour and letters are the terminal's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from rich.cells import cell_len
from rich.color import Color, ColorType
from textual.geometry import Region
from textual.screen import Screen
from textual.theme import Theme
from textual.widget import Widget
from textual.widgets import Input

from aicompute_tui.ui.glyphs import ASCII, UNICODE
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.widgets.footer_line import FooterLine
from aicompute_tui.ui.widgets.form_fields import Answer, TurnField
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, Place, fleet, places, rest

PLACES = places()
OF_MACHINES = [
    place
    for place in PLACES
    if place.name
    in {
        "dashboard",
        "instances",
        "detail",
        "logs",
        "forward",
        "terminate",
        "json",
        "help",
        "jobs",
        "setup",
        "containers",
        "container",
        "container-logs",
        "container-remove",
        "hosts",
    }
]
"""Where names of machines, containers and hosts stand."""
WEARS_THEMES = "theme"
"""It shows the colours of the theme under its cursor."""
SIZES = [(80, 24), (120, 40)]
_SCROLLED_SECONDS = 6.0
"""What a field's view has to come to it."""
every_place = pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
every_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


def full_console(size: tuple[int, int], *, ascii_only: bool = False) -> AbstractAsyncContextManager[Console]:
    return console(fleet(), session=FullSession(glyphs=ASCII if ascii_only else UNICODE), size=size)


def shown_whole(world: Console, widget: Widget) -> bool:
    """No part of it is beyond the screen or cut by what it stands in."""
    geometry = world.app.screen.find_widget(widget)
    screen = Region(0, 0, *world.app.size)
    return geometry.clip.intersection(screen).contains_region(geometry.region) and geometry.region.area > 0


def partly_shown(world: Console, widget: Widget) -> bool:
    geometry = world.app.screen.find_widget(widget)
    seen = geometry.clip.intersection(Region(0, 0, *world.app.size)).intersection(geometry.region)
    return seen.width == geometry.region.width and seen.height > 0


def word_fits(widget: Widget) -> bool:
    """What a button or a turned field says has room."""
    if isinstance(widget, Answer):
        return cell_len(widget.words) <= widget.content_size.width
    if isinstance(widget, TurnField):
        return cell_len(dict(widget.choices)[widget.value]) + 4 <= widget.content_size.width
    return not isinstance(widget, Input) or widget.content_size.width >= 8


GREY = Theme(
    name="all-grey", primary="#909090", secondary="#888888", accent="#a0a0a0", success="#707070", warning="#b0b0b0",
    error="#606060", foreground="#d8d8d8", background="#101010", surface="#202020", panel="#303030", dark=True,
)  # fmt: skip
"""Where every colour of the theme is a grey, any other colour was written down somewhere else."""


@pytest.mark.asyncio
@every_size
@every_place
async def test_everything_offered_can_be_seen_in_the_themes_colours(place: Place, size: tuple[int, int]) -> None:
    async with full_console(size) as world:
        world.app.register_theme(GREY)
        world.app.theme = GREY.name
        await place.enter(world)
        assert "Traceback" not in world.shown
        assert place.name == WEARS_THEMES or not strange_colours(world)
        width = world.app.size.width
        for line in world.shown.splitlines():
            assert cell_len(line) <= width, line
        if isinstance(world.app.screen, ConsoleScreen):
            the_frame_is_whole(world)
        await every_field_can_be_seen(world)
        every_column_orders_its_table(world)


def every_column_orders_its_table(world: Console) -> None:
    """Both ways, with all its rows."""
    for table in world.app.screen.query(VirtualTable):
        rows = sorted(table.order)
        for column in table.columns:
            for descending in (False, True) if column.sort else ():
                table.sort_by(column.key, descending=descending)
                assert table.sorted_by == (column.key, descending)
                assert sorted(table.order) == rows, column.key


def the_frame_is_whole(world: Console) -> None:
    """The header says where one is and what it costs; the footer leaves none of its hints out."""
    assert world.view.crumbs
    assert world.view.crumbs[0] in world.header
    assert "/h" in world.header
    assert world.header.strip() in world.shown
    footer = world.app.screen.query_one(FooterLine)
    assert shown_whole(world, footer)
    assert world.footer.strip() in world.shown
    assert len(footer._hints) <= 7
    for _, key, word in footer._hints:
        assert f"{key} {word}" in world.footer


async def every_field_can_be_seen(world: Console, *, words_fit: bool = True) -> None:
    """Each field and button is whole once the cursor is in it; what scrolls itself may be higher than its room."""
    screen = world.app.screen
    fields = [each for each in screen.focus_chain if not each.disabled]
    for field in fields:
        screen.set_focus(field)
        await world.pilot.pause()
        deadline = time.monotonic() + _SCROLLED_SECONDS
        while (whole := is_seen(world, screen, field)) is False and time.monotonic() < deadline:
            await world.pilot.pause()
        if whole is None:
            continue
        assert whole, f"{field!r} at {field.region} of {world.app.size}:\n{world.shown}"
        assert word_fits(field) or not words_fit, f"{field!r} has no room for its word:\n{world.shown}"


def is_seen(world: Console, screen: Screen[Any], field: Widget) -> bool | None:
    """None where the field is gone, or its screen."""
    if screen is not world.app.screen or not field.is_attached or not field.display:
        return None
    return shown_whole(world, field) if field.region.height <= 2 else partly_shown(world, field)


@pytest.mark.asyncio
@every_place
async def test_a_tiny_terminal_breaks_nothing(place: Place) -> None:
    """At 40x10 it opens, says what it costs, and comes back whole when the window grows."""
    async with full_console((40, 10)) as world:
        await place.enter(world)
        assert all(cell_len(line) <= 40 for line in world.shown.splitlines())
        assert "/h" in world.header
        for size in ((20, 5), (1, 1), (120, 40)):
            await world.pilot.resize_terminal(*size)
            await world.pilot.pause()
        await rest(world)
        assert world.app.is_running
        assert world.header.strip() in world.shown or not isinstance(world.app.screen, ConsoleScreen)


@pytest.mark.asyncio
@every_place
async def test_without_utf8_and_colour_the_whole_screen_is_ascii_in_greys(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with full_console((80, 24), ascii_only=True) as world:
        await place.enter(world)
        strange = {letter for letter in world.shown if not letter.isascii()}
        assert not strange, f"{strange}:\n{world.shown}"
        assert all(cell_len(line) <= 80 for line in world.shown.splitlines())
        assert not strange_colours(world)


NAMES = {"wide": "界" * 200, "right to left": "מחשב-על" * 30, "marks": "\u202e\u0301\u200d\x07\x1b[31m" * 40}


@pytest.mark.asyncio
@pytest.mark.parametrize("ending", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("place", OF_MACHINES, ids=lambda place: place.name)
async def test_a_name_that_is_long_wide_or_turned_breaks_no_line(place: Place, ending: str) -> None:
    async with console(fleet(ending), session=FullSession(), size=(80, 24)) as world:
        await place.enter(world)
        lines = world.shown.splitlines()
        assert all(cell_len(line) == 80 for line in lines), world.shown
        assert not set(world.shown) & {"\x1b", "\x07", "\u202e"}
        assert "/h" in world.header
        await every_field_can_be_seen(world, words_fit=False)


def strange_colours(world: Console) -> set[tuple[int, int, int]]:
    """Colours on the screen that are no greys."""
    return {each for each in colours(world) if len(set(each)) > 1}


def colours(world: Console) -> Iterator[tuple[int, int, int]]:
    """Every colour on the screen as red, green and blue."""
    for strip in world.app.screen._compositor.render_strips():
        for segment in strip:
            style = segment.style
            for colour in (style.color, style.bgcolor) if style is not None else ():
                if isinstance(colour, Color) and colour.type is not ColorType.DEFAULT:
                    yield tuple(colour.get_truecolor())  # type: ignore[misc]
