"""A connection tested and talked with in the console: streaming, stopped, failing, and never in the way of a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from textual.widgets import Input

from aicompute_tui.domain.errors import AuthFailed
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.conversations import Conversations
from aicompute_tui.ui.screens.connection_chat import ChatScreen
from aicompute_tui.ui.screens.connection_test import ConnectionTestScreen
from aicompute_tui.ui.widgets.text_line import TextLine
from tests.ui.console_world import Console, connection_row, console, reading

ENDING: JsonObject = {
    "text": "", "total_seconds": 1.5, "first_token_seconds": 0.25, "connect_seconds": 0.004, "model": "tiny-2026",
    "input_tokens": 12, "output_tokens": 9, "cost_usd": 0.0004,
}  # fmt: skip
GOOD: JsonObject = {"ok": True, "models": 3, "model": "tiny", "model_is_listed": True, "latency_ms": 31.2}
PRICED: JsonObject = {"cost_at_most_usd": 0.0012, "price_source": "litellm 1.106.2", "price_as_of": "2026-11-20"}


SILENT: JsonObject = {
    "ok": True, "models": None, "model": "tiny", "model_is_listed": None, "latency_ms": 31.2,
    "note": "It answers, and lists no models.",
}  # fmt: skip


def piece(said: str) -> JsonObject:
    return {"text": said, "total_seconds": None}


@asynccontextmanager
async def opened(word: str, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Console]:
    async with console(reading([], connections=[connection_row("box")]), size=size) as world:
        world.session.streamed["connection.ask"] = []
        world.session.answers |= {"connection.test": GOOD, "connection.estimate": PRICED}
        await world.press(":", *word, *" box", "enter")
        yield world


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 10)])
async def test_a_conversation_streams_and_goes_along(size: tuple[int, int]) -> None:
    async with opened("connection-ask", size) as world:
        await world.until(lambda: isinstance(world.app.screen, ChatScreen))
        await world.press(*"hello", "enter")
        await world.until(lambda: len(world.session.opened) == 1)
        (held,) = world.session.opened
        assert (held.arguments["prompt"], held.arguments["earlier"]) == ("hello", [])
        held.send(piece("Guten "))
        await world.until(lambda: "Guten" in world.shown)
        held.send(piece("Tag\x1b[31m"))
        held.send(ENDING)
        await world.until(lambda: "Guten Tag" in world.parts("#chat-said"))
        await world.until(lambda: "$0.0004" in world.parts("#chat-said"))
        assert "\x1b" not in world.parts("#chat-said")
        await world.press(*"more", "enter")
        await world.until(lambda: len(world.session.opened) == 2)
        assert world.session.opened[1].arguments["earlier"] == ["user=hello", "assistant=Guten Tag\x1b[31m"]
        await world.press("ctrl+n")
        await world.until(lambda: world.session.open_streams("connection.ask") == [])
        assert world.parts("#chat-said").strip() == ""


@pytest.mark.asyncio
async def test_esc_stops_an_answer_and_then_leaves() -> None:
    async with opened("connection-ask") as world:
        await world.press(*"hello", "enter")
        await world.until(lambda: len(world.session.opened) == 1)
        world.session.opened[0].send(piece("Gut"))
        await world.until(lambda: "Gut" in world.shown)
        await world.press(*"next")
        assert "next" in world.shown, "keys are taken while it answers"
        await world.press("enter")
        assert "still answering" in world.jobs
        assert len(world.session.opened) == 1
        await world.press("escape")
        await world.until(lambda: not world.session.opened[0].is_open)
        assert isinstance(world.app.screen, ChatScreen)
        await world.until(lambda: "stopped" in world.shown)
        assert "still answering" not in world.jobs
        await world.press("escape")
        assert not isinstance(world.app.screen, ChatScreen)


@pytest.mark.asyncio
async def test_what_was_said_is_there_again_until_it_is_begun_anew() -> None:
    async with opened("connection-ask") as world:
        await world.press(*"hello", "enter")
        await world.until(lambda: len(world.session.opened) == 1)
        world.session.opened[0].send(piece("Guten Tag"))
        world.session.opened[0].send(ENDING)
        await world.until(lambda: "$0.0004" in world.parts("#chat-said"))
        await world.press("escape")
        assert not isinstance(world.app.screen, ChatScreen)
        await world.press(":", *"connection-ask box", "enter")
        await world.until(lambda: "Guten Tag" in world.parts("#chat-said"))
        assert "hello" in world.parts("#chat-said")
        await world.press(*"more", "enter")
        await world.until(lambda: len(world.session.opened) == 2)
        assert world.session.opened[1].arguments["earlier"] == ["user=hello", "assistant=Guten Tag"]
        await world.press("ctrl+n", "escape", ":", *"connection-ask box", "enter")
        await world.until(lambda: isinstance(world.app.screen, ChatScreen))
        assert world.parts("#chat-said").strip() == ""


def test_the_latest_conversations_are_kept() -> None:
    kept = Conversations()
    for number in range(30):
        kept.of(f"c{number}").append(("user", "hello"))
        kept.of("c0")
    assert kept.of("c0") == kept.of("c29") == [("user", "hello")]
    assert kept.of("c5") == []


@pytest.mark.asyncio
async def test_an_answer_ends_with_its_view() -> None:
    async with opened("connection-ask") as world:
        await world.press(*"hello", "enter")
        await world.until(lambda: len(world.session.opened) == 1)
        world.app.go_back()
        await world.until(lambda: not world.session.opened[0].is_open)


@pytest.mark.asyncio
async def test_what_goes_wrong_stands_in_the_conversation() -> None:
    async with opened("connection-ask") as world:
        await world.press(*"hello", "enter")
        await world.until(lambda: len(world.session.opened) == 1)
        world.session.opened[0].end(AuthFailed("“box” does not accept the key.", "Give another."))
        await world.until(lambda: "does not accept the key" in world.shown)
        await world.press(*"again", "enter")
        await world.until(lambda: len(world.session.opened) == 2)
        assert world.session.opened[1].arguments["earlier"] == []


@pytest.mark.asyncio
async def test_a_long_answer_is_wrapped_bounded_and_followed() -> None:
    async with opened("connection-ask") as world:
        await world.press(*"hello", "enter")
        await world.until(lambda: len(world.session.opened) == 1)
        for _ in range(60):
            world.session.opened[0].send(piece("word " * 1_000))
        await world.until(lambda: not world.session.opened[0].is_open)
        await world.until(lambda: "longer than this view holds" in world.shown)
        lines = world.parts("#chat-said").splitlines()
        assert len(lines) <= 5_000
        assert max(map(len, lines)) <= 80


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 10)])
async def test_a_test_asks_for_nothing_that_costs_before_enter(size: tuple[int, int]) -> None:
    async with opened("connection-test", size) as world:
        await world.until(lambda: isinstance(world.app.screen, ConnectionTestScreen))
        await world.until(lambda: "answers" in world.parts("#test-facts"))
        assert "31 ms" in world.parts("#test-facts")
        await world.until(lambda: "at most $0.0012" in world.view.query_one("#test-cost", TextLine).text)
        assert world.session.opened == []
        await world.press("end", *"?", "enter")
        await world.until(lambda: len(world.session.opened) == 1)
        (held,) = world.session.opened
        assert held.arguments["prompt"] == "Hello, how are you??"
        assert (held.arguments["max_tokens"], held.arguments["test"]) == ("50", True)
        held.send(piece("Fine."))
        held.send(ENDING)
        await world.until(lambda: "Fine." in world.parts("#test-said"))
        await world.until(lambda: "first 250 ms" in world.parts("#test-said").replace("\n", " "))


@pytest.mark.asyncio
@pytest.mark.parametrize("word", ["connection-ask", "connection-test"])
async def test_an_answer_that_was_ended_too_early_says_by_what(word: str) -> None:
    async with opened(word) as world:
        await world.until(lambda: "asking" not in world.shown)
        for number, reason in enumerate(("stop", "blocked: SAFETY")):
            await world.press("end", *"x", "enter")
            await world.until(lambda number=number: len(world.session.opened) == number + 1)  # type: ignore[misc]
            world.session.opened[number].send({**ENDING, "finish_reason": reason})
            await world.until(lambda number=number: world.session.open_streams("connection.ask") == [])  # type: ignore[misc]
            assert "ended by stop" not in world.shown
        await world.until(lambda: "ended by blocked: SAFETY" in " ".join(world.shown.split()))


@pytest.mark.asyncio
async def test_a_test_tells_what_is_wrong_and_the_way_on() -> None:
    problem: Json = {"ok": False, "error": "“box” does not accept the key.", "next_step": "Give another."}
    async with opened("connection-ask") as world:
        world.session.answers |= {"connection.test": problem, "connection.estimate": {"cost_at_most_usd": None}}
        await world.press("escape", ":", *"connection-test box", "enter")
        await world.until(lambda: "does not accept the key" in world.shown)
        assert "Give another." in world.shown
        await world.until(lambda: "unknown" in world.shown)
        world.session.answers["connection.test"] = GOOD
        await world.press("ctrl+r")
        await world.until(lambda: "answers" in world.parts("#test-facts"))


@pytest.mark.asyncio
async def test_a_prompt_given_with_the_word_waits_for_enter_also_when_one_comes_back_to_it() -> None:
    async with opened("connection-ask") as world:
        world.app.go_back()
        await world.press(":", *"connection-ask box hello", "enter")
        await world.until(lambda: isinstance(world.app.screen, ChatScreen))
        await world.press("escape", "]")
        assert world.session.opened == []
        await world.press(":", *"connection-ask box hello", "enter")
        await world.until(lambda: world.app.screen.query_one("#chat-line", Input).value == "hello")
        await world.press("enter")
        await world.until(lambda: len(world.session.opened) == 1)
        assert world.session.opened[0].arguments["prompt"] == "hello"


@pytest.mark.asyncio
async def test_what_a_free_test_cannot_tell_is_said() -> None:
    async with console(reading([], connections=[connection_row("box")])) as world:
        world.session.answers |= {"connection.test": SILENT, "connection.estimate": PRICED}
        await world.press(":", *"connection-test", *" box", "enter")
        await world.until(lambda: "lists no models" in world.shown)
        assert "0 models" not in world.shown
