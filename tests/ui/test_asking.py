"""What stands between a key and what it does: questions, refusals, and what is told afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.widgets import Input

from aicompute_tui.domain.json import Json
from aicompute_tui.ui.glyphs import ASCII
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.jobs import JobsScreen
from aicompute_tui.ui.screens.prompt import PromptDialog
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui.connection_world import connection_rows
from tests.ui.console_world import HOUR, NOW, Console, HeldSession, console, job, machine, reading, sighting
from tests.ui.server_world import server_rows

FLEET = reading(
    instances=[machine("llama70-ca"), machine("embed-1"), machine("coder-eu")],
    sightings=[sighting("bens-box"), sighting("lost-kid", "orphan", owner="ana")],
)


def type_at_once(world: Console, *keys: str) -> None:
    """Keys that arrive together, as over a slow line: none waits for what the one before it does."""
    for key in keys:
        world.app.post_message(events.Key(key, key if len(key) == 1 else None))


@pytest.mark.asyncio
async def test_keys_that_follow_a_dangerous_one_at_once_find_its_question() -> None:
    async with console(FLEET) as world:
        type_at_once(world, "t", "n", "t", "down", "x")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.pilot.pause()
        assert len(world.app.screen_stack) == 2
        assert world.session.submitted == []
        await world.press("escape")
        assert len(world.app.screen_stack) == 1


@pytest.mark.asyncio
async def test_a_question_left_before_it_is_drawn_breaks_nothing() -> None:
    async with console(FLEET) as world:
        for _ in range(3):
            type_at_once(world, "t", "escape")
            await world.pilot.pause()
        await world.until(lambda: len(world.app.screen_stack) == 1)
        assert world.session.submitted == []


@pytest.mark.asyncio
async def test_a_name_typed_before_its_line_is_there_is_kept() -> None:
    async with console(reading([machine("crown", protected=1)])) as world:
        type_at_once(world, "t", *"crown")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        await world.until(lambda: world.app.screen.query_one("#typed-name", Input).value == "crown")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("key", "changes", "reason"),
    [
        ("x", {}, "a one-time spot machine, which cannot be stopped"),
        ("x", {"market": "on-demand", "state": "stopped"}, "is stopped already"),
        ("u", {"market": "on-demand"}, "Only a stopped machine can be started"),
        ("b", {"market": "on-demand", "state": "stopped"}, "Only a running machine can be rebooted"),
        ("plus", {"expires_at": None}, "never ends by itself, so there is no end to move"),
        ("plus", {"desired_state": "terminated"}, "is being terminated"),
        ("t", {"state": "terminated", "ended_at": NOW}, "has ended already"),
        ("a", {}, "Only a lost machine is acknowledged"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_its_reason_before_anything_is_asked(
    key: str, changes: dict[str, Any], reason: str
) -> None:
    async with console(reading([machine("lab", **changes)])) as world:
        await world.press(key)
        assert reason in world.jobs
        assert len(world.app.screen_stack) == 1
        assert world.session.submitted == []


async def asked_next(world: Console) -> str:
    await world.until(lambda: isinstance(world.app.screen, PromptDialog) and bool(world.app.screen.query("#line")))
    assert isinstance(world.app.screen, PromptDialog)
    return world.app.screen.question


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("action_id", "row_id", "question"),
    [
        ("server.pull", "server-ollama-lab", "Fetch a model ollama-lab: model?"),
        ("connection.clone", "connection-batch box", "Clone a connection batch box: new name?"),
    ],
)
async def test_what_is_missing_is_asked_for_by_the_names_a_person_knows(
    action_id: str, row_id: str, question: str
) -> None:
    async with console(reading(connections=connection_rows(), servers=server_rows())) as world:
        world.app.perform(action_id, [row_id])
        assert await asked_next(world) == question


@pytest.mark.asyncio
async def test_a_file_that_is_asked_for_is_handed_over_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with console(reading(servers=server_rows())) as world:
        world.app.perform("server.create", ["server-ollama-lab"])
        assert "model?" in await asked_next(world)
        await world.press(*"mine", "enter")
        await world.until(lambda: "modelfile?" in getattr(world.app.screen, "question", ""))
        await world.press(*"Modelfile", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1]["modelfile"] == str(tmp_path / "Modelfile")


@pytest.mark.asyncio
async def test_an_on_demand_machine_is_stopped_after_a_question() -> None:
    async with console(reading([machine("lab", market="on-demand")])) as world:
        await world.press("x")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))


@pytest.mark.asyncio
async def test_protecting_what_is_protected_takes_it_back_after_a_question() -> None:
    async with console(reading([machine("crown", protected=1)])) as world:
        await world.press("p")
        await world.until(lambda: isinstance(world.app.screen, ConfirmDialog))
        assert "Unprotect crown?" in world.app.screen.question  # type: ignore[attr-defined]
        await world.press("right", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.submitted[0][1] == {"name": "id-crown", "off": True}


@pytest.mark.asyncio
async def test_the_end_of_a_launch_names_its_machine_and_what_ends_it() -> None:
    async with console(FLEET) as world:
        launch = job("instance.launch")
        fresh = machine("g5-new", job_id=launch.id, state="booting", expires_at=NOW + 8 * HOUR)
        world.session.hand_in(FLEET._replace(jobs=[launch]))
        await world.pilot.pause()
        done = launch._replace(state="done", ended_at=NOW, version=2)
        world.session.hand_in(FLEET._replace(instances=[*FLEET.instances, fresh], jobs=[done]))
        await world.until(lambda: "Launched g5-new, which ends by itself in 8h" in world.jobs)


@pytest.mark.asyncio
async def test_after_a_launch_the_cursor_is_on_the_new_machine_unless_it_was_moved() -> None:
    async with console(FLEET) as world:
        fresh = machine("g5-new", job_id="job-1")
        world.app.await_launch("job-1")
        world.session.hand_in(FLEET._replace(instances=[*FLEET.instances, fresh]))
        await world.until(lambda: world.machines.cursor_id == "id-g5-new")
        world.app.await_launch("job-2")
        await world.press("home")
        held = world.machines.cursor_id
        late = machine("g5-late", job_id="job-2")
        world.session.hand_in(FLEET._replace(instances=[*FLEET.instances, fresh, late]))
        await world.until(lambda: "g5-late" in world.names)
        assert world.machines.cursor_id == held


@pytest.mark.asyncio
async def test_orphans_stand_before_machines_of_other_stores() -> None:
    async with console(FLEET) as world:
        await world.press("2")
        table = world.app.screen.query_one("#sightings", VirtualTable)
        assert [table.rows[row_id].name for row_id in table.order] == ["lost-kid", "bens-box"]


@pytest.mark.asyncio
@pytest.mark.parametrize("keys", [("question_mark",), ("n",), ("enter",), ("t",), ("y",), ("ctrl+p",), ("0",)])
async def test_without_utf8_no_view_draws_anything_but_ascii(keys: tuple[str, ...]) -> None:
    names = reading([machine("größe-東京"), machine("embed-1", desired_state="terminated")], [sighting("bens-box")])
    async with console(names, session=HeldSession(glyphs=ASCII), size=(80, 24)) as world:
        await world.press(*keys)
        await world.pilot.pause()
        strips = world.app.screen._compositor.render_strips()
        drawn = [strip.text for strip in strips]
        assert all(line.isascii() for line in drawn), [line for line in drawn if not line.isascii()]
        assert {strip.cell_length for strip in strips} == {80}


@pytest.mark.asyncio
async def test_the_footer_of_a_machine_names_only_what_it_can_do() -> None:
    async with console(reading([machine("lab")])) as world:
        await world.press("enter")
        assert " stop" not in world.footer
        assert " start" not in world.footer
        assert "protect" in world.footer
    async with console(reading([machine("lab", market="on-demand", state="stopped", protected=1)])) as world:
        await world.press("enter")
        assert "u start" in world.footer
        assert " stop" not in world.footer
        assert "p unprotect" in world.footer


@pytest.mark.asyncio
async def test_a_view_that_opens_says_its_header_and_footer_at_once() -> None:
    async with console(FLEET) as world:
        world.app.perform("instance.launch", [])
        await world.pilot.pause()
        assert "Launch" in world.header
        assert "ctrl+l" in world.footer


@pytest.mark.asyncio
async def test_values_after_the_word_launch_stand_in_the_form() -> None:
    async with console(FLEET) as world:
        world.session.answers["setting.list"] = []
        await world.press("colon", *"launch", "space", *"type", "equals_sign", *"g6", "full_stop", *"xlarge", "enter")
        await world.until(lambda: "2 g6.xlarge" in world.shown)


@pytest.mark.asyncio
async def test_types_stand_in_a_table_and_enter_launches_one() -> None:
    async with console(FLEET) as world:
        world.session.answers["instance.types"] = [
            {"name": "p3.2xlarge", "gpu_name": "V100", "gpu_count": 1, "disabled_reason": "no driver image"},
            {"name": "g5.xlarge", "gpu_name": "A10G", "gpu_count": 1, "gpu_memory_mib": 24576, "zones": ["a"],
             "vcpu_count": 4, "spot_usd_per_hour": 0.42, "on_demand_usd_per_hour": 1.1, "disabled_reason": None},
        ]  # fmt: skip
        await world.press("colon", *"types", "enter")
        await world.until(lambda: "Types" in world.header and bool(world.view.query_one(VirtualTable).order))
        assert list(world.view.query_one(VirtualTable).order) == ["g5.xlarge", "p3.2xlarge"]
        await world.press("down", "enter")
        assert "no driver image" in world.jobs
        await world.press("up", "enter")
        await world.until(lambda: "2 g5.xlarge" in world.shown)


@pytest.mark.asyncio
async def test_an_answer_falls_on_nobody_who_went_on() -> None:
    async with console(FLEET) as world:
        answer = asyncio.Event()

        async def query(action_id: str, arguments: Mapping[str, Json]) -> Json:
            await answer.wait()
            return [{"preset": "openai"}]

        world.session.query = query  # type: ignore[method-assign]
        await world.press("colon", *"connection-presets", "enter")
        await world.press("colon", "x")
        answer.set()
        await world.until(lambda: "it is answered. Ask again to see it." in world.jobs)
        assert world.app.screen.query_one("#command-text", Input).value == "x"


@pytest.mark.asyncio
async def test_an_answer_about_a_row_of_a_list_falls_on_nobody_who_went_on() -> None:
    async with console(FLEET) as world:
        world.session.answers["job.list"] = [{"id": "job-1", "action_id": "instance.launch", "state": "done"}]
        await world.press("0")
        await world.until(lambda: bool(world.view.query_one(VirtualTable).order))
        view = world.view
        assert isinstance(view, JobsScreen)
        await world.press("colon", "x")
        view.tell_answer("job.show", {"id": "job-1"}, {"id": "job-1"})
        await world.until(lambda: "it is answered. Ask again to see it." in world.jobs)
        assert world.app.screen.query_one("#command-text", Input).value == "x"


@pytest.mark.asyncio
async def test_a_line_that_cannot_be_read_stands_and_says_why() -> None:
    async with console(FLEET) as world:
        await world.press("colon", *"export ", "slash", *"tmp", "slash", *"bob", "apostrophe", *"s", "enter")
        await world.until(lambda: "never closed" in world.shown)
        assert world.app.screen.query_one("#command-text", Input).value == "export /tmp/bob's"


@pytest.mark.asyncio
async def test_a_history_that_was_not_asked_for_yet_is_not_called_empty() -> None:
    async with console(FLEET) as world:
        answer = asyncio.Event()

        async def query(action_id: str, arguments: Mapping[str, Json]) -> Json:
            await answer.wait()
            return {"id": "id-embed-1", "name": "embed-1", "state": "ready", "events": []}

        world.session.query = query  # type: ignore[method-assign]
        await world.press("enter")
        await world.until(lambda: bool(world.view.query("#history")) and "asking" in world.parts("#history"))
        answer.set()
        await world.until(lambda: "Nothing is written down yet" in world.parts("#history"))
