"""Settings as people see and change them: value, source and rule; shared ones in the database, own ones in a file."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.redaction import redact
from aicompute_tui.services.arguments import required_text
from aicompute_tui.services.context import Arguments, Context, Preferences
from aicompute_tui.services.events import told
from aicompute_tui.settings.keys import SETTINGS, Setting, check_value, setting_named
from aicompute_tui.settings.preferences import BUILT_IN
from aicompute_tui.settings.themes import check_theme
from aicompute_tui.settings.toml_file import change

_BEFORE_DATABASE = ("flag", "environment", "file")
_BEFORE_FILE = ("flag", "environment")


async def list_settings(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Handler of `setting.list`."""
    rows: list[Json] = [*setting_rows(context.preferences)]
    return rows


async def get(context: Context, arguments: Arguments) -> Json:
    """Handler of `setting.get`."""
    return setting_view(context.preferences, setting_named(required_text(arguments, "key")))


async def set_value(context: Context, arguments: Arguments) -> Json:
    """Handler of `setting.set`: for everyone who shares this database, or for this person alone; empty takes it back.

    Raises InvalidInput where the value cannot be, Refused where the person's own file cannot be written.
    """
    setting = setting_named(required_text(arguments, "key"))
    if setting.by_hand:
        step = f"Write {setting.key} into {context.places.config_file}, or set {setting.variable}."
        raise InvalidInput(f"{setting.key} names the database that this would be noted in.", step)
    value = check_value(setting, str(arguments.get("value") or ""))
    if setting.shared:
        await _store(context, setting, value)
    else:
        if setting.key == "theme":
            await asyncio.to_thread(check_theme, value, context.places.config)
        await asyncio.to_thread(change, context.places.config_file, {(setting.key,): value or None})
    return _changed_view(context.preferences, setting, value)


async def reset(context: Context, arguments: Arguments) -> Json:
    """Handler of `setting.reset`: back to what is built in, as far as this database or file has a say."""
    return await set_value(context, {"key": required_text(arguments, "key"), "value": ""})


async def _store(context: Context, setting: Setting, value: str) -> None:
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        before = await transaction.settings.get(setting.key) or ""
        if value == before:
            return
        if value:
            await transaction.settings.set(setting.key, value, by=context.actor.owner)
        else:
            await transaction.settings.remove(setting.key)
        message = f"{setting.key} is {value} by default now" if value else f"{setting.key} has no shared default now"
        subject = ("setting", setting.key, setting.key)
        event = told(context, "setting.changed", subject, message, before={"value": before}, after={"value": value})
        await transaction.events.append(event)


def _changed_view(preferences: Preferences, setting: Setting, value: str) -> JsonObject:
    """The setting as it stands now: what goes before the place it was written to still counts."""
    place, before = ("database", _BEFORE_DATABASE) if setting.shared else ("file", _BEFORE_FILE)
    above = [each for each in preferences.layers(setting.key) if each[0] in before]
    layers = [*above, *([(place, value)] if value else []), (BUILT_IN, setting.default)]
    return {**_view(setting, layers), "stored_value": value or None}


def setting_rows(preferences: Preferences) -> list[JsonObject]:
    return [setting_view(preferences, setting) for setting in SETTINGS.values()]


def setting_view(preferences: Preferences, setting: Setting) -> JsonObject:
    return _view(setting, preferences.layers(setting.key))


def _view(setting: Setting, layers: Sequence[tuple[str, str]]) -> JsonObject:
    source, value = layers[0]
    return {
        "key": setting.key,
        "value": redact(value) if setting.by_hand else value,
        "source": source,
        "default": setting.default,
        "kind": setting.kind,
        "choices": list(setting.choices),
        "variable": setting.variable,
        "shared": setting.shared,
        "by_hand": setting.by_hand,
        "rule": setting.rule,
        "layers": [{"source": each, "value": redact(text) if setting.by_hand else text} for each, text in layers],
        "help": setting.help,
    }
