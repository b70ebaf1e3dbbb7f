"""Answers as text that programs read: JSON, CSV and YAML, the same from every door."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from aicompute_tui.domain.json import Json, JsonObject


def json_text(value: Json, *, utf8: bool = True) -> str:
    return json.dumps(value, ensure_ascii=not utf8, indent=2) + "\n"


def yaml_text(value: Json, *, utf8: bool = True) -> str:
    return "\n".join(yaml_lines(value, utf8=utf8)) + "\n"


def rows_of(result: Json) -> list[JsonObject]:
    """The rows of an answer; one object is one row, a bare value a row with `value`."""
    if result is None:
        return []
    items = result if isinstance(result, list) else [result]
    return [item if isinstance(item, dict) else {"value": item} for item in items]


def columns_of(rows: Iterable[JsonObject]) -> list[str]:
    """Every key, in the order of first sight."""
    return list(dict.fromkeys(key for row in rows for key in row))


def csv_text(rows: Sequence[JsonObject], *, header: bool = True) -> str:
    """RFC 4180 but for the newline: all keys as columns, nested values as JSON, nothing for None.

    A text that a spreadsheet would carry out gets a `'` before it, as OWASP's "CSV Injection" has it.
    """
    import csv
    import io

    names = columns_of(rows)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    if header and names:
        writer.writerow(names)
    writer.writerows([[_csv_cell(row.get(name)) for name in names] for row in rows])
    return buffer.getvalue()


def _csv_cell(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if _FORMULA.match(value) else value
    return json.dumps(value, ensure_ascii=False)


def yaml_lines(value: Json, *, utf8: bool = True, indent: int = 0) -> list[str]:
    """Block style that readers of YAML 1.1 and 1.2 take alike: every text is quoted, no number has an exponent."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            *before, head = _yaml_heads(pad, _yaml_key(key, utf8))
            lines += [*before, *_yaml_entry(head, item, utf8, indent + 1)]
        return lines
    if isinstance(value, list) and value:
        lines = []
        for item in value:
            inner = yaml_lines(item, utf8=utf8, indent=indent + 1)
            lines += [f"{pad}- {inner[0].lstrip()}", *inner[1:]]
        return lines
    return [pad + _yaml_scalar(value, utf8)]


def _yaml_entry(head: str, item: Json, utf8: bool, indent: int) -> list[str]:
    inner = yaml_lines(item, utf8=utf8, indent=indent)
    if isinstance(item, dict | list) and item:
        return [head, *inner]
    return [f"{head} {inner[0].lstrip()}"]


def _yaml_heads(pad: str, key: str) -> list[str]:
    """A key on one line with its value, or on a line of its own where readers may not take it for one otherwise."""
    return [f"{pad}{key}:"] if len(key) <= _LONGEST_SIMPLE_KEY else [f"{pad}? {key}", f"{pad}:"]


def _yaml_key(key: str, utf8: bool) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key not in _YAML_WORDS else _yaml_text(key, utf8)


def _yaml_scalar(value: Json, utf8: bool) -> str:
    if isinstance(value, str):
        return _yaml_text(value, utf8)
    if isinstance(value, float) and "e" in repr(value):
        from decimal import Decimal

        digits = format(Decimal(repr(value)), "f")
        return digits if "." in digits else digits + ".0"
    return json.dumps(value)


def _yaml_text(text: str, utf8: bool) -> str:
    return '"' + "".join(_yaml_letter(letter, utf8) for letter in text) + '"'


def _yaml_letter(letter: str, utf8: bool) -> str:
    if letter in '"\\':
        return "\\" + letter
    if letter.isprintable() and (utf8 or letter.isascii()):
        return letter
    code = ord(letter)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d.]+$)")
_LONGEST_SIMPLE_KEY = 1_000
"""YAML ends the search for a key's colon after 1,024 letters."""
_PLAIN_KEY = re.compile(r"[a-z][a-z0-9_]*")
_YAML_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
