"""Documents ranked by a connection in the console: asked for by its word, and refused where its kind ranks nothing."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from aicompute_tui.domain.json import Json
from tests.ui.console_world import HeldSession, connection_row, console, reading

RANKED: list[Json] = [
    {"score": 0.98, "document": "A dog barks.", "index": 1}, {"score": 0.02, "document": "No.", "index": 0},
]  # fmt: skip


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_texts_are_ranked_by_a_connection(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Mapping[str, Json]] = []
    usual = HeldSession.query

    async def query(session: HeldSession, action_id: str, arguments: Mapping[str, Json]) -> Json:
        if action_id == "connection.rerank":
            asked.append(arguments)
        return await usual(session, action_id, arguments)

    monkeypatch.setattr(HeldSession, "query", query)
    rows = [connection_row("ranker", kind="tei"), connection_row("voice", kind="groq")]
    async with console(reading([], connections=rows), size=size) as world:
        world.session.answers["connection.rerank"] = RANKED
        await world.press(":", *"connection-rerank ranker", "enter")
        await world.until(lambda: "Rank with ranker" in world.shown)
        await world.press(*"Who barks?", "enter", *"No.", "down", *"A dog barks.", "enter")
        await world.until(lambda: "0.9800" in world.shown)
        assert [(each["query"], each["documents"]) for each in asked] == [("Who barks?", ["No.", "A dog barks."])]
        assert world.shown.index("0.9800") < world.shown.index("0.0200")
        world.session.answers["connection.embed"] = {"dimensions": 384, "length": 1.0, "first_numbers": [0.5]}
        await world.press("escape", ":", *"connection-embed ranker", "enter")
        await world.until(lambda: "Embed with ranker" in world.shown)
        await world.press(*"A dog barks.", "enter")
        await world.until(lambda: "384 numbers" in world.shown)
        await world.press("escape", ":", *"connection-rerank voice", "enter")
        await world.until(lambda: "Groq is asked for no ranking" in world.shown)
