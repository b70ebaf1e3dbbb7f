"""Quotas of an account: which machine types each family counts, what fits into what is free, and asking for more."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from aicompute_tui.domain.offer import QuotaReading
from aicompute_tui.domain.states import Market

_COUNTED = {
    "G/VT": r"(g|vt)\d*",
    "P6": r"p6",
    "P5": r"p5",
    "P2-P4": r"p[2-4]",
    "P": r"p\d",
    "Trn": r"trn",
    "Inf": r"inf",
    "DL": r"dl",
    "F": r"f\d",
    "X": r"x\d",
    "Standard": r"[acdhimrtz]\d",
}
"""Family → the beginnings of the machine types it counts."""
_BEGINNING = re.compile(r"[a-z]+\d")
_REST = ("Trn", "Inf", "DL", "F", "X", "Standard")
FAMILIES: dict[Market, Sequence[str]] = {
    Market.SPOT: ("G/VT", "P6", "P5", "P2-P4", *_REST),
    Market.ON_DEMAND: ("G/VT", "P", *_REST),
}
"""Those with a quota of their own, GPUs first."""


class RequestState(StrEnum):
    """How far a request for more is. `CLOSED` means that its case was closed and the new limit tells the outcome."""

    PENDING = "pending"
    CASE_OPENED = "case opened"
    APPROVED = "approved"
    DENIED = "denied"
    CLOSED = "closed"
    INVALID = "invalid"
    UNKNOWN = "unknown"


OPEN_REQUESTS = frozenset({RequestState.PENDING, RequestState.CASE_OPENED, RequestState.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyQuota:
    """One quota of an account in one region."""

    family: str
    market: Market
    reading: QuotaReading


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaAnswer:
    """A request for more as the cloud tells of it."""

    request_id: str
    code: str
    name: str
    desired_vcpus: int
    state: RequestState
    case_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyAnswer:
    """A request for more of one family's quota."""

    family: str
    market: Market
    answer: QuotaAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptQuota:
    """A reading as it was written down; `read_at` is when its figures were read, None where they never could be."""

    cloud: str
    account_id: str
    region: str
    market: Market
    family: str
    credential_id: str
    name: str
    code: str | None
    limit_vcpus: int | None
    used_vcpus: int | None
    own_vcpus: int | None
    note: str
    read_at: datetime | None
    asked_at: datetime

    @property
    def key(self) -> str:
        return "/".join((self.account_id, self.region, self.market.value, self.family))

    @property
    def reading(self) -> QuotaReading:
        return QuotaReading(
            name=self.name,
            code=self.code,
            limit_vcpus=self.limit_vcpus,
            used_vcpus=self.used_vcpus,
            own_vcpus=self.own_vcpus,
            note=self.note,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaRequest:
    """A request for more that is followed until it is answered; `id` is the cloud's own."""

    id: str
    cloud: str
    account_id: str
    region: str
    market: Market
    family: str
    credential_id: str
    code: str
    name: str
    desired_vcpus: int
    state: RequestState
    case_id: str | None
    asked_by: str
    """Who asked from here; empty for one that was found."""
    created_at: datetime
    updated_at: datetime
    answered_at: datetime | None = None
    """When it was seen to be answered; None also for one that was answered before it was first seen."""

    @property
    def quota_key(self) -> str:
        """The key of the quota it is about."""
        return "/".join((self.account_id, self.region, self.market.value, self.family))

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_REQUESTS


def counts(family: str, machine_type: str) -> bool:
    """Whether a family's quota counts machines of this type."""
    pattern = _COUNTED.get(family)
    return pattern is not None and re.match(pattern, machine_type.partition(".")[0]) is not None


def quota_family(machine_type: str, market: str) -> str | None:
    """The family whose quota counts machines of this type; None where that is not known."""
    return next((family for family in FAMILIES[Market(market)] if counts(family, machine_type)), None)


def named_family(word: str, market: str) -> str | None:
    """The family meant by its own name (`G/VT`, `g`, `standard`) or by a machine type or its beginning (`g5`)."""
    families = FAMILIES[Market(market)]
    wanted = word.strip().lower()
    exact = [family for family in families if wanted in {family.lower(), *family.lower().split("/")}]
    if exact:
        return exact[0]
    return quota_family(wanted, market) if _BEGINNING.match(wanted) else None


def machines_that_fit(free_vcpus: int | None, vcpu_count: int | None) -> int | None:
    """How many machines of so many vCPUs what is free has room for; None where one of both is not known."""
    if free_vcpus is None or not vcpu_count:
        return None
    return max(0, free_vcpus) // vcpu_count
