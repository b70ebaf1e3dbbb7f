"""The shape of an action and of its parameters."""

from __future__ import annotations

from typing import Literal, NamedTuple

ParameterKind = Literal["text", "integer", "decimal", "duration", "choice", "flag", "path", "path or name", "key=value"]
Execution = Literal["job", "query"]
Scope = Literal[
    "global",
    "instances",
    "sightings",
    "credentials",
    "settings",
    "keys",
    "events",
    "jobs",
    "hosts",
    "containers",
    "images",
    "volumes",
    "registries",
    "connections",
    "servers",
    "quotas",
]


class Parameter(NamedTuple):
    """One argument. `name` is the key in the arguments and, with dashes, the CLI flag."""

    name: str
    kind: ParameterKind
    help: str
    positional: bool = False
    required: bool = False
    repeatable: bool = False
    default: str | None = None
    choices: tuple[str, ...] = ()
    short: str = ""
    """One letter for the command line: `f` makes `-f`."""
    least: int = 1
    """The smallest an integer may be."""
    spellings: tuple[str, ...] = ()
    """Its flags on the command line where they are not its name's; the first is the one that is shown."""
    bare: str = ""
    """What the flag stands for where no value follows it."""


class Action(NamedTuple):
    """One verb.

    `handler` is `module:function`, an async function of (Context, arguments), resolved when called. A `job` changes the
    world and is a row; a `query` only reads. `scope` is the table whose row it acts on, `global` where it needs none.
    """

    id: str
    title: str
    help: str
    scope: Scope
    execution: Execution
    handler: str
    command: tuple[str, ...]
    """The words after `aic-tui`."""
    parameters: tuple[Parameter, ...] = ()
    keys: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    """Words after `:` in the console; the first is the one help shows."""
    mutates: bool = False
    dangerous: bool = False
    streams: bool = False
    result: str = "object"
    """`object`, `rows` or `none`: the shape of what it answers."""
    also: tuple[str, ...] = ()
    """Other last words that mean the same on the command line."""
