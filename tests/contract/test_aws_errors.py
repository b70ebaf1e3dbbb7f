"""Every error code AWS is known to send arrives as the right class, with one sentence and a next step."""

from __future__ import annotations

import pytest

from aicompute_tui.clouds.aws.error_table import MEANINGS
from aicompute_tui.domain.errors import (
    AicError,
    AuthFailed,
    BadAnswer,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotConfigured,
    NotFound,
    OutOfCapacity,
    OutOfQuota,
    PriceTooHigh,
    RateLimited,
    Refused,
    Unreachable,
)
from aicompute_tui.domain.instance import Market
from tests.contract.aws_account import REGION, account, g5, open_cloud, order
from tests.world import SECRET, World

CODES: dict[type[AicError], tuple[str, ...]] = {
    OutOfCapacity: (
        "InsufficientInstanceCapacity",
        "UnfulfillableCapacity",
        "InsufficientHostCapacity",
        "Server.InsufficientInstanceCapacity",
        "InsufficientFreeAddressesInSubnet",
        "Unsupported",
    ),
    OutOfQuota: (
        "MaxSpotInstanceCountExceeded",
        "VcpuLimitExceeded",
        "InstanceLimitExceeded",
        "MaxIOPSLimitExceeded",
        "VolumeLimitExceeded",
        "SomeNewLimitExceeded",
    ),
    PriceTooHigh: ("SpotMaxPriceTooLow",),
    Refused: (
        "UnsupportedOperation",
        "IncorrectInstanceState",
        "OperationNotPermitted",
        "DryRunOperation",
        "NeverSeenBefore",
    ),
    InvalidInput: (
        "InvalidParameterValue",
        "InvalidParameterCombination",
        "MissingParameter",
        "InvalidParameter",
        "InvalidBlockDeviceMapping",
        "InvalidSomethingNew",
    ),
    NotFound: (
        "InvalidAMIID.NotFound",
        "InvalidSubnetID.NotFound",
        "InvalidGroup.NotFound",
        "InvalidKeyPair.NotFound",
        "InvalidInstanceID.NotFound",
        "InvalidInstanceType",
        "InvalidThing.NotFound",
        "ParameterNotFound",
        "NoSuchResourceException",
    ),
    Conflict: ("InvalidGroup.Duplicate", "InvalidPermission.Duplicate", "InvalidKeyPair.Duplicate"),
    NotConfigured: ("VPCIdNotSpecified", "OptInRequired"),
    NotAllowed: (
        "UnauthorizedOperation",
        "AccessDenied",
        "AccessDeniedException",
        "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
        "PendingVerification",
        "Blocked",
    ),
    AuthFailed: (
        "AuthFailure",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
    ),
    RateLimited: (
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "EC2ThrottledException",
    ),
    Unreachable: ("InternalError", "ServiceUnavailable", "Unavailable", "ServerInternal"),
    BadAnswer: ("IdempotentParameterMismatch",),
}
UNKNOWN_OUTCOME = {Unreachable, RateLimited, BadAnswer}


