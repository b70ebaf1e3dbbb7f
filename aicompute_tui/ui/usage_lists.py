"""What connections used, as lists: sums for each, the same by time, and the log of requests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from textual.content import Content

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import format_moment, parse_moment
from aicompute_tui.ui.answering import cost, seconds
from aicompute_tui.ui.glyphs import Glyphs
from aicompute_tui.ui.records import RecordList, RowColumn, number, plain_column, text, time_column
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Cell, Column
from aicompute_tui.ui.widgets.spend_chart import tick

_STEPS, _ASCII_STEPS = " ▁▂▃▄▅▆▇█", " __..::##"
_DIM = "$foreground-muted"


class Span(NamedTuple):
    """How far back the view looks, and what one bar of it is."""

    since: str
    by: str
    title: str
    bars: int
    shown_as: str


SPANS = (
    Span("24h", "hour", "last 24 hours", 24, "%H:%M"),
    Span("7d", "day", "last 7 days", 7, "%d %b"),
    Span("30d", "day", "last 30 days", 30, "%d %b"),
    Span("365d", "month", "last 12 months", 12, "%b %Y"),
)


def _figure(
    key: str, title: str, width: int, letter: str, shown: Callable[[JsonObject], Cell | str], needs: int = 0
) -> RowColumn:
    return Column(
        key=key, title=title, width=width, align="right", letter=letter, cell=shown, needs=needs,
        sort=lambda row: number(row, key), descending=True,
    )  # fmt: skip


def _count(row: JsonObject, key: str, glyphs: Glyphs) -> str:
    value = number(row, key)
    return glyphs.unknown if value is None else short(value)


def short(value: float) -> str:
    """`812`, `4.1k`, `2.3M`"""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1e3 if unit == 'k' else size):.1f}{unit}"
    return f"{value:,.0f}"


def _failed(row: JsonObject) -> Cell:
    failed = number(row, "failed") or 0
    share = 100 * (number(row, "error_rate") or 0)
    return Cell(f"{share:.0f}%" if not failed or share >= 1 else "<1%", "bad" if failed else "dim")


def _cost(session: Session) -> Callable[[JsonObject], Cell]:
    """Costs that are known in part say so."""

    def shown(row: JsonObject) -> Cell:
        return Cell(_spent(number(row, "cost_usd"), number(row, "unpriced") or 0, session.glyphs))

    return shown


def _figures(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs
    return [
        _figure("requests", "asked", 7, "A", lambda row: _count(row, "requests", glyphs)),
        _figure("error_rate", "failed", 6, "F", _failed),
        _figure("input_tokens", "tok in", 7, "I", lambda row: _count(row, "input_tokens", glyphs), needs=52),
        _figure("output_tokens", "out", 7, "O", lambda row: _count(row, "output_tokens", glyphs), needs=52),
        _figure("cost_usd", "cost", 9, "C", _cost(session)),
        _figure("p50_seconds", "p50", 7, "P", lambda row: seconds(row, "p50_seconds", glyphs), needs=76),
        _figure("p95_seconds", "p95", 7, "L", lambda row: seconds(row, "p95_seconds", glyphs), needs=76),
        _figure("p50_first_token_seconds", "1st token", 9, "T",
                lambda row: seconds(row, "p50_first_token_seconds", glyphs), needs=92),
    ]  # fmt: skip


def _usage_columns(session: Session) -> list[RowColumn]:
    return [
        plain_column("connection", "connection", 12, weight=2, most=40, letter="N"),
        *_figures(session),
        time_column(session, "last_used_at", "last used", "U", needs=106),
    ]


def by_caller_columns(session: Session) -> list[RowColumn]:
    """A row for each who asked a connection."""
    connection, *others = _usage_columns(session)
    return [connection, plain_column("caller", "by", 8, letter="B"), *others]


def by_time_columns(session: Session, span: Callable[[], Span]) -> list[RowColumn]:
    """Of one connection: a row for each hour, day or month."""

    def at(row: JsonObject) -> str:
        moment = parse_moment(text(row, "at"))
        return session.glyphs.unknown if moment is None else moment.strftime(span().shown_as)

    return [
        Column(key="at", title="time", width=10, weight=1, most=16, cell=at, letter="N", descending=True,
               sort=lambda row: text(row, "at")),
        *_figures(session),
    ]  # fmt: skip


def _usage_told(session: Session, row: JsonObject) -> str:
    glyphs = session.glyphs
    told = [f"{_count(row, 'requests', glyphs)} requests, {_count(row, 'failed', glyphs)} failed"]
    unpriced = number(row, "unpriced")
    if unpriced:
        told.append(f"the cost of {unpriced:,.0f} is unknown")
    told += [f"{name} {seconds(row, f'{name}_seconds', glyphs)}" for name in ("p50", "p95")]
    return "   ".join(told)


def _call_columns(session: Session) -> list[RowColumn]:
    glyphs = session.glyphs

    def state(row: JsonObject) -> Cell:
        problem = text(row, "problem_kind")
        if not problem:
            return Cell("ok", "dim")
        return Cell(problem, "dim" if problem == "Cancelled" else "bad")

    return [
        time_column(session, "at", "at", "A"),
        plain_column("connection", "connection", 12, weight=2, most=32, letter="N"),
        plain_column("caller", "by", 8, letter="B", needs=60),
        plain_column("operation", "for", 6, letter="F", needs=92),
        plain_column("model", "model", 12, weight=1, most=32, letter="M", needs=92),
        Column(key="problem_kind", title="ended", width=12, cell=state, letter="E",
               sort=lambda row: text(row, "problem_kind") or None),
        _figure("input_tokens", "in", 7, "I", lambda row: _count(row, "input_tokens", glyphs), needs=92),
        _figure("output_tokens", "out", 7, "O", lambda row: _count(row, "output_tokens", glyphs)),
        _figure("cost_usd", "cost", 9, "C", lambda row: cost(number(row, "cost_usd"), glyphs), needs=60),
        _figure("first_token_seconds", "1st", 7, "T",
                lambda row: seconds(row, "first_token_seconds", glyphs), needs=92),
        _figure("total_seconds", "took", 7, "L", lambda row: seconds(row, "total_seconds", glyphs)),
    ]  # fmt: skip


def _call_told(session: Session, row: JsonObject) -> str:
    glyphs = session.glyphs
    return "   ".join(
        part
        for part in (
            f"{text(row, 'operation')} by {text(row, 'caller')}",
            text(row, "model"),
            f"first token {seconds(row, 'first_token_seconds', glyphs)}",
            f"cost {cost(number(row, 'cost_usd'), glyphs)}",
        )
        if part
    )


USAGE = RecordList(
    question="connection.usage", title="Usage", key="connection_id", columns=_usage_columns, told=_usage_told,
    empty="Nothing was asked in this time. a on a connection talks with it.", marks=False,
)  # fmt: skip
CALLS = RecordList(
    question="connection.calls", title="Requests", key="id", columns=_call_columns, told=_call_told,
    empty="Nothing was asked in this time.", marks=False,
)  # fmt: skip


# -- by time


class Bar(NamedTuple):
    """An hour, day or month; of so many requests the cost is unknown, and `cost_usd` is that of the others."""

    at: datetime
    requests: float = 0.0
    cost_usd: float | None = None
    unpriced: float = 0.0

    def more(self, row: JsonObject) -> Bar:
        """With what another row of the same time tells."""
        known = number(row, "cost_usd")
        return Bar(
            self.at,
            self.requests + (number(row, "requests") or 0),
            self.cost_usd if known is None else (self.cost_usd or 0) + known,
            self.unpriced + (number(row, "unpriced") or 0),
        )


def summed(rows: Sequence[JsonObject], span: Span, now: datetime) -> list[Bar]:
    """Every hour, day or month of the span, the present one last."""
    bars = {at: Bar(at) for at in _moments(span, now)}
    for row in rows:
        at = parse_moment(text(row, "at"))
        if at is not None and at in bars:
            bars[at] = bars[at].more(row)
    return list(bars.values())


def begun(row: JsonObject, span: Span) -> tuple[str, str] | None:
    """The first and the last moment of a row's hour, day or month; None where it is of no time."""
    at = parse_moment(text(row, "at"))
    if at is None:
        return None
    if span.by == "month":
        end = at.replace(year=at.year + at.month // 12, month=at.month % 12 + 1)
    else:
        end = at + timedelta(hours=1 if span.by == "hour" else 24)
    return format_moment(at), (end - timedelta(microseconds=1)).isoformat()


def within(rows: Sequence[JsonObject], span: Span, now: datetime) -> list[JsonObject]:
    """Those of the bars of the span: it begins within the hour, day or month before the first of them."""
    first = _moments(span, now)[0]
    return [row for row in rows if (at := parse_moment(text(row, "at"))) is not None and at >= first]


def _moments(span: Span, now: datetime) -> list[datetime]:
    hour = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if span.by == "month":
        months = [hour.year * 12 + hour.month - 1 - back for back in range(span.bars)]
        return [datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) for month in reversed(months)]
    last, step = (hour, 3_600) if span.by == "hour" else (hour.replace(hour=0), 86_400)
    return [datetime.fromtimestamp(last.timestamp() - back * step, UTC) for back in reversed(range(span.bars))]


