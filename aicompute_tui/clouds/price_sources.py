"""Where the price lists that ship with the package come from, and when they were read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from aicompute_tui.settings.packaged import DATA


class ShippedSource(NamedTuple):
    """`source` names the version; `read_at` is when it was read: the dates of its prices are not known."""

    source: str
    read_at: datetime


@cache
def shipped_source(cloud: str) -> ShippedSource:
    told = json.loads((DATA / "price-sources.json").read_text(encoding="utf-8"))[cloud]
    return ShippedSource(told["source"], datetime.fromisoformat(told["read_on"]).replace(tzinfo=UTC))
