"""Which clouds there are: one line each."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.credential import AwsKeys, Credential
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.offer import Region

CLOUDS: Mapping[str, str] = {
    "aws": "aicompute_tui.clouds.aws.door:AwsDoor",
}


REGIONS: Mapping[str, str] = {
    "aws": "aicompute_tui.clouds.aws.regions:known",
}
"""Cloud → its regions as far as they are known without asking."""


class FoundCredentials(Protocol):
    """What a cloud's own files and variables hold; `problems` are sentences about those that cannot be used."""

    @property
    def credentials(self) -> Sequence[Credential]: ...

    @property
    def default_id(self) -> str | None: ...

    @property
    def problems(self) -> Sequence[str]: ...


class CloudDoor(Protocol):
    """One cloud: finds its credentials and opens an account by one of them."""

    def discover(self) -> FoundCredentials: ...

    def open(self, credential: Credential, keys: AwsKeys | None = None) -> Cloud: ...

    async def aclose(self) -> None: ...


def open_door(
    name: str, *, clock: Clock, environment: Mapping[str, str], store_id: str, loopback_only: bool = False
) -> CloudDoor:
    """The cloud's door, its module imported now. Raises InvalidInput for a cloud that is not in the list."""
    target = CLOUDS.get(name)
    if target is None:
        raise InvalidInput(f"There is no cloud “{name}”.", f"Choose one of: {', '.join(sorted(CLOUDS))}.")
    module, _, attribute = target.partition(":")
    made: Any = getattr(importlib.import_module(module), attribute)
    door: CloudDoor = made(clock=clock, environment=environment, store_id=store_id, loopback_only=loopback_only)
    return door


def known_regions(name: str) -> Sequence[Region]:
    """What is known without an account, whose opt-in states are not; none for a cloud without regions."""
    target = REGIONS.get(name)
    if target is None:
        return ()
    module, _, attribute = target.partition(":")
    known: Any = getattr(importlib.import_module(module), attribute)
    found: Sequence[Region] = known()
    return found
