"""Settings merged: flag over environment over file over database over built-in, each value with its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.settings.keys import SETTINGS, check_value, setting_named

SOURCES = ("flag", "environment", "file", "database")
BUILT_IN = "built-in"


@dataclass(frozen=True, slots=True)
class MergedPreferences:
    """The layers, highest first; an absent or empty value lets the next one speak."""

    flag: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    file: Mapping[str, str] = field(default_factory=dict)
    database: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    """Why a part of config.toml could not be used; empty where all of it counts."""

    def text(self, key: str) -> str:
        """Empty where nothing is set. Raises NotFound for a key that does not exist."""
        return self._found(key)[0]

    def source(self, key: str) -> str:
        """`flag`, `environment`, `file`, `database` or `built-in`."""
        return self._found(key)[1]

    def layers(self, key: str) -> list[tuple[str, str]]:
        """(source, value) of every source that says something, the one that counts first."""
        setting = setting_named(key)
        values = (self.flag, self.environment, self.file, self.database if setting.shared else {})
        found = [(source, layer.get(setting.key, "")) for source, layer in zip(SOURCES, values, strict=True)]
        return [each for each in found if each[1]] + [(BUILT_IN, setting.default)]

    def with_database(self, values: Mapping[str, str]) -> MergedPreferences:
        return replace(self, database=values)

    def _found(self, key: str) -> tuple[str, str]:
        source, value = self.layers(key)[0]
        return value, source


def settings_in(environment: Mapping[str, str]) -> dict[str, str]:
    """Key → value of the AIC_TUI_* variables that are settings. Raises InvalidInput naming the variable."""
    found = {}
    for setting in SETTINGS.values():
        text = environment.get(setting.variable, "")
        if not text.strip():
            continue
        try:
            found[setting.key] = check_value(setting, text)
        except InvalidInput as error:
            raise InvalidInput(f"{setting.variable}: {error.message}", error.next_step) from error
    return found
