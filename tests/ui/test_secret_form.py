"""Forms that may ask for a secret: keys that come before their fields."""

from __future__ import annotations

import pytest

from aicompute_tui.ui.screens.credential_form import CredentialForm
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
