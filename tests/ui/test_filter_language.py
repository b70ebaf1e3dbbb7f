"""The filter language: what each form takes, and what holds for any text at all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json
from aicompute_tui.ui.filter_language import CONTEXT, Known, Value, filter_for, parse_filter, whole_words

Row = dict[str, Value]
COLUMNS = ("name", "type", "price", "up", "vram")
ROWS: list[Row] = [
    {"name": "llama70-ca", "type": "g5.12xlarge", "price": 1.21, "up": 18720.0, "vram": 96.0, CONTEXT: "team"},
    {"name": "embed-1", "type": "g4dn.xlarge", "price": 0.18, "up": 183600.0, "vram": 16.0, CONTEXT: "team"},
    {"name": "Coder-EU", "type": "g6.xlarge", "price": None, "up": 240.0, "vram": 24.0, CONTEXT: "lab"},
]


def text_of(row: Row) -> str:
    return "\n".join(str(row[key]) for key in ("name", "type")).lower()


def value_of(row: Row, column: str) -> Value:
    return row[column]


def predicate(text: str) -> Callable[[Row], bool]:
    return parse_filter(text, COLUMNS).predicate(text_of, value_of) or (lambda _: True)


def kept(text: str) -> list[str]:
    test = predicate(text)
    return [str(row["name"]) for row in ROWS if test(row)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ["llama70-ca", "embed-1", "Coder-EU"]),
        ("LLAMA", ["llama70-ca"]),
        ("!llama", ["embed-1", "Coder-EU"]),
        ("xlarge g6", ["Coder-EU"]),
        ("/^(embed|coder)/", ["embed-1", "Coder-EU"]),
        ("!/large$/", []),
        ("-f lm7", ["llama70-ca"]),
        ("name:coder", ["Coder-EU"]),
        ("!name:coder", ["llama70-ca", "embed-1"]),
        ("price>0.5", ["llama70-ca"]),
        ("price<=$0.18", ["embed-1"]),
        ("!price>0.5", ["embed-1", "Coder-EU"]),
        ("up>2h", ["llama70-ca", "embed-1"]),
        ("up<5m", ["Coder-EU"]),
        ("vram>=24g", ["llama70-ca", "Coder-EU"]),
        ("vram=16", ["embed-1"]),
        ("type=g6.xlarge", ["Coder-EU"]),
        ("@lab", ["Coder-EU"]),
        ("@team !embed", ["llama70-ca"]),
        ('"12xlarge"', ["llama70-ca"]),
        ("qwen2.5:7b", []),
    ],
)
def test_each_form_keeps_its_rows(text: str, names: list[str]) -> None:
    assert kept(text) == names


HELD: dict[str, Value] = {
    "state": whole_words("held back"),
    "tag": whole_words("Lab", "my box"),
    "kind": Known("openai", ("openai", "openai-compatible"), "openai OpenAI"),
    "none": whole_words(),
}


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("state:held-back", True),
        ('state:"held back"', True),
        ('state="Held Back"', True),
        ("state:held", True),
        ("state:hel", False),
        ('!state:"held back"', False),
        ("tag:lab", True),
        ("tag:la", False),
        ('tag:"my box" tag:lab', True),
        ("kind:OpenAI", True),
        ("kind:openai-compatible", False),
        ("kind:open", True),
        ("kind:azure", False),
        ("none:held", False),
        ('state:"', True),
    ],
)
def test_words_of_a_column_are_found_whole_and_part_of_a_kind_that_is_none(text: str, is_kept: bool) -> None:
    test = parse_filter(text, tuple(HELD)).predicate(lambda _: "", lambda _, column: HELD[column])
    assert (test is None or test("row")) is is_kept


def test_what_was_given_by_name_becomes_a_filter_that_keeps_words_together() -> None:
    given: dict[str, Json] = {"tag": "my box", "state": "held-back", "name": "x", "kind": None}
    made = filter_for(given, ("kind", "state", "tag"))
    assert made == 'state:held-back tag:"my box"'
    test = parse_filter(made, tuple(HELD)).predicate(lambda _: "", lambda _, column: HELD[column])
    assert test is not None
    assert test("row")


@pytest.mark.parametrize(
    ("text", "said"), [("/(/", "regular expression"), ("prise>1", "price"), ("price>cheap", "not a number")]
)
def test_what_cannot_be_read_is_said_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_filter(text, COLUMNS)
    assert said in f"{caught.value.message} {caught.value.next_step}"


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(InvalidInput):
        test = predicate(text)
        assert {test(row) for row in ROWS} <= {True, False}


@given(st.from_regex(r"[a-z0-9.-]{1,12}", fullmatch=True).filter(lambda word: not word.startswith("-")))
def test_a_word_and_its_inverse_share_the_rows_out(word: str) -> None:
    assert sorted(kept(word) + kept(f"!{word}")) == sorted(kept(""))
    assert kept(word) == [str(row["name"]) for row in ROWS if word in text_of(row)]


@given(st.floats(0, 5, allow_nan=False))
def test_comparisons_agree_with_arithmetic_and_leave_out_the_unknown(number: float) -> None:
    shown = f"{number:.3f}"
    known = {str(row["name"]): row["price"] for row in ROWS if isinstance(row["price"], float)}
    assert kept(f"price>{shown}") == [name for name, price in known.items() if price > float(shown)]
    assert kept(f"price<={shown}") == [name for name, price in known.items() if price <= float(shown)]
