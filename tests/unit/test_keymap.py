"""A person's own keys: which are taken over, and what is said of those that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.settings.config import key_line, read_config, read_what_can_be
from aicompute_tui.settings.keymap import KeyedCommand, Keymap, keymap, shown, spelled

COMMANDS = {
    each.id: each
    for each in (
        KeyedCommand("instance.terminate", "Terminate", "instances", ("t",)),
        KeyedCommand("instance.stop", "Stop", "instances", ("x",)),
        KeyedCommand("job.cancel", "Cancel a job", "jobs", ("x",)),
        KeyedCommand("go.help", "help", "everywhere", ("question_mark",)),
        KeyedCommand("go.back", "back", "everywhere", ("escape",)),
        KeyedCommand("go.stop", "copy or quit", "everywhere", ("ctrl+c",)),
        KeyedCommand("go.mark", "mark", "table", ("space",)),
        KeyedCommand("log.times", "times", "log", ("ctrl+t",)),
        KeyedCommand("log.save", "save", "log-page", ("S",)),
    )
}


def made(**wanted: str | list[str]) -> Keymap:
    """The keymap of ids with two underscores for the dot."""
    listed = {name.replace("__", "."): [each] if isinstance(each, str) else each for name, each in wanted.items()}
    return keymap(listed, COMMANDS, lambda command_id: f"config.toml, line of {command_id}")


def test_a_key_and_a_list_of_keys_are_taken_over() -> None:
    found = made(instance__terminate="Ctrl+T", go__help=["f1", "?"])
    assert found.changed == {"instance.terminate": ("ctrl+t",), "go.help": ("f1", "question_mark")}
    assert not found.problems


def test_what_is_as_usual_is_no_change() -> None:
    assert made(instance__terminate="t") == Keymap({}, ())


def test_an_empty_list_takes_the_key_away_but_not_from_the_ways_out() -> None:
    assert made(instance__stop=[]).changed == {"instance.stop": ()}
    refused = made(go__back=["q"])
    assert not refused.changed
    assert "esc" in refused.problems[0].message


@pytest.mark.parametrize(
    ("text", "key"),
    [("t", "t"), ("T", "T"), ("shift+t", "T"), ("+", "plus"), ("ctrl++", "ctrl+plus"), ("?", "question_mark"),
     ("esc", "escape"), ("Alt+X", "alt+X"), ("F5", "f5"), ("ctrl+shift+left", "ctrl+shift+left"), (" ", "space"),
     ("slash", "slash"), ("CTRL+T", "ctrl+t")],
)  # fmt: skip
def test_a_key_has_one_spelling(text: str, key: str) -> None:
    if text == " ":
        assert spelled("space") == key
    else:
        assert spelled(text) == key


@pytest.mark.parametrize("text", ["", "tt", "hyper+x", "ctrl+ctrl+x", "ctrl+", "f99", "\x1b", "enterr"])
def test_what_no_key_is_called_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="there is no key"):
        spelled(text)


def test_a_key_is_shown_as_it_is_pressed() -> None:
    assert [shown(key) for key in ("plus", "ctrl+t", "escape", "question_mark", "f5")] == [
        "+",
        "ctrl+t",
        "esc",
        "?",
        "f5",
    ]


@pytest.mark.parametrize(
    ("key", "said"),
    [("ctrl+a", "screen"), ("ctrl+b", "tmux"), ("ctrl+space", "multiplexer"), ("ctrl+s", "stops the output"),
     ("ctrl+q", "starts the output"), ("ctrl+i", "tab"), ("j", "moves the cursor"), ("ctrl+c", "way out"),
     ("T", "sorts a table"), ("escape", "way out")],
)  # fmt: skip
def test_a_key_with_an_owner_is_refused_and_the_owner_named(key: str, said: str) -> None:
    found = made(instance__stop=key)
    assert not found.changed
    assert said in found.problems[0].message
    assert found.problems[0].message.startswith("config.toml, line of instance.stop")


def test_two_commands_of_one_place_cannot_share_a_key_and_both_are_named() -> None:
    found = made(instance__stop="t")
    assert not found.changed
    assert "instance.stop" in found.problems[0].message
    assert "instance.terminate" in found.problems[0].message


@pytest.mark.parametrize("taken", ["question_mark", "space"])
def test_what_works_everywhere_or_in_every_table_is_in_the_way_too(taken: str) -> None:
    assert not made(instance__stop=taken).changed


def test_two_commands_may_change_keys_with_each_other() -> None:
    found = made(instance__stop="t", instance__terminate="x")
    assert found.changed == {"instance.stop": ("t",), "instance.terminate": ("x",)}


def test_other_places_are_not_in_the_way() -> None:
    assert made(job__cancel="t").changed == {"job.cancel": ("t",)}


def test_a_log_in_focus_keeps_its_own_keys_and_hinders_nobody_elsewhere() -> None:
    assert made(instance__terminate="ctrl+t").changed == {"instance.terminate": ("ctrl+t",)}
    assert not made(log__times="S").changed


def test_an_unknown_command_names_the_nearest() -> None:
    found = made(instance__terminat="ctrl+t")
    assert "instance.terminate" in found.problems[0].next_step


def test_keys_are_read_from_the_file_with_and_without_quotes(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('region = "eu-west-1"\n[keys]\n"instance.stop" = "f4"\ngo.help = ["f1", "?"]\n', encoding="utf-8")
    config = read_what_can_be(path)
    assert config.keys == {"instance.stop": ("f4",), "go.help": ("f1", "?")}
    assert not config.problems
    assert read_config(path) == {"region": "eu-west-1"}
    assert key_line(path, "instance.stop") == f"{path}, line 3"


def test_a_key_that_is_no_text_is_refused_with_its_line_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[keys]\n"go.help" = "f1"\n\n"instance.stop" = 4\n', encoding="utf-8")
    config = read_what_can_be(path)
    assert config.keys == {"go.help": ("f1",)}
    assert "line 4" in config.key_problems[0].message
    with pytest.raises(InvalidInput, match="line 4"):
        read_config(path)
