"""Colours: every text can be read on every ground in both themes, and a person's own theme is worn or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.color import Color
from textual.constants import DIM_FACTOR
from textual.theme import Theme

from aicompute_tui.settings.themes import ThemeFile
from aicompute_tui.ui.themes import DARK, LIGHT, put_on, theme_for, theme_of

THEMES = (DARK, LIGHT)
GROUNDS = ("background", "surface", "panel")
TEXTS = ("foreground", "accent", "success", "warning", "error")
DIM = ("foreground-muted",)


class Worn(App[int]):
    """Wears one theme."""

    def __init__(self) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)


def colours(theme: Theme) -> dict[str, str]:
    """Every token as the styles see it."""
    app = Worn()
    app.theme = theme.name
    return app.get_css_variables()


def contrast(text: Color, ground: Color) -> float:
    """As WCAG 2 reckons it."""
    lights = sorted((_light(text), _light(ground)), reverse=True)
    return (lights[0] + 0.05) / (lights[1] + 0.05)


def _light(colour: Color) -> float:
    parts = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in colour.normalized]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def on(ground: Color, text: str) -> Color:
    """A colour that lets the ground through, as it stands there."""
    colour = Color.parse(text)
    return ground.blend(Color(*colour.rgb), colour.a)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", TEXTS)
def test_text_can_be_read(theme: Theme, ground: str, text: str) -> None:
    found = colours(theme)
    behind = Color.parse(found[ground])
    assert contrast(on(behind, found[text]), behind) >= 4.5, (found[text], found[ground])


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("text", DIM)
def test_dim_text_can_be_read_too(theme: Theme, ground: str, text: str) -> None:
    found = colours(theme)
    behind = Color.parse(found[ground])
    assert contrast(on(behind, found[text]), behind) >= 3, (found[text], found[ground])


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("ground", GROUNDS)
def test_what_a_table_dims_can_be_read(theme: Theme, ground: str) -> None:
    found = colours(theme)
    behind = Color.parse(found[ground])
    assert contrast(behind.blend(Color.parse(found["foreground"]), DIM_FACTOR), behind) >= 3


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("text", TEXTS)
def test_the_line_under_the_cursor_can_be_read(theme: Theme, text: str) -> None:
    found = colours(theme)
    behind = on(Color.parse(found["background"]), found["primary-muted"])
    assert contrast(on(behind, found[text]), behind) >= 3, (found[text], found["primary-muted"])


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("button", ["primary", "error"])
def test_a_button_in_focus_can_be_read(theme: Theme, button: str) -> None:
    found = colours(theme)
    assert contrast(Color.parse(found["background"]), Color.parse(found[button])) >= 4.5


def test_an_own_theme_keeps_what_it_leaves_out_and_its_focus_follows_its_primary() -> None:
    theme = theme_of(ThemeFile("pond", False, {"primary": "#006666", "background": "#ffffff"}, Path("pond.toml")))
    assert (theme.background, theme.primary, theme.accent) == ("#ffffff", "#006666", "#006666")
    assert (theme.error, theme.dark) == (LIGHT.error, False)


def written(config: Path, text: str) -> None:
    (config / "themes").mkdir()
    (config / "themes" / "pond.toml").write_text(text, encoding="utf-8")


def test_an_own_theme_is_worn_from_the_start(tmp_path: Path) -> None:
    written(tmp_path, 'dark = true\n[tokens]\nbackground = "#10191c"\n')
    app: Any = Worn()
    assert put_on(app, "pond", tmp_path, {}) == ""
    assert app.theme == "pond"
    assert app.current_theme.background == "#10191c"


@pytest.mark.parametrize(("name", "said"), [("pond", "pond.toml, line 1"), ("pnod", "no theme “pnod”")])
def test_a_theme_that_cannot_be_worn_is_said_and_the_old_one_stays(tmp_path: Path, name: str, said: str) -> None:
    written(tmp_path, "darc = true\n")
    app: Any = Worn()
    app.theme = LIGHT.name
    assert said in put_on(app, name, tmp_path, {})
    assert app.theme == LIGHT.name


def test_without_a_wish_the_terminal_decides() -> None:
    known = {"dark", "light", "ansi-dark"}
    assert theme_for("", known, {"COLORFGBG": "0;15"}) == "light"
    assert theme_for("", known, {}) == "dark"
    assert theme_for("ansi-dark", known, {"COLORFGBG": "0;15"}) == "ansi-dark"