@pytest.mark.asyncio
async def test_every_code_is_the_right_class_in_words(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    expected = {code: kind for kind, codes in CODES.items() for code in codes}
    expected |= {code: meaning.error for code, meaning in MEANINGS.items() if code not in expected}
    for code, kind in expected.items():
        world.faults({"action": "RunInstances", "code": code, "message": "AWS's own {words}", "status": 400})
        with pytest.raises(AicError) as caught:
            await cloud.launch(wanted)
        error = caught.value
        assert type(error) is kind, code
        assert error.message.endswith("."), code
        assert "\n" not in error.message, code
        assert error.next_step, code
        assert code in error.details
        assert "{region}" not in error.message + error.next_step
    assert len(world.machines()) == 0


@pytest.mark.asyncio
async def test_a_fault_of_aws_leaves_the_outcome_open_but_a_lack_of_capacity_does_not(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    for code, status, unknown in (
        ("SomethingBroke", 500, True),
        ("SomethingBroke", 400, False),
        ("InternalError", 500, True),
        ("InsufficientInstanceCapacity", 500, False),
    ):
        world.faults({"action": "RunInstances", "code": code, "status": status})
        with pytest.raises(AicError) as caught:
            await cloud.launch(wanted)
        assert (type(caught.value) in UNKNOWN_OUTCOME) is unknown, (code, status)


@pytest.mark.asyncio
async def test_a_denied_action_is_named(world: World) -> None:
    cloud = account(world)
    wanted = await order(cloud)
    said = (
        "You are not authorized to perform this operation. User: x is not authorized to perform: ec2:RunInstances on y"
    )
    world.faults({"action": "RunInstances", "code": "UnauthorizedOperation", "message": said, "status": 403})
    with pytest.raises(NotAllowed, match="ec2:RunInstances"):
        await cloud.launch(wanted)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("RequestExpired", "Request has expired. Timestamp date is 2026-11-20T09:00:00Z"),
        ("SignatureDoesNotMatch", "Signature expired: 20261120T090000Z is now earlier than 20261120T100000Z"),
        ("SignatureDoesNotMatch", "Signature not yet current: 20261120T120000Z is still later than 20261120T100000Z"),
    ],
)
async def test_a_wrong_clock_is_called_by_its_name(world: World, code: str, said: str) -> None:
    world.faults({"action": "GetCallerIdentity", "code": code, "message": said, "status": 403})
    with pytest.raises(AuthFailed, match="clock") as caught:
        await account(world).identity()
    assert "timedatectl" in caught.value.next_step


@pytest.mark.asyncio
async def test_expired_keys_of_the_environment_say_what_to_set(world: World) -> None:
    world.faults({"action": "GetCallerIdentity", "code": "ExpiredToken", "message": "expired", "status": 403})
    with pytest.raises(AuthFailed) as caught:
        await account(world).identity()
    assert "AWS_SESSION_TOKEN" in caught.value.next_step


@pytest.mark.asyncio
async def test_a_web_page_from_a_json_service_costs_only_what_it_would_have_told(world: World) -> None:
    cloud = account(world)
    page = {"html": "<html><h1>502</h1></html>", "status": 502, "times": -1}
    world.faults(
        {"action": "GetServiceQuota", **page}, {"action": "GetProducts", **page}, {"action": "GetParameter", **page}
    )
    machine_type = await g5(cloud)
    reading = await cloud.quota(REGION, machine_type, Market.SPOT)
    assert reading.limit_vcpus is None
    assert reading.note
    quote = await cloud.price(REGION, "g5.xlarge", Market.ON_DEMAND)
    assert quote is not None
    assert "snapshot" in quote.source
    assert "24.04" in (await cloud.image(REGION, machine_type, None)).name


@pytest.mark.asyncio
async def test_rare_throttling_is_ridden_out_and_lasting_throttling_said(world: World) -> None:
    cloud = account(world)
    world.faults({"action": "DescribeRegions", "code": "RequestLimitExceeded", "status": 503, "times": 1})
    assert await cloud.regions()
    assert len(world.log("DescribeRegions")) == 2
    world.faults({"action": "DescribeRegions", "code": "RequestLimitExceeded", "status": 503, "times": -1})
    with pytest.raises(RateLimited):
        await cloud.regions()


@pytest.mark.asyncio
async def test_no_secret_in_an_error_or_a_repr(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    token = "FwoGZXIvYXdzEDexampletokenexampletoken"
    environment = {**world.environment(), "AWS_SESSION_TOKEN": token}
    cloud = open_cloud(environment)
    said = f"Authorization AWS4-HMAC-SHA256 Credential=AKIADEMO1AAAAAAAAAAA/x, secret {SECRET} token {token}"
    world.faults({"action": "GetCallerIdentity", "code": "IncompleteSignature", "message": said, "status": 400})
    with pytest.raises(AicError) as caught:
        await cloud.identity()
    error = caught.value
    texts = [error.message, error.next_step, error.details, repr(error), repr(cloud), str(vars(cloud)), caplog.text]
    for secret in (SECRET, token, "AKIADEMO1AAAAAAAAAAA"):
        assert not any(secret in text for text in texts)
    assert error.__cause__ is None
    assert error.__context__ is None
