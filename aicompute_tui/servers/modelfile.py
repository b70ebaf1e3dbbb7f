"""A Modelfile read into what Ollama's interface takes, which has a field for each instruction."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject

_INSTRUCTION = re.compile(r"(?i)(FROM|PARAMETER|TEMPLATE|SYSTEM|LICENSE|MESSAGE|ADAPTER|RENDERER|PARSER|REQUIRES)\s+")
_QUOTES = '"""'
_REPEATED = frozenset({"stop"})
_LARGEST = 1 << 20


def creation(text: str) -> JsonObject:
    """The fields of a creation. Raises InvalidInput for what cannot be read, and for files that lie elsewhere."""
    if len(text) > _LARGEST:
        raise InvalidInput("That is far too long for a Modelfile.", "Give the Modelfile itself.")
    found: JsonObject = {}
    parameters: JsonObject = {}
    messages: list[Json] = []
    licences: list[Json] = []
    for word, value in _instructions(text):
        if word == "from":
            found["from"] = _model_name(value)
        elif word == "parameter":
            _take_parameter(parameters, value)
        elif word == "message":
            role, _, content = value.partition(" ")
            messages.append({"role": role, "content": _unquoted(content)})
        elif word == "adapter":
            raise InvalidInput("An ADAPTER is a file, which Ollama wants sent before.", "Create it on the server.")
        elif word == "license":
            licences.append(value)
        else:
            found[word] = value
    if licences:
        found["license"] = licences[0] if len(licences) == 1 else licences
    if "from" not in found:
        raise InvalidInput("A Modelfile begins with FROM and a model.", "Write it like: FROM llama3.2")
    return found | ({"parameters": parameters} if parameters else {}) | ({"messages": messages} if messages else {})


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each with its value; three quotes hold one of several lines."""
    rest = text
    while rest:
        line, _, after = rest.partition("\n")
        if not line.strip() or line.lstrip().startswith("#"):
            rest = after
            continue
        match = _INSTRUCTION.match(line.lstrip())
        if match is None:
            raise InvalidInput(f"“{line.strip()[:60]}” is no line of a Modelfile.", "Begin it with FROM, PARAMETER …")
        start = rest.index(match[0]) + len(match[0])
        head = rest[start:].lstrip(" \t")
        if head.startswith(_QUOTES):
            inside, quotes, rest = head.removeprefix(_QUOTES).partition(_QUOTES)
            if not quotes:
                raise InvalidInput(f"The three quotes of {match[1]} have no end.", 'Close them with """.')
            yield match[1].lower(), inside.strip("\n")
            continue
        rest = after
        yield match[1].lower(), _unquoted(line.lstrip()[match.end() :])


def _unquoted(value: str) -> str:
    text = value.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


def _model_name(value: str) -> str:
    """Raises InvalidInput for a file, which lies here and not where the server is."""
    if value.startswith((".", "/", "~")) or value.endswith((".gguf", ".safetensors")):
        raise InvalidInput(f"{value[:60]} is a file, which Ollama wants sent before.", "Create it on the server.")
    return value


def _take_parameter(parameters: JsonObject, value: str) -> None:
    name, *rest = value.split(maxsplit=1)
    text = _unquoted(rest[0]) if rest else ""
    if name in _REPEATED:
        before = parameters.get(name)
        parameters[name] = [*(before if isinstance(before, list) else []), text]
    else:
        parameters[name] = _number(text)


def _number(text: str) -> Json:
    for kind in (int, float):
        try:
            given = kind(text)
        except ValueError:
            continue
        if math.isfinite(given):  # JSON has no other
            return given
    return {"true": True, "false": False}.get(text.lower(), text)
