"""A person's own keys: each command's keys as they are to be, and a sentence for every one that cannot be given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.settings.keys import nearest

EVERYWHERE = "everywhere"
LOG_PLACES = frozenset({"log", "log-page", "machine-log"})
"""What a log in focus owns; its keys go before all others there."""

_PREFIXES = {
    "ctrl+a": "GNU screen's prefix",
    "ctrl+b": "tmux's prefix",
    "ctrl+space": "a multiplexer's prefix",
    "ctrl+at": "a multiplexer's prefix",
    "ctrl+s": "the terminal's own: it stops the output",
    "ctrl+q": "the terminal's own: it starts the output again",
    "ctrl+z": "the shell's own: it suspends the program",
    "ctrl+i": "what a terminal sends for tab",
    "ctrl+m": "what a terminal sends for enter",
    "ctrl+h": "what a terminal sends for backspace",
    "ctrl+left_square_bracket": "what a terminal sends for esc",
}
_MOVES = frozenset(
    {"up", "down", "left", "right", "pageup", "pagedown", "home", "end", "j", "k", "g", "G", "tab", "shift+tab"}
)
_NEEDED = {"go.stop": "ctrl+c", "go.back": "escape"}
"""Ways out, which stay where every person looks for them."""
_NAMED = frozenset(
    {"up", "down", "left", "right", "pageup", "pagedown", "home", "end", "tab", "enter", "escape", "space"}
    | {"backspace", "delete", "insert"}
    | {f"f{number}" for number in range(1, 25)}
)
_SPELLED = {"esc": "escape", "return": "enter", "pgup": "pageup", "pgdn": "pagedown", "del": "delete", "ins": "insert"}
_REPLACED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
_MODIFIERS = ("ctrl", "alt", "shift")


class KeyedCommand(NamedTuple):
    """One thing that has keys. `place` is where they work: `everywhere`, a table's name, `table`, `log` …"""

    id: str
    title: str
    place: str
    keys: tuple[str, ...]


class Keymap(NamedTuple):
    """The keys that differ from the usual ones, by command, and what was not taken over."""

    changed: Mapping[str, tuple[str, ...]] = {}
    problems: tuple[InvalidInput, ...] = ()


Where = Callable[[str], str]
"""Command id → where its line stands, for people."""


def keymap(wanted: Mapping[str, Iterable[str]], commands: Mapping[str, KeyedCommand], where: Where) -> Keymap:
    """What of `wanted` can be had. Of two that want one key the second one keeps what it had."""
    changed: dict[str, tuple[str, ...]] = {}
    problems: list[InvalidInput] = []
    for command_id, keys in wanted.items():
        try:
            changed[command_id] = _checked(command_id, keys, commands)
        except InvalidInput as error:
            problems.append(InvalidInput(f"{where(command_id)}: {error.message}", error.next_step))
    for command_id in list(changed):
        held = {other: changed.get(other, each.keys) for other, each in commands.items()}
        try:
            refuse_conflict(command_id, changed[command_id], held, commands)
        except InvalidInput as error:
            del changed[command_id]
            problems.append(InvalidInput(f"{where(command_id)}: {error.message}", error.next_step))
    return Keymap({each: keys for each, keys in changed.items() if keys != commands[each].keys}, tuple(problems))


def refuse_conflict(
    command_id: str,
    keys: Iterable[str],
    held: Mapping[str, tuple[str, ...]],
    commands: Mapping[str, KeyedCommand],
) -> None:
    """Raises InvalidInput naming both where another command has one of `keys` in a place where both work."""
    command = commands[command_id]
    for other_id, other in commands.items():
        taken = set(keys) & set(held.get(other_id, other.keys)) - set(command.keys)
        if other_id != command_id and taken and _meet(command.place, other.place):
            key = sorted(taken)[0]
            raise InvalidInput(
                f"{shown(key)} cannot be “{command.title}” ({command_id}): it is “{other.title}” ({other_id}).",
                f"Choose another key, or give {other_id} another one too.",
            )


