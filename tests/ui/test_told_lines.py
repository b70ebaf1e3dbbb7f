"""What is told of a row under the cursor: wrapped, and what does not fit is marked as cut."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from aicompute_tui.ui.glyphs import UNICODE
from aicompute_tui.ui.widgets.told_lines import ToldLines


class TellingApp(App[None]):
    CSS = "ToldLines { height: 2; padding: 0 1; }"

    def compose(self) -> ComposeResult:
        yield ToldLines(UNICODE)

    @property
    def lines(self) -> list[str]:
        told = self.query_one(ToldLines)
        return [told.render_line(y).text.strip() for y in range(told.size.height)]


@pytest.mark.asyncio
async def test_what_does_not_fit_ends_in_an_ellipsis_and_a_wider_window_shows_it() -> None:
    app = TellingApp()
    async with app.run_test(size=(22, 6)) as pilot:
        told = app.query_one(ToldLines)
        told.tell("one two three four")
        await pilot.pause()
        assert app.lines == ["one two three four", ""]
        told.tell("one two three four five six seven eight nine ten")
        await pilot.pause()
        assert app.lines == ["one two three four", "five six seven eigh…"]
        await pilot.resize_terminal(42, 6)
        await pilot.pause()
        assert " ".join(app.lines) == "one two three four five six seven eight nine ten"
