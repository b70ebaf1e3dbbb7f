"""What is a person's own in the console and known without an agent: settings, keys, themes, folders."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aicompute_tui.domain.json import Json, JsonObject

if TYPE_CHECKING:
    from pathlib import Path

    from aicompute_tui.runtime import Runtime
    from aicompute_tui.settings.keymap import Keymap
    from aicompute_tui.store.rows import Snapshot

ALONE = frozenset({"key.list", "theme.list"})
"""Questions that this console answers better than any agent: they are about its own files."""


class OwnConsole:
    """Reads files: call it in a thread."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @property
    def config_folder(self) -> Path:
        return self._runtime.places.config

    def answer(self, question: str, snapshot: Snapshot | None) -> Json:
        """As the handler of that action would answer, as far as can be told from here; None for other questions."""
        answers: dict[str, Callable[[], Json]] = {
            "setting.list": lambda: [*self._settings(snapshot)],
            "region.list": lambda: [*self._regions(snapshot)],
            "key.list": lambda: [*self._keys()],
            "theme.list": lambda: [*self._themes()],
            "about.show": lambda: self._about(snapshot),
        }
        found = answers.get(question)
        return found() if found is not None else None

    def keymap(self) -> Keymap:
        """This person's keys as the file stands now. Raises AicError where it hides which database is meant."""
        from aicompute_tui.actions.keyed import keyed_commands
        from aicompute_tui.settings.config import key_line
        from aicompute_tui.settings.keymap import keymap

        path = self._runtime.places.config_file
        return keymap(
            self._runtime.configuration.config.keys, keyed_commands(), lambda command_id: key_line(path, command_id)
        )

    def notices(self) -> list[str]:
        """A sentence for everything in the configuration that does not count, short enough for one line."""
        config = self._runtime.configuration.config
        problems = [*config.problems, *config.key_problems, *(self.keymap().problems if config.keys else ())]
        folder = f"{self.config_folder}/"
        return [f"{problem.message} {problem.next_step}".strip().replace(folder, "") for problem in problems]

    def _settings(self, snapshot: Snapshot | None) -> list[JsonObject]:
        from aicompute_tui.services.preferences import setting_rows

        stored = dict(snapshot.settings) if snapshot is not None else {}
        return setting_rows(self._runtime.preferences_source.with_database(stored))

    def _regions(self, snapshot: Snapshot | None) -> list[JsonObject]:
        from aicompute_tui.services.regions import known_rows

        stored = dict(snapshot.settings) if snapshot is not None else {}
        return known_rows(self._runtime.preferences_source.with_database(stored), "No agent answers.")

    def _keys(self) -> list[JsonObject]:
        from aicompute_tui.actions.keyed import keyed_commands
        from aicompute_tui.services.keymap import key_rows

        return key_rows(keyed_commands(), self.keymap())

    def _themes(self) -> list[JsonObject]:
        from aicompute_tui.services.themes import theme_rows

        return theme_rows(self.config_folder, self._runtime.preferences_source.text("theme"))

    def _about(self, snapshot: Snapshot | None) -> JsonObject:
        from aicompute_tui.services.about import installation

        return {
            **installation(self._runtime.places),
            "database": str(self._runtime.places.database_file),
            "schema_version": snapshot.schema_version if snapshot is not None else None,
            "store_id": snapshot.store_id if snapshot is not None else None,
            "host_id": self._runtime.host_id,
            "agent": None,
        }
