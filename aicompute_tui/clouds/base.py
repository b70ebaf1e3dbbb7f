"""What every cloud must be able to do, and what each says it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aicompute_tui.domain.credential import Identity
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.launch import LaunchOrder, LaunchPlace, LaunchSpec
from aicompute_tui.domain.offer import MachineType, PriceQuote, QuotaReading, Region
from aicompute_tui.domain.quota import FamilyAnswer, FamilyQuota, QuotaAnswer
from aicompute_tui.domain.remote import RemoteMachine
from aicompute_tui.domain.spot import PlacementScore, SpotPoint


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudCapabilities:
    can_stop: bool
    can_reboot: bool
    has_spot: bool
    has_quota: bool
    ends_itself: bool
    """True where a machine that powers itself off is terminated and no longer billed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineImage:
    """`min_volume_gib` is the size of the image's snapshot: a root volume may not be smaller."""

    image_id: str
    name: str
    source: str
    root_device_name: str
    min_volume_gib: int
    login: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SshRule:
    """The addresses that may reach port 22, as CIDR blocks."""

    security_group_id: str
    cidrs: tuple[str, ...]


class Cloud(Protocol):
    """One account by one credential. Every call has a time-out and raises our errors only.

    A call that changes something and raises Unreachable, RateLimited or BadAnswer has an unknown outcome;
    any other error means that nothing was changed.
    """

    name: str
    credential_id: str
    capabilities: CloudCapabilities

    async def identity(self) -> Identity: ...

    async def regions(self) -> Sequence[Region]: ...

    async def machine_types(self, region: str) -> Sequence[MachineType]:
        """GPU types offered in `region`, those we cannot drive with their `disabled_reason`."""
        ...

    async def machine_type(self, region: str, name: str) -> MachineType:
        """Raises NotFound where the region does not offer it."""
        ...

    async def image(self, region: str, machine_type: MachineType, image_id: str | None) -> MachineImage: ...

    async def price(self, region: str, machine_type: str, market: Market) -> PriceQuote | None:
        """None where no source can be read."""
        ...

    async def prices(self, region: str, machine_types: Sequence[str]) -> dict[tuple[str, Market], PriceQuote]:
        """Prices of many types by as few calls as possible; what cannot be read is absent."""
        ...

    async def live_prices(self, region: str, machine_types: Sequence[str], market: Market) -> Mapping[str, PriceQuote]:
        """As the cloud itself tells them now, by type; raises where it cannot be asked."""
        ...

    async def spot_history(self, region: str, machine_type: str, since: datetime) -> Sequence[SpotPoint]:
        """Every change of a spot price, oldest first, with what was in force at `since`."""
        ...

    async def placement_scores(
        self, regions: Sequence[str], machine_types: Sequence[str], count: int
    ) -> Sequence[PlacementScore]:
        """How likely a wish for spot machines is to come true, by zone, best first."""
        ...

    async def quota(self, region: str, machine_type: MachineType, market: Market) -> QuotaReading: ...

    async def quotas(self, region: str, machine_types: Sequence[str], market: Market) -> dict[str, QuotaReading]:
        """What counts each of many types, by its name; those that share a quota share the calls."""
        ...

    async def region_quotas(self, region: str) -> Sequence[FamilyQuota]:
        """Every quota of machines in a region; what cannot be read is None with a note."""
        ...

    async def quota_requests(self, region: str) -> Sequence[FamilyAnswer]:
        """What was asked for more in a region, answered or not, by whomever."""
        ...

    async def request_quota(self, region: str, code: str, vcpus: int) -> QuotaAnswer:
        """Raises Conflict where a request for this quota is open already."""
        ...

    async def places(self, spec: LaunchSpec, machine_type: MachineType) -> Sequence[LaunchPlace]:
        """Where to try, cheapest first. Raises NotConfigured where the region has no network to launch into."""
        ...

    async def prepare_network(self, region: str, place: LaunchPlace, ssh_cidr: str | None, owner: str) -> SshRule:
        """The security group for `place`'s network, made on first use, open on port 22 to `ssh_cidr` alone."""
        ...

    async def allow_ssh(self, region: str, remote_id: str, ssh_cidr: str, owner: str) -> SshRule:
        """Replaces the owner's own ssh rule of a machine's group with `ssh_cidr`."""
        ...

    async def import_key(self, region: str, name: str, public_key: str) -> str:
        """The key's name in the region, imported where it is not there yet."""
        ...

    async def launch(self, order: LaunchOrder) -> RemoteMachine:
        """One call, never repeated by itself. Raises OutOfCapacity where another zone may be tried."""
        ...

    async def find_launch(self, region: str, launch_id: str, client_tokens: Sequence[str]) -> Sequence[RemoteMachine]:
        """Machines of one launch, by tag and then by token, gone ones included. A failed look-up raises."""
        ...

    async def machines(self, region: str) -> Sequence[RemoteMachine]:
        """Every machine in `region` with an `aic-tui:store` tag, whosever, gone ones included while they are listed."""
        ...

    async def describe(self, region: str, remote_ids: Sequence[str]) -> Sequence[RemoteMachine]:
        """Those of `remote_ids` the cloud knows, with `checks_passed` of the running ones."""
        ...

    async def terminate(self, region: str, remote_id: str) -> None:
        """Done also where it is already gone; also cancels the machine's spot request."""
        ...

    async def stop(self, region: str, remote_id: str) -> None: ...

    async def start(self, region: str, remote_id: str) -> None: ...

    async def reboot(self, region: str, remote_id: str) -> None: ...

    async def set_expiry(
        self, region: str, remote_id: str, expires_at: datetime, awake_until: datetime | None = None
    ) -> None:
        """Rewrites, in one call, the tags that the machine itself reads: its end, and until when it may be idle."""
        ...

    async def set_tags(self, region: str, remote_id: str, tags: Mapping[str, str]) -> None: ...

    async def aclose(self) -> None: ...
