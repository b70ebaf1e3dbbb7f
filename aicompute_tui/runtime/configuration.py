"""One person's settings as they stand now: flags, environment and config.toml, read again where the file changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from aicompute_tui.settings.config import Config, read_config, read_what_can_be
from aicompute_tui.settings.preferences import MergedPreferences, settings_in

log = logging.getLogger(__name__)

_Seen = tuple[int, int, int] | None


class Configuration:
    """`is_lenient` goes on with what can be used of a damaged file, as console and agent do; launches are refused."""

    def __init__(self, path: Path, environment: Mapping[str, str], flags: Mapping[str, str]) -> None:
        self.is_lenient = False
        self._path = path
        self._environment = environment
        self._flags = flags
        self._seen: _Seen | str = ""
        self._config = Config()
        self._preferences = MergedPreferences()

    @property
    def config(self) -> Config:
        """Raises InvalidInput, NotConfigured; a lenient one only where the file hides which database is meant."""
        self.preferences()
        return self._config

    def preferences(self) -> MergedPreferences:
        """Without the database. Raises InvalidInput naming file and line, or the variable."""
        seen = self._look()
        if seen != self._seen:
            self._config = self._read()
            self._preferences = MergedPreferences(
                flag=self._flags,
                environment=settings_in(self._environment),
                file=self._config.settings,
                problem=" ".join(error.message for error in self._config.problems[:1]),
            )
            self._seen = seen
        return self._preferences

    def _read(self) -> Config:
        if not self.is_lenient:
            read_config(self._path)
        config = read_what_can_be(self._path)
        for problem in config.problems:
            log.warning("%s %s", problem.message, problem.next_step)
        return config

    def _look(self) -> _Seen:
        """What tells one content of the file from another, None without a file."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
