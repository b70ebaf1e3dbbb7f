"""The colour themes a person can choose from: the built-in ones and those of the themes folder."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aicompute_tui.domain.errors import NotFound
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.arguments import text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.settings.themes import ANSI_DARK, ANSI_LIGHT, DARK, LIGHT, find_themes

FOLLOWS = "follow the terminal"
"""What the list calls an empty theme."""
_TOLD = {
    DARK: "Dark, sixteen million colours.",
    LIGHT: "Light, sixteen million colours.",
    ANSI_DARK: "The sixteen colours of your terminal, on a dark background.",
    ANSI_LIGHT: "The sixteen colours of your terminal, on a light background.",
}


async def list_themes(context: Context, arguments: Arguments) -> Json:
    """Handler of `theme.list`. Raises NotFound where the one that is named is not there."""
    name = text(arguments, "name")
    rows = await asyncio.to_thread(theme_rows, context.places.config, context.preferences.text("theme"))
    found = [row for row in rows if not name or name in (row["theme"], row["name"])]
    if not found:
        raise NotFound(f"There is no theme “{name}”.", "`aic-tui theme list` shows the themes there are.")
    return list[Json](found)


def theme_rows(config: Path, chosen: str) -> list[JsonObject]:
    """A row for each, the one in use marked; a file that cannot be used is a row with its problem."""
    found = find_themes(config)
    rows = [_row("", FOLLOWS, "Dark or light as the terminal says.", None)]
    rows += [_row(name, name, about, None) for name, about in _TOLD.items()]
    for theme in found.themes.values():
        side = "Dark" if theme.is_dark else "Light"
        rows.append(_row(theme.name, theme.name, f"{side}, from {theme.path.name}.", str(theme.path)))
    for row in rows:
        row["is_chosen"] = row["theme"] == chosen
    for error in found.problems:
        rows.append({**_row(None, "cannot be used", "", None), "problem": error.message, "next_step": error.next_step})
    return rows


def _row(theme: str | None, name: str, about: str, path: str | None) -> JsonObject:
    return {
        "theme": theme,
        "name": name,
        "is_chosen": False,
        "about": about,
        "path": path,
        "problem": None,
        "next_step": None,
    }
