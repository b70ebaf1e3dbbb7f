"""The command line after `:`, its history and completion, and what fits a terminal's clipboard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.actions.registry import ACTIONS, by_alias
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.ui import clipboard
from aicompute_tui.ui.commands import (
    History,
    Typed,
    arguments_of,
    completions,
    missing_arguments,
    parse_command,
    words_with_path,
)

ALIASES = by_alias()


def test_filter_and_context_follow_the_command() -> None:
    assert parse_command(":instances @team /g5 spot", ALIASES) == Typed("instances", (), "team", "g5 spot")
    assert parse_command("instances /g5", ALIASES) == Typed("instances", (), None, "g5")
    assert parse_command("  Instances  ", ALIASES) == Typed("instances")


def test_words_become_arguments_by_place_and_by_name() -> None:
    typed = parse_command("extend llama70-ca by=2h", ALIASES)
    assert arguments_of(ALIASES["extend"], typed.words) == {"name": "llama70-ca", "by": "2h"}
    assert arguments_of(ALIASES["kill"], ("a", "b")) == {"names": ["a", "b"]}
    assert arguments_of(ALIASES["reap"], ("--dry-run",)) == {"dry_run": True}
    assert arguments_of(ALIASES["set"], ("region", "eu-west-1")) == {"key": "region", "value": "eu-west-1"}


def test_a_value_with_an_equals_sign_is_no_name() -> None:
    assert arguments_of(ALIASES["set"], ("region", "a=b")) == {"key": "region", "value": "a=b"}


def test_an_unknown_command_names_the_nearest() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_command("instnces", ALIASES)
    assert "instnces" in caught.value.message
    assert caught.value.next_step == "Did you mean :instances?"


def test_nothing_near_points_to_help() -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_command("zzzzqqq", ALIASES)
    assert "?" in caught.value.next_step


@pytest.mark.parametrize("line", ["", ":", "   ", "/only-a-filter", 'extend "x'])
def test_a_line_without_a_command_is_said_to_have_none(line: str) -> None:
    with pytest.raises(InvalidInput):
        parse_command(line, ALIASES)


def test_a_word_too_many_says_what_is_taken() -> None:
    with pytest.raises(InvalidInput) as caught:
        arguments_of(ACTIONS["instance.extend"], ("a", "b"))
    assert "name=…, by=…" in caught.value.next_step


@pytest.mark.parametrize(("alias", "word", "told"), [
    ("connections", "status=typo", "active"), ("connections", "flag=email", "livekit"),
    ("connection-import", "dry_run=maybe", "dry_run=yes"), ("reap", "--dry-run=2", "dry_run=yes"),
])  # fmt: skip
def test_a_word_that_is_none_of_the_choices_is_refused_with_them(alias: str, word: str, told: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        arguments_of(ALIASES[alias], (word,))
    assert told in caught.value.next_step
    assert word.partition("=")[2] in caught.value.message


def test_a_flag_is_taken_back_by_no() -> None:
    assert arguments_of(ALIASES["reap"], ("dry_run=no",)) == {"dry_run": False}


@pytest.mark.parametrize(("line", "words"), [
    ("connection-import /a/b.toml dry_run=true", ("/a/b.toml", "dry_run=true")),
    ("connection-import dry_run=true '/a/my own.toml'", ("dry_run=true", "/a/my own.toml")),
    ("connection-import /a/my\\ own.toml", ("/a/my own.toml",)),
    ("connection-import b.toml", ("b.toml",)),
])  # fmt: skip
def test_a_path_that_begins_with_a_slash_is_a_word_among_others(line: str, words: tuple[str, ...]) -> None:
    assert words_with_path(parse_command(line, ALIASES)) == words


def test_what_is_missing_is_named() -> None:
    assert [each.name for each in missing_arguments(ACTIONS["setting.set"], {"key": "ttl"})] == ["value"]


def test_completion_offers_commands_then_contexts_and_nothing_in_a_filter() -> None:
    assert completions("ins", ALIASES) == ["instances"]
    assert completions("instances @t", ALIASES, ["team", "prod"]) == ["instances @team"]
    assert completions("instances /g", ALIASES, ["team"]) == []


@given(st.text(max_size=200))
def test_no_line_does_worse_than_a_sentence(line: str) -> None:
    completions(line, ALIASES, ["team"])
    refusal = None
    try:
        typed = parse_command(line, ALIASES)
        arguments_of(ALIASES[typed.alias], typed.words)
    except InvalidInput as error:
        refusal = error
    if refusal is not None:
        assert 0 < len(refusal.message) < 200
        assert refusal.next_step


def test_history_goes_back_and_forth_and_keeps_a_line_once() -> None:
    history = History()
    for line in ("instances", "jobs", "instances"):
        history.add(line)
    assert history.lines == ["jobs", "instances"]
    assert [history.older(), history.older(), history.older()] == ["instances", "jobs", "jobs"]
    assert [history.newer(), history.newer()] == ["instances", None]


def test_history_forgets_the_oldest() -> None:
    history = History(most=3)
    for number in range(9):
        history.add(str(number))
    assert history.lines == ["6", "7", "8"]


def test_a_long_text_is_cut_between_characters_and_counted() -> None:
    text = "é" * 50_000
    kept, cut = clipboard.fit(text)
    assert len(kept.encode()) <= 74_994
    assert len(kept.encode()) + cut == 100_000
    assert text.startswith(kept)


def test_a_short_text_is_whole_and_a_broken_one_does_no_harm() -> None:
    assert clipboard.fit("i-0b1c") == ("i-0b1c", 0)
    assert clipboard.fit("a\ud800b") == ("a?b", 0)
