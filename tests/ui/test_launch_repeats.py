"""A launch again: of the past, of a machine, or by a template kept under a name."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.screens.launch import LaunchScreen
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui.console_world import reading
from tests.ui.dialog_world import WrittenSession, console, machine, shown, until
from tests.ui.wizard_world import STEPS, at, checked, one_line, opened, preflights, reviewed

TEMPLATE: JsonObject = {
    "id": "t1", "name": "small", "version": 4, "saved_at": "2026-11-19T08:00:00Z", "arguments": {"type": "g6.xlarge"},
}  # fmt: skip


@pytest.mark.asyncio
async def test_a_launch_of_the_past_is_repeated_from_the_review() -> None:
    past: list[Json] = [
        {"id": "j1", "action_id": "instance.launch", "state": "done", "created_at": "2026-11-20T08:00:00Z",
         "parameters": {"type": "g6.xlarge", "framework": "vllm", "model": ["m/x"], "name": "old", "ttl": "3h"}},
        {"id": "j2", "action_id": "instance.terminate", "state": "done", "parameters": {}},
    ]  # fmt: skip
    session = WrittenSession({"job.list": past})
    app = console(session)
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("h")
        await until(pilot, lambda: "vllm m/x" in shown(app))
        await pilot.press("enter")
        await at(pilot, app, "review")
        await checked(pilot, wizard)
        await pilot.press("enter")
        await until(pilot, lambda: session.submitted)
    arguments = session.submitted[0][1]
    assert (arguments["type"], arguments["ttl"], arguments["model"]) == ("g6.xlarge", "3h", ["m/x"])
    assert "name" not in arguments


@pytest.mark.asyncio
async def test_what_was_launched_before_does_not_overwrite_what_was_begun_meanwhile() -> None:
    session = WrittenSession({"instance.show": {"name": "lab", "launch": {"type": "g6.xlarge"}}})
    session.state.apply(reading([machine("lab")]))
    answer = session.hold("instance.show")
    app = console(session)
    async with app.run_test() as pilot:
        await pilot.pause()
        app.perform("instance.relaunch", ["0193-lab"])
        await until(pilot, lambda: "1 of 5" in shown(app))
        await pilot.press("4")
        await until(pilot, lambda: "4 of 5" in shown(app))
        answer.set()
        await until(pilot, lambda: "How lab was launched is known now; r on it repeats that" in one_line(app))
        assert "4 of 5" in shown(app)


@pytest.mark.asyncio
async def test_a_launch_is_kept_by_a_name_and_one_of_that_name_replaced_only_as_it_was_seen() -> None:
    session = WrittenSession({"template.list": [TEMPLATE]})
    app = console(session)
    async with app.run_test() as pilot:
        await reviewed(pilot, app)
        await pilot.press("w")
        await until(pilot, lambda: "Keep this launch" in shown(app))
        await pilot.press(*"fresh", "enter")
        await until(pilot, lambda: len(session.submitted) == 1)
        await pilot.press("w")
        await until(pilot, lambda: "Keep this launch" in shown(app))
        await pilot.press(*"small", "enter")
        await until(pilot, lambda: "Replace the template small?" in shown(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: len(session.submitted) == 2)
    assert [action for action, _ in session.submitted] == ["template.save", "template.save"]
    (_, first), (_, second) = session.submitted
    assert (first["name"], first["type"], first.get("version")) == ("fresh", "g5.xlarge", None)
    assert (second["name"], second["version"]) == ("small", 4)


@pytest.mark.asyncio
async def test_a_template_is_listed_first_and_removed_after_a_question() -> None:
    session = WrittenSession({"template.list": [TEMPLATE]})
    app = console(session)
    async with app.run_test() as pilot:
        await opened(pilot, app)
        await pilot.press("h")
        await until(pilot, lambda: "small" in shown(app) and "g6.xlarge" in shown(app))
        await pilot.press("t")
        await until(pilot, lambda: "Remove small?" in shown(app))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: session.submitted == [("template.remove", {"name": "small"})])


@pytest.mark.asyncio
async def test_a_machine_is_launched_again_from_the_review_by_one_key() -> None:
    launched: JsonObject = {"type": "g6.xlarge", "ttl": "7200s", "region": "us-east-1", "volume_gib": 90}
    session = WrittenSession({"instance.show": {"name": "lab", "launch": launched}})
    session.state.apply(reading([machine("lab")]))
    app = console(session)
    async with app.run_test() as pilot:
        app.perform("instance.relaunch", ["0193-lab"])
        await until(pilot, lambda: isinstance(app.screen, LaunchScreen))
        await at(pilot, app, "review")
        wizard = app.screen
        assert isinstance(wizard, LaunchScreen)
        await checked(pilot, wizard)
        assert (wizard.form["type"], wizard.form["ttl"], wizard.form["volume_gib"]) == ("g6.xlarge", "2h", "90")
        assert preflights(session)[-1]["region"] == "us-east-1"


@pytest.mark.asyncio
async def test_a_machine_that_was_adopted_is_not_repeated_as_something_else() -> None:
    session = WrittenSession({"instance.show": {"name": "lab", "launch": {}}})
    session.state.apply(reading([machine("lab")]))
    app = console(session)
    async with app.run_test() as pilot:
        app.perform("instance.relaunch", ["0193-lab"])
        await until(pilot, lambda: "it was adopted" in one_line(app))
        assert STEPS["region"] in shown(app)
    assert preflights(session) == []


@pytest.mark.asyncio
async def test_names_of_wide_letters_and_a_window_that_shrinks_leave_every_line_whole() -> None:
    regions: list[Json] = [{"code": "ca-central-1", "name": "日本" * 200, "country": "CA", "enabled": True}]
    session = WrittenSession({"region.list": regions, "template.list": [{**TEMPLATE, "name": "語" * 200}]})
    app = console(session)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, app)
        await pilot.press("h")
        await until(pilot, lambda: "語" in shown(app))
        for width, height in ((40, 10), (20, 5), (120, 40)):
            await pilot.resize_terminal(width, height)
            await until(pilot, lambda: all(cell_len(line) <= width for line in shown(app).splitlines()))  # noqa: B023


@pytest.mark.asyncio
async def test_a_row_that_went_away_between_the_key_and_the_choice_chooses_nothing() -> None:
    app = console(WrittenSession({"template.list": [TEMPLATE]}))
    async with app.run_test() as pilot:
        wizard = await opened(pilot, app)
        await pilot.press("h")
        await until(pilot, lambda: "small" in shown(app))
        for step in wizard.query(VirtualTable):
            step.post_message(VirtualTable.RowOpened(step, "gone"))
        await pilot.pause()
        await pilot.press("enter")
        await at(pilot, app, "review")
