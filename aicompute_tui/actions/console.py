"""The verbs on the console itself: its keys, its colours, and what it is."""

from __future__ import annotations

from aicompute_tui.actions.model import Action, Parameter

_COMMAND = Parameter("id", "text", "Command, as `key list` shows it.", positional=True, required=True)

CONSOLE_ACTIONS = (
    Action(
        "key.list",
        "List keys",
        "Every command of the console with its keys, and where they come from.",
        "global",
        "query",
        "aicompute_tui.services.keymap:list_keys",
        ("key", "list"),
        aliases=("keys",),
        result="rows",
    ),
    Action(
        "key.set",
        "Change a key",
        "Gives a command other keys, in your config.toml; a console that opens next has them.",
        "keys",
        "job",
        "aicompute_tui.services.keymap:set_keys",
        ("key", "set"),
        (
            _COMMAND,
            Parameter("keys", "text", "Keys like t, f5 or ctrl+t.", positional=True, required=True, repeatable=True),
        ),
        keys=("e",),
        aliases=("key-set",),
        mutates=True,
    ),
    Action(
        "key.reset",
        "Reset a key",
        "Gives a command its usual keys again.",
        "keys",
        "job",
        "aicompute_tui.services.keymap:reset_keys",
        ("key", "reset"),
        (_COMMAND,),
        keys=("r",),
        aliases=("key-reset",),
        mutates=True,
    ),
    Action(
        "theme.list",
        "List themes",
        "Colour themes: the built-in ones and your own in the themes folder.",
        "global",
        "query",
        "aicompute_tui.services.themes:list_themes",
        ("theme", "list"),
        (Parameter("name", "text", "Only this one; in the console it is put on.", positional=True),),
        aliases=("theme", "themes"),
        result="rows",
    ),
    Action(
        "about.show",
        "About this installation",
        "Versions, database, folders and agent in one block for a bug report; nothing secret.",
        "global",
        "query",
        "aicompute_tui.services.about:show",
        ("about",),
        aliases=("about",),
    ),
)
