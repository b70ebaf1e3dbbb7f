"""What the connection form asks for each kind, and what its fields come to as arguments of adding or editing one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from aicompute_tui.domain.connection_choices import FLAGS
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.llms.presets import PRESETS, Preset
from aicompute_tui.store.rows import ConnectionRow
from aicompute_tui.ui.connection_columns import words_of
from aicompute_tui.ui.connection_records import connection_record, header_names, options_of

NONE = "none"
"""What takes an option back."""


class Asked(NamedTuple):
    """A field of the form: its label, and what stands there while it is empty."""

    label: str
    empty: str


OPTIONS: dict[str, Asked] = {
    "timeout": Asked("timeout s", "60"),
    "retries": Asked("retries", "2"),
    "temperature": Asked("temperature", "the server's own"),
    "max_tokens": Asked("max tokens", "the server's own"),
    "organization": Asked("organisation", "none"),
    "header": Asked("headers", "NAME=VALUE, NAME=VALUE"),
    "priority": Asked("priority", "0; the highest is asked first"),
    "requests_per_minute": Asked("requests/min", "no limit"),
    "price_in": Asked("$/M tokens in", "unknown"),
    "price_out": Asked("$/M tokens out", "unknown"),
    "price_cached": Asked("$/M cached", "as tokens in"),
    "tls_ca": Asked("authority", "file with a certificate to trust"),
}
"""Parameter of `connection add` → its field."""
_RECORDED = {"price_in": "price_in_usd", "price_out": "price_out_usd", "price_cached": "price_cached_usd"}


def fields_asked(preset: Preset, url: str) -> list[str]:
    """The options that this kind at this address has a use for."""
    left_out = set() if preset.name in ("openai", "openai-compatible") else {"organization"}
    if url and not url.startswith("https"):
        left_out.add("tls_ca")
    return [name for name in OPTIONS if name not in left_out]


def key_words(preset: Preset, *, is_kept: bool) -> str:
    """What stands in the empty field for the key."""
    if is_kept:
        return "kept; type another to replace it"
    return "needed; it is sealed and stays in the vault" if preset.needs_key else "only where the server wants one"


def first_values(row: ConnectionRow | None, given: Mapping[str, Json]) -> dict[str, str]:
    """What stands in the fields at first: what is kept, or what was given after the word."""
    if row is None:
        values = {name: _text(value) for name, value in given.items()}
        values["offer"] = ", ".join(flag for flag in FLAGS if given.get(flag))
        return {**values, "tags": values.pop("tag", "")}
    record = connection_record(row)
    values = {name: _text(record.get(_RECORDED.get(name, name))) for name in OPTIONS}
    headers = options_of(row).get("headers")
    pairs = [f"{each[0]}={each[1]}" for each in headers if isinstance(each, list)] if isinstance(headers, list) else []
    return {
        **values,
        "header": ", ".join(pairs),
        "preset": row.kind,
        "url": row.base_url,
        "model": row.model or "",
        "name": row.name,
        "tags": ", ".join(words_of(row.tags)),
        "offer": ", ".join(words_of(row.flags)),
        "description": row.description,
    }


def added(values: Mapping[str, str]) -> JsonObject:
    """Arguments of `connection.add`; what is empty is left to it."""
    arguments: JsonObject = {name: values[name] for name in ("name", "preset", "url", "model", "description", *OPTIONS)
                             if values.get(name)}  # fmt: skip
    if values.get("header"):
        arguments["header"] = list[Json](_words(values["header"]))
    if values.get("tags"):
        arguments["tag"] = list[Json](tags_in(values["tags"]))
    return arguments | dict.fromkeys(checked_flags(values.get("offer", "")), True)


def changed(row: ConnectionRow, values: Mapping[str, str]) -> JsonObject:
    """Arguments of `connection.edit`: only what differs from what is kept."""
    before = first_values(row, {})
    differs = {name for name, value in values.items() if value != before.get(name, "")}
    arguments: JsonObject = {"name": row.id}
    if "name" in differs:
        arguments["rename"] = values["name"]
    for name in ("url", "model", "description", *OPTIONS):
        if name in differs and name != "header":
            arguments[name] = values[name] or NONE
    if "header" in differs:
        kept = {pair.partition("=")[0] for pair in _words(values["header"])}
        gone = [f"{name}=" for name in header_names(options_of(row)) if name not in kept]
        arguments["header"] = list[Json]([*_words(values["header"]), *gone])
    if "tags" in differs:
        tags, held = tags_in(values["tags"]), words_of(row.tags)
        arguments["tag"] = list[Json]([tag for tag in tags if tag not in held])
        arguments["no_tag"] = list[Json]([tag for tag in held if tag not in tags])
    if "offer" in differs:
        wanted, held = checked_flags(values["offer"]), words_of(row.flags)
        arguments |= {flag: True for flag in wanted if flag not in held}
        arguments |= {f"no_{flag}": True for flag in held if flag not in wanted}
    return arguments


def checked_flags(text: str) -> list[str]:
    """Raises InvalidInput for a word that is none of the three."""
    words = [word.lower() for word in _words(text)]
    wrong = next((word for word in words if word not in FLAGS), None)
    if wrong is not None:
        raise InvalidInput(f"“{wrong}” is nothing a connection is offered to.", f"Known are: {', '.join(FLAGS)}.")
    return [flag for flag in FLAGS if flag in words]


def next_url(url: str, before: str, preset: str) -> str:
    """The address that stands after turning from one kind to another: one that was typed stays."""
    usual = {PRESETS[before].base_url or "", ""} if before in PRESETS else {""}
    return (PRESETS[preset].base_url or "") if url in usual else url


def model_hint(models: Sequence[str], typed: str) -> str:
    """Which of the models on offer begin with, else contain, what is typed; the first few of them."""
    if not models:
        return ""
    word = typed.lower()
    found = [name for name in models if name.lower().startswith(word)] or [name for name in models if word in name]
    if typed in models:
        others = "another one" if len(models) == 2 else f"{len(models) - 1:,} others"
        return f"offered, with {others}" if len(models) > 1 else "offered, the only one"
    if not found:
        return f"not among the {len(models):,} models on offer"
    count = f"{len(found):,} of {len(models):,}" if len(found) < len(models) else f"{len(models):,} offered"
    return f"{count}: {', '.join(found[:4])}{' …' if len(found) > 4 else ''}"


def tags_in(text: str) -> list[str]:
    """Between commas; between blanks where there is no comma."""
    return _words(text) if "," in text else text.split()


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _text(value: Json) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else "" if value is None else str(value)
