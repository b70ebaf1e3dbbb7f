"""What needs a person, one line each: what is wrong with what, since when, and the key that mends it there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from rich.cells import cell_len
from textual.binding import BindingsMap

from aicompute_tui.actions.model import Scope
from aicompute_tui.domain.states import InstanceState
from aicompute_tui.services.attention import OF_CONNECTIONS, OF_CONTAINERS, OF_SERVERS, Kind, Need
from aicompute_tui.ui.bindings import action_bindings, footer_word, key_text, keys_of
from aicompute_tui.ui.format import STATE_LOOKS, StateLook, age, sign
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.navigation import PLACE_KEYS, commands
from aicompute_tui.ui.widgets.columns import Cell, Column, Tone
from aicompute_tui.ui.widgets.virtual_table import VirtualTable

_BAD, _WARN = STATE_LOOKS[InstanceState.FAILED], STATE_LOOKS[InstanceState.DEGRADED]
_LOOKS: dict[Kind, StateLook] = {
    "in-doubt": STATE_LOOKS[InstanceState.UNKNOWN],
    "lost": STATE_LOOKS[InstanceState.LOST],
    "job-failed": _BAD,
    "quota-granted": STATE_LOOKS[InstanceState.READY],
}
RETRY = "job.retry"
_OPENS = "enter"
"""It opens the place of a need, where the same key is the verb that mends it."""
_AGED = 76
"""From this width on each line says since when."""
_TITLE = "NEEDS YOU"
_HINTED = 50


class NeedsList(VirtualTable[Need]):
    """As tall as its lines; names have the room they need, texts give way."""

    def __init__(self, glyphs: Glyphs, now: Callable[[], float], *, read_only: bool) -> None:
        self._moment = now
        self._read_only = read_only
        self._widths = (8, 0)
        super().__init__(self._made(glyphs), glyphs=glyphs, marks=False, id="needs")

    def _bind(self) -> None:
        """A container's or host's own keys go before those of machines, which the view has."""
        super()._bind()
        self._scope = _scope(self.need)
        bound = action_bindings([self._scope], read_only=self._read_only)
        wanted = [each for each in bound if self._scope != "jobs" or each.id == RETRY]
        own = [replace(each, action=f"screen.{each.action}") for each in wanted if each.key != _OPENS]
        self._bindings = BindingsMap.merge([self._bindings, BindingsMap(own)])

    def _bind_need(self) -> None:
        if _scope(self.need) != self._scope:
            self._bind()

    def _move(self, line: int) -> None:
        super()._move(line)
        self._bind_need()

    def _changing(self, changed: Iterable[str], change: Callable[[], bool]) -> None:
        super()._changing(changed, change)
        self._bind_need()

    @property
    def need(self) -> Need | None:
        """The one under the cursor."""
        return None if self.cursor_id is None else self.rows[self.cursor_id]

    def row_ids(self) -> list[str]:
        """What an action on the line under the cursor is about: its machine, the one without a row, its container."""
        need = self.need
        if need is None:
            return []
        row_id = need.machine_id if need.kind == "job-failed" else need.row_id
        return [row_id] if row_id is not None else []

    def show_needs(self, found: Sequence[Need], width: int) -> None:
        """All of them, laid out for a window of `width`."""
        rows: dict[str, Need] = {}
        for need in found:
            key = f"{need.kind} {need.row_id or need.subject}"
            rows[key if key not in rows else f"{key} {len(rows)}"] = need
        names = max(len(_TITLE) - 2, *(cell_len(need.subject) for need in found), 0) + 2
        hints = max((len(self.hint(need)) for need in found), default=0)
        widths = (max(8, min(names, width * 2 // 5)), hints if width >= _HINTED else 0)
        if widths != self._widths:
            self._widths = widths
            self.set_columns(self._made(self._glyphs))
        self.set_rows(rows)
        self.refresh_texts()

    def hint(self, need: Need) -> str:
        """`+ extend`; empty where there is no key for it, or none that may be used."""
        command = commands().get(need.action_id)
        if command is None or not keys_of(command) or (self._read_only and command.mutates):
            return ""
        key = keys_of(command)[0]
        if key == _OPENS:
            return f"{key} open"
        word = command.aliases[0] if command.id in PLACE_KEYS else footer_word(command)
        return f"{key_text(key)} {word}"

    def _made(self, glyphs: Glyphs) -> list[Column[Need]]:
        names, hints = self._widths

        def name(need: Need) -> Cell:
            tone: Tone = "bad" if need.level == "bad" else "warn"
            look = _LOOKS.get(need.kind) or (_BAD if need.level == "bad" else _WARN)
            return Cell(need.subject, "strong", sign(look, glyphs), tone)

        def since(need: Need) -> Cell:
            return Cell("" if need.since is None else age(need.since, self._moment(), glyphs), "dim")

        columns: list[Column[Need]] = [
            Column(key="name", title=_TITLE, width=names, cell=name),
            Column(key="text", title="", width=8, weight=1, cell=lambda need: need.text),
            Column(key="since", title="", width=5, needs=_AGED, align="right", cell=since),
        ]
        if hints:
            columns.append(Column(key="hint", title="", width=hints, cell=lambda need: Cell(self.hint(need), "dim")))
        return columns


def _scope(need: Need | None) -> Scope:
    """Whose keys a need takes; that of a machine only the one that retries a job, for the view has the others."""
    kinds: tuple[tuple[frozenset[Kind], Scope], ...] = (
        (OF_CONTAINERS, "containers"), (OF_CONNECTIONS, "connections"), (OF_SERVERS, "servers"),
    )  # fmt: skip
    for of, scope in kinds:
        if need is not None and need.kind in of:
            return scope
    return "hosts" if need is not None and need.kind == "host-down" else "jobs"
