"""The log of one machine: which of its logs, and where the lines that come after a break join those shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.content import Content
from textual.timer import Timer

from aicompute_tui.actions.node import LOG_SOURCES
from aicompute_tui.domain.instance import RUNNING_STATES
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services.node_figures import log_in_view
from aicompute_tui.ui.log_overlap import LogOverlap
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.log_part import MARK_TONES, TAIL, LogPart
from aicompute_tui.ui.widgets.log_view import LogView

_UNDATED = frozenset({"setup", "cloud-init"})
_JOIN_SECONDS = 0.5
"""So long the lines asked for again are gathered: they come in pieces, and only together join those shown."""


class MachineLog(LogPart):
    """Its lines may have no times, so that what is new after a break is found by the lines themselves."""

    ACTION: ClassVar[str] = "instance.logs"

    def __init__(self, session: Session, row_id: str, *, tail: int = TAIL, id: str | None = None) -> None:  # noqa: A002
        super().__init__(session, tail=tail, id=id)
        self.row_id = row_id
        self.source = "auto"
        self._followed = ""
        self._followed = self.shown_source
        """The log that `auto` stood for when the stream was opened."""
        self._overlap = LogOverlap()
        self._is_joining = False
        self._asked_again: list[str] = []
        self._join_due: Timer | None = None
        self._is_named = False
        """The marks shown already say which log it is."""

    # -- which log

    @property
    def shown_source(self) -> str:
        """The log itself, also where the source is left to the machine's state."""
        if self.source != "auto":
            return self.source
        state = self.session.state
        row = state.instances.get(self.row_id)
        if self._followed and (row is None or row.state not in RUNNING_STATES):
            return self._followed  # one that goes tells nothing that could be changed to
        return log_in_view(row, state.nodes.get(self.row_id))

    @property
    def ended_message(self) -> str:
        row = self.session.state.instances.get(self.row_id)
        return "The machine is gone, and its log with it." if row is not None and row.is_final else ""

    @property
    def title_words(self) -> list[Content]:
        auto = f"{self.shown_source} {self.session.glyphs.descending}"
        return [Content(self.source if self.source != "auto" else auto)]

    def open_source(self, source: str, *, tail: int | None = TAIL, since: int | None = None) -> None:
        """Another log; what was shown goes."""
        self.source = source
        self.open_range(tail, since)

    def next_source(self) -> None:
        place = LOG_SOURCES.index(self.source) if self.source in LOG_SOURCES else -1
        self.open_source(LOG_SOURCES[(place + 1) % len(LOG_SOURCES)])

    def machine_changed(self) -> None:
        """A log left to the machine's state goes over from the set-up's to the model server's, and back."""
        shown = self.shown_source
        if self.ended_message:
            self.stop()
            self.tell("")
            self.show_title()
        elif shown != self._followed:
            before, self._followed = self._followed, shown
            if self.is_streaming:
                self.view.mark(f"from here on the log of {shown}, before it of {before}", "dim")
                self._is_named = True
                self._overlap.clear()
                self.stop()
                self.start()
            self.show_title()

    # -- the stream

    def begin(self) -> None:
        self._is_joining = bool(self._overlap)
        self._followed = self.shown_source
        self.view.set_empty_message(f"waits for the log of {self._followed} {self.session.glyphs.more}")

    def stop(self) -> None:
        self._forget_join()
        super().stop()

    def forget(self) -> None:
        self._overlap.clear()

    def arguments(self) -> JsonObject:
        found: JsonObject = {"name": self.row_id, "source": self.source, "follow": True}
        return {**found, "tail": TAIL} if self._is_joining else {**found, **self.range_arguments()}

    def take(self, item: JsonObject) -> None:
        self.tell("")
        mark, lines = item.get("mark"), item.get("lines")
        is_told = mark == "note" and (self._is_named or (self._is_joining and not self._asked_again))
        self._is_named = self._is_named and not lines
        if isinstance(mark, str) and not is_told:
            self._join()
            self.view.mark(str(item.get("text") or mark), MARK_TONES.get(mark, "dim"))
        if isinstance(lines, list):
            self._take_lines([str(line) for line in lines])

    def _take_lines(self, lines: list[str]) -> None:
        if not self._is_joining:
            self._append(lines)
            return
        self._asked_again += lines
        if len(self._asked_again) >= TAIL:
            self._join()
        elif self._join_due is None:
            self._join_due = self.set_timer(_JOIN_SECONDS, self._join)

    def _join(self) -> None:
        """Shows what is new in the lines asked for again."""
        lines = self._forget_join()
        if not lines:
            return
        self._is_joining = False
        rest = self._overlap.rest(lines)
        if rest is None:
            self.view.mark("the connection was lost here; lines may be missing", "warn")
        self._append(lines if rest is None else list(rest))

    def _forget_join(self) -> list[str]:
        if self._join_due is not None:
            self._join_due.stop()
            self._join_due = None
        lines, self._asked_again = self._asked_again, []
        return lines

    def _append(self, lines: list[str]) -> None:
        self._overlap.add(lines)
        self.view.append(lines)

    def broke(self) -> None:
        self._join()
        self._is_joining = bool(self._overlap)

    # -- ranges

    def on_log_view_range_asked(self, event: LogView.RangeAsked) -> None:
        shown = self.shown_source
        if event.since_seconds is not None and shown in _UNDATED:
            event.stop()
            event.prevent_default()
            self.tell(f"The log of {shown} carries no times to choose by: 0 shows its last lines, 1 all of it.")

    def what_was_asked(self, arguments: Mapping[str, Json]) -> None:
        """Source, tail and since as `instance.logs` takes them, before the first stream."""
        source = arguments.get("source")
        self.source = str(source) if source in LOG_SOURCES else "auto"
        super().what_was_asked(arguments)
