"""What a launch puts on its machine, the same each time it is taken up, and what an extension tells it."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest

from aicompute_tui.domain.errors import InvalidInput, Refused, Unreachable
from aicompute_tui.domain.launch import LaunchPlace
from aicompute_tui.domain.remote import TAG_AWAKE_UNTIL, TAG_EXPIRES_AT
from aicompute_tui.services.launch_order import order, plan_again
from aicompute_tui.services.own_key import own_public_key
from aicompute_tui.services.reconcile import reconcile
from tests.unit.fake_cloud import START, Bench, at

__all__ = ["at"]
pytestmark = pytest.mark.asyncio
THEIR_KEY = "ssh-rsa AAAAB3NzaC1yc2E ada@desk"


@pytest.fixture
def their_key(tmp_path: Path) -> Path:
    file = tmp_path / "theirs.pub"
    file.write_text(THEIR_KEY + "\n")
    return file


def script(at: Bench, number: int = 0) -> str:
    return gzip.decompress(at.cloud.orders[number].user_data).decode()


async def test_a_machine_gets_our_key_and_the_named_one_its_limit_and_its_models(at: Bench, their_key: Path) -> None:
    await at.job(
        "instance.launch", name="one", framework="ollama", model=["llama3.2:3b"], idle="20m", ssh_key=str(their_key)
    )
    text = script(at)
    assert f"\n{own_public_key(at.context.places)}\n{THEIR_KEY}\n" in text
    assert "\nlogin='ubuntu'\n" in text
    assert "\nidle_seconds='1200'\ngpu_count='1'\nmodels=('llama3.2:3b')\n" in text
    async with at.context.store.read() as transaction:
        [row] = await transaction.instances.list()
    assert row.login == "ubuntu"


async def test_a_launch_taken_up_later_sends_the_very_same_bytes(at: Bench, their_key: Path) -> None:
    await at.job("instance.launch", name="one", framework="vllm", model=["org/model"], ssh_key=str(their_key))
    their_key.write_text("ssh-rsa AAAAanother ada@laptop\n")
    for file in at.context.places.ssh.iterdir():
        file.unlink()
    async with at.context.store.read() as transaction:
        [row] = await transaction.instances.list()
        [attempt] = await transaction.attempts.list(row.id)
    plan = await plan_again(at.context, at.cloud, json.loads(row.spec_json))
    again = order(at.context.store.store_id, row, plan, LaunchPlace(zone=row.zone), attempt, "sg-1", None)
    assert again.user_data == at.cloud.orders[0].user_data
    assert not at.context.places.ssh_key.exists(), "no new key is made for a launch that has its keys"


async def test_checks_before_a_launch_make_no_key(at: Bench) -> None:
    await at.query("instance.preflight")
    assert not at.context.places.ssh_key.exists()


async def test_a_model_that_is_no_name_is_refused_before_anything_is_asked_for(at: Bench) -> None:
    with pytest.raises(InvalidInput, match="cannot be a model"):
        await at.job("instance.launch", framework="ollama", model=["a'; reboot; '"])
    assert at.cloud.orders == []
    assert await at.views() == []


def tags(at: Bench) -> tuple[str | None, str | None]:
    found = at.cloud.known["i-00000000"].tags
    return found.get(TAG_EXPIRES_AT), found.get(TAG_AWAKE_UNTIL)


async def test_an_extension_holds_idleness_off_for_as_long_in_the_same_call(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="4h")
    assert tags(at) == ("2026-11-20T12:00:00Z", None)
    at.clock.advance(minutes=30)
    at.cloud.calls.clear()
    await at.job("instance.extend", name="one", by="2h")
    assert tags(at) == ("2026-11-20T14:00:00Z", "2026-11-20T10:30:00Z")
    assert [operation for operation, _ in at.cloud.calls].count("set_tags") == 1
    async with at.context.store.read() as transaction:
        [row] = await transaction.instances.list()
    assert row.awake_until == START + timedelta(minutes=150)


async def test_idleness_is_held_off_until_the_new_end_at_most(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="1h", max_ttl="2h")
    await at.job("instance.extend", name="one", by="9h")
    assert tags(at) == ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z")


async def test_an_extension_the_machine_did_not_hear_is_told_again_whole(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="4h")
    at.cloud.before["set_expiry"] = lambda: Unreachable("No connection.")
    with pytest.raises(Unreachable):
        await at.job("instance.extend", name="one", by="1h")
    at.cloud.before.clear()
    at.clock.advance(minutes=5)
    await reconcile(at.context, full=False)
    assert tags(at) == ("2026-11-20T13:00:00Z", "2026-11-20T09:00:00Z")


async def test_a_machine_that_only_idleness_ends_says_so(at: Bench) -> None:
    await at.job("instance.launch", name="one", ttl="none", ttl_none_confirm="none", idle="1h")
    with pytest.raises(Refused, match="only idleness ends it"):
        await at.job("instance.extend", name="one", by="1h")
