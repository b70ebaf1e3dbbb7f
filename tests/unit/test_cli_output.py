"""What stands on stdout: stable shapes, nothing that drives a terminal, and plain letters where UTF-8 is not spoken."""

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import example, given
from hypothesis import strategies as st

from aicompute_tui.cli.ascii_twins import plain, speaks_utf8
from aicompute_tui.cli.output import render
from aicompute_tui.cli.side_by_side import FIELDS
from aicompute_tui.cli.table import COLUMNS, object_lines, table_lines
from aicompute_tui.domain.json import Json, JsonObject

ROW: JsonObject = {
    "name": "gpu-1",
    "state": "ready",
    "price_usd_per_hour": None,
    "cost_usd": 0.000009,
    "expires_at": None,
    "ttl_seconds": None,
    "endpoint": None,
    "models": ["a", "b"],
    "protected": True,
}
_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False)
)
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)


def test_a_table_has_its_columns_also_without_a_row() -> None:
    assert table_lines([], COLUMNS["instance.list"])[0].startswith("NAME  STATE")


def test_columns_line_up_and_unknown_is_said() -> None:
    lines = table_lines([ROW, {**ROW, "name": "長い名前", "price_usd_per_hour": 0.43}], COLUMNS["instance.list"])
    assert lines[0].index("STATE") == lines[1].index("ready") == lines[2].index("ready") + len("長い名前")
    assert "unknown" in lines[1]
    assert "NEVER" in lines[1]
    assert "0.43 " in lines[2]


@pytest.mark.parametrize("letter", ["\x1b", "\n", "\r", "\x07", "\x9b", "\u202e", "\u2028", "\u200b"])
def test_a_name_from_outside_cannot_drive_the_terminal(letter: str) -> None:
    foreign: JsonObject = {"name": f"x{letter}[2Jy"}
    for line in [*table_lines([foreign]), *object_lines(foreign)]:
        assert letter not in line


@pytest.mark.parametrize(
    "listed",
    ["price.list", "price.history", "price.llm", "cost.plan", "model.places", "model.popular"],
)
def test_a_list_of_figures_from_elsewhere_says_how_old_they_are(listed: str) -> None:
    assert {"age_seconds", "read_days_ago", "low_days_ago", "as_of"} & set(COLUMNS[listed])


def test_offers_side_by_side_say_how_old_each_price_is() -> None:
    assert {"spot_age_seconds", "on_demand_age_seconds"} <= set(FIELDS["price.compare"])


def test_what_is_recommended_says_how_old_its_prices_are() -> None:
    lines = object_lines({"offers": [{"type": "g5.xlarge", "usd_per_hour": 0.41, "read_days_ago": 3}]})
    header, row = (line for line in lines if "USD_PER_HOUR" in line or "g5.xlarge" in line)
    assert row[header.index("READ_DAYS_AGO")] == "3"


def test_an_object_shows_its_tables_below() -> None:
    lines = object_lines({"name": "a", "attempts": [{"number": 1, "zone": "b"}], "ends": ["x" * 50, "y" * 50]})
    assert lines[0] == "name  a"
    assert "ATTEMPTS" in lines
    assert "  1       b" in lines
    assert "  " + "y" * 50 in lines


@pytest.mark.parametrize("text", ["=cmd|'/c calc'!A0", "@SUM(A1)", "+1-2", "-2+3", "\t=1"])
def test_csv_holds_no_cell_that_a_spreadsheet_carries_out(text: str) -> None:
    (row,) = csv.reader(io.StringIO(render([{"name": text}], "csv").partition("\n")[2]))
    assert row == [f"'{text}"]


def test_csv_leaves_numbers_and_plain_words_alone() -> None:
    rows: Json = [{"a": "-1.5", "b": "+3", "c": "a=b", "d": -2}]
    assert render(rows, "csv").splitlines()[1] == "-1.5,+3,a=b,-2"


def test_csv_has_every_key_and_empty_for_none() -> None:
    rows: list[Json] = [ROW, {**ROW, "later": 'a "quoted", one'}]
    read = list(csv.DictReader(io.StringIO(render(rows, "csv"))))
    assert read[0]["price_usd_per_hour"] == ""
    assert read[0]["models"] == '["a", "b"]'
    assert read[1]["later"] == 'a "quoted", one'
    assert read[0]["protected"] == "true"


_LONG_KEY: JsonObject = {"é" * 900: [{"k" * 1_025: {"a": [1]}, "z" * 1_024: "y" * 2_000}, []], "after": {}}


@example(_LONG_KEY)
@given(_VALUES)
def test_json_and_yaml_say_the_same_to_their_readers(value: Json) -> None:
    for utf8 in (True, False):
        assert json.loads(render(value, "json", utf8=utf8)) == value
        assert yaml.safe_load(render(value, "yaml", utf8=utf8)) == value
    assert render(value, "json", utf8=False).isascii()
    assert render(value, "yaml", utf8=False).isascii()


def test_plain_letters_have_twins() -> None:
    assert plain("1 × A10G — “x” …") == '1 x A10G - "x" ...'
    assert render([{"a": "“é”"}], "table", utf8=False) == 'A\n"?"\n'


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


def test_a_locale_decides_for_a_terminal_and_the_encoding_for_a_pipe() -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    terminal = _Terminal(io.BytesIO(), encoding="utf-8")
    assert speaks_utf8(pipe, {"LANG": "C"})
    assert not speaks_utf8(terminal, {"LC_ALL": "C", "LANG": "en_US.UTF-8"})
    assert speaks_utf8(terminal, {"LANG": "en_US.utf8"})
    assert not speaks_utf8(io.TextIOWrapper(io.BytesIO(), encoding="latin-1"), {"LANG": "en_US.UTF-8"})
