"""Which columns of the price explorer stand, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.offer_columns import BY_KEY, FIRST, USUAL, OfferColumn
from aicompute_tui.ui.widgets.columns import Cell, Column
from aicompute_tui.ui.widgets.virtual_table import VirtualTable


class ColumnChoice(ModalScreen[tuple[str, ...] | None]):
    """Those that stand come first, in their order; None where esc left things as they were."""

    CSS_PATH = [STYLES / "pages.tcss", STYLES / "prices.tcss"]  # noqa: RUF012 - Textual's own form
    AUTO_FOCUS = "VirtualTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "leave", show=False),
        Binding("space,x", "switch", "show or hide", show=False, priority=True),
        Binding("left,minus", "carry(-1)", "further left", show=False, priority=True),
        Binding("right,plus", "carry(1)", "further right", show=False, priority=True),
        Binding("d", "usual", "as they were made", show=False),
    ]

    def __init__(self, glyphs: Glyphs, chosen: Sequence[str]) -> None:
        super().__init__()
        self._glyphs = glyphs
        self.chosen = list(chosen)
        self._order = [*chosen, *(key for key in BY_KEY if key not in chosen)]

    def compose(self) -> ComposeResult:
        with Vertical(id="page"):
            yield Static("Columns", id="page-title", markup=False)
            yield VirtualTable(self._columns(), id="page-body", glyphs=self._glyphs, marks=False)
            yield Static(
                "space show or hide   ←→ move   d as made   enter take   esc leave", id="page-keys", markup=False
            )

    def on_mount(self) -> None:
        self._fill()

    @property
    def table(self) -> VirtualTable[OfferColumn]:
        return self.query_one(VirtualTable)

    def _columns(self) -> list[Column[OfferColumn]]:
        def shown(column: OfferColumn) -> Cell:
            stands = column.key in self.chosen
            return Cell(column.title, "" if stands else "dim", self._glyphs.marked if stands else " ", "accent")

        return [
            Column(key="column", title="  column", width=14, cell=shown),
            Column(key="told", title="what it says", width=20, weight=1, cell=lambda column: Cell(column.told, "dim")),
        ]

    def _fill(self) -> None:
        self.table.set_rows({key: BY_KEY[key] for key in self._order})
        self.table.refresh_texts()

    def action_switch(self) -> None:
        """The first one stays: a row without it has no name."""
        key = self.table.cursor_id
        if key is None or key == FIRST:
            return
        if key in self.chosen:
            self.chosen.remove(key)
        else:
            self.chosen.append(key)
            self.chosen.sort(key=self._order.index)
        self._fill()

    def action_carry(self, by: int) -> None:
        key = self.table.cursor_id
        if key is None or key == FIRST:
            return
        place = self._order.index(key)
        wanted = max(1, min(len(self._order) - 1, place + by))
        self._order.insert(wanted, self._order.pop(place))
        self.chosen.sort(key=self._order.index)
        self._fill()

    def action_usual(self) -> None:
        self._order = list(USUAL)
        self.chosen = list(self._order)
        self._fill()

    @on(VirtualTable.RowOpened)
    def take(self) -> None:
        self.dismiss(tuple(self.chosen))

    def action_leave(self) -> None:
        self.dismiss(None)