def chart_lines(figures: Sequence[Bar], span: Span, size: tuple[int, int], glyphs: Glyphs) -> list[Content]:
    """Bars of requests over their times; `size` is the room in cells."""
    width, height = size
    most = max((each.requests for each in figures), default=0.0)
    every = tick(most, 2) if most else 1.0
    top = every * 2
    margin = max(len(short(top)), 2)
    bar = max(1, min(6, (width - margin - 3) // max(1, len(figures)) - 1))
    gap = 1 if (width - margin - 3) // max(1, len(figures)) > bar else 0
    bars = height - 3
    steps = _STEPS if glyphs.unicode else _ASCII_STEPS
    upright, corner, level = ("│", "┼", "─") if glyphs.unicode else ("|", "+", "-")
    lines = [chart_title(figures, span, glyphs)]
    for line in range(bars, 0, -1):
        filled = [steps[round(8 * min(1.0, max(0.0, each.requests / top * bars - (line - 1))))] for each in figures]
        label = short(top) if line == bars else ""
        painted = (" " * gap).join(each * bar for each in filled)
        lines.append(Content.assemble((f"{label:>{margin}} {upright} ", _DIM), (painted, "$primary")))
    wide = len(figures) * (bar + gap) - gap
    lines.append(Content.styled(f"{'0':>{margin}} {corner}{level * (wide + 1)}", _DIM))
    first, last = (figures[place].at.strftime(span.shown_as) for place in (0, -1))
    between = " " * max(1, wide - len(first) - len(last))
    lines.append(Content.styled(f"{'':>{margin}}   {first}{between}{last}", _DIM))
    return lines


def chart_title(figures: Sequence[Bar], span: Span, glyphs: Glyphs) -> Content:
    known = [each.cost_usd for each in figures if each.cost_usd is not None]
    unpriced = sum(each.unpriced for each in figures)
    asked = short(sum(each.requests for each in figures))
    spent = _spent(round(sum(known), 9) if known else None, unpriced, glyphs)
    told = f"   {asked} asked   cost {spent}" + (f", of {short(unpriced)} unknown" if known and unpriced else "")
    return Content.assemble((f"REQUESTS, {span.title}", _DIM), told, ("   UTC", _DIM))


def _spent(cost_usd: float | None, unpriced: float, glyphs: Glyphs) -> str:
    """`$0.13+` where there was more that nobody told the cost of."""
    return cost(cost_usd, glyphs) + ("+" if cost_usd is not None and unpriced else "")


def table_lines(figures: Sequence[Bar], span: Span, height: int, glyphs: Glyphs) -> list[Content]:
    """The same in figures, the newest first."""
    lines = [chart_title(figures, span, glyphs)]
    for each in list(reversed(figures))[: height - 1]:
        spent = _spent(each.cost_usd, each.unpriced, glyphs)
        told = f"  {each.at.strftime(span.shown_as):<10}{short(each.requests):>9} asked   cost {spent}"
        lines.append(Content(told) if each.requests else Content.styled(told, _DIM))
    return lines