def _meet(place: str, other: str) -> bool:
    """Whether two places are ever in reach of one key. A log in focus goes before all others, as it is meant to."""
    if place in LOG_PLACES or other in LOG_PLACES:
        return place in LOG_PLACES and other in LOG_PLACES
    return place == other or EVERYWHERE in (place, other) or "table" in (place, other)


def _checked(command_id: str, keys: Iterable[str], commands: Mapping[str, KeyedCommand]) -> tuple[str, ...]:
    command = commands.get(command_id)
    if command is None:
        near = nearest(command_id, list(commands))
        hint = f"Did you mean “{near}”?" if near else "`aic-tui key list` shows them all."
        raise InvalidInput(f"there is no command “{command_id}”.", hint)
    found = tuple(dict.fromkeys(checked_key(key, command) for key in keys))
    needed = _NEEDED.get(command_id)
    if needed and needed not in found:
        raise InvalidInput(f"{shown(needed)} stays “{command.title}”: it is the way out.", f"Add {needed} to the list.")
    return found


def checked_key(text: str, command: KeyedCommand) -> str:
    """The key as the console names it. Raises InvalidInput for one that cannot be pressed or that has an owner."""
    key = spelled(text)
    if key in command.keys:
        return key
    base = key.rpartition("+")[2]
    owner = _PREFIXES.get(key)
    if owner:
        raise InvalidInput(f"{shown(key)} is {owner}, and never arrives here.", "Choose another key.")
    if key in _MOVES:
        raise InvalidInput(f"{shown(key)} moves the cursor.", "Choose another key.")
    if key in _NEEDED.values():
        raise InvalidInput(f"{shown(key)} is the way out.", "Choose another key.")
    if key == base and len(base) == 1 and base.isupper() and command.place not in LOG_PLACES:
        raise InvalidInput(f"shift and a letter sorts a table, and {base} is one.", "Choose another key.")
    return key


def spelled(text: str) -> str:
    """`+` → `plus`, `Ctrl+T` → `ctrl+t`. Raises InvalidInput for what no key is called."""
    written = text.strip()
    parts = ["+"] if written == "+" else written.split("+")
    *modifiers, base = [*parts[:-2], "+"] if parts[-2:] == ["", ""] else parts
    given = [each.strip().lower() for each in modifiers]
    base = _base(base, text)
    if len(set(given)) != len(given) or not set(given) <= set(_MODIFIERS):
        raise _no_key(text)
    if "shift" in given and len(base) == 1 and base.isalpha():
        given.remove("shift")
        base = base.upper() if "ctrl" not in given else base
    if "ctrl" in given and len(base) == 1:
        base = base.lower()
    return "+".join([each for each in _MODIFIERS if each in given] + [base])


def _base(written: str, text: str) -> str:
    if len(written) == 1:
        return written if written.isalnum() else _named(written, text)
    name = _SPELLED.get(written.lower(), written.lower())
    if name in _NAMED or name in _characters():
        return name
    raise _no_key(text)


def _named(letter: str, text: str) -> str:
    if letter == " ":
        return "space"
    try:
        name = unicodedata.name(letter).lower().replace("-", "_").replace(" ", "_")
    except ValueError:
        raise _no_key(text) from None
    return _REPLACED.get(name, name)


def _characters() -> dict[str, str]:
    """The name of each character of a keyboard that is neither letter nor digit → the character."""
    return {_named(letter, letter): letter for letter in "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"}


def shown(key: str) -> str:
    """A key as a person reads it: `plus` → `+`."""
    *modifiers, base = key.split("+") if key != "+" else ["+"]
    readable = {"escape": "esc", **_characters()}.get(base, base)
    return "+".join([*modifiers, readable])


def _no_key(text: str) -> InvalidInput:
    plain = re.sub(r"[^\x20-\x7e]", "?", text)[:40]
    return InvalidInput(f"there is no key “{plain}”.", "Write it like t, T, f5, ctrl+t, alt+x or space.")
