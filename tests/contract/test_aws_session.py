"""How the SDK is held: threads, time-outs, endpoints, loopback only, and nothing loaded before it is needed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from aicompute_tui.clouds.aws.cloud import AwsCloud
from aicompute_tui.clouds.aws.runtime import AwsRuntime
from aicompute_tui.clouds.aws.session import AwsSession
from aicompute_tui.clouds.registry import open_door as open_registered
from aicompute_tui.domain.credential import AwsKeys, Credential
from aicompute_tui.domain.errors import AuthFailed, InvalidInput, NotConfigured, Refused, Unreachable
from tests.contract.aws_account import REGION, STORE_ID, RealClock, account, open_cloud, open_door, order
from tests.world import FIRST_ACCOUNT, FIRST_KEY, SECOND_ACCOUNT, SECOND_KEY, SECRET, World

ENV = Credential(id="aws:env", cloud="aws", name="env", method="env", region=REGION)
VAULT = Credential(id="aws:vault:team", cloud="aws", name="team", method="vault", region=REGION)


def test_importing_the_adapter_loads_no_sdk() -> None:
    code = (
        "import sys, aicompute_tui.clouds.aws.cloud, aicompute_tui.clouds.aws.door, aicompute_tui.clouds.registry;"
        "print([name for name in ('boto3', 'botocore', 'httpx') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.asyncio
async def test_the_identity_tells_account_and_method(world: World) -> None:
    identity = await account(world).identity()
    assert (identity.account_id, identity.method, identity.region) == (FIRST_ACCOUNT, "env", REGION)


@pytest.mark.asyncio
async def test_keys_handed_over_open_their_own_account(world: World) -> None:
    environment = {name: value for name, value in world.environment().items() if "KEY" not in name}
    door = open_door(environment)
    with pytest.raises(NotConfigured):
        door.open(VAULT)
    cloud = door.open(VAULT, AwsKeys(SECOND_KEY, SECRET))
    identity = await cloud.identity()
    assert (identity.account_id, identity.method) == (SECOND_ACCOUNT, "vault")
    await door.aclose()


@pytest.mark.asyncio
async def test_a_profile_of_the_files_named_in_the_environment_works(world: World, tmp_path: Path) -> None:
    """Its keys, its region and its endpoint come from the files, though the process has others."""
    config, credentials = tmp_path / "config", tmp_path / "credentials"
    config.write_text(
        f"[profile team]\nregion = us-west-2\nservices = here\n[services here]\nsts =\n  endpoint_url = {world.url}\n"
    )
    credentials.write_text(f"[team]\naws_access_key_id = {SECOND_KEY}\naws_secret_access_key = {SECRET}\n")
    environment = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(credentials)}
    door = open_door(environment)
    (found,) = door.discover().credentials
    identity = await door.open(found).identity()
    assert (identity.account_id, identity.profile, identity.region) == (SECOND_ACCOUNT, "team", "us-west-2")
    assert identity.method == "shared-credentials-file"
    assert world.log("GetCallerIdentity")[-1]["region"] == "us-west-2"
    await door.aclose()


@pytest.mark.asyncio
async def test_an_endpoint_of_one_service_beats_the_general_one(world: World) -> None:
    environment = {
        **world.environment(),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_STS": world.url,
        "AWS_ENDPOINT_URL_SERVICE_QUOTAS": world.url,
    }
    cloud = open_cloud(environment)
    assert (await cloud.identity()).account_id == FIRST_ACCOUNT
    with pytest.raises(Unreachable):
        await cloud.stop(REGION, "i-0123456789abcdef0")


@pytest.mark.asyncio
async def test_the_process_environment_is_not_looked_at(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECOND_KEY)
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    cloud = open_cloud(world.environment())
    assert (await cloud.identity()).account_id == FIRST_ACCOUNT
    assert world.log("GetCallerIdentity")[-1]["region"] == REGION


@pytest.mark.asyncio
async def test_loopback_only_refuses_every_other_host(world: World) -> None:
    for url in ("https://ec2.ca-central-1.amazonaws.com", "http://10.0.0.1", "http://localhost.evil.example"):
        cloud = open_cloud({**world.environment(), "AWS_ENDPOINT_URL": url})
        with pytest.raises(Refused):
            await cloud.identity()
    without_override = {name: value for name, value in world.environment().items() if name != "AWS_ENDPOINT_URL"}
    with pytest.raises(Refused):
        await open_cloud(without_override).regions()
    role = Credential(id="aws:default", cloud="aws", name="default", method="iam-role")
    with pytest.raises(Refused):
        await open_door(world.environment()).open(role).identity()


@pytest.mark.asyncio
async def test_a_dead_endpoint_is_unreachable_in_words(world: World) -> None:
    cloud = open_cloud({**world.environment(), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    with pytest.raises(Unreachable) as caught:
        await cloud.launch(await order(account(world)))
    assert REGION in caught.value.message
    assert caught.value.next_step


@pytest.mark.asyncio
async def test_a_malformed_endpoint_names_the_variable(world: World) -> None:
    cloud = open_cloud({**world.environment(), "AWS_ENDPOINT_URL": "nonsense"})
    with pytest.raises(NotConfigured) as caught:
        await cloud.identity()
    assert "AWS_ENDPOINT_URL" in caught.value.next_step


@pytest.mark.asyncio
async def test_a_region_that_is_not_enabled_does_not_pass_for_empty(world: World) -> None:
    disabled = next(region.code for region in await account(world).regions() if region.enabled is False)
    with pytest.raises(AuthFailed) as caught:
        await account(world).machines(disabled)
    assert "enabled" in caught.value.next_step


@pytest.mark.asyncio
async def test_a_call_that_takes_too_long_ends_and_is_not_sent_later(world: World) -> None:
    """With one thread the second call waits behind the first, times out there, and never reaches the cloud."""
    runtime = AwsRuntime(RealClock(), threads=1)
    session = AwsSession(runtime, ENV, world.environment(), loopback_only=True)
    patient, hasty = AwsCloud(session, ENV, STORE_ID), AwsCloud(session, ENV, STORE_ID, call_seconds=0.3)
    await patient.identity()
    world.faults({"action": "GetCallerIdentity", "hold_before": True})
    first = asyncio.create_task(patient.identity())
    async with asyncio.timeout(20):
        while len(world.log("GetCallerIdentity")) < 2:
            await asyncio.sleep(0.01)
    with pytest.raises(Unreachable, match="did not answer"):
        await hasty.terminate(REGION, "i-0123456789abcdef0")
    world.release()
    await first
    await patient.identity()
    assert world.log("TerminateInstances") == []
    runtime.close()
    with pytest.raises(Unreachable):
        await patient.identity()


@pytest.mark.asyncio
async def test_a_call_given_up_in_its_thread_sends_nothing_more(world: World) -> None:
    """The repeats of a throttled call stop once nobody waits for it; one thread keeps the order of what follows."""
    runtime = AwsRuntime(RealClock(), threads=1)
    cloud = AwsCloud(AwsSession(runtime, ENV, world.environment(), loopback_only=True), ENV, STORE_ID)
    await cloud.identity()
    world.faults({"action": "GetCallerIdentity", "code": "Throttling", "status": 400, "hold_before": True})
    task = asyncio.create_task(cloud.identity())
    async with asyncio.timeout(20):
        while len(world.log("GetCallerIdentity")) < 2:
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    world.release()
    await cloud.identity()
    assert len(world.log("GetCallerIdentity")) == 3
    runtime.close()


def test_the_registry_names_what_there_is() -> None:
    door = open_registered("aws", clock=RealClock(), environment={"HOME": "/nowhere"}, store_id=STORE_ID)
    assert list(door.discover().credentials) == []
    with pytest.raises(InvalidInput, match="gcp"):
        open_registered("gcp", clock=RealClock(), environment={}, store_id=STORE_ID)


@pytest.mark.asyncio
async def test_nothing_found_says_what_to_do(world: World, tmp_path: Path) -> None:
    profile = Credential(id="aws:profile:gone", cloud="aws", name="gone", method="sso", profile="gone", region=REGION)
    environment = {"HOME": str(tmp_path), "AWS_ENDPOINT_URL": world.url, "PATH": FIRST_KEY}
    with pytest.raises(NotConfigured) as caught:
        await open_door(environment, loopback_only=False).open(profile).identity()
    assert "gone" in caught.value.message
    assert "credential list" in caught.value.next_step


def files(folder: Path, config: str, credentials: str = "") -> dict[str, str]:
    (folder / "config").write_text(config)
    (folder / "credentials").write_text(credentials)
    return {
        "HOME": str(folder),
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.mark.asyncio
async def test_a_role_is_assumed_through_the_same_endpoint(world: World, tmp_path: Path) -> None:
    role = (
        "[profile deploy]\nrole_arn = arn:aws:iam::222222222222:role/ops\nsource_profile = base\nregion = us-west-2\n"
    )
    base = f"[base]\naws_access_key_id = {FIRST_KEY}\naws_secret_access_key = {SECRET}\n"
    environment = {**files(tmp_path, role, base), "AWS_ENDPOINT_URL": world.url}
    door = open_door(environment, loopback_only=False)
    credential = next(each for each in door.discover().credentials if each.profile == "deploy")
    identity = await door.open(credential).identity()
    assert (identity.account_id, identity.method) == (SECOND_ACCOUNT, "assume-role")
    assert [entry["action"] for entry in world.log()] == ["AssumeRole", "GetCallerIdentity"]
    await door.aclose()


@pytest.mark.asyncio
async def test_a_role_that_wants_a_code_is_refused_instead_of_asking_on_the_terminal(
    world: World, tmp_path: Path
) -> None:
    role = "[profile deploy]\nrole_arn = arn:x\nsource_profile = base\nmfa_serial = arn:y\n"
    environment = {**files(tmp_path, role), "AWS_ENDPOINT_URL": world.url}
    door = open_door(environment, loopback_only=False)
    (credential,) = door.discover().credentials
    with pytest.raises(NotConfigured, match="MFA") as caught:
        await door.open(credential).identity()
    assert "export-credentials --profile deploy" in caught.value.next_step
    await door.aclose()


@pytest.mark.asyncio
async def test_a_program_that_gives_keys_and_one_that_fails(world: World, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    answer.write_text(f'{{"Version": 1, "AccessKeyId": "{SECOND_KEY}", "SecretAccessKey": "{SECRET}"}}')
    config = f"[profile good]\ncredential_process = cat {answer}\n[profile bad]\ncredential_process = false\n"
    environment = {**files(tmp_path, config), "AWS_ENDPOINT_URL": world.url}
    door = open_door(environment, loopback_only=False)
    good, bad = door.discover().credentials
    identity = await door.open(good).identity()
    assert (identity.account_id, identity.method) == (SECOND_ACCOUNT, "custom-process")
    with pytest.raises(AuthFailed, match="profile bad"):
        await door.open(bad).identity()
    await door.aclose()


@pytest.mark.asyncio
async def test_sso_without_a_log_in_names_the_command(world: World, tmp_path: Path) -> None:
    config = (
        "[profile team]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = ops\n"
        "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://example.invalid/start\n"
    )
    environment = {**files(tmp_path, config), "AWS_ENDPOINT_URL": world.url}
    door = open_door(environment, loopback_only=False)
    (credential,) = door.discover().credentials
    assert credential.method == "sso"
    with pytest.raises(AuthFailed) as caught:
        await door.open(credential).identity()
    assert caught.value.next_step == "Run `aws sso login --profile team`."
    await door.aclose()


@pytest.mark.asyncio
async def test_the_machines_role_is_not_mistaken_for_a_profiles_keys(world: World, tmp_path: Path) -> None:
    base = f"[default]\naws_access_key_id = {FIRST_KEY}\naws_secret_access_key = {SECRET}\n"
    environment = {**files(tmp_path, "", base), "AWS_ENDPOINT_URL": world.url}
    role = Credential(id="aws:default", cloud="aws", name="default", method="iam-role")
    door = open_door(environment, loopback_only=False)
    with pytest.raises(NotConfigured, match="No AWS credentials"):
        await door.open(role).identity()
    await door.aclose()
