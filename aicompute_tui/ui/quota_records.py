"""Quotas as a list: their columns, and in full what the one under the cursor counts, holds and waits for."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.format import StateLook, age, sign
from aicompute_tui.ui.record_lines import Field, field_lines, label_width_of
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column, plain

_LOOKS = {
    "pending": StateLook("◌", ".", "warn"),
    "case opened": StateLook("◐", "%", "warn"),
    "approved": StateLook("●", "*", "good"),
    "denied": StateLook("✕", "x", "bad"),
    "closed": StateLook("·", "_", "dim"),
    "invalid": StateLook("✕", "x", "bad"),
    "unknown": StateLook("?", "?", "bad"),
}
OPEN = frozenset({"pending", "case opened", "unknown"})
"""States of a request that AWS has yet to answer."""
_SHORT = {"case opened": "case"}
_OLD_SECONDS = 600


def room(row: JsonObject, session: Session) -> Cell:
    """`15×g5.xlarge`"""
    fits = number(row, "fits_machines")
    if fits is None:
        return Cell(session.glyphs.unknown, "dim")
    named = f"{fits:.0f}{session.glyphs.times}{text(row, 'type')}"
    if fits:
        return Cell(named)
    return Cell(named, "warn" if number(row, "limit_vcpus") else "dim")


def request(row: JsonObject, session: Session) -> Cell:
    """How far what was asked for is: `◌ pending`."""
    state = text(row, "request_state")
    if not state:
        return Cell("")
    look = _LOOKS.get(state, _LOOKS["unknown"])
    return Cell(_SHORT.get(state, state), look.tone, sign(look, session.glyphs), look.tone)


def _columns(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs

    def figure(key: str, title: str, letter: str, width: int = 5, *, needs: int = 0) -> RowColumn:
        def shown(row: JsonObject) -> Cell:
            amount = number(row, key)
            return Cell(glyphs.unknown, "dim") if amount is None else Cell(f"{amount:,.0f}", "" if amount else "dim")

        return Column(key=key, title=title, width=width, align="right", letter=letter, needs=needs, cell=shown,
                      sort=lambda row: number(row, key), descending=True)  # fmt: skip

    def read(row: JsonObject) -> Cell:
        when = parse_moment(text(row, "read_at"))
        seconds = None if when is None else when.timestamp()
        return Cell(age(seconds, session.now().timestamp(), glyphs), "dim")

    return [
        plain_column("region", "region", 12, weight=1, most=16, letter="R"),
        plain_column("family", "family", 8, letter="F"),
        plain_column("market", "market", 9, letter="M"),
        figure("limit_vcpus", "limit", "L"),
        figure("used_vcpus", "in use", "U", 6, needs=88),
        figure("own_vcpus", "ours", "O", needs=96),
        figure("free_vcpus", "free", "E"),
        Column(key="fits_machines", title="fits", width=14, weight=1, most=22, letter="T", descending=True,
               cell=lambda row: room(row, session), sort=lambda row: number(row, "fits_machines"),
               fields=("fits_machines", "type")),
        Column(key="request_state", title="request", width=10, letter="Q", cell=lambda row: request(row, session),
               sort=lambda row: text(row, "request_state") or None),
        Column(key="read_at", title="age", width=4, align="right", letter="A", needs=86, cell=read,
               sort=lambda row: text(row, "read_at") or None),
    ]  # fmt: skip


def _lines(session: Session, row: JsonObject, width: int) -> list[Content]:
    """What waits or is wrong first, then the figures."""
    fields = list(_fields(session, row))
    said = [line for sentence, style in _told(session, row) for line in Content.styled(sentence, style).wrap(width)]
    if said:
        said.append(Content(""))
    return [*said, *field_lines(fields, width, label_width_of(each.label for each in fields))]


def _told(session: Session, row: JsonObject) -> Iterator[tuple[str, str]]:
    state, asked = text(row, "request_state"), text(row, "requested_vcpus")
    if state:
        look = _LOOKS.get(state, _LOOKS["unknown"])
        style = {"good": "$success", "warn": "$warning", "bad": "$error"}.get(look.tone, "$foreground-muted")
        yield f"{sign(look, session.glyphs)} {asked} vCPU were asked for: {state}", style
    note = plain(text(row, "note"))
    if note:
        yield note, "$warning"


def _fields(session: Session, row: JsonObject) -> Iterator[Field]:
    unknown = session.glyphs.unknown

    def vcpus(key: str) -> str:
        amount = number(row, key)
        return unknown if amount is None else f"{amount:,.0f} vCPU"

    yield Field("quota", " ".join(filter(None, (text(row, "name"), text(row, "code")))))
    yield Field("limit", vcpus("limit_vcpus"))
    own, others = text(row, "own_vcpus") or unknown, text(row, "other_vcpus") or unknown
    yield Field("in use", f"{vcpus('used_vcpus')}, {own} by ours and {others} by others")
    needs = number(row, "type_vcpus")
    each = f", {needs:.0f} vCPU each" if needs else ""
    fits = number(row, "fits_machines")
    machines = f"; room for {fits:.0f} {session.glyphs.times} {text(row, 'type')}{each}" if fits is not None else ""
    yield Field("free", f"{vcpus('free_vcpus')}{machines}")
    when = parse_moment(text(row, "read_at"))
    old = age(None if when is None else when.timestamp(), session.now().timestamp(), session.glyphs)
    yield Field("read", f"{old} ago" if when is not None else "")
    yield Field("account", f"{text(row, 'account_id')} by {text(row, 'profile')}")


def is_old(row: JsonObject, now: float) -> bool:
    """Whether it is time to read it again."""
    when = parse_moment(text(row, "read_at"))
    return when is not None and now - when.timestamp() >= _OLD_SECONDS


def order(row: JsonObject) -> tuple[bool, bool]:
    """As they came, but what waits for an answer first, and what the account may not rent at all last."""
    return (text(row, "request_state") not in OPEN, number(row, "limit_vcpus") == 0)


QUOTAS = RecordList(
    question="quota.list", title="Quotas", key="id", columns=_columns, lines=_lines, scope="quotas",
    empty="No quota could be read: is there a credential?", order=order, marks=True,
)  # fmt: skip
