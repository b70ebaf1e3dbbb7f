"""Settings as people see and change them: value, source, and the shared default in the database."""

from __future__ import annotations

from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.arguments import required_text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.settings.keys import SETTINGS, Setting, check_value, setting_named
from aicompute_tui.settings.preferences import BUILT_IN


async def list_settings(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Handler of `setting.list`."""
    return [setting_view(context, setting) for setting in SETTINGS.values()]


async def get(context: Context, arguments: Arguments) -> Json:
    """Handler of `setting.get`."""
    return setting_view(context, setting_named(required_text(arguments, "key")))


async def set_value(context: Context, arguments: Arguments) -> Json:
    """Handler of `setting.set`: a default for everyone who shares this database; empty takes it back."""
    setting = setting_named(required_text(arguments, "key"))
    if not setting.shared:
        step = f"Write {setting.key} into {context.places.config_file}, or set {setting.variable}."
        raise InvalidInput(f"{setting.key} is each person's own and cannot be shared.", step)
    value = check_value(setting, str(arguments.get("value") or ""))
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        before = await transaction.settings.get(setting.key) or ""
        if value != before:
            if value:
                await transaction.settings.set(setting.key, value, by=context.actor.owner)
            else:
                await transaction.settings.remove(setting.key)
            message = (
                f"{setting.key} is {value} by default now" if value else f"{setting.key} has no shared default now"
            )
            subject = ("setting", setting.key, setting.key)
            change = told(
                context, "setting.changed", subject, message, before={"value": before}, after={"value": value}
            )
            await transaction.events.append(change)
    view = setting_view(context, setting)
    if view["source"] in ("database", BUILT_IN):
        view["value"], view["source"] = (value, "database") if value else (setting.default, BUILT_IN)
    return {**view, "stored_value": value or None}


def setting_view(context: Context, setting: Setting) -> JsonObject:
    return {
        "key": setting.key,
        "value": context.preferences.text(setting.key),
        "source": context.preferences.source(setting.key),
        "default": setting.default,
        "kind": setting.kind,
        "choices": list(setting.choices),
        "variable": setting.variable,
        "shared": setting.shared,
        "help": setting.help,
    }
