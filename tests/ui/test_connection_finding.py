"""What could be a connection, looked for from the console: keys by their names, never by what they hold."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from textual.widgets import Input, Static

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.llms.presets import PRESETS
from aicompute_tui.ui.screens.connection_form import ConnectionForm
from aicompute_tui.ui.screens.found import FoundScreen
from tests.ui.console_world import Console, HeldSession, connection_row, console, reading

pytestmark = pytest.mark.asyncio
KEY = "sk-plantedPLANTEDplanted0123456789"
OPENAI: JsonObject = {
    "state": "found", "kind": "openai", "title": "OpenAI", "name": "OpenAI", "where": "variable OPENAI_API_KEY",
    "base_url": "https://api.openai.com/v1", "key_variable": "OPENAI_API_KEY", "models": None,
    "next_step": "aic-tui connection add OpenAI --type openai --api-key-env OPENAI_API_KEY",
}  # fmt: skip
LLAMA: JsonObject = {
    "state": "found", "kind": "llama-cpp", "title": "llama.cpp", "name": "llama-cpp", "where": "port 8080",
    "base_url": "http://127.0.0.1:8080/v1", "key_variable": None, "models": 1,
    "next_step": "aic-tui connection add llama-cpp --type llama-cpp --base-url http://127.0.0.1:8080/v1",
}  # fmt: skip


class FindingSession(HeldSession):
    def __init__(self, *rows: JsonObject) -> None:
        super().__init__()
        self.answers = {"connection.find": [*rows]}
        self.asked: list[tuple[str, Mapping[str, Json]]] = []

    async def query(self, action_id: str, arguments: Mapping[str, Json]) -> Json:
        self.asked.append((action_id, arguments))
        return await super().query(action_id, arguments)


@pytest.fixture(autouse=True)
def _one_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {each for preset in PRESETS.values() for each in preset.key_variables}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


async def open_found(world: Console) -> None:
    await world.press("4")
    await world.until(lambda: "f adds llama.cpp (port 8080), OpenAI (OPENAI_API_KEY)" in world.shown)
    await world.press("f")
    await world.until(lambda: isinstance(world.view, FoundScreen) and "llama.cpp" in world.shown)


async def open_form(world: Console, row: str) -> ConnectionForm:
    assert isinstance(world.view, FoundScreen)
    world.view.table.move_to_row(row)
    await world.press("enter")
    await world.until(lambda: isinstance(world.app.screen, ConnectionForm) and world.app.screen.focused is not None)
    assert isinstance(world.app.screen, ConnectionForm)
    return world.app.screen


async def hand_over(world: Console, form: ConnectionForm) -> None:
    await world.pilot.pause()
    form.query_one("#go").focus()
    await world.press("enter")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_first_look_at_connections_offers_what_is_here(size: tuple[int, int]) -> None:
    session = FindingSession(LLAMA, OPENAI)
    async with console(reading([]), session=session, size=size) as world:
        await open_found(world)
        assert ("connection.find", {"variables": ["OPENAI_API_KEY"]}) in session.asked
        for part in ("port 8080", "OpenAI", "variable OPENAI_API_KEY"):
            assert part in world.shown, part
        assert KEY not in world.shown


async def test_a_first_start_says_what_is_here_once_an_agent_can_look() -> None:
    async with console(reading([]), session=FindingSession(LLAMA, OPENAI)) as world:
        world.app.take_agent()
        await world.until(lambda: "Found here: llama.cpp (port 8080), OpenAI (OPENAI_API_KEY)." in world.jobs)
        assert ":connection-find" in world.jobs


async def test_one_who_has_connections_is_offered_none_at_a_start() -> None:
    session = FindingSession(LLAMA)
    async with console(reading(connections=[connection_row("mine")]), session=session) as world:
        world.app.take_agent()
        await world.press("4")
        await world.pilot.pause()
        assert session.asked == []


async def test_enter_adds_a_server_that_answers_here_from_a_form_that_is_filled_in() -> None:
    async with console(reading([]), session=FindingSession(LLAMA, OPENAI)) as world:
        await open_found(world)
        form = await open_form(world, "llama-cpp")
        assert form.query_one("#connection-url", Input).value == "http://127.0.0.1:8080/v1"
        await hand_over(world, form)
        await world.until(lambda: bool(world.session.submitted))
        action_id, arguments, _ = world.session.submitted[0]
        assert action_id == "connection.add"
        assert (arguments["name"], arguments["preset"]) == ("llama-cpp", "llama-cpp")
        assert world.session.sealed == []


async def test_a_key_is_named_never_shown_and_sealed_from_its_variable() -> None:
    async with console(reading([]), session=FindingSession(LLAMA, OPENAI)) as world:
        await open_found(world)
        form = await open_form(world, "OpenAI")
        await world.until(lambda: "taken from OPENAI_API_KEY" in world.shown)
        assert form.query_one("#connection-key", Input).value == ""
        assert KEY not in world.shown
        await hand_over(world, form)
        await world.until(lambda: bool(world.session.submitted))
        assert world.session.sealed == [KEY]
        assert "key_variable" not in world.session.submitted[0][1]
        assert KEY not in str(world.session.submitted)


@pytest.mark.parametrize("url", ["https://elsewhere.example/v1", "http://[broken", ""])
async def test_a_key_of_the_environment_goes_to_no_other_server_than_its_providers(url: str) -> None:
    async with console(reading([]), session=FindingSession(LLAMA, OPENAI)) as world:
        await open_found(world)
        form = await open_form(world, "OpenAI")
        form.query_one("#connection-url", Input).value = url
        await world.until(lambda: "OPENAI_API_KEY" not in form.query_one("#connection-key", Input).placeholder)
        await hand_over(world, form)
        await world.until(lambda: str(form.query_one("#problem", Static).content) != "")
        assert world.session.sealed == []
        assert world.session.submitted == []


async def test_another_kind_of_provider_is_not_given_that_key() -> None:
    async with console(reading([]), session=FindingSession(LLAMA, OPENAI)) as world:
        await open_found(world)
        form = await open_form(world, "OpenAI")
        await world.press("right")
        await hand_over(world, form)
        await world.until(lambda: "wants a key" in world.shown)
        assert world.session.sealed == []


async def test_where_nothing_is_found_it_says_so() -> None:
    async with console(reading([]), session=FindingSession()) as world:
        await world.press(":", *"connection-find", "enter")
        await world.until(lambda: "No model server answers" in world.shown)
