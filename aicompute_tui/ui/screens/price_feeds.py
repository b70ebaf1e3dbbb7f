"""Where prices come from, feed by feed, and all of them asked anew."""

from __future__ import annotations

from typing import ClassVar

from textual import work

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.feed_records import FEEDS
from aicompute_tui.ui.records import text
from aicompute_tui.ui.screens.records import RecordScreen


class PriceFeedsScreen(RecordScreen):
    """ctrl+r asks every feed."""

    LIST = FEEDS
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "JSON"),)
    HINTS: ClassVar[tuple[str, ...]] = ("go.refresh", "go.filter", "go.command", "go.help")

    def asked_anew(self) -> None:
        self.say("Asking the price feeds …", "dim")
        self._ask_anew(self.arguments)

    @work(group="load", exclusive=True, exit_on_error=False)
    async def _ask_anew(self, arguments: JsonObject) -> None:
        try:
            answer = await self.session.query("price.refresh", arguments)
        except AicError as error:
            self.say(error.message, "bad", next_step=error.next_step)
            return
        rows = [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []
        bad = sum(text(row, "state") in {"failed", "refused"} for row in rows)
        good = sum(text(row, "state") in {"new", "unchanged"} for row in rows)
        self.say(f"{good} of {len(rows)} price feeds are up to date.", "warn" if bad else "good")
        self.load()


class RefreshedFeedsScreen(PriceFeedsScreen):
    """The same, asked anew as it opens."""

    _is_asked = False

    def load(self) -> None:
        if self._is_asked:
            super().load()
        else:
            self._is_asked = True
            self.asked_anew()
