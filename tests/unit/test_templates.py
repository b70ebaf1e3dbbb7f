"""Launches kept by a name and repeated: what is kept, what is not, and what a launch that begins from one asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from aicompute_tui.actions.registry import ACTIONS
from aicompute_tui.domain.errors import Conflict, InvalidInput, NotFound, Refused
from aicompute_tui.services.templates import KEPT
from tests.contract.store_world import instance
from tests.unit.fake_cloud import Bench, bench

pytestmark = pytest.mark.asyncio


@pytest_asyncio.fixture
async def at(tmp_path: Path) -> AsyncIterator[Bench]:
    async with bench(tmp_path) as opened:
        yield opened


async def test_a_template_keeps_every_parameter_of_a_launch_but_those_of_one_machine() -> None:
    known = {parameter.name for parameter in ACTIONS["instance.launch"].parameters}
    assert known - set(KEPT) == {"name", "ttl_none_confirm", "template", "like"}
    assert set(KEPT) <= known


async def test_a_launch_begins_from_a_template_and_what_is_given_goes_before_it(at: Bench) -> None:
    saved = await at.job("template.save", name="small", ttl="2h", volume_gib="80", model=["a/b"], framework="vllm")
    assert saved["arguments"] == {"ttl": "2h", "volume_gib": "80", "model": ["a/b"], "framework": "vllm"}
    plan = await at.query("instance.preflight", template="small", ttl="3h")
    assert (plan["spec"]["ttl"], plan["spec"]["volume_gib"], plan["spec"]["model"]) == ("10800s", 80, ["a/b"])
    [view] = await at.job("instance.launch", template="small", name="one")
    assert (view["ttl_seconds"], view["models"]) == (7200, ["a/b"])
    await at.job("template.save", name="open", no_protect=True)
    at.preferences.values["protect"] = "yes"
    assert (await at.query("instance.preflight", template="open"))["spec"]["protect"] is False
    assert (await at.query("instance.preflight", template="open", protect=True))["spec"]["protect"] is True


async def test_a_machine_is_launched_again_as_it_was_with_a_name_of_its_own(at: Bench) -> None:
    [first] = await at.job("instance.launch", name="one", ttl="2h", idle="20m", market="on-demand", tag=["team=ml"])
    [second] = await at.job("instance.relaunch", name="one")
    assert second["name"] != "one"
    told = ("ttl_seconds", "idle_seconds", "market", "instance_type", "region", "credential_id")
    assert [second[key] for key in told] == [first[key] for key in told]
    assert at.cloud.orders[1].tags["team"] == "ml"


async def test_a_machine_without_an_end_is_not_repeated_without_the_word(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="none", ttl_none_confirm="none")
    with pytest.raises(InvalidInput, match="without an end"):
        await at.job("instance.relaunch", name="one")
    saved = await at.job("template.save", name="endless", like="one")
    assert saved["arguments"]["ttl"] == "none"
    assert "ttl_none_confirm" not in saved["arguments"]


async def test_a_machine_that_was_adopted_is_not_repeated_as_something_else(at: Bench) -> None:
    async with at.context.store.write() as transaction:
        await transaction.instances.insert(instance("found", instance_type="p5.48xlarge"))
    for action_id, name in (("instance.relaunch", "name"), ("instance.preflight", "like")):
        with pytest.raises(InvalidInput, match="adopted"):
            await (at.query if name == "like" else at.job)(action_id, **{name: "found"})
    assert at.cloud.orders == []


async def test_a_name_that_is_taken_is_replaced_only_when_it_is_meant(at: Bench) -> None:
    await at.job("template.save", name="small", ttl="2h")
    with pytest.raises(Conflict, match="already"):
        await at.job("template.save", name="small", ttl="4h")
    again = await at.job("template.save", name="small", ttl="4h", replace=True)
    assert (again["version"], again["arguments"]) == (2, {"ttl": "4h"})
    with pytest.raises(Conflict, match="changed meanwhile"):
        await at.job("template.save", name="small", ttl="5h", version="1")
    third = await at.job("template.save", name="small", ttl="5h", version="2")
    assert third["version"] == 3
    assert [row["name"] for row in await at.query("template.list")] == ["small"]


async def test_what_was_removed_is_gone_and_both_stand_in_the_audit(at: Bench) -> None:
    await at.job("template.save", name="small", ttl="2h")
    await at.job("template.remove", name="small")
    assert await at.query("template.list") == []
    with pytest.raises(NotFound, match="no template"):
        await at.query("instance.preflight", template="small")
    events = await at.query("event.list")
    kinds = [event["kind"] for event in events if event["subject_name"] == "small"]
    assert kinds == ["template.removed", "template.saved"]


async def test_no_key_is_kept_and_no_launch_begins_from_two(at: Bench) -> None:
    with pytest.raises(Refused, match="key"):
        await at.job("template.save", name="leaky", tag=["key=AKIAIOSFODNN7EXAMPLE"])
    with pytest.raises(InvalidInput, match="not both"):
        await at.query("instance.preflight", template="a", like="b")
    with pytest.raises(InvalidInput, match="template's name"):
        await at.job("template.save", name="../x")
