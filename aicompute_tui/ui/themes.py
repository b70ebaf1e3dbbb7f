"""The console's colours: one accent for focus and cursor; green, amber and red for states alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from textual.theme import Theme

from aicompute_tui.domain.errors import AicError

if TYPE_CHECKING:
    from textual.app import App

    from aicompute_tui.settings.themes import ThemeFile

DARK = Theme(
    name="dark",
    primary="#7aa2f7",
    secondary="#8b98a9",
    accent="#7aa2f7",
    success="#86b56b",
    warning="#d8a657",
    error="#e06c75",
    foreground="#d3d9e3",
    background="#12161c",
    surface="#1a2029",
    panel="#202833",
    dark=True,
)
LIGHT = Theme(
    name="light",
    primary="#2f5fb3",
    secondary="#5d6875",
    accent="#2f5fb3",
    success="#32681f",
    warning="#7f5600",
    error="#b3313b",
    foreground="#252b33",
    background="#f7f8fa",
    surface="#eceff3",
    panel="#e3e7ed",
    dark=False,
)


def theme_for(wanted: str, known: Collection[str], environment: Mapping[str, str]) -> str:
    """The theme wanted where there is one; else dark or light as the terminal says, dark where it says nothing."""
    if wanted in known:
        return wanted
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if background in {"7", "15"} else DARK.name


def theme_of(file: ThemeFile) -> Theme:
    """A person's own theme; what it leaves out is that of the built-in dark or light one."""
    base = DARK if file.is_dark else LIGHT
    kept = {name: getattr(base, name) for name in ("primary", "secondary", "accent", "success", "warning", "error")}
    kept |= {name: getattr(base, name) for name in ("foreground", "background", "surface", "panel")}
    if "primary" in file.tokens and "accent" not in file.tokens:
        kept["accent"] = file.tokens["primary"]
    return Theme(name=file.name, dark=file.is_dark, **{**kept, **file.tokens})


def put_on(app: App[int], wanted: str, config: Path, environment: Mapping[str, str]) -> str:
    """Gives the console a theme by name; answers why not in a sentence, and then leaves it the colours it has."""
    if wanted and wanted not in app.available_themes:
        from aicompute_tui.settings.themes import check_theme, find_themes

        try:
            check_theme(wanted, config)
        except AicError as error:
            return f"{error.message} {error.next_step}".strip()
        register(app, find_themes(config).themes.values())
    name = theme_for(wanted, app.available_themes, environment)
    if name != app.theme:
        app.theme = name
    return ""


def register(app: App[int], files: Iterable[ThemeFile]) -> None:
    """Makes a person's themes known; the one in use is painted again where its file says something else now."""
    for file in files:
        fresh = theme_of(file)
        if app.available_themes.get(file.name) != fresh:
            app.register_theme(fresh)
            if app.theme == file.name:
                app.refresh_css(animate=False)
