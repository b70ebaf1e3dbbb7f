"""What the store's tests share: a clock set by hand, sample rows, and an opened store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from aicompute_tui.domain.ids import new_id
from aicompute_tui.domain.instance import Instance, Market
from aicompute_tui.domain.job import Job
from aicompute_tui.store.database import Store, database_url

START = datetime(2026, 11, 20, 8, 55, tzinfo=UTC)
_ordinals = count()


class StandingClock:
    """Moves only when it is told to."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@asynccontextmanager
async def opened(path: Path, **options: Any) -> AsyncIterator[Store]:
    store = await Store.open(database_url(path), clock=StandingClock(), **options)
    try:
        yield store
    finally:
        await store.aclose()


def instance(name: str, **fields: Any) -> Instance:
    """A machine just asked for; later ones are younger."""
    moment = START + timedelta(seconds=next(_ordinals))
    values: dict[str, Any] = {
        "id": new_id(moment),
        "owner": "ann",
        "created_by": "ann@box",
        "name": name,
        "cloud": "aws",
        "credential_id": "aws:default",
        "account_id": "123456789012",
        "region": "ca-central-1",
        "instance_type": "g5.xlarge",
        "market": Market.SPOT,
        "price_usd_per_hour": Decimal("0.4210"),
        "requested_at": moment,
        "state_since": moment,
        "host_id": "box",
    }
    return Instance(**{**values, **fields})


def job(**fields: Any) -> Job:
    moment = START + timedelta(seconds=next(_ordinals))
    values: dict[str, Any] = {
        "id": new_id(moment),
        "owner": "ann",
        "created_by": "ann@box",
        "action_id": "instance.launch",
        "parameters_json": "{}",
        "created_at": moment,
    }
    return Job(**{**values, **fields})
