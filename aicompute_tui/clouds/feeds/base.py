"""What every price feed does: it is read, and answers offers of which each can be believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.domain.price_feed import FeedState


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedAnswer:
    """`table` None means that nothing changed since the state that was given."""

    table: OfferTable | None
    as_of: datetime | None = None
    url: str = ""
    etag: str = ""
    last_modified: str = ""
    left_out: str = ""


class PriceFeed(Protocol):
    """One source of prices."""

    @property
    def id(self) -> str: ...

    @property
    def title(self) -> str: ...

    @property
    def url(self) -> str:
        """Where it is asked; empty for one that needs no address of its own."""
        ...

    @property
    def frozen_after(self) -> timedelta | None:
        """Figures older than this mean that nobody renews it any more; None where their moment is not told."""
        ...

    async def read(self, known: FeedState, now: datetime) -> FeedAnswer:
        """Raises AicError: a `BadAnswer` where what came is not to be believed."""
        ...
