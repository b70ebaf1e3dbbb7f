"""A cloud in memory that keeps its promises and breaks them on request, and a context to run handlers in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest_asyncio

from aicompute_tui.actions.registry import ACTIONS, resolve_handler
from aicompute_tui.clouds.base import CloudCapabilities, MachineImage, SshRule
from aicompute_tui.domain.credential import AwsKeys, Credential, Identity
from aicompute_tui.domain.errors import NotConfigured, NotFound
from aicompute_tui.domain.expiry import expiry_tags
from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.job import Job
from aicompute_tui.domain.json import Json
from aicompute_tui.domain.launch import LaunchOrder, LaunchPlace, LaunchSpec
from aicompute_tui.domain.offer import MachineType, PriceQuote, QuotaReading, Region
from aicompute_tui.domain.quota import FamilyAnswer, FamilyQuota, QuotaAnswer, RequestState
from aicompute_tui.domain.remote import RemoteMachine, RemoteState
from aicompute_tui.domain.spot import PlacementScore, SpotPoint
from aicompute_tui.hub.base import Hub
from aicompute_tui.services.context import Actor, Context
from aicompute_tui.services.jobs import run_job, submit
from aicompute_tui.settings.keys import SETTINGS
from aicompute_tui.settings.places import places_from
from aicompute_tui.store.database import Store, database_url

ACCOUNT = "123456789012"
REGION = "ca-central-1"
START = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class HandClock:
    """A clock that stands until it is moved; a sleep moves it."""

    def __init__(self) -> None:
        self.moment = START

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        import asyncio

        if seconds >= 5:
            await asyncio.Event().wait()
        self.moment += timedelta(seconds=seconds)
        await asyncio.sleep(0)

    def advance(self, **parts: float) -> None:
        self.moment += timedelta(**parts)


@dataclass
class FakeCloud:
    """Machines by remote id. `faults` maps an operation to what it raises, before or after its effect."""

    clock: HandClock
    name: str = "aws"
    credential_id: str = "aws:env"
    capabilities: CloudCapabilities = field(
        default_factory=lambda: CloudCapabilities(
            can_stop=True, can_reboot=True, has_spot=True, has_quota=True, ends_itself=True
        )
    )
    known: dict[str, RemoteMachine] = field(default_factory=dict)
    orders: list[LaunchOrder] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    before: dict[str, Callable[[], Exception | None]] = field(default_factory=dict)
    after: dict[str, Callable[[], Exception | None]] = field(default_factory=dict)
    zones: tuple[str, ...] = ("ca-central-1a", "ca-central-1b")
    quote: PriceQuote | None = field(
        default_factory=lambda: PriceQuote(usd_per_hour=Decimal("0.42"), source="spot history", as_of=START)
    )
    quota_reading: QuotaReading = field(
        default_factory=lambda: QuotaReading(name="All G", code="L-3819A6DF", limit_vcpus=64, used_vcpus=0)
    )
    quota_of: Callable[[Market], QuotaReading] | None = None
    """Where markets differ."""
    family_quotas: list[FamilyQuota] = field(default_factory=list)
    answers: list[FamilyAnswer] = field(default_factory=list)
    """Requests for more quota, as the cloud has them on record."""

    def _fault(self, when: Mapping[str, Callable[[], Exception | None]], operation: str) -> None:
        error = when[operation]() if operation in when else None
        if error is not None:
            raise error

    def _called(self, operation: str, subject: str) -> None:
        self.calls.append((operation, subject))
        self._fault(self.before, operation)

    async def identity(self) -> Identity:
        self._called("identity", "")
        return Identity(account_id=ACCOUNT, arn="arn:aws:iam::1:user/x", method="env", profile=None, region=REGION)

    async def regions(self) -> Sequence[Region]:
        self._called("regions", "")
        return [Region(code=REGION, name="Canada (Central)", country="CA", enabled=True)]

    async def machine_types(self, region: str) -> Sequence[MachineType]:
        return [await self.machine_type(region, "g5.xlarge")]

    async def machine_type(self, region: str, name: str) -> MachineType:
        self._called("machine_type", name)
        if name != "g5.xlarge":
            raise NotFound(f"{name} is not offered in {region}.", "Choose another type or region.")
        return MachineType(
            cloud="aws",
            name=name,
            gpu_name="A10G",
            gpu_count=1,
            gpu_memory_mib=22_888,
            vcpu_count=4,
            memory_mib=16_384,
            architecture="x86_64",
            has_spot=True,
        )

    async def image(self, region: str, machine_type: MachineType, image_id: str | None) -> MachineImage:
        self._called("image", image_id or "")
        return MachineImage(
            image_id="ami-1",
            name="DLAMI",
            source="ssm",
            root_device_name="/dev/sda1",
            min_volume_gib=75,
            login="ubuntu",
        )

    async def price(self, region: str, machine_type: str, market: Market) -> PriceQuote | None:
        self._called("price", machine_type)
        return self.quote

    async def prices(self, region: str, machine_types: Sequence[str]) -> dict[tuple[str, Market], PriceQuote]:
        return {} if self.quote is None else {(each, Market.SPOT): self.quote for each in machine_types}

    async def live_prices(self, region: str, machine_types: Sequence[str], market: Market) -> Mapping[str, PriceQuote]:
        self._called("live_prices", market.value)
        return {} if self.quote is None else dict.fromkeys(machine_types, self.quote)

    async def spot_history(self, region: str, machine_type: str, since: datetime) -> Sequence[SpotPoint]:
        self._called("spot_history", machine_type)
        return [SpotPoint(zone=zone, at=since, usd_per_hour=Decimal("0.42")) for zone in self.zones]

    async def placement_scores(
        self, regions: Sequence[str], machine_types: Sequence[str], count: int
    ) -> Sequence[PlacementScore]:
        self._called("placement_scores", ", ".join(machine_types))
        return [PlacementScore(region=regions[0], zone_id="cac1-az1", zone=self.zones[0], score=7)]

    async def quota(self, region: str, machine_type: MachineType, market: Market) -> QuotaReading:
        self._called("quota", machine_type.name)
        return self.quota_reading if self.quota_of is None else self.quota_of(market)

    async def quotas(self, region: str, machine_types: Sequence[str], market: Market) -> dict[str, QuotaReading]:
        self._called("quotas", market.value)
        return dict.fromkeys(machine_types, self.quota_reading)

    async def region_quotas(self, region: str) -> Sequence[FamilyQuota]:
        self._called("region_quotas", region)
        return self.family_quotas

    async def quota_requests(self, region: str) -> Sequence[FamilyAnswer]:
        self._called("quota_requests", region)
        return list(self.answers)

    async def request_quota(self, region: str, code: str, vcpus: int) -> QuotaAnswer:
        self._called("request_quota", f"{code} {vcpus}")
        quota = next(each for each in self.family_quotas if each.reading.code == code)
        answer = QuotaAnswer(
            request_id=f"request-{len(self.answers) + 1}",
            code=code,
            name=quota.reading.name,
            desired_vcpus=vcpus,
            state=RequestState.PENDING,
            case_id=None,
            created_at=self.clock.now(),
            updated_at=self.clock.now(),
        )
        self.answers.append(FamilyAnswer(family=quota.family, market=quota.market, answer=answer))
        self._fault(self.after, "request_quota")
        return answer

    async def places(self, spec: LaunchSpec, machine_type: MachineType) -> Sequence[LaunchPlace]:
        self._called("places", machine_type.name)
        return [LaunchPlace(zone=zone, subnet_id=f"subnet-{zone}") for zone in self.zones]

    async def prepare_network(self, region: str, place: LaunchPlace, ssh_cidr: str | None, owner: str) -> SshRule:
        self._called("prepare_network", place.zone or "")
        return SshRule(security_group_id="sg-1", cidrs=(ssh_cidr,) if ssh_cidr else ())

    async def allow_ssh(self, region: str, remote_id: str, ssh_cidr: str, owner: str) -> SshRule:
        self._called("allow_ssh", remote_id)
        return SshRule(security_group_id="sg-1", cidrs=(ssh_cidr,))

    async def import_key(self, region: str, name: str, public_key: str) -> str:
        return name

    async def launch(self, order: LaunchOrder) -> RemoteMachine:
        self._called("launch", order.place.zone or "")
        self.orders.append(order)
        machine = RemoteMachine(
            cloud="aws",
            account_id=ACCOUNT,
            region=order.region,
            remote_id=f"i-{len(self.known):08x}",
            state=RemoteState.PENDING,
            instance_type=order.instance_type,
            market=order.market,
            zone=order.place.zone,
            name=order.name,
            tags=dict(order.tags),
            client_token=order.client_token,
            launched_at=self.clock.now(),
        )
        self.known[machine.remote_id] = machine
        self._fault(self.after, "launch")
        return machine

    async def find_launch(self, region: str, launch_id: str, client_tokens: Sequence[str]) -> Sequence[RemoteMachine]:
        self._called("find_launch", launch_id)
        return [
            machine
            for machine in self.known.values()
            if machine.launch_id == launch_id or machine.client_token in client_tokens
        ]

    async def machines(self, region: str) -> Sequence[RemoteMachine]:
        self._called("machines", region)
        return [machine for machine in self.known.values() if machine.region == region]

    async def describe(self, region: str, remote_ids: Sequence[str]) -> Sequence[RemoteMachine]:
        self._called("describe", ",".join(remote_ids))
        return [self.known[each] for each in remote_ids if each in self.known]

    async def terminate(self, region: str, remote_id: str) -> None:
        self._called("terminate", remote_id)
        self.become(remote_id, RemoteState.SHUTTING_DOWN, state_reason_code="Client.UserInitiatedShutdown")
        self._fault(self.after, "terminate")

    async def stop(self, region: str, remote_id: str) -> None:
        self._called("stop", remote_id)
        self.become(remote_id, RemoteState.STOPPED)

    async def start(self, region: str, remote_id: str) -> None:
        self._called("start", remote_id)
        self.become(remote_id, RemoteState.PENDING)

    async def reboot(self, region: str, remote_id: str) -> None:
        self._called("reboot", remote_id)

    async def set_expiry(
        self, region: str, remote_id: str, expires_at: datetime, awake_until: datetime | None = None
    ) -> None:
        self._called("set_expiry", remote_id)
        await self.set_tags(region, remote_id, expiry_tags(expires_at, awake_until))

    async def set_tags(self, region: str, remote_id: str, tags: Mapping[str, str]) -> None:
        self._called("set_tags", remote_id)
        machine = self.known[remote_id]
        self.known[remote_id] = replace(machine, tags={**machine.tags, **tags})

    async def aclose(self) -> None:
        return

    def become(self, remote_id: str, state: RemoteState, **more: Any) -> None:
        if remote_id in self.known:
            self.known[remote_id] = replace(self.known[remote_id], state=state, **more)

    @property
    def living(self) -> list[RemoteMachine]:
        ended = {RemoteState.SHUTTING_DOWN, RemoteState.TERMINATED}
        return [machine for machine in self.known.values() if machine.state not in ended]


class FakeDirectory:
    """One credential, one cloud."""

    def __init__(self, cloud: FakeCloud) -> None:
        self._cloud = cloud
        self.address: str | None = "203.0.113.7"
        self.keys: dict[str, AwsKeys] = {}

    async def credentials(self) -> Sequence[Credential]:
        return [Credential(id="aws:env", cloud="aws", name="env", method="env")]

    async def resolve(self, name: str | None) -> Credential:
        return (await self.credentials())[0]

    async def cloud(self, credential_id: str) -> FakeCloud:
        if credential_id != "aws:env":
            raise NotConfigured(f"This process does not hold {credential_id}.", "")
        return self._cloud

    async def account_cloud(self, cloud: str, account_id: str, preferred_credential_id: str) -> FakeCloud:
        return self._cloud

    async def operator_address(self) -> str | None:
        return self.address

    def hold_keys(self, credential_id: str, keys: AwsKeys) -> None:
        raise AssertionError("no keys are handed over here")

    async def hub_token(self, credential_id: str) -> str:
        raise NotConfigured(f"This process does not hold {credential_id}.", "")

    async def static_keys(self, credential_id: str) -> AwsKeys | None:
        return self.keys.get(credential_id)

    def session_hub_token(self) -> str | None:
        return None

    async def seal(self, text: str) -> bytes:
        return text[::-1].encode()

    async def unseal(self, token: bytes) -> str:
        return token.decode()[::-1]

    def may_reach(self, url: str) -> bool:
        return True


class FakePreferences:
    """Built-in answers, some of them replaced."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.problem = ""

    def text(self, key: str) -> str:
        return self.values.get(key, SETTINGS[key].default)

    def source(self, key: str) -> str:
        return "database" if key in self.values else "built-in"

    def layers(self, key: str) -> list[tuple[str, str]]:
        return [(self.source(key), self.text(key))]


