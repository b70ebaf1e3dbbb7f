"""What could be a connection: asked with the names of the keys that are set where the console was opened."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column

if TYPE_CHECKING:
    from aicompute_tui.ui.app import ConsoleApp

_NAMED = 3
"""So many are named in a sentence."""


async def variables() -> list[Json]:
    """Names of those that hold a provider's key; what they hold goes nowhere."""
    return [*await asyncio.to_thread(_key_variables)]


def _key_variables() -> list[str]:
    """In a thread: what knows them takes a moment to import."""
    from aicompute_tui.services.connection_finding import key_variables_in

    return key_variables_in(os.environ)


async def found(session: Session) -> list[JsonObject]:
    """Raises AicError, also where there is no agent."""
    answer = await session.query("connection.find", {"variables": await variables()})
    return [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []


def named(rows: Sequence[JsonObject]) -> str:
    """`Ollama (port 11434), OpenAI (OPENAI_API_KEY)`"""
    told = [f"{text(row, 'title')} ({text(row, 'where').removeprefix('variable ')})" for row in rows[:_NAMED]]
    return ", ".join(told) + (f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else "")


async def offer(app: ConsoleApp, session: Session) -> None:
    """To a person who has no connection yet, once an agent can look; where nothing is found nothing is said."""
    try:
        rows = await found(session)
    except AicError:
        return
    if rows and not session.state.connections:
        app.say(f"Found here: {named(rows)}.", next_step=":connection-find adds them")


def _columns(session: Session) -> list[RowColumn]:
    def models(row: JsonObject) -> Cell:
        count = number(row, "models")
        return Cell(session.glyphs.unknown, "dim") if count is None else Cell(f"{count:,.0f}")

    return [
        plain_column("title", "what it is", 18, weight=1, most=32, letter="K"),
        plain_column("where", "found by", 24, weight=2, most=40, letter="W"),
        Column(key="models", title="models", width=6, align="right", cell=models, letter="M",
               sort=lambda row: number(row, "models")),
        plain_column("base_url", "address", 24, weight=2, most=60, letter="A", needs=76),
    ]  # fmt: skip


def _told(_: Session, row: JsonObject) -> str:
    how = "its key is taken from there and sealed" if row.get("key_variable") else "it needs no key"
    return f"enter adds it as “{text(row, 'name')}”; {how}. Elsewhere: {text(row, 'next_step')}"


FOUND = RecordList(
    question="connection.find", title="Found", key="name", columns=_columns, told=_told, marks=False,
    empty="No model server answers on its usual port here, and no key of a provider is set.",
)  # fmt: skip
