"""Placement scores in the console: a list in words, asked for by its word, instead of the answer as it came."""

from __future__ import annotations

import pytest

from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, fleet, rest


async def opened(world: Console) -> None:
    await world.press("colon", *"price-score g5.xlarge g6.xlarge", "enter")
    await rest(world)


@pytest.mark.parametrize("size", [(80, 24), (40, 10)])
@pytest.mark.asyncio
async def test_each_zone_has_its_score_and_what_it_means(size: tuple[int, int]) -> None:
    async with console(fleet(), session=FullSession(), size=size) as world:
        await opened(world)
        assert world.view.crumbs[-3:] == ("Placement score", "g5.xlarge", "g6.xlarge")
        assert "9 of 10" in world.shown
        assert "3 of 10" in world.shown
        assert "ca-central-1b" in world.shown
        assert "{" not in world.shown
        if size[0] == 80:
            assert "10 means that they can very likely be had now." in " ".join(world.shown.split())
        await world.press("escape")
        await rest(world)
        assert "Placement score" not in world.view.crumbs
