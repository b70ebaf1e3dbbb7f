"""Where prices come from, in the console: each feed's state and age, what was wrong with one, and all asked anew."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from aicompute_tui.domain.json import Json
from tests.ui.console_world import Console, console
from tests.ui.feeds_world import feed
from tests.ui.fleet import FullSession, fleet, rest


async def opened(world: Console, word: str = "price-feeds") -> None:
    await world.press("colon", *word, "enter")
    await rest(world)


@pytest.mark.asyncio
async def test_each_feed_has_its_state_its_offers_and_its_age() -> None:
    async with console(fleet(), session=FullSession(), size=(80, 24)) as world:
        await opened(world)
        assert world.view.crumbs == ("Price feeds",)
        for words in ("SkyPilot's catalogue of AWS", "● new", "⚠ failed", "✕ refused", "· never asked", "809"):
            assert words in world.shown


@pytest.mark.asyncio
async def test_the_one_under_the_cursor_says_what_was_wrong_and_what_helps() -> None:
    async with console(fleet(), session=FullSession(), size=(80, 24)) as world:
        await opened(world)
        await world.press("slash", *"refused", "enter")
        await rest(world)
        assert "is frozen: its prices are 9 hours old." in world.shown
        assert "The last good prices stay" in world.shown


class Refreshing(FullSession):
    """Whose feeds are all good once they were asked."""

    async def query(self, action_id: str, arguments: Mapping[str, Json]) -> Json:
        if action_id == "price.refresh":
            self.answers["price.feeds"] = [feed("aws-spot", "AWS's public spot prices", "new", offers=77)]
            return self.answers["price.feeds"]
        return await super().query(action_id, arguments)


@pytest.mark.parametrize("keys", [("ctrl+r",), ("colon", *"price-refresh", "enter")], ids=["key", "word"])
@pytest.mark.asyncio
async def test_all_are_asked_anew(keys: tuple[str, ...]) -> None:
    async with console(fleet(), session=Refreshing(), size=(80, 24)) as world:
        await opened(world)
        assert "✕ refused" in world.shown
        await world.press(*keys)
        await rest(world)
        assert "77" in world.shown
        assert "✕ refused" not in world.shown
