"""What a launch asks for, the checks before it, and its attempts zone by zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from aicompute_tui.domain.instance import Market

DEFAULT_REGION = "ca-central-1"
DEFAULT_INSTANCE_TYPE = "g5.xlarge"
DEFAULT_TTL_SECONDS = 8 * 3_600
DEFAULT_IDLE_SECONDS = 30 * 60
DEFAULT_VOLUME_GIB = 120
LOOKUP_WINDOW_SECONDS = 300
"""How long a launch whose answer was lost stands as unknown before empty look-ups may end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """One machine to ask for. `ttl_seconds` None means no end at all, which a person must have typed out."""

    cloud: str = "aws"
    credential_id: str
    region: str = DEFAULT_REGION
    instance_type: str = DEFAULT_INSTANCE_TYPE
    market: Market = Market.SPOT
    framework: str = "none"
    models: tuple[str, ...] = ()
    context: int | None = None
    """Tokens that the model server is told to take: 0 for all that the model has, None where nothing was said."""
    ttl_seconds: int | None = DEFAULT_TTL_SECONDS
    max_ttl_seconds: int | None = None
    idle_seconds: int | None = DEFAULT_IDLE_SECONDS
    max_price_usd_per_hour: Decimal | None = None
    zone: str | None = None
    ssh_cidr: str | None = None
    name: str | None = None
    volume_gib: int = DEFAULT_VOLUME_GIB
    subnet_id: str | None = None
    ssh_key: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    protect: bool = False
    image_id: str | None = None
    public_keys: tuple[str, ...] = ()
    """Those that may log in to the machine, one line each; fixed when the launch begins."""


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    UNKNOWN = "unknown"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One preflight line. Only REFUSED stops a launch; `error_kind` names the error it then becomes."""

    name: str
    verdict: Verdict
    reason: str
    next_step: str = ""
    error_kind: str = "Refused"


class AttemptState(StrEnum):
    WRITTEN = "written"
    """Committed; the call may or may not have been made."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    """The cloud said no: no machine came of it."""
    ABSENT = "absent"
    """Two successful look-ups after the window found nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchAttempt:
    """One call for one zone with one token, written down before it is made."""

    id: str
    instance_id: str
    number: int
    zone: str | None
    subnet_id: str | None
    client_token: str
    state: AttemptState
    error_kind: str | None = None
    error_message: str | None = None
    written_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchPlace:
    """Where one attempt goes; `subnet_id` None leaves the choice to the cloud."""

    zone: str | None
    subnet_id: str | None = None
    price_usd_per_hour: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOrder:
    """Everything one call needs, complete and unchanging, so that the same token always carries the same order."""

    launch_id: str
    client_token: str
    name: str
    region: str
    place: LaunchPlace
    instance_type: str
    market: Market
    image_id: str
    root_device_name: str
    volume_gib: int
    security_group_id: str
    key_name: str | None
    user_data: bytes
    max_price_usd_per_hour: Decimal | None
    tags: Mapping[str, str]
    send_by: datetime
    """After this moment the call must not be sent any more: the writer of the intent may have been frozen."""
