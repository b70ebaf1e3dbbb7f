"""One call to a connection without its words, and what calls of an hour come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from aicompute_tui.domain.caller import Caller

CANCELLED = "Cancelled"
"""The problem of a call that was stopped by who asked, which is no failure of who was asked."""
UNBILLED = frozenset(
    {"InvalidInput", "AuthFailed", "NotAllowed", "NotFound", "OutOfQuota", "RateLimited", "NotTrusted", "Unreachable"}
)
"""Problems that end a call before anything is made, so that it costs nothing."""


class Operation(StrEnum):
    CHAT = "chat"
    TEST = "test"
    EMBED = "embed"
    RERANK = "rerank"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """`model` is the one that answered, the one that was asked where none did. Unknown figures are None.

    `problem_kind` is the name of the error it ended with, empty where it is ok.
    """

    id: str
    at: datetime
    connection_id: str
    connection_name: str
    caller: Caller
    operation: Operation
    model: str
    is_ok: bool
    problem_kind: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_nano_usd: int | None = None
    first_token_microseconds: int | None = None
    total_microseconds: int | None = None

    @property
    def has_failed(self) -> bool:
        return not self.is_ok and self.problem_kind != CANCELLED

    def is_unpriced(self, *, has_begun: bool) -> bool:
        """Whether it cost what nobody knows; what failed once an answer had begun may be billed."""
        was_refused = self.problem_kind in UNBILLED and self.first_token_microseconds is None and not has_begun
        return self.cost_nano_usd is None and not was_refused


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHour:
    """What the calls of one hour come to. Tokens and cost are sums of what is known."""

    connection_id: str
    at: datetime
    connection_name: str
    calls: int
    failed_calls: int
    unpriced_calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_nano_usd: int
    total_microseconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls are meant; None is any."""

    since: datetime
    until: datetime | None = None
    connection_id: str | None = None
    caller: Caller | None = None
