"""Keys: no two of one place collide, none is a multiplexer's, and read-only binds nothing that mutates."""

from __future__ import annotations

from typing import Any

import pytest
from textual.binding import Binding

from aicompute_tui.actions.model import Scope
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.ui.bindings import action_bindings, footer_hints, keys_of, navigation_bindings, screen_bindings
from aicompute_tui.ui.container_columns import container_columns
from aicompute_tui.ui.glyphs import UNICODE
from aicompute_tui.ui.machine_columns import machine_columns
from aicompute_tui.ui.navigation import by_word, commands
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.screens.containers import ContainersScreen
from aicompute_tui.ui.screens.detail import DetailScreen
from aicompute_tui.ui.screens.events import EventsScreen
from aicompute_tui.ui.screens.hosts import HostsScreen
from aicompute_tui.ui.screens.instances import InstancesScreen
from aicompute_tui.ui.screens.jobs import JobsScreen
from aicompute_tui.ui.screens.records import DoctorScreen
from aicompute_tui.ui.screens.settings_credentials import CredentialsScreen
from aicompute_tui.ui.screens.settings_preferences import PreferencesScreen
from aicompute_tui.ui.widgets.columns import Column
from aicompute_tui.ui.widgets.virtual_table import VirtualTable
from tests.ui.console_world import HeldSession

VIEWS: list[type[ConsoleScreen]] = [
    InstancesScreen,
    DetailScreen,
    JobsScreen,
    EventsScreen,
    CredentialsScreen,
    PreferencesScreen,
    DoctorScreen,
    ContainersScreen,
    HostsScreen,
]
FORBIDDEN = {"ctrl+a", "ctrl+b", "ctrl+space", "ctrl+s", "ctrl+q", "ctrl+d", "ctrl+k", "ctrl+z"}


def keys(bindings: list[Binding]) -> list[tuple[str, str]]:
    return [(key, binding.id or binding.action) for binding in bindings for key in binding.key.split(",")]


@pytest.mark.parametrize("view", VIEWS)
def test_a_key_means_one_thing_in_a_view(view: type[ConsoleScreen]) -> None:
    of_view = screen_bindings(view.SCOPES, read_only=False)
    of_app = navigation_bindings("app")
    columns: list[Column[Any]] = list(machine_columns(UNICODE, lambda: 0.0, 120))
    if view is ContainersScreen:
        columns = list(container_columns(UNICODE, lambda: 0.0, 120, {}))
    table = VirtualTable(columns)
    pairs = [(key, binding.id or binding.action) for key, binding in of_view]
    pairs += keys(of_app) + [(key, binding.id or binding.action) for key, binding in table._bindings]
    seen: dict[str, str] = {}
    for key, meaning in pairs:
        opens = key == "enter" and meaning == "go.open"
        assert opens or seen.setdefault(key, meaning) == meaning, f"{key} means {seen[key]} and {meaning}"
        assert key not in FORBIDDEN


def test_every_binding_has_the_id_a_keymap_names() -> None:
    for binding in [*action_bindings(["global", "instances"], read_only=False), *navigation_bindings("app")]:
        assert binding.id in commands()


@pytest.mark.parametrize(
    "scope", ["global", "instances", "sightings", "credentials", "settings", "jobs", "hosts", "containers"]
)
def test_read_only_binds_nothing_that_mutates(scope: Scope) -> None:
    bound = {binding.id for binding in action_bindings([scope], read_only=True)}
    assert bound == {
        action.id for action in ACTIONS.values() if action.scope == scope and keys_of(action) and not action.mutates
    }
    assert not any(commands()[binding_id or ""].mutates for binding_id in bound)


def test_every_command_is_reached_by_a_key_or_a_word() -> None:
    words = {command.id for command in by_word().values()}
    assert [each.id for each in commands().values() if not keys_of(each) and each.id not in words] == ["go.sort"]


def test_footer_names_at_most_seven_keys() -> None:
    assert len(footer_hints(commands().values(), read_only=False)) == 7
    for view in VIEWS:
        assert len(view.HINTS) + len(view.KEY_HINTS) <= 7
        assert set(view.HINTS) <= commands().keys()


def test_footer_of_a_read_only_console_shows_no_mutating_key() -> None:
    screen = InstancesScreen(HeldSession(read_only=True))
    bound = {binding.id for _, binding in screen._bindings}
    assert "instance.terminate" not in bound
    assert "go.filter" in bound
