"""How likely AWS thinks it is that spot machines of some types can be had, zone by zone."""

from __future__ import annotations

from typing import ClassVar

from aicompute_tui.ui.score_records import SCORES
from aicompute_tui.ui.screens.records import RecordScreen


class PlacementScoreScreen(RecordScreen):
    """Opened by `:price-score g5.xlarge g6.xlarge region=ca-central-1`."""

    LIST = SCORES
    KEY_HINTS: ClassVar[tuple[tuple[str, str], ...]] = (("enter", "JSON"),)
    HINTS: ClassVar[tuple[str, ...]] = ("go.filter", "go.export", "go.command", "go.help")

    @property
    def crumbs(self) -> tuple[str, ...]:
        types = self.arguments.get("type")
        return (self.LIST.title, *(map(str, types) if isinstance(types, list) else ()))
