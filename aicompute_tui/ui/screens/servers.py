"""The model servers in one live table: what does not answer first, and how busy the others are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import PurePath
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.events import Resize

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.json import Json
from aicompute_tui.settings.packaged import STYLES
from aicompute_tui.store.rows import ServerRow
from aicompute_tui.ui.bindings import key_text, keys_of
from aicompute_tui.ui.filter_language import filter_for, parse_filter
from aicompute_tui.ui.format import sign, this_minute
from aicompute_tui.ui.navigation import Place, commands
from aicompute_tui.ui.references import go_to_named
from aicompute_tui.ui.screens.base import ConsoleScreen
from aicompute_tui.ui.server_columns import (
    FILTER_COLUMNS,
    STATE_LOOKS,
    WIDE,
    filter_value,
    kind_title,
    place_of,
    searched_text,
    server_columns,
    state_word,
    trouble_first,
)
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.state import StateChange
from aicompute_tui.ui.widgets.text_line import TextLine, join
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_DIM = "$foreground-muted"
_STYLES = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": _DIM}
_KINDS_SHOWN = 4


class ServersScreen(ConsoleScreen):
    """Rows come from the store, as the agent's checks write them; nothing is asked of a server from here."""

    CSS_PATH: ClassVar[str | PurePath] = STYLES / "servers.tcss"
    CRUMBS: ClassVar[tuple[str, ...]] = ("Servers",)
    SCOPES: ClassVar[tuple[Scope, ...]] = ("global", "servers")
    OWN_PLACES: ClassVar[tuple[Place, ...]] = ("servers",)
    HINTS: ClassVar[tuple[str, ...]] = (
        "servers.add", "go.open", "server.check", "server.edit", "server.remove", "go.filter", "go.help",
    )  # fmt: skip
    AUTO_FOCUS = "#servers"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._cards = TextLine(id="server-cards")
        self.table: VirtualTable[ServerRow] = VirtualTable(
            server_columns(session.glyphs, self._now, 0, self._place, self._unchecked),
            glyphs=session.glyphs,
            id="servers",
        )
        self._is_wide = False
        self._wanted = ""
        """The row that the cursor is to stand on, as it was opened with."""

    def take_arguments(self, arguments: Mapping[str, Json]) -> None:
        self._wanted = str(arguments.get("name") or "")
        self.filter_text = filter_for(arguments, ("kind", "state", "tag"))

    def compose_body(self) -> ComposeResult:
        yield self._cards
        yield self.table

    def on_mount(self) -> None:
        if self.filter_text:
            self._filter(self.filter_text)

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._fill()

    def on_resize(self, event: Resize) -> None:
        self._show_cards()
        is_wide = event.size.width >= WIDE
        if is_wide != self._is_wide:
            self._is_wide = is_wide
            columns = server_columns(self.session.glyphs, self._now, event.size.width, self._place, self._unchecked)
            self.table.set_columns(columns)

    def state_changed(self, change: StateChange) -> None:
        if change.servers:
            self._fill()
        else:
            self._say_empty()

    def tick(self) -> None:
        self._fill()
        self.table.refresh_texts()

    def apply_filter(self, text: str) -> None:
        found = parse_filter(text, FILTER_COLUMNS)
        predicate = found.predicate(lambda row: searched_text(row, self._place), filter_value(self._place))
        self.table.set_filter(predicate)
        self.filter_text = text.strip()
        go_to_named(self.table, self.filter_text)
        self._say_empty()

    def copied_text(self) -> tuple[str, str]:
        rows = self.session.state.servers
        found = [rows[row_id].base_url for row_id in self.selected_ids() if row_id in rows]
        return "\n".join(found), "address" if len(found) == 1 else f"{len(found)} addresses"

    def on_virtual_table_row_opened(self, event: VirtualTable.RowOpened) -> None:
        self.console.perform("server.show", [event.row_id])

    def action_add(self) -> None:
        self.console.perform("server.add", [])

    def action_check_all(self) -> None:
        self.console.perform("server.check", [])

    def _now(self) -> float:
        return this_minute(self.session.now())

    def _unchecked(self, row: ServerRow) -> float | None:
        return self.session.state.unchecked_for(row, self._now())

    def _place(self, row: ServerRow) -> str:
        return place_of(self.session.state, row)

    def _fill(self) -> None:
        self.table.set_rows(trouble_first(self.session.state.servers.values()))
        if self._wanted and self.table.order:
            self.table.move_to_row(self._wanted)
            self._wanted = ""
        self._show_cards()
        self._say_empty()

    def _show_cards(self) -> None:
        """`4 online   1 offline   2 vLLM  1 Ollama`: how they are, then what they are."""
        rows = list(self.session.state.servers.values())
        states = Counter("unchecked" if self._unchecked(row) is not None else state_word(row) for row in rows)
        parts = [
            Content.assemble((f"{sign(look, self.session.glyphs)} ", _STYLES[look.tone]), (f"{states[word]}", "bold"),
                             (f" {word}", _DIM))
            for word, look in STATE_LOOKS.items() if states[word]
        ]  # fmt: skip
        if states["unchecked"]:
            parts.append(Content.assemble((f"{states['unchecked']}", "bold"), (" not checked", _DIM)))
        kinds = Counter(kind_title(row.kind) for row in rows).most_common()
        shown = kinds if len(kinds) == _KINDS_SHOWN + 1 else kinds[:_KINDS_SHOWN]
        told = [Content.assemble((f"{count}", "bold"), (f" {title}", _DIM)) for title, count in shown]
        if len(kinds) > len(shown):
            rest = sum(count for _, count in kinds[len(shown) :])
            told.append(Content.assemble((f"{rest}", "bold"), (" others", _DIM)))
        width = self.size.width or self.app.size.width
        line = Content.assemble("  ", join(parts))
        if told and line.cell_length + sum(each.cell_length + 2 for each in told) + 8 <= width:
            line = Content.assemble(line, "      ", join(told, "  "))
        self._cards.show(line if rows else Content(""))

    # -- where there is nothing to show

    def _say_empty(self) -> None:
        self.table.set_empty_message(self._invitation())

    def _invitation(self) -> str:
        state = self.session.state
        if self.filter_text and state.servers:
            return "No server matches.  esc shows all"
        if state.problem:
            return state.problem
        add = key_text(keys_of(commands()["servers.add"])[0])
        told = "No model server is known."
        return told if self.session.read_only else f"{told}  {add} adds one"
