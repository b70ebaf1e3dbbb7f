"""Gives everything that is open the keys its commands have now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aicompute_tui.ui.bindings import keys_of
from aicompute_tui.ui.navigation import commands

if TYPE_CHECKING:
    from textual.binding import BindingsMap

    from aicompute_tui.ui.app import ConsoleApp


def bind_anew(app: ConsoleApp) -> None:
    """Everything that is open takes the keys that its commands have now."""
    for screen in app.screen_stack:
        for part in (screen, *screen.query("*")):
            _rebind(part._bindings)  # noqa: SLF001 - Textual offers no other way to change a binding's keys
    _rebind(app._bindings)  # noqa: SLF001
    if app.view is not None:
        app.view.refresh_frame()
    app.screen.refresh_bindings()


def _rebind(bindings: BindingsMap) -> None:
    known = commands()
    held = {each.id: each for found in bindings.key_to_bindings.values() for each in found if each.id in known}
    for command_id, binding in held.items():
        for key, found in list(bindings.key_to_bindings.items()):
            kept = [each for each in found if each.id != command_id]
            if kept:
                bindings.key_to_bindings[key] = kept
            else:
                del bindings.key_to_bindings[key]
        for key in keys_of(known[command_id or ""]):
            bindings.key_to_bindings.setdefault(key, []).append(binding.with_key(key=key))
