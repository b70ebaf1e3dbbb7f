"""The view of usage: sums, a chart with its figures, and the log of requests behind each row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.glyphs import ASCII, UNICODE
from aicompute_tui.ui.screens.connection_usage import CallsScreen, UsageScreen
from aicompute_tui.ui.usage_lists import SPANS, Span, begun, summed, table_lines
from tests.ui.console_world import Console, HeldSession, connection_row, console, reading


def used(name: str, **changes: Json) -> JsonObject:
    return {
        "connection": name, "connection_id": f"connection-{name}", "at": "2026-11-20T00:00:00Z", "requests": 1200,
        "failed": 3, "error_rate": 0.0025, "input_tokens": 410_000, "output_tokens": 52_300, "cost_usd": 1.25,
        "unpriced": 0, "p50_seconds": 0.8, "p95_seconds": 4.2, "p50_first_token_seconds": 0.21,
        "p95_first_token_seconds": 0.9, "last_used_at": "2026-11-20T13:58:00Z", **changes,
    }  # fmt: skip


CALL: JsonObject = {
    "id": "c1", "at": "2026-11-20T13:58:00Z", "connection": "box", "connection_id": "connection-box",
    "caller": "gateway", "operation": "chat", "model": "tiny", "state": "failed", "problem_kind": "RateLimited",
    "input_tokens": None, "output_tokens": None, "cost_usd": None, "first_token_seconds": None, "total_seconds": 0.031,
}  # fmt: skip


def world_of(session: HeldSession) -> HeldSession:
    free = used("free", cost_usd=None, unpriced=7, failed=0, error_rate=0.0, requests=7)
    session.answers |= {"connection.usage": [used("box"), free], "connection.calls": [CALL]}
    return session


async def opened(world: Console) -> None:
    await world.press(":", *"connection-usage", "enter")
    await world.until(lambda: isinstance(world.app.screen, UsageScreen) and "1,200" in world.shown)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_usage_tells_sums_cost_and_what_is_unknown(size: tuple[int, int]) -> None:
    rows = [connection_row("box"), connection_row("free")]
    async with console(reading([], connections=rows), session=world_of(HeldSession()), size=size) as world:
        await opened(world)
        box = next(line for line in world.shown.splitlines() if "box" in line and "1,200" in line)
        assert ("<1%" in box, "410.0k" in box, "$1.25" in box) == (True, True, True)
        free = next(line for line in world.shown.splitlines() if " free" in line)
        assert "–" in free
        assert "$" not in free
        await world.until(lambda: "1,207 asked" in world.parts("#usage-chart"))
        assert "$1.25" in world.parts("#usage-chart")
        await world.press("b")
        assert "20 Nov" in world.parts("#usage-chart").splitlines()[1], "the newest first"
        await world.press("greater_than_sign")
        await world.until(lambda: "last 30 days" in world.header)
        await world.press("enter")
        await world.until(lambda: isinstance(world.app.screen, CallsScreen) and "RateLimited" in world.shown)
        await world.press("escape")
        assert isinstance(world.app.screen, UsageScreen)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_on_a_connection_its_own_usage_comes_first_and_all_are_one_key_away(size: tuple[int, int]) -> None:
    session = world_of(HeldSession())
    asked: list[JsonObject] = []

    async def query(action_id: str, arguments: Mapping[str, Json]) -> Json:
        if action_id == "connection.usage":
            asked.append(dict(arguments))
            if arguments.get("name"):
                days = ("2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z", "2026-11-13T00:00:00Z")
                return [used("box", at=day, requests=600 + place) for place, day in enumerate(days)]
        return session.answers[action_id]

    session.query = query  # type: ignore[method-assign]
    rows = [connection_row("box"), connection_row("free")]
    async with console(reading([], connections=rows), session=session, size=size) as world:
        await world.press("4", "u")
        await world.until(lambda: isinstance(world.app.screen, UsageScreen) and "19 Nov" in world.shown)
        assert asked == [{"name": "connection-box", "since": "7d", "by": "day"}]
        assert "Connections › box › Usage" in world.header
        assert "1,201 asked" in world.parts("#usage-chart")
        lines = [line for line in world.shown.splitlines() if "Nov" in line and "$1.25" in line]
        assert len(lines) == 2, "what lies before the first bar is no row"
        assert ["19 Nov" in lines[0], "601" in lines[0], "18 Nov" in lines[1]] == [True] * 3
        await world.press("u")
        await world.until(lambda: "1,207 asked" in world.parts("#usage-chart") and " free" in world.shown)
        assert "box" not in world.header
        await world.press("down", "u")
        await world.until(lambda: asked[-1].get("name") == "connection-free")
        await world.press("escape")
        assert not isinstance(world.app.screen, UsageScreen)


@pytest.mark.asyncio
async def test_a_row_of_time_opens_the_requests_of_that_time_and_says_where_they_were_cut() -> None:
    session = world_of(HeldSession())
    asked: list[JsonObject] = []

    async def query(action_id: str, arguments: Mapping[str, Json]) -> Json:
        if action_id == "connection.calls":
            asked.append(dict(arguments))
            return [{**CALL, "id": f"c{number}"} for number in range(1_000)]
        return [used("box", at="2026-11-16T00:00:00Z")] if arguments.get("name") else session.answers[action_id]

    session.query = query  # type: ignore[method-assign]
    async with console(reading([], connections=[connection_row("box")]), session=session) as world:
        await world.press("4", "u")
        await world.until(lambda: isinstance(world.app.screen, UsageScreen) and "16 Nov" in world.shown)
        await world.press("enter")
        await world.until(lambda: isinstance(world.app.screen, CallsScreen) and "newest 1,000" in world.header)
        assert "16 Nov" in world.header
        assert (asked[-1]["since"], asked[-1]["until"]) == ("2026-11-16T00:00:00Z", "2026-11-16T23:59:59.999999+00:00")


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_half_of_the_figures_are_not_lost_in_a_usual_terminal(size: tuple[int, int]) -> None:
    async with console(
        reading([], connections=[connection_row("box")]), session=world_of(HeldSession()), size=size
    ) as world:
        await opened(world)
        heads = next(line for line in world.shown.splitlines() if "asked" in line and "failed" in line)
        assert ("p50" in heads, "p95" in heads) == (True, True)


def test_what_is_unknown_of_the_cost_is_said_with_the_sum() -> None:
    span, now = SPANS[1], datetime(2026, 11, 20, 14, 5, tzinfo=UTC)
    rows = [used("box", requests=2, cost_usd=0.05), used("free", requests=50, cost_usd=None, unpriced=50)]
    title, first, *_ = (line.plain for line in table_lines(summed(rows, span, now), span, 6, UNICODE))
    assert "52 asked   cost $0.050+, of 50 unknown" in title
    assert "cost $0.050+" in first
    assert "unknown" not in table_lines(summed(rows[:1], span, now), span, 6, UNICODE)[0].plain
    assert "+" not in table_lines(summed(rows[1:], span, now), span, 6, UNICODE)[0].plain


@pytest.mark.parametrize(
    ("span", "last"),
    [(SPANS[0], "2026-11-20T00:59:59.999999+00:00"), (SPANS[2], "2026-11-20T23:59:59.999999+00:00"),
     (SPANS[3], "2026-12-19T23:59:59.999999+00:00")],
)  # fmt: skip
def test_a_row_ends_where_the_next_begins(span: Span, last: str) -> None:
    assert begun(used("box"), span) == ("2026-11-20T00:00:00Z", last)
    assert begun(used("box", at="2026-12-01T00:00:00Z"), SPANS[3]) == (
        "2026-12-01T00:00:00Z", "2026-12-31T23:59:59.999999+00:00",
    )  # fmt: skip
    assert begun(used("box", at=None), span) is None


@pytest.mark.asyncio
@pytest.mark.parametrize("given", ["the word", "the key"])
async def test_usage_is_told_apart_by_who_asked(given: str) -> None:
    session = world_of(HeldSession())
    asked: list[JsonObject] = []

    async def query(action_id: str, arguments: Mapping[str, Json]) -> Json:
        asked.append({"action": action_id, **arguments})
        if arguments.get("by") == "caller":
            return [
                used("box", at=None, caller="gateway", requests=1100),
                used("box", at=None, caller="cli", requests=9),
            ]
        return session.answers[action_id]

    session.query = query  # type: ignore[method-assign]
    async with console(reading([], connections=[connection_row("box")]), session=session, size=(120, 40)) as world:
        if given == "the word":
            await world.press(":", *"connection-usage by", "equals_sign", *"caller", "enter")
        else:
            await opened(world)
            await world.press("w")
        await world.until(lambda: "gateway" in world.shown and "1,100" in world.shown)
        assert "by caller" in world.header
        await world.until(lambda: "1,207 asked" in world.parts("#usage-chart"))
        await world.press("enter")
        await world.until(lambda: isinstance(world.app.screen, CallsScreen) and asked[-1].get("caller") == "gateway")
        await world.press("escape")
        await world.until(lambda: isinstance(world.app.screen, UsageScreen) and "1,100" in world.shown)
        await world.press("w")
        await world.until(lambda: "gateway" not in world.shown and "1,200" in world.shown)
        assert "by caller" not in world.header


@pytest.mark.asyncio
async def test_usage_stands_in_a_small_window_and_in_ascii() -> None:
    session = world_of(HeldSession(glyphs=ASCII))
    async with console(reading([]), session=session, size=(40, 10)) as world:
        await opened(world)
        assert "box" in world.shown
        assert world.shown.isascii()


@pytest.mark.asyncio
async def test_without_an_agent_the_view_says_so() -> None:
    async with console(reading([])) as world:
        await world.press(":", *"connection-usage", "enter")
        await world.until(lambda: "No agent is running" in world.shown)
