"""Recommendations in the console: ranked as they are typed, and a launch that begins from one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from textual.widgets import Input

from aicompute_tui.domain.errors import NotFound
from aicompute_tui.domain.json import Json
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui import recommend_world
from tests.ui.console_world import Console, console
from tests.ui.fleet import FullSession, fleet, rest


class AskedSession(FullSession):
    """Ranks by the budget that was typed, and remembers what was asked and what was given up."""

    def __init__(self, *, read_only: bool = False) -> None:
        super().__init__(read_only=read_only)
        self.wanted: list[dict[str, Json]] = []
        self.given_up: list[dict[str, Json]] = []
        self.gate: asyncio.Event | None = None

    async def query(self, action_id: str, arguments: Mapping[str, Json]) -> Json:
        if action_id != "model.recommend":
            return await super().query(action_id, arguments)
        self.wanted.append(dict(arguments))
        if self.gate is not None:
            try:
                await self.gate.wait()
            except asyncio.CancelledError:
                self.given_up.append(dict(arguments))
                raise
        if arguments["model"] == "nobody":
            raise NotFound("No known model has all of “nobody” in its name.", "Write it as its hub does.")
        return recommend_world.recommended(arguments)


async def opened(world: Console, *words: str) -> None:
    await world.press("colon", *"recommend", "enter")
    await rest(world)
    if words:
        await world.press(*" ".join(words))


async def asked(world: Console, session: AskedSession, **wanted: Json) -> None:
    """The question that was typed last is answered."""
    await world.until(lambda: bool(session.wanted) and session.wanted[-1] == wanted)
    await rest(world)


@pytest.mark.asyncio
async def test_a_model_and_a_budget_rank_what_it_fits_on_and_enter_launches_it() -> None:
    session = AskedSession()
    async with console(fleet(), session=session, size=(80, 24)) as world:
        await opened(world, "llama", "70b")
        await world.press("down", "3", "enter")
        await asked(world, session, model="llama 70b", max_usd_per_hour="3")
        assert "Llama 3.1 70B (not Llama 3.3 70B) at 8k context fits on 2 machine types." in world.shown
        assert "4x_L40_SECURE" in world.shown
        assert "g5.48xlarge" not in world.shown
        await world.press("enter")
        await rest(world)
        assert world.view.crumbs[0] == "Launch"
        form = world.view.form  # type: ignore[attr-defined]
        assert (form["type"], form["region"], form["market"]) == ("g6e.12xlarge", "us-east-2", "spot")
        assert (form["framework"], form["model"]) == ("vllm", "meta-llama/Llama-3.1-70B-Instruct")
        assert form["max_price"] == "3"
        assert "5 of 5" in world.shown


@pytest.mark.asyncio
async def test_offers_for_the_question_before_are_not_taken_for_an_answer() -> None:
    session = AskedSession()
    async with console(fleet(), session=session, size=(80, 24)) as world:
        await opened(world, "llama", "70b")
        await asked(world, session, model="llama 70b")
        session.gate = asyncio.Event()
        await world.press("down", "3", "enter")
        await world.until(lambda: "asking …" in world.shown and "fits on" not in world.shown)
        session.gate.set()
        await asked(world, session, model="llama 70b", max_usd_per_hour="3")
        assert "fits on 2 machine types." in world.shown
        assert "asking …" not in world.shown


@pytest.mark.asyncio
async def test_enter_opens_no_offer_of_the_question_before() -> None:
    session = AskedSession()
    async with console(fleet(), session=session) as world:
        await opened(world, "llama")
        await asked(world, session, model="llama")
        session.gate = asyncio.Event()
        await world.press("space", *"70b", "enter", "enter")
        await world.until(lambda: "still being asked for" in world.jobs)
        session.gate.set()
        await asked(world, session, model="llama 70b")
        await world.press("enter")
        await world.until(lambda: "Launch" in world.header)


@pytest.mark.asyncio
async def test_what_was_typed_a_moment_ago_is_asked_before_an_offer_is_opened() -> None:
    session = AskedSession()
    async with console(fleet(), session=session) as world:
        await opened(world, "llama", "70b")
        await asked(world, session, model="llama 70b")
        world.view.query_one(Input).value = "llama 8b"
        world.view.query_one(VirtualTable).focus()
        await world.press("enter")
        await world.until(lambda: "still being asked for" in world.jobs)
        assert session.wanted[-1] == {"model": "llama 8b"}


@pytest.mark.asyncio
async def test_letters_typed_in_one_go_are_few_questions_and_an_older_one_is_given_up() -> None:
    session = AskedSession()
    async with console(fleet(), session=session, size=(80, 24)) as world:
        session.gate = asyncio.Event()
        await opened(world, "llama")
        await world.until(lambda: {"model": "llama"} in session.wanted)
        assert len(session.wanted) < len("llama")
        await world.press(*" 70b")
        await world.until(lambda: {"model": "llama"} in session.given_up)
        session.gate.set()
        await world.until(lambda: "g5.48xlarge" in world.shown)
        assert session.wanted[-1] == {"model": "llama 70b"}


@pytest.mark.asyncio
async def test_where_nothing_fits_the_smaller_version_stands_with_the_place_that_has_it() -> None:
    session = AskedSession()
    async with console(fleet(), session=session, size=(120, 40)) as world:
        await opened(world, "llama", "70b")
        await world.press("down", *"1.50", "enter")
        await asked(world, session, model="llama 70b", max_usd_per_hour="1.50")
        assert "fits on nothing for $1.50/h or less." in " ".join(world.shown.split())
        assert "awq" in world.shown
        await world.press("enter")
        await rest(world)
        form = world.view.form  # type: ignore[attr-defined]
        assert form["model"] == "hugging-quants/Meta-Llama-3.1-70B-Instruct-AWQ-INT4"


@pytest.mark.asyncio
async def test_a_budget_that_cannot_be_read_and_a_model_nobody_knows_are_said_and_nothing_is_shown() -> None:
    session = AskedSession()
    async with console(fleet(), session=session, size=(80, 24)) as world:
        await opened(world, "llama")
        await world.press("down", *"much", "enter")
        await rest(world)
        assert "“much” is not a budget." in world.shown
        assert all(each == {"model": "llama"} for each in session.wanted)
        assert "4x_L40" not in world.shown
        await world.press("m", "ctrl+u", *"nobody", "down", "ctrl+u", "enter")
        await world.until(lambda: "No known model has all of “nobody”" in world.shown)
        assert "4x_L40" not in world.shown


@pytest.mark.asyncio
async def test_a_month_is_a_budget_too_and_the_market_is_turned() -> None:
    session = AskedSession()
    async with console(fleet(), session=session, size=(80, 24)) as world:
        await opened(world, "llama")
        await world.press("down", *"900/month", "down", *"32k", "down", "2", "down", "right", "enter")
        await asked(world, session, model="llama", max_usd_per_month="900", context="32k", parallel="2", market="spot")


@pytest.mark.asyncio
async def test_an_offer_of_another_cloud_says_that_nothing_is_launched_there() -> None:
    session = AskedSession()
    async with console(fleet(), session=session, size=(80, 24)) as world:
        await opened(world, "llama")
        await world.press("enter")
        await asked(world, session, model="llama")
        await world.press("g", "enter")
        await rest(world)
        assert world.view.crumbs[0] == "Recommend"
        assert "Nothing is launched at runpod from here." in world.shown


@pytest.mark.asyncio
async def test_at_80_columns_also_a_long_list_shows_the_whole_context(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [recommend_world.offer(f"g5.{n}xlarge", read_days_ago=0, max_context=131_072) for n in range(30)]
    monkeypatch.setattr(recommend_world, "OFFERS", rows)
    async with console(fleet(), session=AskedSession(), size=(80, 24)) as world:
        await opened(world, "llama", "70b")
        await world.until(lambda: "g5.1xlarge" in world.shown)
        line = next(line for line in world.shown.splitlines() if "g5.1xlarge" in line)
        assert "128k" in line
        assert "price date unknown, <1d old" in " ".join(world.shown.split())


@pytest.mark.asyncio
async def test_read_only_shows_the_offer_instead_of_a_launch() -> None:
    session = AskedSession(read_only=True)
    async with console(fleet(), session=session, size=(80, 24)) as world:
        await opened(world, "llama")
        await world.press("enter")
        await asked(world, session, model="llama")
        await world.press("enter")
        await rest(world)
        assert '"usd_per_month"' in world.shown


@pytest.mark.asyncio
async def test_the_plans_of_a_month_stand_with_the_least_and_the_most_and_what_is_unknown() -> None:
    async with console(fleet(), session=FullSession(), size=(80, 24)) as world:
        await world.press("colon", *"cost-plan", "enter")
        await rest(world)
        assert world.view.crumbs == ("Cost plan",)
        assert "$48" in world.shown
        assert "$4,141" in world.shown
        rare = next(line for line in world.shown.splitlines() if "p5.4xlarge" in line)
        assert rare.split()[5:7] == ["–", "$124"]
        assert "Disks and traffic are not counted." in " ".join(world.shown.split())
        await world.press("enter")
        await rest(world)
        assert "3 of 5" in world.shown
