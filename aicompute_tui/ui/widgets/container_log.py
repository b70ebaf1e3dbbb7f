"""The log of one or several containers, merged by time: what came after a break joins what is shown by its moments."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from textual.content import Content

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import fit
from aicompute_tui.ui.widgets.log_part import DIM, MARK_TONES, TAIL, LogPart

CATCH_UP = 5_000
"""So many lines of each container are read again at the most after a break."""
_BACK = timedelta(seconds=10)
"""How far back a quiet container may have the others read again."""
_STAMP = 30
"""Letters of a moment with its nine digits."""
_WIDEST_NAME = 20


class ContainerLog(LogPart):
    """Each line comes with its moment; where there are several containers, its name follows in a column of its own."""

    ACTION: ClassVar[str] = "container.logs"

    def __init__(self, session: Session, row_ids: Sequence[str], *, tail: int = TAIL, id: str | None = None) -> None:  # noqa: A002
        super().__init__(session, tail=tail, id=id)
        self.row_ids = tuple(row_ids)
        self._names: dict[str, str] = {}
        """By host and name, as the lines name their source."""
        self._last: dict[str, str] = {}
        """The moment of the last line shown of each source."""
        self._joining: dict[str, bool] = {}
        """Sources that are read again after a break, and whether their last line has come again."""
        self._said: dict[str, str] = {}
        """The last mark of each source since its last line."""

    # -- whose log

    @property
    def names(self) -> list[str]:
        """As short as tells them apart."""
        state = self.session.state
        rows = [state.containers.get(row_id) for row_id in self.row_ids]
        bare = [row.name if row is not None else row_id.rpartition("/")[2][:12]
                for row, row_id in zip(rows, self.row_ids, strict=True)]  # fmt: skip
        hosts = [state.hosts.get(row.host_id) if row is not None else None for row in rows]
        return [
            f"{host.name}/{name}" if host is not None and bare.count(name) > 1 else name
            for name, host in zip(bare, hosts, strict=True)
        ]

    @property
    def ended_message(self) -> str:
        state = self.session.state
        if state.snapshot is None or any(row_id in state.containers for row_id in self.row_ids):
            return ""
        several = len(self.row_ids) > 1
        return "The containers are gone, and their logs." if several else "The container is gone, and its log with it."

    @property
    def title_words(self) -> list[Content]:
        if len(self.row_ids) < 2:
            return []
        return [Content(" + ".join(self.names)), Content.styled("by time", DIM)]

    def containers_changed(self) -> None:
        """One that is gone has no log any more; one that came again has."""
        if self.ended_message:
            self.stop()
            self.tell("")
            self.show_title()
        else:
            self.start()

    # -- the stream

    def begin(self) -> None:
        state, names = self.session.state, self.names
        width = min(_WIDEST_NAME, max(map(len, names), default=0))
        for row_id, name in zip(self.row_ids, names, strict=True):
            row = state.containers.get(row_id)
            host = state.hosts.get(row.host_id) if row is not None else None
            if row is not None and host is not None:
                self._names[f"{host.name}/{row.name}"] = fit(name, width, more=self.session.glyphs.more)
        about = names[0] if len(names) == 1 else f"{len(names)} containers"
        self.view.set_empty_message(f"waits for the log of {about} {self.session.glyphs.more}")

    def forget(self) -> None:
        self._last.clear()
        self._joining.clear()
        self._said.clear()

    def arguments(self) -> JsonObject:
        found: JsonObject = {"names": [*self.row_ids], "follow": True}
        if not self._last:
            return {**found, **self.range_arguments()}
        since = max(min(self._last.values()), _earlier(max(self._last.values()), _BACK))
        self._joining = {source: last < since for source, last in self._last.items()}
        return {**found, "tail": CATCH_UP, "since": since}

    def take(self, item: JsonObject) -> None:
        self.tell("")
        source, mark, lines = str(item.get("source") or ""), item.get("mark"), item.get("lines")
        if isinstance(mark, str):
            self._take_mark(source, mark, str(item.get("text") or mark))
        if isinstance(lines, list) and lines:
            self._take_lines(source, [str(line) for line in lines], stderr=item.get("stream") == "stderr")

    def _take_mark(self, source: str, mark: str, text: str) -> None:
        if self._said.get(source) == text:
            return  # it was told before the break, and nothing came after it
        self._said[source] = text
        if len(self.row_ids) > 1 and source not in text:
            text = f"{self._called(source).strip()}: {text}"
        self.view.mark(text, MARK_TONES.get(mark, "dim"))

    def _take_lines(self, source: str, lines: list[str], *, stderr: bool) -> None:
        if source in self._joining:
            lines = self._unseen(source, lines)
        stamp = next((line[:_STAMP] for line in reversed(lines) if _has_stamp(line)), "")
        if stamp:
            self._last[source] = stamp
        if not lines:
            return
        self._said.pop(source, None)
        if len(self.row_ids) > 1:
            name = f"{self._called(source)} │ "
            lines = [line[: _STAMP + 1] + name + line[_STAMP + 1 :] if _has_stamp(line) else name + line
                     for line in lines]  # fmt: skip
        self.view.append(lines, stderr=stderr)

    def _unseen(self, source: str, lines: list[str]) -> list[str]:
        """Those after the last one shown; where that did not come again, some between them may be missing."""
        last = self._last[source]
        for place, line in enumerate(lines):
            if not _has_stamp(line):
                continue
            stamp = line[:_STAMP]
            if stamp > last:
                if not self._joining.pop(source):
                    self._say_missing(source, last)
                return lines[place:]
            self._joining[source] = self._joining[source] or stamp == last
        return []

    def _say_missing(self, source: str, last: str) -> None:
        whose = f"{self._called(source).strip()}: " if len(self.row_ids) > 1 else ""
        self.view.mark(f"{whose}lines after {last[11:19]} UTC may be missing: more came than is read again", "warn")

    def _called(self, source: str) -> str:
        return self._names.get(source) or source.rpartition("/")[2]


def _has_stamp(line: str) -> bool:
    return line[4:5] == "-" and line[10:11] == "T" and line[_STAMP : _STAMP + 1] in (" ", "")


def _earlier(stamp: str, by: timedelta) -> str:
    moment = parse_moment(stamp)
    return stamp if moment is None else f"{moment - by:%Y-%m-%dT%H:%M:%S.%f}000Z"
