"""A container's name on two hosts is refused, and goes on being refused while one of the hosts does not answer."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast

import pytest

from aicompute_tui.domain.container import Container
from aicompute_tui.domain.errors import InvalidInput
from aicompute_tui.domain.host import Host, HostReport, HostState
from aicompute_tui.services import containers
from aicompute_tui.services.containers import Place, find_container
from aicompute_tui.services.context import Context


def place(host: str, state: HostState) -> Place:
    its = Host(
        id=f"id-{host}", owner="me", created_by="me", name=host, url="unix:///x", kept_by="me",
        created_at=datetime(2026, 10, 2, tzinfo=UTC),
    )  # fmt: skip
    container = Container(host_id=its.id, id=f"{host}{'0' * 60}", name="web", image="x")
    return Place(its, container, HostReport(host_id=its.id, state=state))


@pytest.mark.parametrize("state", [HostState.UP, HostState.DOWN, HostState.WAITING])
@pytest.mark.asyncio
async def test_a_name_on_two_hosts_is_refused_whatever_their_state(
    state: HostState, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stored(_: Context) -> Iterable[Place]:
        return [place("a", HostState.UP), place("b", state)]

    monkeypatch.setattr(containers, "_stored", stored)
    context = cast("Context", None)
    with pytest.raises(InvalidInput, match="fits more than one container: a/web, b/web"):
        await find_container(context, "web")
    assert (await find_container(context, "b/web")).host.name == "b"
