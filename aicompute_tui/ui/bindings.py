"""Keys: Textual bindings made from the action registry and from the console's own movements."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding, BindingsMap

from aicompute_tui.actions.model import Action, Scope
from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.ui.navigation import NAVIGATION, PLACE_KEYS, Command, Place
from aicompute_tui.ui.own_keys import own_keys

_SHOWN = {
    "plus": "+",
    "slash": "/",
    "ampersand": "&",
    "colon": ":",
    "question_mark": "?",
    "escape": "esc",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "dollar_sign": "$",
}


def key_text(key: str) -> str:
    """A key as a person reads it: `plus` → `+`."""
    return _SHOWN.get(key, key)


def keys_of(command: Command) -> tuple[str, ...]:
    """Its keys, the number key of a view included; a person's own where they gave it some."""
    own = own_keys(command.id)
    if own is not None:
        return own
    place = PLACE_KEYS.get(command.id)
    return (*command.keys, place) if place else command.keys


def action_bindings(scopes: Iterable[Scope], *, read_only: bool) -> list[Binding]:
    """Of every action in `scopes`, the binding's id being the action's. Read-only binds nothing that mutates."""
    wanted = frozenset(scopes)
    return [
        Binding(",".join(keys), f"perform('{action.id}')", action.title, show=False, id=action.id, tooltip=action.help)
        for action in ACTIONS.values()
        if action.scope in wanted and (keys := keys_of(action)) and not (read_only and action.mutates)
    ]


def navigation_bindings(place: Place, *, read_only: bool = False) -> list[Binding]:
    """ctrl+c stands before everything that has the focus, since it is the way out of anywhere."""
    return [
        Binding(
            ",".join(keys),
            f"navigate('{entry.id}')" if place == "app" else entry.method,
            entry.title,
            show=False,
            priority=entry.id == "go.stop",
            id=entry.id,
            tooltip=entry.help,
        )
        for entry in NAVIGATION.values()
        if entry.place == place and (keys := keys_of(entry)) and not (read_only and entry.mutates)
    ]


FOCUS_BINDINGS = [
    Binding("tab", "app.focus_next", "next part", show=False, id="go.focus-next"),
    Binding("shift+tab", "app.focus_previous", "previous part", show=False, id="go.focus-previous"),
]


def screen_bindings(scopes: Iterable[Scope], *, read_only: bool) -> BindingsMap:
    """Everything a screen binds: its scopes, the movements of a screen and its rows, and the focus keys.

    What an action of these scopes already has is left to the action: `d` shows a machine, and describes other rows.
    """
    actions = action_bindings(scopes, read_only=read_only)
    taken = {key for binding in actions for key in binding.key.split(",")}
    rows = [binding for binding in navigation_bindings("row") if not taken & set(binding.key.split(","))]
    return BindingsMap([*actions, *navigation_bindings("screen"), *rows, *FOCUS_BINDINGS])


def footer_hints(commands: Iterable[Command], *, read_only: bool, limit: int = 7) -> list[tuple[str, str]]:
    """(key, word) of at most `limit` commands, in the order given."""
    hints = [
        (key_text(keys_of(command)[0]), footer_word(command))
        for command in commands
        if keys_of(command) and not (read_only and command.mutates)
    ]
    return hints[:limit]


def footer_word(command: Command) -> str:
    """One lower-case word: an action's verb, a movement's title."""
    if command.id in ("instance.ssh", "container.exec"):
        return "shell"
    return command.command[-1] if isinstance(command, Action) else command.title
