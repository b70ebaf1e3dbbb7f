"""The machines the demo begins with: ours, one nobody remembers, another team's, and one that bears no tag of ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from aicompute_tui.domain.instance import Market
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.domain.remote import TAG_EXPIRES_AT, TAG_LAUNCH, TAG_OWNER, TAG_STORE

FIRST_ACCOUNT = "123456789012"
STORE_OF_NOBODY = "01930000-0000-7000-8000-000000000001"
_STORE_OF_ANOTHER_TEAM = "01933c4e-7a10-7c55-9d0e-5b1f6a2c8e44"
_LAUNCH_NOBODY_REMEMBERS = "01934a11-52f0-7b0c-a1de-0c9f7741d2b3"
_MINUTE = 60
_HOUR = 3_600


class Whose(Enum):
    """By its tags: a row of ours, our store without a row, another store, no tag of ours."""

    OURS = "ours"
    ORPHAN = "orphan"
    FOREIGN = "foreign"
    UNTAGGED = "untagged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A machine of the fleet as the demo tells of it."""

    name: str
    whose: Whose
    region: str
    zone: str
    instance_type: str
    market: Market
    age_seconds: int
    ends_in_seconds: int
    framework: str = "none"
    models: tuple[str, ...] = ()
    protected: bool = False
    idle_seconds: int | None = 30 * _MINUTE
    idle_for_seconds: int = 0
    """How long nothing has been done there when the demo begins."""
    is_busy: bool = False
    """Whether requests keep coming in."""
    model_percent: int | None = None
    """How far its first model is, of a machine that is still being set up."""
    failure: str = ""
    """Why its first model could not be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """A machine to be found running when the world begins."""

    region: str
    zone: str
    instance_type: str
    market: str
    age_seconds: float
    tags: Mapping[str, str]
    client_token: str
    account: str = FIRST_ACCOUNT


FLEET = (
    Member(
        name="llama8-ca",
        whose=Whose.OURS,
        region="ca-central-1",
        zone="ca-central-1b",
        instance_type="g5.xlarge",
        market=Market.SPOT,
        age_seconds=5 * _HOUR + 12 * _MINUTE,
        ends_in_seconds=2 * _HOUR + 48 * _MINUTE,
        framework="vllm",
        models=("meta-llama/Llama-3.1-8B-Instruct",),
        idle_for_seconds=24 * _MINUTE,
    ),
    Member(
        name="embed-1",
        whose=Whose.OURS,
        region="ca-central-1",
        zone="ca-central-1a",
        instance_type="g4dn.xlarge",
        market=Market.ON_DEMAND,
        age_seconds=51 * _HOUR,
        ends_in_seconds=21 * _HOUR,
        framework="ollama",
        models=("bge-m3", "llama3.2:3b"),
        is_busy=True,
        protected=True,
        idle_seconds=None,
    ),
    Member(
        name="coder-us",
        whose=Whose.OURS,
        region="us-east-1",
        zone="us-east-1a",
        instance_type="g6.xlarge",
        market=Market.SPOT,
        age_seconds=4 * _MINUTE,
        ends_in_seconds=7 * _HOUR + 56 * _MINUTE,
        framework="ollama",
        models=("qwen2.5-coder:7b", "nomic-embed-text"),
        is_busy=True,
        model_percent=61,
    ),
    Member(
        name="gemma-try",
        whose=Whose.OURS,
        region="us-east-1",
        zone="us-east-1b",
        instance_type="g6.xlarge",
        market=Market.SPOT,
        age_seconds=14 * _MINUTE,
        ends_in_seconds=7 * _HOUR + 46 * _MINUTE,
        framework="vllm",
        models=("google/gemma-2-9b-it",),
        failure=(
            "The Hugging Face token may not read google/gemma-2-9b-it: accept its licence at "
            "huggingface.co/google/gemma-2-9b-it with the token's account, or give another token."
        ),
    ),
    Member(
        name="batch-7",
        whose=Whose.ORPHAN,
        region="us-east-1",
        zone="us-east-1b",
        instance_type="g4dn.xlarge",
        market=Market.SPOT,
        age_seconds=9 * _HOUR,
        ends_in_seconds=15 * _HOUR,
    ),
    Member(
        name="team-b-whisper",
        whose=Whose.FOREIGN,
        region="ca-central-1",
        zone="ca-central-1b",
        instance_type="g5.2xlarge",
        market=Market.ON_DEMAND,
        age_seconds=30 * _HOUR,
        ends_in_seconds=18 * _HOUR,
    ),
    Member(
        name="office-render",
        whose=Whose.UNTAGGED,
        region="us-east-1",
        zone="us-east-1a",
        instance_type="g4dn.2xlarge",
        market=Market.ON_DEMAND,
        age_seconds=200 * _HOUR,
        ends_in_seconds=0,
    ),
)


def seed_of(member: Member, *, store_id: str, owner: str, launch_id: str, now: datetime) -> Seed:
    """The machine as the cloud is to hold it; `launch_id` is the row's where there is one."""
    ends = format_moment(now + timedelta(seconds=member.ends_in_seconds))
    ours = {TAG_STORE: store_id, TAG_LAUNCH: launch_id, TAG_OWNER: owner, TAG_EXPIRES_AT: ends}
    tags = {
        Whose.OURS: ours,
        Whose.ORPHAN: {**ours, TAG_LAUNCH: _LAUNCH_NOBODY_REMEMBERS},
        Whose.FOREIGN: {**ours, TAG_STORE: _STORE_OF_ANOTHER_TEAM, TAG_OWNER: "team-b"},
        Whose.UNTAGGED: {},
    }[member.whose]
    return Seed(
        region=member.region,
        zone=member.zone,
        instance_type=member.instance_type,
        market=member.market.value,
        age_seconds=member.age_seconds,
        tags={"Name": member.name, **tags},
        client_token=f"demo-{member.name}",
    )


def nobodys_fleet(now: datetime) -> list[Seed]:
    """The fleet of a store that does not exist, for a world that is looked at without one."""
    return [
        seed_of(member, store_id=STORE_OF_NOBODY, owner="demo", launch_id=f"launch-{member.name}", now=now)
        for member in FLEET
    ]
