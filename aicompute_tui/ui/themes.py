"""The console's own two themes: one accent for focus and cursor; green, amber and red for states alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from textual.theme import Theme

DARK = Theme(
    name="aic-dark",
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
    name="aic-light",
    primary="#2f5fb3",
    secondary="#5d6875",
    accent="#2f5fb3",
    success="#3f7d2c",
    warning="#8f6200",
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
