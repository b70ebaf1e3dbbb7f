"""Keys that arrive in one burst: each acts on what has the focus after the ones before it."""

from __future__ import annotations

from collections.abc import Iterable
from time import monotonic

import pytest
from textual import events
from textual.app import App
from textual.widgets import Input

from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.launch import LaunchScreen
from aicompute_tui.ui.widgets.form_fields import LineInput
from tests.ui.console_world import HOUR, NOW, connection_row, machine, reading
from tests.ui.console_world import console as whole_console
from tests.ui.dialog_world import WrittenSession, console, shown, until
from tests.ui.fleet import FullSession


def burst(app: App[int], keys: Iterable[str], *, read_at: float | None = None) -> None:
    """All at once, as one write of a terminal; `read_at` on the monotonic clock."""
    driver = app._driver
    assert driver is not None
    for key in keys:
        event = events.Key(key, key if len(key) == 1 else None)
        event.set_sender(app)
        event.time = event.time if read_at is None else read_at
        driver.send_message(event)


@pytest.mark.asyncio
async def test_a_burst_over_several_fields_lands_in_each_as_typed() -> None:
    app = console(WrittenSession())
    async with app.run_test() as pilot:
        fields = [LineInput(value, id=name) for name, value in (("one", "8h"), ("two", "30m"), ("three", "x"))]
        await app.screen.mount(*fields)
        fields[0].focus()
        await pilot.pause()
        burst(
            app, ["ctrl+u", *"2h", "tab", "ctrl+u", *"45m", "tab", "backspace", *"abc", "shift+tab", "backspace", "h"]
        )
        await until(pilot, lambda: fields[1].value == "45h" and fields[2].value == "abc")
        assert [field.value for field in fields] == ["2h", "45h", "abc"]


@pytest.mark.asyncio
async def test_a_paste_in_a_burst_keeps_its_place() -> None:
    app = console(WrittenSession())
    async with app.run_test() as pilot:
        fields = [LineInput(id="one"), LineInput(id="two")]
        await app.screen.mount(*fields)
        fields[0].focus()
        await pilot.pause()
        burst(app, ["a", "tab", "b"])
        assert app._driver is not None
        app._driver.send_message(events.Paste("cd"))
        burst(app, ["e"])
        await until(pilot, lambda: fields[1].value == "bcde")
        assert fields[0].value == "a"


@pytest.mark.asyncio
async def test_the_filter_line_gets_the_whole_burst_that_opens_it() -> None:
    app = console(WrittenSession())
    async with app.run_test() as pilot:
        await pilot.pause()
        burst(app, ["slash", *"g5x", "backspace", *"lab", "enter"])
        await until(pilot, lambda: app.view is not None and app.view.filter_text == "g5lab")


@pytest.mark.asyncio
async def test_what_is_typed_behind_a_chosen_row_lands_in_the_field_it_leads_to() -> None:
    app = console(WrittenSession())
    async with app.run_test() as pilot:
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, LaunchScreen) and app.screen.query("#region"))
        wizard = app.screen
        assert isinstance(wizard, LaunchScreen)
        burst(app, ["3", "down", "down", "enter", *"a3/b-1t", "backspace", "x", "enter"])
        await until(pilot, lambda: "4 of 5" in shown(app))
        assert (wizard.form["framework"], wizard.form["model"]) == ("vllm", "a3/b-1x")


@pytest.mark.asyncio
async def test_what_is_typed_behind_a_view_and_its_filter_finds_it_narrowed() -> None:
    async with whole_console(reading([machine("other"), machine("lab")])) as world:
        burst(world.app, ["colon", *"machines /lab", "enter", "t"])
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        assert "Terminate lab" in world.shown
        await world.press("escape")
        burst(world.app, ["colon", *"jobs /x", "enter", "slash", *"yt", "enter"])
        await world.until(lambda: world.view.filter_text == "xyt")


@pytest.mark.asyncio
async def test_a_row_that_the_filter_behind_a_word_spells_out_is_under_the_cursor() -> None:
    rows = [connection_row("openai-2", state="down"), connection_row("openai")]
    async with whole_console(reading(connections=rows)) as world:
        burst(world.app, ["colon", *"connections /openai", "enter", "x"])
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1]["name"] == rows[1].id


@pytest.mark.asyncio
async def test_a_key_for_a_row_that_goes_away_as_it_is_pressed_acts_on_no_other() -> None:
    rows = [connection_row("a"), connection_row("b"), connection_row("c")]
    async with whole_console(reading(connections=rows)) as world:
        await world.press("colon", *"connections", "enter")
        pressed_at = monotonic()
        world.session.hand_in(reading(connections=rows[1:]))
        burst(world.app, ["x"], read_at=pressed_at + 0.1)
        await world.until(lambda: "has just gone" in world.jobs)
        assert world.session.submitted == []
        burst(world.app, ["x"], read_at=monotonic() + 1)
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1]["name"] == rows[1].id


@pytest.mark.asyncio
async def test_more_time_is_bought_for_no_machine_that_slipped_under_the_cursor() -> None:
    machines = [machine("lab", expires_at=NOW + HOUR), machine("other", expires_at=NOW + 2 * HOUR)]
    async with whole_console(reading(machines)) as world:
        first, second = world.machines.order
        pressed_at = monotonic()
        world.session.hand_in(reading([each for each in machines if each.id != first]))
        burst(world.app, ["plus"], read_at=pressed_at)
        await world.until(lambda: "has just gone" in world.jobs)
        assert world.session.submitted == []
        burst(world.app, ["plus"], read_at=monotonic() + 1)
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][0] == "instance.extend"
        assert world.machines.cursor_id == second


@pytest.mark.asyncio
async def test_a_filter_s_own_move_of_the_cursor_and_marks_hold_no_key_up() -> None:
    rows = [connection_row("a"), connection_row("b"), connection_row("c")]
    async with whole_console(reading(connections=rows)) as world:
        await world.press("colon", *"connections", "enter")
        burst(world.app, ["slash", "b", "enter", "x"])
        await world.until(lambda: len(world.session.submitted) == 1)
        await world.press("escape", "end", "space", "home")
        pressed_at = monotonic()
        world.session.hand_in(reading(connections=rows[1:]))
        burst(world.app, ["x"], read_at=pressed_at)
        await world.until(lambda: len(world.session.submitted) == 2)
        assert [each[1]["name"] for each in world.session.submitted] == [rows[1].id, rows[2].id]


LISTS = (
    "machines types jobs events credentials settings regions keys prices price-feeds models trending llm-prices quotas"
    " containers connections hosts images volumes servers registries connection-usage connection-calls connection-find"
    " connection-health server-health launch deploy"
)


@pytest.mark.asyncio
@pytest.mark.parametrize("word", LISTS.split())
async def test_a_list_is_narrowed_before_the_next_key_by_what_its_word_was_typed_with(word: str) -> None:
    async with whole_console(session=FullSession()) as world:
        burst(world.app, ["colon", *f"{word} /zqz", "enter", "slash", "backspace", "enter"])
        await world.until(lambda: world.view.filter_text == "zq")
        assert "zq" in world.header


@pytest.mark.asyncio
@pytest.mark.parametrize("word", ["host-add", "credential-set"])
async def test_what_is_typed_behind_a_form_s_word_lands_in_its_first_field(word: str) -> None:
    async with whole_console(session=FullSession()) as world:
        burst(world.app, ["colon", *word, "enter", *"tf-box"])
        await world.until(lambda: isinstance(field := world.app.focused, Input) and field.value == "tf-box")
