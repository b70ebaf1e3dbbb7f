"""Regions for whoever chooses one: what is enabled, what is not known, and which is the default."""

from __future__ import annotations

from pathlib import Path

import pytest

from aicompute_tui.domain.credential import Credential
from aicompute_tui.domain.errors import AicError, NotConfigured, NotFound, Unreachable
from tests.unit.fake_cloud import Bench, bench

pytestmark = pytest.mark.asyncio


async def test_regions_say_what_the_account_enabled(tmp_path: Path) -> None:
    async with bench(tmp_path) as world:
        rows = await world.query("region.list")
    assert rows == [
        {
            "code": "ca-central-1",
            "name": "Canada (Central)",
            "country": "CA",
            "enabled": True,
            "is_default": True,
            "note": None,
        }
    ]


async def test_the_default_is_the_settings_before_the_built_in_one(tmp_path: Path) -> None:
    async with bench(tmp_path) as world:
        world.preferences.values["region"] = "eu-west-1"
        rows = await world.query("region.list")
    assert [row["code"] for row in rows if row["is_default"]] == ["eu-west-1"]


async def test_an_account_that_does_not_answer_leaves_the_known_ones_with_an_unknown_state(tmp_path: Path) -> None:
    async with bench(tmp_path) as world:
        world.preferences.values["cloud"] = "aws"
        world.cloud.before["regions"] = lambda: Unreachable("AWS did not answer.", "Try again.")
        rows = await world.query("region.list")
    assert [row["code"] for row in rows[:2]] == ["ca-central-1", "ca-west-1"]
    assert len(rows) > 30
    assert {row["enabled"] for row in rows} == {None}
    assert {row["note"] for row in rows} == {"AWS did not answer. Try again."}


async def test_without_a_credential_there_is_a_list_but_not_for_one_that_is_named(tmp_path: Path) -> None:
    async with bench(tmp_path) as world:
        world.preferences.values["cloud"] = "aws"
        no_credential(world, NotConfigured("No cloud credentials were found.", "Set one up."))
        rows = await world.query("region.list")
        assert rows[0]["code"] == "ca-central-1"
        assert "No cloud credentials" in rows[0]["note"]
        no_credential(world, NotFound("There is no credential “nope”.", ""))
        with pytest.raises(NotFound, match="nope"):
            await world.query("region.list", profile="nope")


def no_credential(world: Bench, problem: AicError) -> None:
    async def resolve(name: str | None) -> Credential:
        raise problem

    world.directory.resolve = resolve  # type: ignore[method-assign]
