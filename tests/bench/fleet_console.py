"""The console with figures of ten containers kept live all the while, as views of them would keep them."""

from __future__ import annotations

import os
import sys
from collections import deque

import aicompute_tui.ui.app
from aicompute_tui.__main__ import main
from aicompute_tui.domain.json import JsonObject
from aicompute_tui.ui.live_stream import keep_streaming

NAMES = "AIC_TUI_BENCH_FIGURES_OF"
"""A variable with the containers' names, parted by spaces."""


class WatchingConsole(aicompute_tui.ui.app.ConsoleApp):
    def on_ready(self) -> None:
        self.rows: deque[JsonObject] = deque(maxlen=600)
        self.run_worker(self._watch(os.environ[NAMES].split()), exit_on_error=False)

    async def _watch(self, names: list[str]) -> None:
        await keep_streaming(
            self.session, "container.stats", lambda: {"names": [*names], "count": 0}, self.rows.append, lambda _: None
        )


if __name__ == "__main__":
    aicompute_tui.ui.app.ConsoleApp = WatchingConsole  # type: ignore[misc]
    sys.exit(main())
