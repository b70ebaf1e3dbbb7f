"""What tokens cost, beside what own connections use: the second tab of the prices."""

from __future__ import annotations

import pytest

from aicompute_tui.domain.json import JsonObject
from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, fleet, rest


async def opened(world: Console) -> None:
    await world.press("6")
    await rest(world)
    await world.press("tab")
    await rest(world)


@pytest.mark.asyncio
async def test_tab_leads_to_what_tokens_cost_and_back() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await opened(world)
        assert "claude-sonnet-5" in world.shown
        assert "hosted large" in world.shown
        assert "Used by hosted large.  Per million tokens, litellm 1.106.2, of 2026-11-20." in world.shown
        assert "would cost $4.00 here" in " ".join(world.shown.split())
        await world.press("tab")
        await rest(world)
        assert "g5.xlarge" in world.shown


@pytest.mark.asyncio
async def test_what_nobody_told_stays_unknown() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await opened(world)
        await world.press("down")
        shown = await rest(world)
        assert "Nobody told what its tokens cost." in shown
        (line,) = (each for each in shown.splitlines() if "llama-8b" in each)
        assert "$" not in line


@pytest.mark.asyncio
@pytest.mark.parametrize(("width", "has_column"), [(160, True), (120, True), (80, False)])
async def test_what_a_model_takes_is_a_column_where_there_is_room_and_always_told_below(
    width: int, has_column: bool
) -> None:
    async with console(fleet(), session=FullSession(), size=(width, 40)) as world:
        await opened(world)
        (head,) = (each for each in world.shown.splitlines() if " context " in each)
        assert ("takes > makes" in head, head.split()[-1]) == (has_column, "age"), "its age stays in sight"
        assert "Takes text and image. Makes text." in " ".join(world.shown.split())
        await world.press("down")
        shown = await rest(world)
        assert "Takes" not in shown
        (line,) = (each for each in shown.splitlines() if "llama-8b" in each)
        assert "text" not in line


@pytest.mark.asyncio
async def test_what_embeds_shows_no_price_for_text_and_says_why() -> None:
    async with console(fleet(), session=FullSession()) as world:
        row: JsonObject = {
            "id": "openai/ada", "provider": "openai", "model": "ada", "input_usd_per_million": 0.1,
            "cached_usd_per_million": None, "output_usd_per_million": None, "source": "litellm", "connections": [],
        }  # fmt: skip
        world.session.answers["price.llm"] = [row]
        await opened(world)
        assert "It makes no text: only what it reads has a price." in " ".join(world.shown.split())
        (line,) = (each for each in world.shown.splitlines() if " ada " in each)
        assert line.split()[1:6] == ["ada", "openai", "$0.10", "–", "–"]


@pytest.mark.asyncio
async def test_a_price_that_varies_is_told_as_none_with_where_that_is_from() -> None:
    async with console(fleet(), session=FullSession()) as world:
        row: JsonObject = {
            "id": "openrouter/auto", "provider": "openrouter", "model": "auto", "input_usd_per_million": None,
            "output_usd_per_million": None, "source": "openrouter.ai", "as_of": "2026-11-20", "connections": [],
            "note": "It did not answer.",
        }  # fmt: skip
        world.session.answers["price.llm"] = [row]
        await opened(world)
        shown = " ".join(world.shown.split())
        assert "No one price for its tokens, openrouter.ai, of 2026-11-20. Not newer: It did not answer." in shown


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("text", "models"),
    [
        ("in<1", ["gpt-5-nano"]),
        ("out>=10", ["claude-sonnet-5"]),
        ("context<500000", ["gpt-5-nano"]),
        ("used:hosted", ["claude-sonnet-5"]),
        ("provider:openai", ["gpt-5-nano"]),
        ("modalities:image", ["claude-sonnet-5", "gpt-5-nano"]),
    ],
)
async def test_a_filter_compares_what_tokens_cost(text: str, models: list[str]) -> None:
    async with console(fleet(), session=FullSession()) as world:
        await opened(world)
        world.view._filter(text)
        table = world.view.active_table
        assert table is not None
        assert [row_id.partition("/")[2] for row_id in table.order] == models


@pytest.mark.asyncio
async def test_marked_models_stand_side_by_side() -> None:
    async with console(fleet(), session=FullSession()) as world:
        await opened(world)
        await world.press("space", "down", "space", "v")
        await rest(world)
        assert "2 compared" in world.header
        assert "gpt-5-nano openai" in world.shown
