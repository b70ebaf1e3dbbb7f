"""The pictures in screenshots/ are those of today's views: all of them, no others, with the footers of now."""

from __future__ import annotations

import html
import re
from collections import defaultdict

import pytest

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.ui.bindings import key_text
from aicompute_tui.ui.navigation import commands
from aicompute_tui.ui.screens.base import ConsoleScreen
from tests.screenshots import FOLDER, SIZES, VIEWS, View
from tests.ui.console_world import console
from tests.ui.fleet import FullSession, fleet, place_of

RETAKE = "python -m tests.screenshots"


def test_every_view_is_pictured_at_both_sizes_and_nothing_else() -> None:
    wanted = {
        f"{view.name}-{width}x{height}.{kind}" for view in VIEWS for width, height in SIZES for kind in ("svg", "png")
    }
    there = {path.name for path in FOLDER.iterdir()}
    missing, stale = sorted(wanted - there), sorted(there - wanted)
    assert not missing, f"{RETAKE} {' '.join(sorted({name.rpartition('-')[0] for name in missing}))}"
    assert not stale, f"git rm {' '.join(f'screenshots/{name}' for name in stale)}"


def lines_of(picture: str) -> list[str]:
    """What stands in a picture, line by line."""
    rows: dict[float, list[tuple[float, str]]] = defaultdict(list)
    for x, y, text in re.findall(r'<text [^>]*\bx="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', picture):
        rows[float(y)].append((float(x), html.unescape(text).replace("\u00a0", " ")))
    return ["".join(text for _, text in sorted(rows[y])) for y in sorted(rows)]


@pytest.mark.asyncio
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
async def test_a_picture_shows_the_footer_of_now(view: View) -> None:
    width, height = SIZES[-1]
    shown = lines_of((FOLDER / f"{view.name}-{width}x{height}.svg").read_text(encoding="utf-8"))
    async with console(fleet(), session=FullSession(), size=(width, height)) as world:
        await place_of(view).enter(world)
        now = world.shown.rstrip().splitlines()[-1]
        of_rows = footer_of_rows(world.view)
    assert without(now, of_rows) == without(shown[-1], of_rows), f"{RETAKE} {view.name}"


def footer_of_rows(view: ConsoleScreen) -> list[str]:
    """What the footer says or not by the row under the cursor, which is another one in the picture."""
    if type(view).offers is ConsoleScreen.offers:
        return []
    known = commands()
    of_rows = [known[each] for each in view.hint_ids if each in ACTIONS]
    return [key_text(each.keys[0]) + view.hint_word(each) for each in of_rows if each.keys]


def without(footer: str, words: list[str]) -> str:
    """A picture has no text where a line is blank."""
    left = "".join(footer.split())
    for word in words:
        left = left.replace(word, "")
    return left
