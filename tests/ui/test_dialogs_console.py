"""The command line, the palette and help, over the real console."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.ui.help_text import sections
from aicompute_tui.ui.palette import Palette
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.events import EventsScreen
from aicompute_tui.ui.screens.help import HelpScreen
from aicompute_tui.ui.screens.jobs import JobsScreen
from aicompute_tui.ui.screens.launch import LaunchScreen
from aicompute_tui.ui.widgets.command_line import CommandLine, CommandText
from tests.ui.dialog_world import WrittenSession, console, keys_for, machine, shown, until


@pytest.mark.asyncio
async def test_tab_completes_and_goes_round() -> None:
    app = console(WrittenSession())
    async with app.run_test() as pilot:
        await pilot.press("colon", *keys_for("cred"))
        await until(pilot, lambda: isinstance(app.screen, CommandLine))
        await pilot.press("tab")
        line = app.screen.query_one(CommandText)
        first = line.value
        await pilot.press("tab")
        second = line.value
        assert first.startswith("credential")
        assert second.startswith("credential")
        assert first != second
        await pilot.press("shift+tab")
        assert line.value == first


@pytest.mark.asyncio
async def test_contexts_of_the_machines_known_complete_after_an_at() -> None:
    session = WrittenSession()
    session.state.instances["a"] = machine("lab")
    app = console(session)
    async with app.run_test() as pilot:
        await pilot.press("colon", *keys_for("instances @ca"), "tab")
        await until(pilot, lambda: "instances @ca-central-1" in shown(app))


@pytest.mark.asyncio
@pytest.mark.parametrize("line", [":events\r", ":extend lab by=2h\r", "/protect"])
async def test_keys_that_come_faster_than_a_line_opens_belong_to_it(line: str) -> None:
    session = WrittenSession({"event.list": []})
    session.state.instances["0193-lab"] = machine("lab")
    app = console(session)
    async with app.run_test() as pilot:
        await pilot.pause()
        for letter in line:
            key = "enter" if letter == "\r" else keys_for(letter)[0]
            app.post_message(events.Key(key, letter))
        if line.startswith("/"):
            await until(pilot, lambda: "/protect" in shown(app))
        elif "extend" in line:
            await until(pilot, lambda: session.submitted)
        else:
            await until(pilot, lambda: isinstance(app.screen, EventsScreen))
        await pilot.pause()
    assert [action_id for action_id, _ in session.submitted] == (["instance.extend"] if "extend" in line else [])


@pytest.mark.asyncio
async def test_keys_that_come_before_the_line_has_the_focus_wait_for_it() -> None:
    app = console(WrittenSession({"event.list": []}))
    async with app.run_test() as pilot:
        await pilot.pause()
        CommandLine.open(app)
        for letter in "events":
            app.on_key(events.Key(letter, letter))
        app.on_key(events.Key("enter", "\r"))
        await until(pilot, lambda: isinstance(app.screen, EventsScreen))


@pytest.mark.asyncio
async def test_an_unknown_command_names_the_nearest_and_stays_to_be_mended() -> None:
    app = console(WrittenSession())
    async with app.run_test() as pilot:
        await pilot.press("colon", *keys_for("evnts"), "enter")
        await until(pilot, lambda: "Did you mean :events?" in shown(app))
        assert app.screen.query_one(CommandText).value == "evnts"
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, CommandLine))


@pytest.mark.asyncio
async def test_up_brings_back_what_was_typed_before() -> None:
    app = console(WrittenSession({"event.list": [], "job.list": []}))
    async with app.run_test() as pilot:
        await pilot.press("colon", *keys_for("events"), "enter")
        await until(pilot, lambda: isinstance(app.screen, EventsScreen))
        await pilot.press("colon", *keys_for("jobs"), "enter")
        await until(pilot, lambda: isinstance(app.screen, JobsScreen))
        await pilot.press("colon", "up", "up")
        await until(pilot, lambda: isinstance(app.screen, CommandLine))
        assert app.screen.query_one(CommandText).value == "events"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EventsScreen))


@pytest.mark.asyncio
async def test_an_action_with_arguments_is_handed_over() -> None:
    session = WrittenSession()
    session.state.instances["0193-lab"] = machine("lab")
    app = console(session)
    async with app.run_test() as pilot:
        await pilot.press("colon", *keys_for("extend lab by=2h"), "enter")
        await until(pilot, lambda: session.submitted)
    assert session.submitted == [("instance.extend", {"name": "lab", "by": "2h"})]


@pytest.mark.asyncio
async def test_a_dangerous_word_asks_like_its_key() -> None:
    session = WrittenSession()
    session.state.instances["0193-lab"] = machine("lab")
    app = console(session)
    async with app.run_test() as pilot:
        await pilot.press("colon", *keys_for("kill lab"), "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        assert "Terminate lab?" in shown(app)
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, ConfirmDialog))
    assert not session.submitted


@pytest.mark.asyncio
async def test_keys_of_a_cloud_are_typed_in_their_own_form_only() -> None:
    session = WrittenSession()
    app = console(session)
    async with app.run_test() as pilot:
        await pilot.press("colon", *keys_for("credential-set team"), "enter")
        await until(pilot, lambda: "Store it" in shown(app))
    assert not session.submitted


@pytest.mark.asyncio
async def test_read_only_knows_no_word_that_changes_something() -> None:
    session = WrittenSession(read_only=True)
    app = console(session)
    async with app.run_test() as pilot:
        await pilot.press("colon", *keys_for("launch"), "enter")
        await until(pilot, lambda: "this console is read-only" in shown(app))
        await pilot.press("escape", "ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, Palette))
        await pilot.press(*keys_for("terminate"))
        await pilot.pause()
        assert ":terminate" not in shown(app)


@pytest.mark.asyncio
async def test_a_megabyte_on_the_command_line_does_no_harm() -> None:
    app = console(WrittenSession())
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, CommandLine))
        line = app.screen.query_one(CommandText)
        line.post_message(events.Paste("日本 " * 300_000))
        await until(pilot, lambda: line.value)
        await pilot.press("enter")
        await until(pilot, lambda: "There is no command" in shown(app))


@pytest.mark.asyncio
async def test_the_palette_finds_an_action_by_a_word_of_its_help() -> None:
    app = console(WrittenSession())
    async with app.run_test() as pilot:
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, Palette))
        app.screen.query_one(Input).value = "launch a"
        await until(pilot, lambda: ":launch" in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.query("OptionList") is not None)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, LaunchScreen))


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(40, 10), (80, 24), (120, 40)])
async def test_help_opens_scrolls_and_closes(size: tuple[int, int]) -> None:
    app = console(WrittenSession())
    async with app.run_test(size=size) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await until(pilot, lambda: "DASHBOARD" in shown(app))
        await pilot.press("end")
        await until(pilot, lambda: "MACHINES" not in shown(app).replace("IN OTHER", ""))
        await pilot.press("question_mark")
        await until(pilot, lambda: not isinstance(app.screen, HelpScreen))


def test_help_names_every_action_once() -> None:
    found = sections("Machines", ("global", "instances"), has_table=True, read_only=False)
    titles = [line.title for section in found for line in section.lines]
    for action in ACTIONS.values():
        assert titles.count(action.title) == 1, action.id


def test_help_of_a_read_only_console_leaves_out_what_it_cannot_do() -> None:
    found = sections("Machines", ("global", "instances"), has_table=True, read_only=True)
    titles = {line.title for section in found for line in section.lines}
    assert not titles & {action.title for action in ACTIONS.values() if action.mutates}
