"""Every action can be reached from the console and from the command line, is documented, and collides with nothing."""

from __future__ import annotations

from collections import Counter

import click
import pytest

from aicompute_tui.actions.model import Action, Scope
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.cli.main import root
from aicompute_tui.ui import dispatch
from aicompute_tui.ui.bindings import action_bindings, keys_of, navigation_bindings, screen_bindings
from aicompute_tui.ui.navigation import NAVIGATION, PLACE_KEYS, by_word, commands
from aicompute_tui.ui.palette import offered
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.settings_lists import SETTINGS_LISTS

MULTIPLEXER_AND_FLOW = {"ctrl+a", "ctrl+b", "ctrl+space", "ctrl+at", "ctrl+s", "ctrl+q"}
EVERY = sorted(ACTIONS.values(), key=lambda action: action.id)
SCOPES: tuple[Scope, ...] = (
    "global",
    "instances",
    "sightings",
    "credentials",
    "settings",
    "events",
    "jobs",
    "hosts",
    "containers",
)


def screens() -> list[type[ConsoleScreen]]:
    """Every view the console has."""
    found = {name: dispatch.SCREENS[name] for name in dispatch.SCREENS}
    classes = []
    for path in sorted(set(found.values())):
        module, _, name = path.partition(":")
        classes.append(getattr(__import__(module, fromlist=[name]), name))
    return classes


@pytest.mark.parametrize("action", EVERY, ids=lambda action: action.id)
def test_every_action_is_reached_by_a_word(action: Action) -> None:
    assert action.aliases
    assert by_word()[action.aliases[0]] is action


@pytest.mark.parametrize("action", EVERY, ids=lambda action: action.id)
def test_every_action_has_a_command(action: Action) -> None:
    group: click.Command | None = root
    context = click.Context(root)
    for word in action.command:
        assert isinstance(group, click.Group)
        group = group.get_command(context, word)
        assert group is not None, f"aic-tui {' '.join(action.command)}"
    assert group is not None
    assert group.help
    options = {option for each in group.params for option in each.opts}
    for parameter in action.parameters:
        flag = parameter.name if parameter.positional else f"--{parameter.name.replace('_', '-')}"
        assert flag in options or parameter.positional, f"{action.id} {flag}"


@pytest.mark.parametrize("action", EVERY, ids=lambda action: action.id)
def test_every_action_and_parameter_is_documented(action: Action) -> None:
    assert action.title
    assert action.help.endswith(".")
    for parameter in action.parameters:
        assert parameter.help.endswith("."), f"{action.id} {parameter.name}"


def test_a_word_means_one_thing() -> None:
    words = Counter(alias for command in commands().values() for alias in command.aliases)
    assert [word for word, times in words.items() if times > 1] == []


def test_ids_and_commands_are_used_once() -> None:
    assert not ACTIONS.keys() & NAVIGATION.keys()
    spelled = Counter(action.command for action in ACTIONS.values())
    assert max(spelled.values()) == 1


@pytest.mark.parametrize("screen", screens(), ids=lambda screen: screen.__name__)
def test_a_key_means_one_thing_in_each_view(screen: type[ConsoleScreen]) -> None:
    """A table's enter opens its row; where an action of the row has that key too, opening is that action."""
    held = screen_bindings(screen.SCOPES, read_only=False).key_to_bindings
    bindings = [*(binding for each in held.values() for binding in each), *navigation_bindings("app")]
    used = Counter(key for binding in bindings for key in binding.key.split(","))
    assert [key for key, times in used.items() if times > 1] == []
    table = {key for binding in navigation_bindings("table") for key in binding.key.split(",")}
    opened = {getattr(screen, "LIST").opens} if hasattr(screen, "LIST") else set()  # noqa: B009
    opened |= {each.opens for each in SETTINGS_LISTS}
    shadowed = [binding.id for binding in bindings if table & set(binding.key.split(","))]
    assert [each for each in shadowed if each not in opened] == []


@pytest.mark.parametrize("command", list(commands().values()), ids=lambda command: command.id)
def test_no_key_is_a_multiplexers_or_stops_the_terminal(command: Action) -> None:
    assert not MULTIPLEXER_AND_FLOW & set(keys_of(command))


def test_every_key_of_every_view_is_free_of_multiplexers() -> None:
    for screen in screens():
        held = screen_bindings(screen.SCOPES, read_only=False)
        assert not MULTIPLEXER_AND_FLOW & held.key_to_bindings.keys()


def test_an_action_on_a_row_has_a_view_that_binds_it() -> None:
    bound = {scope for screen in screens() for scope in screen.SCOPES}
    for action in ACTIONS.values():
        if action.keys and action.scope != "sightings":
            assert action.scope in bound, action.id


def test_read_only_binds_and_offers_nothing_that_changes_something() -> None:
    for scope in SCOPES:
        for binding in action_bindings((scope,), read_only=True):
            assert not ACTIONS[binding.id or ""].mutates
    assert not [command.id for command in offered(read_only=True) if command.mutates]


def test_dangerous_actions_change_something_and_streams_are_questions() -> None:
    for action in ACTIONS.values():
        assert not action.dangerous or action.mutates, action.id
        assert (action.execution == "job") == action.mutates, action.id
        assert not action.streams or action.execution == "query", action.id


def test_number_keys_lead_to_views() -> None:
    for action_id, key in PLACE_KEYS.items():
        assert action_id in dispatch.SCREENS
        assert key in "0123456789"
