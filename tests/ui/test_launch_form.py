"""The launch form's rules: defaults, sentences for what is wrong, arguments and the button's words."""

from __future__ import annotations

import shlex
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.command_line import command_line
from aicompute_tui.ui.launch_command import pinned
from aicompute_tui.ui.launch_form import BUILT_IN, FIELDS, LaunchForm, button_text, defaults, in_form_words


def test_an_untouched_form_asks_for_the_documented_machine() -> None:
    arguments = LaunchForm().arguments()
    assert arguments == {
        "type": "g5.xlarge",
        "market": "spot",
        "framework": "none",
        "ttl": "8h",
        "idle": "30m",
        "volume_gib": "120",
        "count": "1",
    }
    assert not LaunchForm().problems()


def test_every_field_is_a_parameter_of_the_launch() -> None:
    parameters = {parameter.name for parameter in ACTIONS["instance.launch"].parameters}
    assert {field.name for field in FIELDS} <= parameters
    assert [field.name for field in FIELDS] == list(BUILT_IN)


def test_settings_fill_the_fields() -> None:
    rows = [
        {"key": "instance_type", "value": "g6.xlarge", "source": "database"},
        {"key": "protect", "value": "true"},
        {"key": "region", "value": ""},
        {"key": "theme", "value": "nord"},
    ]
    form = defaults(rows)
    assert (form["type"], form["protect"], form["region"], form["ttl"]) == ("g6.xlarge", "yes", "", "8h")
    assert "theme" not in form.values
    assert form.arguments()["protect"] is True
    assert "no_protect" not in form.arguments()


def test_a_no_goes_before_a_setting_that_protects() -> None:
    form = defaults([{"key": "protect", "value": "yes"}]).changed("protect", "")
    assert form.arguments()["no_protect"] is True
    assert pinned(form, {"spec": {"protect": False}})["no_protect"] is True
    assert "no_protect" not in LaunchForm().arguments()


@pytest.mark.parametrize("rows", [None, {}, "x", [None, 3], [{}]])
def test_settings_that_cannot_be_read_leave_what_is_built_in(rows: object) -> None:
    assert defaults(rows) == LaunchForm()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("ttl", "soon", "Write it like 8h"),
        ("idle", "-3m", "Write it like 8h"),
        ("max_price", "cheap", "dollars per hour"),
        ("max_price", "0", "more than 0"),
        ("max_price", "nan", "out of range"),
        ("max_price", "1e999999", "out of range"),
        ("volume_gib", "4", "8 to 16,384"),
        ("volume_gib", "٣٢", "8 to 16,384"),
        ("count", "0", "1 to 20"),
        ("count", "9" * 5000, "1 to 20"),
        ("ssh_cidr", "everyone", "203.0.113.7/32"),
        ("name", "-x", "letters"),
        ("type", "a big one", "g5.xlarge"),
        ("region", "Montréal", "ca-central-1"),
    ],
)
def test_what_cannot_be_meant_is_said_in_a_sentence(name: str, value: str, sentence: str) -> None:
    assert sentence in LaunchForm().changed(name, value).problems()[name]


def test_a_price_cap_is_for_spot_machines() -> None:
    form = LaunchForm().changed("max_price", "0.6")
    assert not form.problems()
    assert "spot" in form.changed("market", "on-demand").problems()["max_price"]


def test_a_machine_without_an_end_wants_the_word_typed() -> None:
    form = LaunchForm().changed("ttl", "None")
    assert "ttl_none_confirm" in form.problems()
    meant = form.changed("ttl_none_confirm", "none")
    assert not meant.problems()
    assert meant.arguments()["ttl_none_confirm"] == "none"
    assert meant.arguments()["ttl"] == "none"


def test_the_typed_word_goes_nowhere_once_the_machine_ends_again() -> None:
    form = LaunchForm().changed("ttl_none_confirm", "none").changed("ttl", "2h")
    assert "ttl_none_confirm" not in form.arguments()


def test_lists_flags_and_dollars_become_arguments() -> None:
    form = (
        LaunchForm().changed("model", "llama3.1:8b, qwen3:4b").changed("protect", "yes").changed("max_price", "$0.60")
    )
    arguments = form.arguments()
    assert arguments["model"] == ["llama3.1:8b", "qwen3:4b"]
    assert arguments["protect"] is True
    assert arguments["max_price"] == "0.60"


def test_the_button_says_how_many_for_how_much() -> None:
    assert button_text(LaunchForm(), 0.4213) == "Launch 1 machine for $0.42/h"
    assert button_text(LaunchForm().changed("count", "3"), 0.4213) == "Launch 3 machines for $1.26/h"
    assert button_text(LaunchForm(), None) == "Launch 1 machine, price unknown"


@given(st.dictionaries(st.sampled_from(list(BUILT_IN)), st.text(max_size=80)))
def test_nothing_typed_breaks_the_form(values: dict[str, str]) -> None:
    form = LaunchForm({**BUILT_IN, **values})
    form.problems()
    form.arguments()
    assert button_text(form, 1.0)


def test_flags_are_said_in_the_forms_words() -> None:
    assert in_form_words("Raise --max-price or leave it out.") == "Raise “max $/h” or leave it out."
    assert in_form_words("--max-ttl is shorter than --ttl.") == "“furthest end” is shorter than “ends after”."
    assert in_form_words("Start it without --read-only.") == "Start it without --read-only."


def test_no_field_and_no_refusal_of_one_speaks_of_flags() -> None:
    assert not [each.name for each in FIELDS if "--" in each.told]
    wrong = LaunchForm({**BUILT_IN, **dict.fromkeys(BUILT_IN, "?!"), "ttl": "none"})
    assert not [sentence for sentence in wrong.problems().values() if "--" in sentence]


def test_durations_of_a_past_launch_stand_as_they_are_written() -> None:
    form = LaunchForm().again({"ttl": "28800s", "idle": "5400s", "max_ttl": "172800s", "name": "old", "zone": None})
    assert (form["ttl"], form["idle"], form["max_ttl"], form["name"], form["zone"]) == ("8h", "1h30m", "2d", "", "")


def test_the_command_line_does_what_is_handed_over() -> None:
    form = LaunchForm().changed("model", "a/b c/d").changed("protect", "yes").changed("name", "my lab")
    spec: JsonObject = {"type": "g6.xlarge", "ttl": "28800s", "profile": "aws:env", "zone": None, "volume_gib": 120}
    arguments = pinned(form.changed("profile", "env"), {"spec": spec})
    assert arguments["profile"] == "aws:env"
    line = command_line(ACTIONS["instance.launch"], arguments)
    words = shlex.split(line)
    assert words[:3] == ["aic-tui", "instance", "launch"]
    given = dict(pairwise(words))
    assert (given["--ttl"], given["--type"], given["--name"], given["--volume-gib"]) == (
        "8h",
        "g5.xlarge",
        "my lab",
        "120",
    )
    assert words.count("--model") == 2
    assert "--protect" in words
    assert "--zone" not in words
