"""The directory of clouds on the embedded cloud: which credential opens which account, and what a process holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from aicompute_tui.domain.credential import AwsKeys, Credential
from aicompute_tui.domain.errors import InvalidInput, NotConfigured, NotFound
from aicompute_tui.runtime import Runtime, build
from aicompute_tui.services.credentials import encode_keys, stored_secret
from aicompute_tui.store.vault import Vault
from tests.moved_clock import MovedClock
from tests.world import FIRST_ACCOUNT, FIRST_KEY, OPERATOR_ADDRESS, SECOND_ACCOUNT, SECOND_KEY, SECRET, World

pytestmark = pytest.mark.asyncio
ONE, TWO = AwsKeys(FIRST_KEY, SECRET, None, "ca-central-1"), AwsKeys(SECOND_KEY, SECRET, None, "ca-central-1")


def profile(name: str, keys: AwsKeys) -> str:
    return f"[{name}]\naws_access_key_id = {keys.access_key_id}\naws_secret_access_key = {keys.secret_access_key}\n"


class Bench:
    def __init__(self, folder: Path, world: World) -> None:
        self.folder = folder
        self.world = world
        self.clock = MovedClock()
        self.credentials_file = folder / "credentials"
        self.runtimes: list[Runtime] = []

    async def runtime(self, **more: str) -> Runtime:
        environment = {
            "HOME": str(self.folder),
            "AIC_TUI_HOME": str(self.folder / "home"),
            "AWS_ENDPOINT_URL": self.world.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DEFAULT_REGION": "ca-central-1",
            "AWS_SHARED_CREDENTIALS_FILE": str(self.credentials_file),
            "AIC_TUI_CHECKIP_URL": f"{self.world.url}/checkip",
            **more,
        }
        runtime = build(environment, self.clock)
        self.runtimes.append(runtime)
        await runtime.context()
        return runtime

    def identities_asked(self) -> int:
        return len(self.world.log("GetCallerIdentity"))


@pytest_asyncio.fixture
async def bench(tmp_path: Path, world: World) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, world)
    yield bench
    for runtime in bench.runtimes:
        await runtime.aclose()


async def test_two_profiles_of_one_account_and_one_of_another(bench: Bench) -> None:
    bench.credentials_file.write_text(profile("one", ONE) + profile("again", ONE) + profile("two", TWO))
    clouds = (await bench.runtime()).clouds
    first = await clouds.account_cloud("aws", FIRST_ACCOUNT, "aws:profile:one")
    assert first.credential_id == "aws:profile:one"
    assert (await clouds.account_cloud("aws", SECOND_ACCOUNT, "aws:profile:one")).credential_id == "aws:profile:two"
    asked = bench.identities_asked()
    for _ in range(5):
        await clouds.account_cloud("aws", FIRST_ACCOUNT, "aws:profile:one")
        await clouds.account_cloud("aws", SECOND_ACCOUNT, "aws:profile:two")
    assert bench.identities_asked() == asked
    known = {credential.id: credential.account_id for credential in await clouds.credentials()}
    assert known["aws:profile:two"] == SECOND_ACCOUNT
    with pytest.raises(NotConfigured, match="No credential here opens aws account 999999999999"):
        await clouds.account_cloud("aws", "999999999999", "aws:profile:one")


async def test_a_profile_that_came_to_mean_another_account_is_not_used_for_the_old_one(bench: Bench) -> None:
    bench.credentials_file.write_text(profile("one", ONE))
    clouds = (await bench.runtime()).clouds
    await clouds.account_cloud("aws", FIRST_ACCOUNT, "aws:profile:one")
    bench.credentials_file.write_text(profile("one", TWO) + "\n")
    with pytest.raises(NotConfigured):
        await clouds.account_cloud("aws", FIRST_ACCOUNT, "aws:profile:one")
    assert (await clouds.account_cloud("aws", SECOND_ACCOUNT, "aws:profile:one")).credential_id == "aws:profile:one"


async def test_keys_handed_over_are_held_until_their_end(bench: Bench) -> None:
    clouds = (await bench.runtime()).clouds
    with pytest.raises(NotConfigured, match="aws:env is not here") as caught:
        await clouds.cloud("aws:env")
    assert "credential set" in caught.value.next_step
    clouds.hold_keys("aws:env", ONE, "ada", bench.clock.now() + timedelta(hours=1))
    assert (await clouds.resolve(None)).id == "aws:env"
    assert (await clouds.identity("aws:env")).account_id == FIRST_ACCOUNT
    clouds.hold_keys("aws:env", TWO, "ada", bench.clock.now() + timedelta(hours=1))
    assert (await clouds.identity("aws:env")).account_id == SECOND_ACCOUNT
    bench.clock.advance(3601)
    with pytest.raises(NotConfigured):
        await clouds.cloud("aws:env")
    assert await clouds.credentials() == []


async def test_stored_keys_are_opened_with_the_vault_key_that_was_handed_over(bench: Bench) -> None:
    passphrase = {"AIC_TUI_VAULT_PASSPHRASE": "of one person"}
    runtime = await bench.runtime()
    vault = Vault.open(runtime.places, passphrase)
    store = await runtime.open_store()
    async with store.write() as transaction:
        await transaction.credentials.upsert(Credential(id="aws:vault:work", cloud="aws", name="work", method="vault"))
        await transaction.secrets.put(stored_secret("aws:vault:work"), vault.seal(encode_keys(TWO)))
    clouds = runtime.clouds
    assert [credential.id for credential in await clouds.credentials()] == ["aws:vault:work"]
    clouds.hold_vault(passphrase)
    assert (await clouds.identity("aws:vault:work")).account_id == SECOND_ACCOUNT
    assert (await clouds.resolve("work")).id == "aws:vault:work"


async def test_stored_keys_that_another_process_replaces_or_removes_are_used_no_longer(bench: Bench) -> None:
    runtime = await bench.runtime()
    vault = Vault.open(runtime.places, {})
    store = await runtime.open_store()
    secret = stored_secret("aws:vault:work")

    async def keep(keys: AwsKeys) -> None:
        credential = Credential(id="aws:vault:work", cloud="aws", name="work", method="vault")
        async with store.write() as transaction:
            await transaction.credentials.upsert(credential)
            await transaction.secrets.put(secret, vault.seal(encode_keys(keys)))

    await keep(ONE)
    clouds = runtime.clouds
    assert (await clouds.account_cloud("aws", FIRST_ACCOUNT, "aws:vault:work")).credential_id == "aws:vault:work"
    await keep(TWO)
    with pytest.raises(NotConfigured):
        await clouds.account_cloud("aws", FIRST_ACCOUNT, "aws:vault:work")
    assert (await clouds.identity("aws:vault:work")).account_id == SECOND_ACCOUNT
    async with store.write() as transaction:
        await transaction.secrets.remove(secret)
        await transaction.credentials.remove("aws:vault:work")
    with pytest.raises(NotConfigured):
        await clouds.cloud("aws:vault:work")


async def test_a_credential_goes_by_id_name_or_profile(bench: Bench) -> None:
    bench.credentials_file.write_text(profile("one", ONE) + profile("two", TWO))
    clouds = (await bench.runtime()).clouds
    assert (await clouds.resolve("two")).id == (await clouds.resolve("aws:profile:two")).id == "aws:profile:two"
    with pytest.raises(NotFound, match="There is no credential “three”"):
        await clouds.resolve("three")
    with pytest.raises(NotConfigured, match="none is the default: one, two"):
        await clouds.resolve(None)
    chosen = (await bench.runtime(AIC_TUI_PROFILE="two")).clouds
    assert (await chosen.resolve(None)).id == "aws:profile:two"
    clouds.hold_keys("aws:env", ONE)
    assert (await clouds.resolve(None)).id == "aws:env"


async def test_one_name_for_two_credentials_is_asked_about(bench: Bench) -> None:
    bench.credentials_file.write_text(profile("work", ONE))
    runtime = await bench.runtime()
    store = await runtime.open_store()
    async with store.write() as transaction:
        await transaction.credentials.upsert(Credential(id="aws:vault:work", cloud="aws", name="work", method="vault"))
    with pytest.raises(InvalidInput, match="aws:profile:work, aws:vault:work"):
        await runtime.clouds.resolve("work")


async def test_no_credentials_at_all_is_said_with_the_way_on(bench: Bench) -> None:
    with pytest.raises(NotConfigured, match="No cloud credentials were found") as caught:
        await (await bench.runtime()).clouds.resolve(None)
    assert "aws configure" in caught.value.next_step


async def test_our_address_is_asked_once_and_never_outside_the_demo(bench: Bench) -> None:
    clouds = (await bench.runtime()).clouds
    assert await clouds.operator_address() == OPERATOR_ADDRESS
    demo: dict[str, Any] = {"AIC_TUI_DEMO": "1", "AIC_TUI_CHECKIP_URL": "https://checkip.amazonaws.com"}
    assert await (await bench.runtime(**demo)).clouds.operator_address() is None
    unreachable = {"AIC_TUI_CHECKIP_URL": "http://127.0.0.1:9/", "SSH_CONNECTION": "192.0.2.1 5000 8.8.4.4 22"}
    assert await (await bench.runtime(**unreachable)).clouds.operator_address() == "8.8.4.4"
    inside = {"AIC_TUI_CHECKIP_URL": "http://127.0.0.1:9/", "SSH_CONNECTION": "192.0.2.1 5000 10.0.0.4 22"}
    assert await (await bench.runtime(**inside)).clouds.operator_address() is None