@dataclass
class Bench:
    """A store, a fake cloud and what handlers need, for one test."""

    context: Context
    cloud: FakeCloud
    clock: HandClock
    preferences: FakePreferences
    directory: FakeDirectory

    async def job(self, action_id: str, **arguments: object) -> Any:
        """Submits and carries out a job as a door would; raises its error."""
        submitted = await self.submitted(action_id, **arguments)
        return await run_job(self.context, submitted)

    async def submitted(self, action_id: str, **arguments: object) -> Job:
        context = self.context
        return await submit(context.store, self.clock, context.actor, action_id, arguments, holder="me")

    async def query(self, action_id: str, **arguments: object) -> Any:
        handler: Any = resolve_handler(ACTIONS[action_id])
        return await handler(self.context, arguments)

    async def views(self, **arguments: object) -> list[dict[str, Json]]:
        rows: list[dict[str, Json]] = await self.query("instance.list", **arguments)
        return rows

    async def event_kinds(self) -> list[str]:
        async with self.context.store.read() as transaction:
            return [event.kind for event in await transaction.events.list()]


def _no_hub(address: str | None, token: str | None) -> Hub:
    raise NotConfigured("There is no hub on this bench.", "Name a model that ships with the program.")


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    """Opens a store in `folder` and closes it."""
    clock = HandClock()
    places = places_from({"AIC_TUI_HOME": str(folder)})
    places.ensure()
    store = await Store.open(database_url(places.database_file), clock=clock)
    cloud = FakeCloud(clock)
    preferences = FakePreferences()
    directory = FakeDirectory(cloud)
    context = Context(
        store=store,
        clouds=directory,
        clock=clock,
        preferences=preferences,
        places=places,
        actor=Actor(owner="ada", host_id="host-1", name="ada@jump"),
        handlers=lambda action_id: resolve_handler(ACTIONS[action_id]),
        open_hub=_no_hub,
    )
    try:
        yield Bench(context, cloud, clock, preferences, directory)
    finally:
        await store.aclose()


@pytest_asyncio.fixture
async def at(tmp_path: Path) -> AsyncIterator[Bench]:
    """For tests that need nothing else of a bench."""
    async with bench(tmp_path) as opened:
        yield opened
