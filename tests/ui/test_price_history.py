"""What a spot machine cost before: a chart of its zones, the same in figures, and a launch in one of them."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.errors import NotConfigured
from aicompute_tui.domain.json import Json
from aicompute_tui.ui.glyphs import ASCII, UNICODE
from aicompute_tui.ui.widgets.line_chart import Line, chart_lines
from tests.ui import offers_world
from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, fleet, rest


async def opened(world: Console) -> None:
    await world.press("6")
    await rest(world)
    await world.press("dollar_sign")
    await rest(world)


@pytest.mark.asyncio
async def test_the_past_of_an_offer_is_drawn_zone_by_zone() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await opened(world)
        assert world.view.crumbs == ("Prices", "g5.xlarge", "ca-central-1", "spot, 30 days")
        chart = world.parts("#price-chart")
        assert "3 zones" in chart
        assert any(0x2800 < ord(letter) <= 0x28FF for letter in chart), chart
        assert "21 Oct" in chart
        assert "20 Nov" in chart
        assert "ca-central-1d" in world.shown
        assert "AWS spot price history" in world.shown


@pytest.mark.asyncio
async def test_marked_zones_alone_are_drawn() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await opened(world)
        await world.press("space")
        await rest(world)
        assert "2 of 3 zones" in world.parts("#price-chart"), "the marked one and the one under the cursor"


@pytest.mark.asyncio
async def test_the_span_turns_and_is_asked_for() -> None:
    asked: list[Json] = []

    class Asked(FullSession):
        async def query(self, action_id: str, arguments: object) -> Json:
            if action_id == "price.history":
                assert isinstance(arguments, dict)
                asked.append(arguments["days"])
            return await super().query(action_id, arguments)  # type: ignore[arg-type]

    async with console(fleet(), session=Asked()) as world:
        await opened(world)
        await world.press("greater_than_sign")
        await rest(world)
        await world.press("less_than_sign", "less_than_sign")
        await rest(world)
        assert asked == [30, 90, 30, 7]
        assert world.view.crumbs[-1] == "spot, 7 days"


@pytest.mark.asyncio
async def test_the_chart_has_a_twin_in_figures() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await opened(world)
        await world.press("b")
        await rest(world)
        assert "2026-11-20" in world.shown
        assert "ca-central-1a" in world.shown
        table = world.view.active_table
        assert table is not None
        assert len(table.order) == 30
        await world.press("b")
        await rest(world)
        assert "median" in world.shown


@pytest.mark.asyncio
async def test_enter_begins_a_launch_in_that_zone() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await opened(world)
        await world.press("down", "enter")
        await rest(world)
        form = world.view.form  # type: ignore[attr-defined]
        assert (form["type"], form["zone"], form["market"]) == ("g5.xlarge", "ca-central-1a", "spot")


@pytest.mark.asyncio
async def test_no_history_is_said_in_one_line() -> None:
    class Without(FullSession):
        async def query(self, action_id: str, arguments: object) -> Json:
            if action_id == "price.history":
                raise NotConfigured("No AWS account is known here.", "aic-tui credential set")
            return await super().query(action_id, arguments)  # type: ignore[arg-type]

    async with console(fleet(), session=Without()) as world:
        await opened(world)
        assert "No AWS account is known here. aic-tui credential set" in world.shown


@pytest.mark.asyncio
async def test_another_cloud_tells_nothing_of_its_past() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await world.press("6")
        await rest(world)
        await world.press("down", "dollar_sign")
        await rest(world)
        assert "lambda does not tell what its machines cost before." in world.jobs


@pytest.mark.asyncio
async def test_a_public_figure_alone_is_told_with_its_note() -> None:
    session = FullSession()
    row = dict(offers_world.history()[0])  # type: ignore[arg-type]
    row |= {"zone": None, "points": [[1, 0.4]], "note": "Without credentials only today's public figure is known."}
    session.answers["price.history"] = [row]
    async with console(fleet(), session=session) as world:
        await opened(world)
        assert "Without credentials only today's public figure is known." in world.parts("#price-chart")
        assert "any zone" in world.shown


def test_a_line_holds_its_price_until_it_changes() -> None:
    line = Line("b", [(0.0, 1.0), (50.0, 2.0)], is_strong=True)
    painted = [each.plain for each in chart_lines([line], (0.0, 100.0), (40, 8), ASCII)]
    rows = [each.partition("|")[2] or each for each in painted[:6]]
    first, last = rows[-1], rows[0]
    assert "#" in "".join(rows)
    assert first.index("#") < last.index("#"), painted
    assert painted[0].rstrip().endswith("b") or painted[1].rstrip().endswith("b"), painted


def test_a_price_that_never_moves_is_a_level_line() -> None:
    painted = chart_lines([Line("a", [(0.0, 0.5)])], (0.0, 100.0), (40, 8), UNICODE)
    drawn = [each.plain for each in painted[:6] if any(ord(letter) > 0x2800 for letter in each.plain)]
    assert len(drawn) == 1
