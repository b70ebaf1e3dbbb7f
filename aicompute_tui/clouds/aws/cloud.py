"""AWS behind the Cloud protocol: each call is one piece of work in the runtime's threads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from aicompute_tui.clouds.aws import (
    catalogue,
    images,
    machines,
    network,
    placement,
    prices,
    quota,
    quota_requests,
    spot_history,
)
from aicompute_tui.clouds.aws.errors import UNREADABLE_ANSWER
from aicompute_tui.clouds.aws.launch import launch, request_of
from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.clouds.base import CloudCapabilities, MachineImage, SshRule
from aicompute_tui.domain.credential import Credential, Identity
from aicompute_tui.domain.errors import AicError, BadAnswer
from aicompute_tui.domain.expiry import expiry_tags
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.launch import LaunchOrder, LaunchPlace, LaunchSpec
from aicompute_tui.domain.offer import MachineType, PriceQuote, QuotaReading, Region
from aicompute_tui.domain.quota import FamilyAnswer, FamilyQuota, QuotaAnswer
from aicompute_tui.domain.remote import RemoteMachine
from aicompute_tui.domain.spot import PlacementScore, SpotPoint

_LOG = logging.getLogger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")
CALL_SECONDS = 60.0
LISTING_SECONDS = 120.0


class AwsCloud:
    """One account by one credential; `store_id` marks what is made."""

    name = "aws"
    capabilities = CloudCapabilities(can_stop=True, can_reboot=True, has_spot=True, has_quota=True, ends_itself=True)

    def __init__(self, session: AwsSession, credential: Credential, store_id: str, call_seconds: float = CALL_SECONDS):
        self.credential_id = credential.id
        self._credential = credential
        self._session = session
        self._store_id = store_id
        self._call_seconds = call_seconds

    async def identity(self) -> Identity:
        return await self._run(_identity, self._credential)

    async def regions(self) -> Sequence[Region]:
        return await self._run(catalogue.regions)

    async def machine_types(self, region: str) -> Sequence[MachineType]:
        return await self._list(catalogue.machine_types, region)

    async def machine_type(self, region: str, name: str) -> MachineType:
        return await self._run(catalogue.machine_type, region, name)

    async def image(self, region: str, machine_type: MachineType, image_id: str | None) -> MachineImage:
        return await self._run(images.image, region, machine_type, image_id)

    async def price(self, region: str, machine_type: str, market: Market) -> PriceQuote | None:
        return (await self._run(prices.prices, region, [machine_type], market)).get(machine_type)

    async def prices(self, region: str, machine_types: Sequence[str]) -> dict[tuple[str, Market], PriceQuote]:
        markets = (Market.SPOT, Market.ON_DEMAND)
        found = await asyncio.gather(*(self._list(prices.prices, region, machine_types, market) for market in markets))
        return {
            (name, market): quote
            for market, quotes in zip(markets, found, strict=True)
            for name, quote in quotes.items()
        }

    async def live_prices(self, region: str, machine_types: Sequence[str], market: Market) -> Mapping[str, PriceQuote]:
        return await self._list(prices.live_prices, region, machine_types, market)

    async def spot_history(self, region: str, machine_type: str, since: datetime) -> Sequence[SpotPoint]:
        return await self._list(spot_history.spot_history, region, machine_type, since)

    async def placement_scores(
        self, regions: Sequence[str], machine_types: Sequence[str], count: int
    ) -> Sequence[PlacementScore]:
        return await self._run(placement.placement_scores, regions, machine_types, count)

    async def quota(self, region: str, machine_type: MachineType, market: Market) -> QuotaReading:
        return await self._run(quota.quota, region, machine_type.name, market, self._store_id)

    async def quotas(self, region: str, machine_types: Sequence[str], market: Market) -> dict[str, QuotaReading]:
        return await self._list(quota.quotas, region, machine_types, market, self._store_id)

    async def region_quotas(self, region: str) -> Sequence[FamilyQuota]:
        return await self._list(quota.region_quotas, region, self._store_id)

    async def quota_requests(self, region: str) -> Sequence[FamilyAnswer]:
        return await self._list(quota_requests.requests, region)

    async def request_quota(self, region: str, code: str, vcpus: int) -> QuotaAnswer:
        return await self._run(quota_requests.ask_for_more, region, code, vcpus)

    async def places(self, spec: LaunchSpec, machine_type: MachineType) -> Sequence[LaunchPlace]:
        """Ordered by the spot price of the moment; by name where it cannot be read or does not matter."""
        by_zone = {}
        if spec.market is Market.SPOT:
            quote = await self.price(spec.region, spec.instance_type, Market.SPOT)
            by_zone = dict(quote.by_zone) if quote is not None else {}
        return await self._run(network.places, spec, machine_type, by_zone)

    async def prepare_network(self, region: str, place: LaunchPlace, ssh_cidr: str | None, owner: str) -> SshRule:
        return await self._run(network.prepare_network, region, place, ssh_cidr, owner, self._store_id)

    async def allow_ssh(self, region: str, remote_id: str, ssh_cidr: str, owner: str) -> SshRule:
        return await self._run(network.allow_ssh, region, remote_id, ssh_cidr, owner, self._store_id)

    async def import_key(self, region: str, name: str, public_key: str) -> str:
        return await self._run(network.import_key, region, name, public_key)

    async def launch(self, order: LaunchOrder) -> RemoteMachine:
        """Raises InvalidInput before anything is sent, LeaseLost where `order.send_by` has passed."""
        request_of(order, self._store_id)
        work = partial(self._guarded, launch, order, self._store_id)
        return await self._session.runtime.run(work, seconds=self._call_seconds, send_by=order.send_by)

    async def find_launch(self, region: str, launch_id: str, client_tokens: Sequence[str]) -> Sequence[RemoteMachine]:
        return await self._run(machines.find_launch, region, launch_id, client_tokens)

    async def machines(self, region: str) -> Sequence[RemoteMachine]:
        return await self._list(machines.machines, region)

    async def describe(self, region: str, remote_ids: Sequence[str]) -> Sequence[RemoteMachine]:
        return await self._list(machines.describe, region, remote_ids)

    async def terminate(self, region: str, remote_id: str) -> None:
        """Unlike the other verbs an unknown outcome may also mean that only the spot request's end is in doubt."""
        await self._run(machines.terminate, region, remote_id)

    async def stop(self, region: str, remote_id: str) -> None:
        await self._run(machines.act, "stop_instances", region, remote_id)

    async def start(self, region: str, remote_id: str) -> None:
        await self._run(machines.act, "start_instances", region, remote_id)

    async def reboot(self, region: str, remote_id: str) -> None:
        await self._run(machines.act, "reboot_instances", region, remote_id)

    async def set_expiry(
        self, region: str, remote_id: str, expires_at: datetime, awake_until: datetime | None = None
    ) -> None:
        await self.set_tags(region, remote_id, expiry_tags(expires_at, awake_until))

    async def set_tags(self, region: str, remote_id: str, tags: Mapping[str, str]) -> None:
        await self._run(machines.set_tags, region, remote_id, tags)

    async def aclose(self) -> None:
        """Nothing of its own: the runtime it shares is closed by whoever opened it."""

    async def _run(
        self, function: Callable[Concatenate[AwsSession, _P], _T], *arguments: _P.args, **options: _P.kwargs
    ) -> _T:
        work = partial(self._guarded, function, *arguments, **options)
        return await self._session.runtime.run(work, seconds=self._call_seconds)

    async def _list(
        self, function: Callable[Concatenate[AwsSession, _P], _T], *arguments: _P.args, **options: _P.kwargs
    ) -> _T:
        work = partial(self._guarded, function, *arguments, **options)
        return await self._session.runtime.run(work, seconds=max(LISTING_SECONDS, self._call_seconds))

    def _guarded(
        self, function: Callable[Concatenate[AwsSession, _P], _T], *arguments: _P.args, **options: _P.kwargs
    ) -> _T:
        """In a thread: an answer that is not shaped as documented becomes BadAnswer."""
        try:
            return function(self._session, *arguments, **options)
        except UNREADABLE_ANSWER as error:
            _LOG.warning("AWS's answer could not be read in %s", getattr(function, "__name__", "?"), exc_info=True)
            failure: AicError = BadAnswer(
                "AWS's answer is not of the documented shape.",
                "Try again; if it stays so, report it with the log.",
                f"{type(error).__name__} in {getattr(function, '__name__', '?')}",
            )
        raise failure


def _identity(session: AwsSession, credential: Credential) -> Identity:
    method = session.method()
    answer = session.ask("sts", "get_caller_identity", session.home_region())
    return Identity(
        account_id=answer["Account"],
        arn=answer["Arn"],
        method=method,
        profile=credential.profile,
        region=credential.region,
    )
