"""A person's own themes: what a file may hold, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.settings.themes import check_theme, find_themes, read_theme

HARBOUR = 'name = "harbour"\ndark = true\n\n[tokens]\nbackground = "#0f1a20"\naccent = "#7fd1c0"\n'


def written(config: Path, text: str, name: str = "harbour.toml") -> Path:
    folder = config / "themes"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_a_theme_is_its_name_and_its_tokens(tmp_path: Path) -> None:
    theme = read_theme(written(tmp_path, HARBOUR))
    assert (theme.name, theme.is_dark) == ("harbour", True)
    assert theme.tokens == {"background": "#0f1a20", "accent": "#7fd1c0"}


def test_a_file_without_a_name_is_called_as_the_file(tmp_path: Path) -> None:
    assert read_theme(written(tmp_path, "dark = false\n", "sand.toml")).name == "sand"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('dark = true\n[tokens]\nbackgruond = "#000000"\n', 3, "background"),
        ('dark = true\n[tokens]\n\naccent = "teal"\n', 4, "accent = "),
        ('darc = true\n', 1, "dark"),
        ('dark = "yes"\n', 1, "dark = true"),
        ('name = "dark"\n', 1, "not dark"),
        ('name = "a b"\n', 1, "letters"),
        ('tokens = "#000000"\n', 1, "[tokens]"),
        ('dark = true\n[tokens\n', 2, "Correct"),
    ],
)  # fmt: skip
def test_an_error_names_file_line_and_what_to_write(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InvalidInput) as caught:
        read_theme(path)
    assert f"{path}, line {line}:" in caught.value.message
    assert said in caught.value.next_step


def test_one_bad_file_hides_no_other(tmp_path: Path) -> None:
    written(tmp_path, HARBOUR)
    written(tmp_path, "nonsense", "bad.toml")
    found = find_themes(tmp_path)
    assert list(found.themes) == ["harbour"]
    assert "bad.toml" in found.problems[0].message


def test_of_two_files_with_one_name_the_second_is_refused(tmp_path: Path) -> None:
    written(tmp_path, HARBOUR)
    written(tmp_path, HARBOUR, "other.toml")
    found = find_themes(tmp_path)
    assert "other.toml" in found.problems[0].message
    assert "harbour.toml" in found.problems[0].message


def test_only_themes_that_are_there_can_be_chosen(tmp_path: Path) -> None:
    written(tmp_path, HARBOUR)
    for name in ("", "dark", "ansi-light", "harbour"):
        check_theme(name, tmp_path)
    with pytest.raises(InvalidInput) as caught:
        check_theme("harbor", tmp_path)
    assert "harbour" in caught.value.next_step


def test_a_theme_whose_file_is_bad_says_why(tmp_path: Path) -> None:
    written(tmp_path, "nonsense", "sand.toml")
    with pytest.raises(InvalidInput, match=r"sand\.toml, line 1"):
        check_theme("sand", tmp_path)
