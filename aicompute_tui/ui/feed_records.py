"""Price feeds as a list: how each answered, how old its figures are, and what was wrong with it."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.format import StateLook, age, sign, span
from aicompute_tui.ui.record_lines import Field, field_lines, label_width_of
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column, plain

_LOOKS = {
    "new": StateLook("●", "*", "good"),
    "unchanged": StateLook("●", "*", "good"),
    "skipped": StateLook("·", "_", "dim"),
    "failed": StateLook("⚠", "^", "warn"),
    "refused": StateLook("✕", "x", "bad"),
}
_NEVER = StateLook("·", "_", "dim")
_WORST_FIRST = ("refused", "failed", "skipped", "", "unchanged", "new")


def _columns(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs

    def state(row: JsonObject) -> Cell:
        word = text(row, "state")
        look = _LOOKS.get(word, _NEVER)
        return Cell(word or "never asked", look.tone, sign(look, glyphs), look.tone)

    def offers(row: JsonObject) -> Cell:
        found = number(row, "offers")
        return Cell(glyphs.unknown, "dim") if found is None else Cell(f"{found:,.0f}")

    return [
        plain_column("title", "feed", 24, weight=1, most=40, letter="F"),
        Column(key="state", title="state", width=13, letter="S", cell=state,
               sort=lambda row: _WORST_FIRST.index(text(row, "state"))),
        Column(key="offers", title="offers", width=6, align="right", letter="O", descending=True, cell=offers,
               sort=lambda row: number(row, "offers")),
        Column(key="age_seconds", title="age", width=5, align="right", letter="A",
               cell=lambda row: Cell(_age(session, row), "dim"), sort=lambda row: number(row, "age_seconds")),
        Column(key="checked_at", title="asked", width=6, align="right", letter="K", needs=70,
               cell=lambda row: Cell(_asked(session, row), "dim"), sort=lambda row: text(row, "checked_at") or None),
    ]  # fmt: skip


def _age(session: Session, row: JsonObject) -> str:
    seconds = number(row, "age_seconds")
    return session.glyphs.unknown if seconds is None else span(seconds)


def _asked(session: Session, row: JsonObject) -> str:
    when = parse_moment(text(row, "checked_at"))
    return age(None if when is None else when.timestamp(), session.now().timestamp(), session.glyphs)


def _lines(session: Session, row: JsonObject, width: int) -> list[Content]:
    """What was wrong first, then where it is and what of it was not taken."""
    wrong = [plain(text(row, key)) for key in ("problem", "next_step")]
    style = "$foreground-muted" if text(row, "state") == "skipped" else "$warning"
    said = [line for each in wrong if each for line in Content.styled(each, style).wrap(width)]
    fields = list(_fields(session, row))
    return [*said, *field_lines(fields, width, label_width_of(each.label for each in fields))]


def _fields(session: Session, row: JsonObject) -> Iterator[Field]:
    dated = "by its own date" if row.get("as_of") else "since it was read: it tells no date"
    yield Field(
        "figures", f"{_age(session, row)} old, {dated}" if row.get("age_seconds") is not None else "none are kept"
    )
    yield Field("left out", plain(text(row, "left_out")))
    yield Field("asked at", plain(text(row, "url")))
    yield Field("named", text(row, "feed"))


FEEDS = RecordList(
    question="price.feeds", title="Price feeds", key="feed", columns=_columns, lines=_lines, marks=False,
    empty="There is no price feed.",
)  # fmt: skip
