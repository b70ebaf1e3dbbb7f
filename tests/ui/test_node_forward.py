"""Forwarding a port from the console: one line, checked at once, and the tunnels that stand already."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.forwarding import parse_ports
from aicompute_tui.ui.screens.confirm import ConfirmDialog
from aicompute_tui.ui.screens.detail import DetailScreen
from aicompute_tui.ui.screens.prompt import PromptDialog
from tests.ui.console_world import NOW, HeldSession, console, job, machine, reading, tunnel

FORWARDED = reading([machine("lab")], tunnels=[tunnel("lab"), tunnel("lab", 9000, 19_000, is_endpoint=0)])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("8000", {"port": 8000}),
        (" 8000 : 9000 ", {"port": 8000, "local_port": 9000}),
        ("-8000", {"port": 8000, "off": True}),
    ],
)
def test_ports_as_they_are_typed(text: str, found: JsonObject) -> None:
    assert parse_ports(text) == found


@pytest.mark.parametrize("text", ["", "http", "0", "65536", "80:0", "-80:90", "80:90:100"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_ports(text)


@pytest.mark.asyncio
async def test_a_port_is_asked_for_and_handed_to_the_agent() -> None:
    async with console(FORWARDED) as world:
        await world.press("f")
        await world.until(lambda: isinstance(world.app.screen, PromptDialog))
        assert "9000 at 127.0.0.1:19000" in world.shown
        await world.press(*"99999", "enter")
        assert "no port" in world.shown
        await world.press(*["backspace"] * 5, *"8888:8889", "enter")
        await world.until(lambda: bool(world.session.submitted))
        action, arguments, subject = world.session.submitted[0]
        assert (action, subject) == ("instance.forward", "id-lab")
        assert arguments == {"name": "id-lab", "port": 8888, "local_port": 8889}


@pytest.mark.asyncio
async def test_a_port_that_is_open_is_told_by_its_address_here() -> None:
    async with console(FORWARDED) as world:
        asked = job("instance.forward", subject="id-lab")
        world.session.hand_in(FORWARDED._replace(jobs=[asked]))
        led = asked._replace(state="done", progress="forwarded 8265 of lab to 127.0.0.1:18265", ended_at=NOW)
        world.session.hand_in(FORWARDED._replace(jobs=[led]))
        await world.until(lambda: "Forwarded 8265 of lab to 127.0.0.1:18265" in world.jobs)


@pytest.mark.asyncio
async def test_closing_one_asks_nothing_more() -> None:
    async with console(FORWARDED) as world:
        await world.press("f")
        await world.until(lambda: isinstance(world.app.screen, PromptDialog))
        await world.press(*"-9000", "enter")
        await world.until(lambda: bool(world.session.submitted))
        assert not isinstance(world.app.screen, ConfirmDialog)
        assert world.session.submitted[0][1]["off"] is True


@pytest.mark.asyncio
async def test_tunnels_stand_in_the_view_of_their_machine() -> None:
    async with console(FORWARDED) as world:
        await world.press("enter")
        assert isinstance(world.view, DetailScreen)
        assert "● 127.0.0.1:19000 to 9000" in world.parts("#facts")
        world.session.hand_in(reading([machine("lab")], tunnels=[tunnel("lab")]))
        await world.until(lambda: "19000" not in world.parts("#facts"))


@pytest.mark.asyncio
async def test_what_does_not_run_is_not_reached_and_read_only_forwards_nothing() -> None:
    async with console(reading([machine("lab", state="stopped")])) as world:
        await world.press("f")
        await world.until(lambda: "lab is stopped." in world.jobs)
    async with console(FORWARDED, session=HeldSession(read_only=True)) as world:
        await world.press("f")
        assert not isinstance(world.app.screen, PromptDialog)
