"""The lines that say what one connection is, how it answers, what is wrong with it, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from textual.content import Content

from aicompute_tui.domain.connection_choices import FLAG_TITLES
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.store.rows import ConnectionRow
from aicompute_tui.ui.connection_columns import kind_title, status, status_look, words_of
from aicompute_tui.ui.connection_records import connection_record
from aicompute_tui.ui.format import moment, sign, span
from aicompute_tui.ui.health_words import unchecked_words
from aicompute_tui.ui.record_lines import Field, field_lines, label_width_of
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.text_line import spread

_STYLES = {"good": "$success", "warn": "$warning", "bad": "$error", "dim": "$foreground-muted"}
_DIM = "$foreground-muted"


class ConnectionView(NamedTuple):
    """Everything known of one connection now; `shown` is empty until the agent has answered."""

    row: ConnectionRow
    shown: JsonObject
    session: Session

    @property
    def now(self) -> float:
        return self.session.now().timestamp()

    @property
    def unchecked(self) -> float | None:
        """Seconds for which nobody has checked it although it was well."""
        return self.session.state.unchecked_for(self.row, self.now)


def head_lines(view: ConnectionView, width: int) -> list[Content]:
    """How it is now, and what is to be done about it."""
    row = view.row
    look = status_look(row)
    tone = _STYLES.get(look.tone, "") if view.unchecked is None else _DIM
    state = (f"{sign(look, view.session.glyphs)} {status(row)}", f"bold {tone}")
    left = Content.assemble(state, "  ", kind_title(row.kind), *([f"  {plain(row.model)}"] if row.model else []))
    right = Content.styled(_checked(view), _DIM)
    lines = [spread(left, right, width, view.session.glyphs.more)]
    for text, style in _troubles(view):
        lines += Content.styled(plain(text), style).wrap(max(10, width))
    return lines


def _checked(view: ConnectionView) -> str:
    row = view.row
    if row.checked_at is None:
        return "not checked yet" if row.is_active else "out of use"
    ago = f"checked {span(max(0.0, view.now - row.checked_at))} ago"
    if row.latency_seconds is None or row.state == "down" or view.unchecked is not None:
        return ago
    return f"{row.latency_seconds * 1000:,.0f} ms, {ago}"


def _troubles(view: ConnectionView) -> Iterator[tuple[str, str]]:
    row = view.row
    if view.unchecked is not None:
        yield unchecked_words(view.unchecked, view.session), "$warning"
    if row.is_active and row.is_held_back:
        yield "It is held back until it answers again.", "$warning"
    if row.inactive_reason:
        yield row.inactive_reason, "$warning"
    if row.problem and row.is_active:
        since = f" ({span(max(0.0, view.now - row.since))} now)" if row.state == "down" and row.since else ""
        yield f"{row.problem}{since}", "$error" if row.state == "down" else "$warning"
        if row.next_step:
            yield row.next_step, ""
    key_problem = _text(view.shown, "problem") if "key" in view.shown else ""
    if key_problem and key_problem != row.problem:
        yield f"{key_problem} {_text(view.shown, 'next_step')}".strip(), "$error"


def kept_lines(view: ConnectionView, width: int) -> list[Content]:
    """All that is kept of it, in two blocks: what it is, and how it is asked."""
    what, how = list(_what(view)), list(_how(view))
    label = label_width_of(each.label for each in (*what, *how) if each.value)
    return [*field_lines(what, width, label), Content(""), *field_lines(how, width, label)]


def _what(view: ConnectionView) -> Iterator[Field]:
    row, unknown = view.row, view.session.glyphs.unknown
    yield Field("address", row.base_url)
    yield Field("model", row.model or "the only one it serves")
    yield Field("key", _key(view))
    yield Field("description", row.description)
    yield Field("offered to", ", ".join(FLAG_TITLES.get(flag, flag) for flag in words_of(row.flags)) or "nobody yet")
    yield Field("tags", ", ".join(words_of(row.tags)))
    yield Field("follows", (row.source or "").replace(":", " ", 1))
    used = "never" if row.used_at is None else f"{span(max(0.0, view.now - row.used_at))} ago"
    yield Field("last used", used)
    made = moment(row.created_at, utc=view.session.utc, now=view.now, glyphs=view.session.glyphs)
    yield Field("added", f"{made} by {row.created_by}" if made != unknown else "")


def _key(view: ConnectionView) -> str:
    """Of a key no more than its ends, as the agent tells them."""
    if not view.row.has_key:
        return "none"
    return _text(view.shown, "key") or "in the vault"


def _how(view: ConnectionView) -> Iterator[Field]:
    record = connection_record(view.row)
    yield Field("timeout", f"{_text(record, 'timeout')} s" if record.get("timeout") else "")
    for name, label in (
        ("retries", "retries"), ("temperature", "temperature"), ("max_tokens", "max tokens"),
        ("organization", "organisation"), ("headers", "headers"), ("priority", "priority"),
        ("requests_per_minute", "requests/min"), ("tls_ca", "trusts"), ("api_version", "API version"),
    ):  # fmt: skip
        yield Field(label, _text(record, name))
    prices = [record.get(f"price_{each}_usd") for each in ("in", "out", "cached")]
    if any(price is not None for price in prices):
        told = [view.session.glyphs.unknown if price is None else f"${price:,.10g}" for price in prices]
        cached = f", {told[2]} from a cache" if prices[2] is not None else ""
        yield Field("price", f"{told[0]} in, {told[1]} out{cached} for a million tokens")


def _text(record: JsonObject, key: str) -> str:
    value: Json = record.get(key)
    return "" if value is None else str(value)
