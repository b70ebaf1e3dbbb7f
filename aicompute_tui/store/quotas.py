"""Quotas as they were read last, and the requests for more that are followed."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import delete, insert, select, update

from aicompute_tui.domain.quota import KeptQuota, QuotaRequest
from aicompute_tui.store.columns import EPOCH
from aicompute_tui.store.quota_tables import quota_requests, quotas
from aicompute_tui.store.tables import to_model, to_row
from aicompute_tui.store.work import Work


class Quotas:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(self) -> builtins.list[KeptQuota]:
        rows = await self._work.rows(select(quotas).order_by(quotas.c.region, quotas.c.market.desc(), quotas.c.family))
        return [to_model(KeptQuota, row) for row in rows]

    async def replace(self, cloud: str, account_id: str, region: str, found: Sequence[KeptQuota]) -> None:
        """All there are of an account in a region. Read again and the same is no news for the change feed."""
        here = (quotas.c.cloud == cloud, quotas.c.account_id == account_id, quotas.c.region == region)
        known = {each.key: each for each in await self.list() if (each.cloud, each.account_id, each.region) ==
                 (cloud, account_id, region)}  # fmt: skip
        await self._work.write(delete(quotas).where(*here))
        if found:
            await self._work.write(insert(quotas), [to_row(each) for each in found])
        if {each.key: _figures(each) for each in found} != {key: _figures(each) for key, each in known.items()}:
            self._work.changed("quotas", f"{account_id}/{region}")


def _figures(kept: KeptQuota) -> KeptQuota:
    """Apart from when it was read."""
    return replace(kept, read_at=None, asked_at=EPOCH)


class QuotaRequests:
    def __init__(self, work: Work) -> None:
        self._work = work

    async def list(self) -> builtins.list[QuotaRequest]:
        """The latest first."""
        statement = select(quota_requests).order_by(quota_requests.c.created_at.desc(), quota_requests.c.id)
        return [to_model(QuotaRequest, row) for row in await self._work.rows(statement)]

    async def get(self, request_id: str) -> QuotaRequest | None:
        row = await self._work.first(select(quota_requests).where(quota_requests.c.id == request_id))
        return None if row is None else to_model(QuotaRequest, row)

    async def put(self, request: QuotaRequest) -> None:
        """Written as it is now; the same again is no news."""
        known = await self.get(request.id)
        if known == request:
            return
        if known is None:
            await self._work.write(insert(quota_requests).values(to_row(request)))
        else:
            here = quota_requests.c.id == request.id
            await self._work.write(update(quota_requests).where(here).values(to_row(request)))
        self._work.changed("quota_requests", request.id)
