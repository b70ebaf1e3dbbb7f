"""What a person says of a connection, checked value by value and laid over what is known of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TypeVar

from aicompute_tui.domain.connection import Connection, ConnectionOptions
from aicompute_tui.domain.connection_choices import FLAGS
from aicompute_tui.domain.errors import InvalidInput, NotFound
from aicompute_tui.domain.money import nano_from_usd
from aicompute_tui.domain.redaction import holds_secret
from aicompute_tui.llms.addresses import address_of
from aicompute_tui.llms.gemini import model_id
from aicompute_tui.llms.presets import Preset, preset_of
from aicompute_tui.services.arguments import flag, integer, text, texts
from aicompute_tui.services.context import Arguments

NONE = "none"
"""The word that takes an option back."""
_KEY = re.compile(r"[!-~]{4,4096}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEY_HEADERS = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "proxy-authorization"})
_LONGEST_SECONDS = 3600
_LONGEST_DESCRIPTION = 500
_HOTTEST = 2
Value = TypeVar("Value")


def checked_key(given: str) -> str:
    """The one line that was given. Raises InvalidInput, which quotes nothing of it."""
    key = given.strip()
    if not _KEY.fullmatch(key):
        raise InvalidInput("That is not one key on one line.", "Give it alone on standard input.")
    return key


def base_url(arguments: Arguments, preset: Preset) -> str:
    """The address given, the preset's own for none or `none`. Raises InvalidInput where there is neither."""
    word = text(arguments, "url")
    given = preset.base_url if word is None or word.lower() == NONE else word
    if given is None:
        raise InvalidInput(f"{preset.title} has an address for each.", f"Give yours: --base-url {preset.url_example}")
    return address_of(given, preset).base_url


def described(arguments: Arguments, connection: Connection) -> Connection:
    """With everything that was named in its place. Raises InvalidInput, NotFound."""
    preset = preset_of(connection.kind)
    return replace(
        connection,
        base_url=base_url(arguments, preset) if text(arguments, "url") else connection.base_url,
        model=_chosen(arguments, "model", connection.model, None, partial(model_id, preset.dialect)),
        description=_chosen(arguments, "description", connection.description, "", _line),
        options=replace(_options(arguments, connection.options), api_version=_version(arguments, connection, preset)),
        flags=_switched(connection.flags, arguments),
        tags=_tags(arguments, connection.tags),
    )


def _version(arguments: Arguments, connection: Connection, preset: Preset) -> str | None:
    """The one in the address that was given, else as it was."""
    word = text(arguments, "url")
    given = None if word is None or word.lower() == NONE else address_of(word, preset).api_version
    return given or connection.options.api_version


def _chosen(arguments: Arguments, name: str, before: Value, usual: Value, read: Callable[[str], Value]) -> Value:
    """What was named, the usual where that is `none`; what is not named stays as it was."""
    word = text(arguments, name)
    if word is None:
        return before
    return usual if word.lower() == NONE else read(word)


def _options(arguments: Arguments, before: ConnectionOptions) -> ConnectionOptions:
    usual = ConnectionOptions()

    def whole(name: str, now: Value, otherwise: Value, least: int, most: int) -> Value | int:
        if (text(arguments, name) or "").lower() == NONE:
            return otherwise
        found = integer(arguments, name, least=least, most=most)
        return now if found is None else found

    chosen = partial(_chosen, arguments)
    return ConnectionOptions(
        timeout_seconds=whole("timeout", before.timeout_seconds, usual.timeout_seconds, 1, _LONGEST_SECONDS),
        retries=whole("retries", before.retries, usual.retries, 0, 10),
        priority=whole("priority", before.priority, usual.priority, 0, 1000),
        requests_per_minute=whole("requests_per_minute", before.requests_per_minute, None, 1, 1_000_000),
        max_tokens=whole("max_tokens", before.max_tokens, None, 1, 10_000_000),
        temperature=chosen("temperature", before.temperature, None, _temperature),
        organization=chosen("organization", before.organization, None, partial(_printable, "organization")),
        headers=_headers(texts(arguments, "header"), before.headers),
        input_nano_usd=chosen("price_in", before.input_nano_usd, None, _price),
        output_nano_usd=chosen("price_out", before.output_nano_usd, None, _price),
        cached_nano_usd=chosen("price_cached", before.cached_nano_usd, None, _price),
        tls_ca=chosen("tls_ca", before.tls_ca, None, _file),
    )


def _temperature(value: str) -> str:
    if not 0 <= _decimal(value, "a temperature") <= _HOTTEST:
        raise InvalidInput(f"“{value}” is not a temperature.", "Give a number from 0 to 2.")
    return value


def _price(value: str) -> int:
    """Nano-dollars per million tokens."""
    amount = _decimal(value.removeprefix("$"), "a price")
    if not 0 <= amount < 100_000:
        raise InvalidInput(f"“{value}” is not a price.", "Give USD per million tokens, like 2.50.")
    return nano_from_usd(amount)


def _decimal(value: str, meant: str) -> Decimal:
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise InvalidInput(f"“{value}” is not {meant}.", "Write it like 0.7.")
    return number


def _printable(name: str, value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise InvalidInput(f"“{name}” may hold letters, digits and signs of ASCII only.", "Give it as it was told.")
    return value


def _line(value: str) -> str:
    if not value.isprintable() or len(value) > _LONGEST_DESCRIPTION:
        raise InvalidInput("That is no description.", f"Write up to {_LONGEST_DESCRIPTION} characters on one line.")
    return value


def _headers(given: Sequence[str], before: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """NAME=VALUE replaces the one of that name; an empty value takes it away."""
    found = dict(before)
    for pair in given:
        name, _, value = pair.partition("=")
        if not _HEADER.fullmatch(name) or not (value.isascii() and (value.isprintable() or not value)):
            raise InvalidInput(f"“{name[:64]}” cannot be sent as a header.", "Write it like X-Title=console.")
        if (name.lower() in _KEY_HEADERS and value) or holds_secret(name, value):
            raise InvalidInput(f"“{name}” would hold a key, which no row may.", "Give keys with --api-key-stdin.")
        found = {kept: words for kept, words in found.items() if kept.lower() != name.lower()}
        if value:
            found[name] = value
    return tuple(found.items())


def _file(path: str) -> str:
    if not Path(path).is_file():
        raise NotFound(f"There is no file {path}.", "Check --tls-ca.")
    return path


def _switched(before: tuple[str, ...], arguments: Arguments) -> tuple[str, ...]:
    on = {name for name in FLAGS if name in before or flag(arguments, name)}
    return tuple(name for name in FLAGS if name in on and not flag(arguments, f"no_{name}"))


def _tags(arguments: Arguments, before: tuple[str, ...]) -> tuple[str, ...]:
    """Added to those there are; `no_tag` and `-TAG` take one away."""
    found = dict.fromkeys(before)
    for tag in texts(arguments, "tag"):
        if tag.startswith("-"):
            found.pop(tag[1:], None)
        else:
            found[tag] = None
    for tag in texts(arguments, "no_tag"):
        found.pop(tag, None)
    return tuple(sorted(found))
