"""The keys of the console: what each command has, and a person's own in the keys table of config.toml."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from aicompute_tui.domain.errors import AicError, InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.arguments import required_text, texts
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.settings.config import KEYS_TABLE, Config, key_line, read_what_can_be
from aicompute_tui.settings.keymap import KeyedCommand, Keymap, keymap, shown
from aicompute_tui.settings.toml_file import change

Commands = Mapping[str, KeyedCommand]


async def list_keys(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Handler of `key.list`: the console's keys, a person's own among them."""
    commands = _commands(context)
    path = context.places.config_file
    config = await asyncio.to_thread(read_what_can_be, path)
    return list[Json](key_rows(commands, own_keymap(path, config, commands)))


async def set_keys(context: Context, arguments: Arguments) -> Json:
    """Handler of `key.set`. Raises InvalidInput naming what is in the way, Refused where the file cannot be written."""
    given = texts(arguments, "keys")
    if not given:
        raise InvalidInput("No key is given.", "Give one, or take all back: aic-tui key reset ID")
    return await _write(context, required_text(arguments, "id"), list(given))


async def reset_keys(context: Context, arguments: Arguments) -> Json:
    """Handler of `key.reset`: the usual keys again."""
    return await _write(context, required_text(arguments, "id"), None)


async def _write(context: Context, command_id: str, keys: list[str] | None) -> Json:
    commands, path = _commands(context), context.places.config_file
    config = await asyncio.to_thread(read_what_can_be, path)
    found = own_keymap(path, config, commands, {command_id: keys})
    refuse(command_id, found, commands)
    refuse_new(found, own_keymap(path, config, commands))
    value: str | list[str] | None = keys
    if keys is not None and len(keys) == 1:
        value = keys[0]
    if keys is not None and found.changed.get(command_id) is None:
        value = None
    await asyncio.to_thread(change, path, {(KEYS_TABLE, command_id): value})
    return next(row for row in key_rows(commands, found) if row["id"] == command_id)


def refuse(command_id: str, found: Keymap, commands: Commands) -> None:
    """Raises the problem of one command, where there is one."""
    start = f"“{command_id}”: "
    for problem in found.problems:
        if problem.message.startswith(start):
            told = problem.message.removeprefix(start)
            raise InvalidInput(told[:1].upper() + told[1:], problem.next_step)
    if command_id not in commands:
        raise InvalidInput(f"There is no command “{command_id}”.", "`aic-tui key list` shows them all.")


def refuse_new(found: Keymap, before: Keymap) -> None:
    """Raises the first problem of another command that there was not before: it would lose its key."""
    known = {problem.message for problem in before.problems}
    for problem in found.problems:
        if problem.message not in known:
            raise InvalidInput(problem.message, problem.next_step)


def own_keymap(
    path: Path, config: Config, commands: Commands, wanted: Mapping[str, Sequence[str] | None] | None = None
) -> Keymap:
    """The keymap of a file, with what is `wanted` of some commands in place of what it says; None is the usual."""
    asked = dict(wanted or {})
    keys: dict[str, Sequence[str]] = {each: given for each, given in config.keys.items() if each not in asked}
    keys |= {each: given for each, given in asked.items() if given is not None}

    def where(command_id: str) -> str:
        return f"“{command_id}”" if command_id in asked else key_line(path, command_id)

    return keymap(keys, commands, where)


def key_problems(path: Path, commands: Commands) -> list[AicError]:
    """What is wrong with the keys of a file."""
    config = read_what_can_be(path)
    return [*config.key_problems, *own_keymap(path, config, commands).problems]


def key_rows(commands: Commands, own: Keymap) -> list[JsonObject]:
    """A row for each command, those of one place together, the ones with a key first."""
    order = {place: number for number, place in enumerate(dict.fromkeys(each.place for each in commands.values()))}
    rows: list[JsonObject] = []
    for each in sorted(commands.values(), key=lambda command: (order[command.place], not command.keys)):
        keys = own.changed.get(each.id, each.keys)
        rows.append(
            {
                "id": each.id,
                "title": each.title[:1].upper() + each.title[1:],
                "place": each.place,
                "keys": [shown(key) for key in keys],
                "usual_keys": [shown(key) for key in each.keys],
                "source": "file" if each.id in own.changed else "built-in",
            }
        )
    return rows


def _commands(context: Context) -> Commands:
    if context.commands is None:
        raise RuntimeError("this process was given no commands")
    return context.commands()
