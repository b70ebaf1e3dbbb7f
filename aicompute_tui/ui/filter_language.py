"""What stands after `/`: words, `/regex/`, `!` for not, `-f` fuzzy, `column:text`, `column>number`, `@context`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from aicompute_tui.domain.durations import parse_duration
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json

Row = TypeVar("Row")
Value = str | float | Container[str] | None
TextOf = Callable[[Row], str]
"""Everything of a row that is searched, lower case, a line per column."""
ValueOf = Callable[[Row, str], Value]
"""A row's value in a column: text, words that are found whole, or a number in the column's own unit; None: unknown."""

CONTEXT = "@"
"""The name under which `ValueOf` answers what `@name` narrows by."""
_LONGEST = 200
_COMPARE = re.compile(r"([A-Za-z_][\w-]*)(>=|<=|>|<|=)(.+)")
_COLUMN = re.compile(r"([A-Za-z_][\w-]*):(.+)")
_WORD = re.compile(r'!?(?:[A-Za-z_][\w-]*[:=])?"[^"]*"?|\S+')
_NUMBER = re.compile(r"\$?(\d+(?:\.\d*)?|\.\d+)([gt]?)(?:i?b)?%?", re.IGNORECASE)


def whole_words(*texts: str) -> frozenset[str]:
    """Each text is found as a whole, also with dashes for its spaces, and by each word of it."""
    lowered = [text.lower() for text in texts]
    return frozenset(form for text in lowered for form in (text, text.replace(" ", "-"), *text.split()))


@dataclass(frozen=True, slots=True)
class Known:
    """A word of a vocabulary: one that is in there finds itself alone, any other text what it is a part of."""

    word: str
    vocabulary: Container[str]
    text: str

    def __contains__(self, needle: object) -> bool:
        return needle == self.word if needle in self.vocabulary else str(needle) in self.text.lower()


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; `needle` and `pattern` look into a column where one is named, else into the whole row."""

    column: str | None = None
    needle: str | None = None
    pattern: re.Pattern[str] | None = None
    operator: str = ""
    number: float = 0.0
    inverse: bool = False

    def test(self, text_of: TextOf[Row], value_of: ValueOf[Row]) -> Callable[[Row], bool]:
        found = self._found(text_of, value_of)
        return (lambda row: not found(row)) if self.inverse else found

    def _found(self, text_of: TextOf[Row], value_of: ValueOf[Row]) -> Callable[[Row], bool]:
        needle, pattern, column = self.needle, self.pattern, self.column
        if self.operator:
            compare, number, name = COMPARISONS[self.operator], self.number, column or ""
            return lambda row: isinstance(value := value_of(row, name), (int, float)) and compare(value, number)
        if pattern is not None and column is not None:
            return lambda row: pattern.search(str(value_of(row, column) or "")) is not None
        if pattern is not None:
            return lambda row: pattern.search(text_of(row)) is not None
        if column is None:
            return lambda row: (needle or "") in text_of(row)
        return lambda row: _holds(value_of(row, column), needle or "")


def _holds(value: Value, needle: str) -> bool:
    if value is None:
        return False
    return needle in (str(value).lower() if isinstance(value, (str, int, float)) else value)


COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda value, number: value > number,
    "<": lambda value, number: value < number,
    ">=": lambda value, number: value >= number,
    "<=": lambda value, number: value <= number,
    "=": lambda value, number: value == number,
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold; none at all lets everything pass."""

    text: str
    terms: tuple[Term, ...] = ()

    def predicate(self, text_of: TextOf[Row], value_of: ValueOf[Row]) -> Callable[[Row], bool] | None:
        """None where everything passes."""
        tests = [term.test(text_of, value_of) for term in self.terms]
        if not tests:
            return None
        if len(tests) == 1:
            return tests[0]
        return lambda row: all(test(row) for test in tests)


def parse_filter(text: str, columns: Collection[str]) -> Filter:
    """Raises InvalidInput for a broken regular expression and for a comparison that makes no sense."""
    line = text.strip()[:_LONGEST]
    inverse = line.startswith("!")
    rest = line[1:].lstrip() if inverse else line
    if rest.startswith("-f ") or rest == "-f":
        letters = rest[2:].split()
        return Filter(line, tuple(Term(pattern=_fuzzy(word), inverse=inverse) for word in letters))
    if len(rest) > 1 and rest.startswith("/"):
        return Filter(line, (Term(pattern=_regex(rest[1:].removesuffix("/")), inverse=inverse),))
    terms = [_term(word, columns) for word in _WORD.findall(line)]
    return Filter(line, tuple(term for term in terms if term is not None))


def filter_for(arguments: Mapping[str, Json], columns: Iterable[str]) -> str:
    """The filter that narrows to those of `columns` that were given: `kind:vllm tag:"my lab"`."""
    given = {name: str(arguments[name]) for name in columns if arguments.get(name)}
    return " ".join(f'{name}:"{value}"' if " " in value else f"{name}:{value}" for name, value in given.items())


def _term(word: str, columns: Collection[str]) -> Term | None:
    inverse = word.startswith("!")
    body = word[1:] if inverse else word
    if body.startswith('"'):
        body = body.strip('"')
        return Term(needle=body.lower(), inverse=inverse) if body else None
    if compared := _COMPARE.fullmatch(body):
        name, operator, number = compared.groups()
        if operator == "=" and not _is_number(number):
            return _within(_known(name, columns), number, inverse=inverse)
        return Term(column=_known(name, columns), operator=operator, number=_number(number), inverse=inverse)
    if (named := _COLUMN.fullmatch(body)) and named[1].lower() in columns:
        return _within(named[1].lower(), named[2], inverse=inverse)
    if body.startswith(CONTEXT) and len(body) > 1:
        pattern = _starred(body[1:]) if "*" in body else None
        return Term(column=CONTEXT, needle=body[1:].lower(), pattern=pattern, inverse=inverse)
    return Term(needle=body.lower(), inverse=inverse) if body else None


def _within(column: str, text: str, *, inverse: bool) -> Term | None:
    """None for a quote that has only just been opened."""
    needle = text.strip('"').lower()
    return Term(column=column, needle=needle, inverse=inverse) if needle else None


def _known(name: str, columns: Collection[str]) -> str:
    if name.lower() in columns:
        return name.lower()
    near = difflib.get_close_matches(name.lower(), list(columns), n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Columns: {', '.join(columns)}."
    raise InvalidInput(f"There is no column “{name}” here.", hint)


def _is_number(text: str) -> bool:
    try:
        _number(text)
    except InvalidInput:
        return False
    return True


def _number(text: str) -> float:
    """Plain, `$0.5`, `24g` (GiB), or a duration like `2h` in seconds."""
    if match := _NUMBER.fullmatch(text):
        return float(match[1]) * (1024 if match[2].lower() == "t" else 1)
    try:
        return float(parse_duration(text))
    except InvalidInput:
        raise InvalidInput(f"“{text}” is not a number.", "Write it like 4, $0.50, 24g or 2h.") from None


def _regex(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text, re.IGNORECASE | re.MULTILINE)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidInput(
            f"The regular expression does not parse: {error}.", "End it with / or leave the / out."
        ) from None


def _starred(name: str) -> re.Pattern[str]:
    """A whole word in which each star stands for any letters: `lab-*`."""
    letters = r"\S*".join(re.escape(part) for part in name.split("*"))
    return re.compile(rf"(?<!\S){letters}(?!\S)", re.IGNORECASE)


def _fuzzy(letters: str) -> re.Pattern[str]:
    """The letters in this order with anything between them, within one column."""
    return re.compile("[^\n]*?".join(re.escape(letter) for letter in letters.lower()))
