"""Forms that may ask for a secret: keys that come before their fields, and who leaves before they stand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from aicompute_tui.ui.screens.connection_form import ConnectionForm
from aicompute_tui.ui.screens.credential_form import CredentialForm
from aicompute_tui.ui.screens.host_form import HostForm
from aicompute_tui.ui.screens.secret_form import SecretForm
from aicompute_tui.ui.screens.server_form import ServerForm
from aicompute_tui.ui.session import Session
from tests.ui.console_world import console
from tests.ui.fleet import FullSession, fleet, rest


@pytest.mark.asyncio
async def test_a_form_handed_over_before_its_fields_stand_waits_for_them() -> None:
    async with console(fleet(), session=FullSession()) as world:
        form = CredentialForm(world.session.glyphs)
        world.app.push_screen(form)
        form.action_take()
        form.forget_problem()
        assert "Store it" in await rest(world)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "form",
    [
        lambda session: HostForm(session.glyphs, {}, {}),
        lambda session: ServerForm(session, {}),
        lambda session: ConnectionForm(session, {}),
        lambda session: CredentialForm(session.glyphs),
    ],
    ids=["host", "server", "connection", "credential"],
)
async def test_a_form_left_at_any_moment_while_it_opens_breaks_nothing(form: Callable[[Session], SecretForm]) -> None:
    async with console(fleet(), session=FullSession()) as world:
        for turns_of_the_loop in range(0, 60, 2):
            world.app.push_screen(form(world.session))
            for _ in range(turns_of_the_loop):
                await asyncio.sleep(0)
            await world.app.pop_screen()
        assert world.app.is_running


@pytest.mark.asyncio
async def test_what_was_typed_is_left_by_a_second_esc_only() -> None:
    async with console(fleet(), session=FullSession()) as world:
        form = HostForm(world.session.glyphs, {"name": "lab-1"}, {})
        world.app.push_screen(form)
        await world.press("tab", "tab", *"tcp://box")
        await world.press("escape")
        assert world.app.screen is form
        assert "esc again leaves" in await rest(world)
        await world.press(*":2376")
        assert "esc again leaves" not in await rest(world)
        await world.press("escape")
        assert world.app.screen is form
        await world.press("escape")
        assert world.app.screen is not form


@pytest.mark.asyncio
@pytest.mark.parametrize("keys", [(), ("x", "backspace"), ("tab", "right")])
async def test_a_form_in_which_nothing_is_typed_is_left_at_once(keys: tuple[str, ...]) -> None:
    async with console(fleet(), session=FullSession()) as world:
        form = HostForm(world.session.glyphs, {}, {})
        world.app.push_screen(form)
        await world.press(*keys, "escape")
        assert world.app.screen is not form
