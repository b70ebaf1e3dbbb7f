"""Which source of a setting wins, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.settings.keys import SETTINGS, check_value, setting_named
from aicompute_tui.settings.preferences import MergedPreferences, settings_in


def test_each_source_gives_way_to_the_one_above() -> None:
    merged = MergedPreferences()
    expected = [("built-in", "8h"), ("database", "1h"), ("file", "2h"), ("environment", "3h"), ("flag", "4h")]
    for source, value in expected:
        if source != "built-in":
            merged = replace(merged, **{source: {"ttl": value}})  # type: ignore[arg-type] # all but one are mappings
        assert (merged.source("ttl"), merged.text("ttl")) == (source, value)


def test_an_empty_value_lets_the_next_source_speak() -> None:
    merged = MergedPreferences(environment={"region": ""}, database={"region": "eu-west-1"})
    assert merged.source("region") == "database"


def test_the_database_cannot_name_another_database() -> None:
    merged = MergedPreferences(database={"database_url": "postgresql+asyncpg://elsewhere/x"})
    assert merged.text("database_url") == ""


def test_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(NotFound) as caught:
        MergedPreferences().text("regoin")
    assert "region" in caught.value.next_step


def test_a_bad_variable_is_named() -> None:
    with pytest.raises(InvalidInput, match="AIC_TUI_TTL"):
        settings_in({"AIC_TUI_TTL": "soon"})


def test_variables_that_are_no_settings_are_left_alone() -> None:
    environment = {"AIC_TUI_HOME": "/x", "AIC_TUI_VAULT_KEY": "k", "AIC_TUI_REGION": " us-east-1 ", "REGION": "y"}
    assert settings_in(environment) == {"region": "us-east-1"}


def test_every_built_in_value_passes_its_own_check() -> None:
    for setting in SETTINGS.values():
        assert check_value(setting, setting.default) == setting.default
        assert setting.help.endswith(".")


def test_a_key_is_understood_with_dashes() -> None:
    assert setting_named("Monthly-Cap-USD").key == "monthly_cap_usd"
