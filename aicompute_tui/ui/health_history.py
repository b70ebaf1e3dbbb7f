"""How one target answered over time: even parts of a day for a line of bars, and its last checks one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import parse_moment
from aicompute_tui.ui.records import number, text

DAY_SECONDS = 86_400
UPTIMES = (
    ("uptime_24h_percent", "24 h", DAY_SECONDS),
    ("uptime_7d_percent", "7 d", 7 * DAY_SECONDS),
    ("uptime_30d_percent", "30 d", 30 * DAY_SECONDS),
)
_COVERED = 0.9
"""The share of a window from which on its checks stand for all of it."""


class Sample(NamedTuple):
    """Checks of a stretch of time; `latency` in milliseconds is of those that succeeded."""

    at: float
    checks: int
    failed: int
    latency: float | None


class Part(NamedTuple):
    """The same of one bar; `latency` is a mean."""

    checks: int = 0
    failed: int = 0
    latency: float | None = None


def checked_for(row: JsonObject, window_seconds: float, now: float) -> float | None:
    """Seconds since the first check, where it is much younger than the window; None where it is not, or not told."""
    since = parse_moment(text(row, "checked_since"))
    ago = None if since is None else now - since.timestamp()
    return ago if ago is not None and ago < _COVERED * window_seconds else None


def checks_of(row: JsonObject, percent_key: str) -> float | None:
    """How many checks an uptime is of."""
    return number(row, percent_key.replace("_percent", "_checks"))


def share_words(percent: float) -> str:
    """`99.60 %`; it comes in whole hundredths, and is 100 only where no check failed."""
    return "100 %" if percent == 100 else f"{percent:.2f} %"


def samples_of(row: JsonObject) -> list[Sample]:
    """Those of an answer of `connection.health` or `server.health`, oldest first."""
    told: Json = row.get("samples")
    found = []
    for each in told if isinstance(told, list) else []:
        moment = parse_moment(text(each, "at")) if isinstance(each, dict) else None
        if isinstance(each, dict) and moment is not None:
            checks, failed = (int(number(each, name) or 0) for name in ("checks", "failed_checks"))
            found.append(Sample(moment.timestamp(), checks, failed, number(each, "latency_ms")))
    return found


def parts_of(samples: Iterable[Sample], count: int, now: float, seconds: float = DAY_SECONDS) -> list[Part]:
    """`count` equal parts of the last `seconds`, the newest last; one without a check is empty."""
    held: list[list[Sample]] = [[] for _ in range(count)]
    for sample in samples:
        back = int((now - sample.at) * count // seconds)
        if -1 <= back < count:
            held[count - 1 - max(0, back)].append(sample)
    return [_part(each) for each in held]


def _part(samples: Sequence[Sample]) -> Part:
    good = [(each.latency, each.checks - each.failed) for each in samples if each.latency is not None]
    weight = sum(count for _, count in good)
    latency = sum(value * count for value, count in good) / weight if weight else None
    return Part(sum(each.checks for each in samples), sum(each.failed for each in samples), latency)


def last_checks(samples: Sequence[Sample], most: int) -> list[bool]:
    """Whether each succeeded, the newest last."""
    return [each.failed < each.checks for each in samples if each.checks][-most:]
