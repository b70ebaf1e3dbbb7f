"""What is removed is what was shown: a volume made anew, or an image named anew, since then stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aicompute_tui.cli import stored
from aicompute_tui.cli.execute import Call
from aicompute_tui.domain.errors import NotFound, Refused
from aicompute_tui.domain.host import Host
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.stored import Image, Volume
from aicompute_tui.hosts.base import Engine
from aicompute_tui.runtime import Runtime
from aicompute_tui.services import volumes
from aicompute_tui.services.context import Context
from aicompute_tui.services.images import remove_whole
from aicompute_tui.services.stored_views import HostAnswer

MADE = datetime(2026, 10, 2, 8, 0, 0, tzinfo=UTC)
LAB = Host(id="h1", owner="me", created_by="me", name="lab", url="unix:///x", kept_by="me", created_at=MADE)
SHOWN = Volume(host_id="h1", name="pgdata", created_at=MADE)
ANEW = replace(SHOWN, created_at=MADE.replace(minute=5))


class OneEngine:
    """Keeps these volumes, and counts what is asked to go."""

    host = LAB

    def __init__(self, *kept: Volume) -> None:
        self.kept = list(kept)
        self.removed: list[str] = []

    async def volumes(self, size_seconds: float) -> list[Volume]:
        return self.kept

    async def remove_volume(self, name: str) -> None:
        self.removed.append(name)


@pytest.mark.parametrize(
    ("kept", "error", "told"),
    [
        ([ANEW], Refused, "not the one that was shown"),
        ([replace(SHOWN, used_by=("db",))], Refused, "used by db"),
        ([], NotFound, "any more"),
    ],
)
@pytest.mark.asyncio
async def test_just_before_it_goes_a_volume_is_looked_at_again(
    kept: Sequence[Volume], error: type[Exception], told: str
) -> None:
    engine = OneEngine(*kept)
    with pytest.raises(error, match=told):
        await volumes.remove_unused(cast("Engine", engine), SHOWN)
    assert engine.removed == []


@pytest.mark.asyncio
async def test_the_volume_that_was_shown_goes() -> None:
    engine = OneEngine(SHOWN)
    await volumes.remove_unused(cast("Engine", engine), SHOWN)
    assert engine.removed == ["pgdata"]


class ImageEngine:
    """Keeps one image, called so now."""

    host = LAB

    def __init__(self, *tags: str) -> None:
        self.tags: list[Json] = [*tags]
        self.removed: list[str] = []

    async def image(self, reference: str) -> JsonObject:
        return {"Id": reference, "RepoTags": self.tags}

    async def remove_image(self, reference: str, name: str) -> None:
        self.removed.append(reference)


@pytest.mark.asyncio
async def test_an_image_that_was_given_a_name_since_it_was_listed_stays() -> None:
    unnamed = Image(host_id="h1", id="sha256:1")
    engine = ImageEngine("<none>:<none>")
    await remove_whole(cast("Engine", engine), unnamed)
    assert engine.removed == ["sha256:1"]
    engine = ImageEngine("kept:1")
    with pytest.raises(Refused, match="is called kept:1 since"):
        await remove_whole(cast("Engine", engine), unnamed)
    assert engine.removed == []


@pytest.mark.asyncio
async def test_a_yes_to_one_volume_is_none_to_another_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first is found and asked about; when the answer is yes, another stands in its place."""
    engine, handed_over = OneEngine(SHOWN), []

    async def hosts(*_: object) -> list[Host]:
        return [LAB]

    async def ask(*_: object) -> list[HostAnswer[Volume]]:
        return [HostAnswer(LAB, engine.kept)]

    async def hand_over(call: Any, _: object) -> None:
        handed_over.extend(call.arguments["names"])

    async def run(*_: object) -> None:
        engine.kept = [ANEW]

    monkeypatch.setattr(volumes, "hosts_meant", hosts)
    monkeypatch.setattr(volumes, "ask_hosts", ask)
    monkeypatch.setattr(stored, "submit", hand_over)
    monkeypatch.setattr(stored, "run_job", run)
    call = SimpleNamespace(
        action=SimpleNamespace(id="volume.remove"),
        arguments={"names": ["lab/pgdata"]},
        options=SimpleNamespace(yes=True),
        answer=lambda _: None,
    )
    context = cast("Context", SimpleNamespace(clock=SimpleNamespace(now=lambda: MADE)))
    await stored.remove(cast("Call", call), cast("Runtime", None), context)
    with pytest.raises(Refused, match=r"pgdata on lab is not the one"):
        await volumes.find_volumes(context, {"names": handed_over})
    engine.kept = [SHOWN]
    assert [each.volume for each in await volumes.find_volumes(context, {"names": handed_over})] == [SHOWN]
