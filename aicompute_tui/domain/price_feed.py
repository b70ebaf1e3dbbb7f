"""What is known of a price feed: when it was asked, what came, and why nothing did."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

from aicompute_tui.domain.json import JsonObject
from aicompute_tui.domain.moments import format_moment, parse_moment

PROVEN_AFTER = timedelta(days=1)
PROVEN_TIMES = 3
"""A feed that has lost most of its offers is believed when it has said so this often, over that long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedState:
    """`etag` and `last_modified` are as the server sent them; they are sent back to learn whether anything changed."""

    feed: str
    url: str = ""
    etag: str = ""
    last_modified: str = ""
    as_of: datetime | None = None
    """The moment of its figures, where the source tells one."""
    read_at: datetime | None = None
    """When the figures that are kept came."""
    checked_at: datetime | None = None
    """When it was last asked, whatever came of it."""
    offers: int = 0
    left_out: str = ""
    """What of it was not taken, in words."""
    failures: int = 0
    """In a row."""
    refused_offers: int = 0
    """How many it had when it was first refused for having too few; 0 where it was not, or has had enough since."""
    refused_times: int = 0
    """How often it has had about as few since then."""
    refused_since: datetime | None = None
    wait_until: datetime | None = None
    """Not to be asked before."""
    state: str = ""
    """`new`, `unchanged`, `failed`, `refused` or `skipped`; empty where it was never asked."""
    problem_kind: str = ""
    problem: str = ""
    next_step: str = ""

    def proven_offers(self, now: datetime) -> int:
        """So many are believed though they are few: seen often enough, this time included, for long enough."""
        is_long = self.refused_since is not None and now - self.refused_since >= PROVEN_AFTER
        return self.refused_offers if is_long and self.refused_times + 1 >= PROVEN_TIMES else 0

    def with_too_few(self, offers: int, now: datetime) -> FeedState:
        """Counted with those before where it is about as many as then."""
        if self.refused_since is not None and is_about(offers, self.refused_offers):
            return replace(self, refused_times=self.refused_times + 1)
        return replace(self, refused_offers=offers, refused_times=1, refused_since=now)

    def as_json(self) -> JsonObject:
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: format_moment(value) if isinstance(value, datetime) else value for name, value in found.items()}


def is_about(offers: int, others: int) -> bool:
    """A tenth more or less: offers come and go every hour."""
    return 10 * abs(offers - others) <= others


_MOMENTS = frozenset({"as_of", "read_at", "checked_at", "wait_until", "refused_since"})
_NUMBERS = frozenset({"offers", "failures", "refused_offers", "refused_times"})


def feed_state(feed: str, values: object) -> FeedState:
    """What `as_json` made; a value that is none of its kind is as if it were not there."""
    found: dict[str, object] = {}
    for name in (each.name for each in fields(FeedState)):
        value = values.get(name) if isinstance(values, dict) else None
        if name in _MOMENTS:
            found[name] = parse_moment(value) if isinstance(value, str) else None
        elif name in _NUMBERS:
            found[name] = value if isinstance(value, int) else 0
        else:
            found[name] = value if isinstance(value, str) else ""
    return FeedState(**{**found, "feed": feed})  # type: ignore[arg-type]
