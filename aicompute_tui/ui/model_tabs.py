"""The tabs of the models' view: which question fills each, what it was asked with, and the pages that came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.ui import records
from aicompute_tui.ui.model_records import MODELS
from aicompute_tui.ui.records import text

TABS: tuple[tuple[str, str], ...] = (
    ("Popular", "model.popular"), ("Trending", "model.trending"), ("Search", "model.search"),
)  # fmt: skip
"""Name and question."""
POPULAR, TRENDING, SEARCH = 0, 1, 2
WORDS = "words"
"""The search's argument that holds what was typed."""
PICK = "pick"
"""The framework that a wizard looks for a model for."""


@dataclass(slots=True)
class Tab:
    """`rows` is None until it has an answer; `next_page` is empty where nothing follows."""

    question: str
    given: JsonObject = field(default_factory=dict)
    rows: dict[str, JsonObject] | None = None
    cursor_id: str | None = None
    next_page: str = ""
    problem: AicError | None = None
    is_asking: bool = False

    def take(self, answer: Json, page: str) -> None:
        """The first page anew, or one that follows."""
        fresh = records.rows_by_key(MODELS, answer)
        last = next(reversed(fresh.values()), None)
        self.next_page = text(last, "next_cursor") if last is not None else ""
        self.rows = {**(self.rows or {}), **fresh} if page else fresh


def kept_back(tab: Tab) -> str:
    """Why what is shown is not fresh, or not all; empty where it is."""
    if tab.problem is not None:
        return f"{tab.problem.message} {tab.problem.next_step}".strip()
    stale = next((row for row in (tab.rows or {}).values() if row.get("problem")), None)
    return "" if stale is None else f"{text(stale, 'problem')} {text(stale, 'next_step')}".strip()


def given_words(given: Mapping[str, Json]) -> list[str]:
    """What a tab was asked with, as the breadcrumb tells it."""
    return [" ".join(map(str, value)) if isinstance(value, list) else str(value) for value in given.values()]


def words_of(given: Mapping[str, Json]) -> str:
    value = given.get(WORDS)
    return " ".join(map(str, value)) if isinstance(value, list) else ""
