"""What the agent answers about offers, as the price explorer needs it: quotas, placement scores, what was refreshed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.offer_table import OfferTable
from aicompute_tui.domain.quota import counts, machines_that_fit, quota_family
from aicompute_tui.ui.offer_sheet import ON_DEMAND, SPOT
from aicompute_tui.ui.records import number, text
from aicompute_tui.ui.session import Session
from aicompute_tui.ui.widgets.columns import Tone

_CLOUD = "aws"
_SHARED = "P"
"""Where an account's P machines are counted together, whatever their number."""


def rows_of(answer: Json) -> list[JsonObject]:
    return [row for row in answer if isinstance(row, dict)] if isinstance(answer, list) else []


class Free(NamedTuple):
    """vCPUs that a quota leaves, and whose it is."""

    vcpus: int
    account: str


class QuotaLeft:
    """What the quotas leave of each family in each region; of several accounts that of the one with the most left."""

    def __init__(self, answer: Json) -> None:
        self._free: dict[tuple[str, str, str], Free] = {}
        self._accounts: set[str] = set()
        self._families: dict[tuple[str, str], str | None] = {}
        for row in rows_of(answer):
            self._accounts.add(text(row, "account_id"))
            vcpus = number(row, "free_vcpus")
            if vcpus is not None:
                key = (text(row, "region"), text(row, "market"), text(row, "family"))
                free = Free(int(vcpus), text(row, "account_id"))
                self._free[key] = max(self._free.get(key, free), free)

    def machines(self, table: OfferTable, market: str) -> Callable[[int], int | None] | None:
        """How many machines of a row's type are left; None where no quota is known."""
        if not self._free:
            return None

        def left(row: int) -> int | None:
            free = self._of(table, row, market)
            return machines_that_fit(None if free is None else free.vcpus, table.figure("vcpu_count", row))

        return left

    def whose(self, table: OfferTable, row: int, market: str) -> str:
        """The account whose quota a row's is, in words; nothing where there is one account alone."""
        free = self._of(table, row, market) if len(self._accounts) > 1 else None
        return "" if free is None else f"quota of account {free.account}, which has the most left"

    def _of(self, table: OfferTable, row: int, market: str) -> Free | None:
        if table.word("cloud", row) != _CLOUD:
            return None
        where = market or (SPOT if (table.figure("spot_nano", row) or 0) > 0 else ON_DEMAND)
        name = table.word("machine_type", row)
        if (name, where) not in self._families:
            self._families[name, where] = quota_family(name, where)
        family, region = self._families[name, where] or "", table.word("region", row)
        free = self._free.get((region, where, family))
        return self._free.get((region, where, _SHARED)) if free is None and counts(_SHARED, name) else free


async def quota_left(session: Session) -> QuotaLeft:
    """As the agent knows the quotas. Raises AicError."""
    return QuotaLeft(await session.query("quota.list", {}))


async def score(session: Session, named: JsonObject) -> tuple[str, Tone]:
    """How likely there is room for a type in its region now, the best place first. Raises AicError."""
    answer = await session.query("price.score", {name: [value] for name, value in named.items()})
    name = text(named, "type")
    rows = sorted(rows_of(answer), key=lambda row: -(number(row, "score") or 0))
    if not rows:
        return f"AWS gives no placement score for {name}.", "warn"
    places = [f"{text(row, 'zone') or text(row, 'region')} {text(row, 'score')}" for row in rows]
    return f"Placement score of {name} now, of 10: {', '.join(places)}", "good"


async def refresh(session: Session) -> tuple[str, Tone]:
    """How many sources answered, and what is wrong with the first that did not. Raises AicError."""
    rows = rows_of(await session.query("price.refresh", {}))
    failed = [row for row in rows if text(row, "state") in {"failed", "refused"}]
    read = sum(text(row, "state") in {"new", "unchanged"} for row in rows)
    told = f"{read} of {len(rows)} price feeds are up to date."
    if not failed:
        return told, "good"
    return f"{told} {text(failed[0], 'title')}: {text(failed[0], 'problem')}", "warn"
