"""What stands after `:`: an alias, its words, `@name` to narrow and `/filter` at the end; and how it is completed."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from aicompute_tui.actions.model import Action, Parameter
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.settings.typed_paths import resolved

_YES = frozenset({"true", "yes", "1", "on"})
_NO = frozenset({"false", "no", "0", "off"})


@dataclass(frozen=True, slots=True)
class Typed:
    """`context` is the name after `@`, `filter` the text after `/`; both None where not given."""

    alias: str
    words: tuple[str, ...] = ()
    context: str | None = None
    filter: str | None = None


def parse_command(text: str, aliases: Collection[str]) -> Typed:
    """Raises InvalidInput for an empty line, an unclosed quote and a word that is no command."""
    head, filter_text = _split_filter(text.strip().removeprefix(":").strip())
    words = _split_words(head)
    if not words:
        raise InvalidInput("There is no command.", "Type its name, or ? for all of them.")
    alias = words[0].lower()
    if alias not in aliases:
        raise InvalidInput(f"There is no command “{_short(words[0])}”.", _nearest(alias, aliases))
    contexts = [word[1:] for word in words[1:] if word.startswith("@") and len(word) > 1]
    rest = tuple(word for word in words[1:] if not (word.startswith("@") and len(word) > 1))
    return Typed(alias, rest, contexts[-1] if contexts else None, filter_text)


def arguments_of(action: Action, words: Sequence[str]) -> JsonObject:
    """`words` as arguments: `flag=value` by name, the rest by position. Raises InvalidInput where they do not fit."""
    binder = _Binder(action)
    for word in words:
        name, separator, value = word.partition("=")
        parameter = binder.named.get(name.lstrip("-").replace("-", "_")) if separator or word.startswith("--") else None
        if parameter is not None:
            binder.bind(parameter, value if separator else "true")
        else:
            binder.bind_position(word)
    return binder.values


def words_with_path(typed: Typed) -> tuple[str, ...]:
    """The words where a path is wanted: what its slash made look like a filter belongs to them."""
    return (*typed.words, *_split_words(f"/{typed.filter}")) if typed.filter else typed.words


def missing_arguments(action: Action, arguments: Mapping[str, Json]) -> list[Parameter]:
    return [parameter for parameter in action.parameters if parameter.required and not arguments.get(parameter.name)]


def completions(text: str, aliases: Iterable[str], contexts: Iterable[str] = ()) -> list[str]:
    """Whole lines `text` may become, for the word at its end; nothing inside a filter."""
    head, filter_text = _split_filter(text)
    if filter_text is not None:
        return []
    before, space, word = head.rpartition(" ")
    if not space:
        return sorted(alias for alias in aliases if alias.startswith(word.lower()))
    if word.startswith("@"):
        return [f"{before} @{name}" for name in sorted(contexts) if name.lower().startswith(word[1:].lower())]
    return []


@dataclass(slots=True)
class History:
    """Lines typed before, newest last; a line repeated moves to the end."""

    lines: list[str] = field(default_factory=list)
    most: int = 100
    _place: int | None = None

    def add(self, line: str) -> None:
        self._place = None
        if line in self.lines:
            self.lines.remove(line)
        self.lines.append(line)
        del self.lines[: -self.most]

    def older(self) -> str | None:
        if not self.lines:
            return None
        place = len(self.lines) if self._place is None else self._place
        self._place = max(0, place - 1)
        return self.lines[self._place]

    def newer(self) -> str | None:
        """None past the newest: the line under edit is empty again."""
        if self._place is None:
            return None
        self._place += 1
        if self._place >= len(self.lines):
            self._place = None
            return None
        return self.lines[self._place]

    def leave(self) -> None:
        self._place = None


class _Binder:
    """Fills the parameters of one action from words."""

    def __init__(self, action: Action) -> None:
        self.action = action
        self.named = {parameter.name: parameter for parameter in action.parameters}
        self.values: JsonObject = {}

    def bind(self, parameter: Parameter, text: str) -> None:
        value = _flag(parameter.name, text) if parameter.kind == "flag" else resolved(parameter.kind, text)
        if parameter.choices:
            value = _choice(parameter, text)
        if parameter.repeatable:
            held = self.values.setdefault(parameter.name, [])
            if isinstance(held, list):
                held.append(value)
        else:
            self.values[parameter.name] = value

    def bind_position(self, word: str) -> None:
        for parameter in self.action.parameters:
            if parameter.positional and (parameter.repeatable or parameter.name not in self.values):
                self.bind(parameter, word)
                return
        known = ", ".join(f"{name}=…" for name in self.named) or "no argument"
        raise InvalidInput(f"“{_short(word)}” means nothing to :{self.action.aliases[0]}.", f"It takes {known}.")


def _choice(parameter: Parameter, text: str) -> str:
    found = next((each for each in parameter.choices if each.casefold() == text.casefold()), None)
    if found is None:
        wrong = f"“{_short(text)}” is not one of the values of {parameter.name}."
        raise InvalidInput(wrong, f"Give one of {', '.join(parameter.choices)}.")
    return found


def _split_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        raise InvalidInput("A quote is opened and never closed.", "Close it, or leave it out.") from None


def _flag(name: str, text: str) -> bool:
    word = text.lower()
    if word not in _YES | _NO:
        raise InvalidInput(f"{name} is yes or no, not “{_short(text)}”.", f"Give {name}=yes, or leave it out.")
    return word in _YES


def _split_filter(text: str) -> tuple[str, str | None]:
    """A slash at the start of a word begins the filter, which runs to the end of the line."""
    at = 0 if text.startswith("/") else text.find(" /")
    if at < 0:
        return text, None
    return text[:at], text[at:].lstrip().removeprefix("/")


def _nearest(alias: str, aliases: Collection[str]) -> str:
    near = difflib.get_close_matches(alias[:40], list(aliases), n=1, cutoff=0.5)
    starts = [known for known in sorted(aliases) if known.startswith(alias[:40])]
    found = starts[:1] or near
    return f"Did you mean :{found[0]}?" if found else "Press ? for all commands."


def _short(word: str) -> str:
    return word if len(word) <= 40 else f"{word[:39]}…"
