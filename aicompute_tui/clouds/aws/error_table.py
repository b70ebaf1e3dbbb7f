"""What each of AWS's error codes means for a person: our class, one sentence, the next step."""

from __future__ import annotations

from typing import NamedTuple

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


class Meaning(NamedTuple):
    """`{region}`, `{said}`, `{action}`, `{price}` and `{login}` are filled in from the call and AWS's own words."""

    error: type[AicError]
    message: str
    next_step: str


_CAPACITY = Meaning(
    OutOfCapacity, "AWS has no capacity for this machine in {region} now.", "Try another zone, type, market or region."
)
_NOT_OFFERED = Meaning(
    OutOfCapacity, "AWS does not offer this machine in this zone of {region}.", "Try another zone, type or market."
)
_SPOT_QUOTA = Meaning(
    OutOfQuota,
    "The account's spot vCPU quota for this family in {region} is used up.",
    "Ask AWS for a higher quota, end another spot machine, or choose another region, type or market.",
)
_ON_DEMAND_QUOTA = Meaning(
    OutOfQuota,
    "The account's on-demand vCPU quota for this family in {region} is used up.",
    "Ask AWS for a higher quota, end another machine, or choose another region, type or market.",
)
_LIMIT = Meaning(
    OutOfQuota, "An account limit in {region} is used up: {said}", "Free some of it, or ask AWS for a higher limit."
)
_PRICE = Meaning(
    PriceTooHigh,
    "The spot price in {region}{price} is above the cap given.",
    "Raise --max-price or leave it out: AWS then caps at the on-demand price.",
)
_WRONG_REQUEST = Meaning(
    InvalidInput, "AWS does not accept the request: {said}", "Change what it names, or try another type or region."
)
_SPOT_STOP = Meaning(
    Refused, "AWS cannot do this with this machine: {said}", "A one-time spot machine can only be terminated."
)
_STATE = Meaning(
    Refused, "The machine is not in a state that allows this: {said}", "Wait until it has settled, then try again."
)
_MACHINE_GONE = Meaning(NotFound, "AWS knows no such machine in {region}.", "See `aic-tui instance list`.")
_NO_IMAGE = Meaning(NotFound, "AWS knows no such image in {region}.", "Leave --image out, or give one of this region.")
_NO_SUBNET = Meaning(
    NotFound, "AWS knows no such subnet in {region}.", "Leave --subnet out, or give one of this region."
)
_NO_GROUP = Meaning(NotFound, "AWS knows no such security group in {region}.", "Try again: it is made anew.")
_NO_KEY = Meaning(NotFound, "AWS knows no such key pair in {region}.", "Give the public key file again with --ssh-key.")
_NO_VPC = Meaning(
    NotConfigured,
    "{region} has no default network in this account.",
    "Run `aws ec2 create-default-vpc --region {region}`, or give --subnet.",
)
_DENIED = Meaning(
    NotAllowed,
    "These credentials may not do this{action} in {region}.",
    "Have the permission granted to them, or use another profile.",
)
_INVALID_KEYS = Meaning(
    AuthFailed,
    "AWS does not accept these credentials in {region}.",
    "Check them with `aic-tui credential test`, that the region is enabled, and this machine's clock. {login}",
)
_EXPIRED = Meaning(AuthFailed, "The credentials have expired.", "{login}")
_CLOCK = Meaning(
    AuthFailed,
    "AWS refuses the request because this machine's clock is wrong.",
    "Set the clock, for example with `timedatectl set-ntp true`, then try again.",
)
_RATE = Meaning(RateLimited, "AWS asks for fewer calls in {region}.", "Wait a little; it is tried again by itself.")
_AWS_SIDE = Meaning(
    Unreachable, "AWS has a fault of its own in {region} now.", "Try again in a minute, or use another region."
)
_NO_SUCH = Meaning(NotFound, "AWS knows no such thing in {region}: {said}", "Check the name and the region.")
_DUPLICATE = Meaning(Conflict, "It is there already: {said}", "Nothing needs doing.")

CLOCK_MEANING = _CLOCK
SERVER_FAULT = _AWS_SIDE
DENIED = _DENIED
UNREADABLE = Meaning(
    BadAnswer,
    "What answered for AWS in {region} cannot be read: it is not AWS's format.",
    "Look for a proxy or a log-in page between this machine and AWS, then try again.",
)

MEANINGS: dict[str, Meaning] = {
    "InsufficientInstanceCapacity": _CAPACITY,
    "UnfulfillableCapacity": _CAPACITY,
    "InsufficientHostCapacity": _CAPACITY,
    "InsufficientCapacity": _CAPACITY,
    "InsufficientReservedInstanceCapacity": _CAPACITY,
    "InsufficientFreeAddressesInSubnet": Meaning(
        OutOfCapacity, "The subnet in {region} has no free address.", "Try another zone, or give another --subnet."
    ),
    "Server.InsufficientInstanceCapacity": _CAPACITY,
    "Unsupported": _NOT_OFFERED,
    "MaxSpotInstanceCountExceeded": _SPOT_QUOTA,
    "VcpuLimitExceeded": _ON_DEMAND_QUOTA,
    "InstanceLimitExceeded": _LIMIT,
    "MaxIOPSLimitExceeded": _LIMIT,
    "VolumeLimitExceeded": _LIMIT,
    "SpotMaxPriceTooLow": _PRICE,
    "UnsupportedOperation": _SPOT_STOP,
    "IncorrectSpotRequestState": _SPOT_STOP,
    "IncorrectInstanceState": _STATE,
    "IncorrectState": _STATE,
    "OperationNotPermitted": Meaning(
        Refused,
        "The machine is protected against this in AWS itself: {said}",
        "Remove its termination or stop protection in the AWS console, then try again.",
    ),
    "InvalidParameterValue": _WRONG_REQUEST,
    "InvalidParameterCombination": _WRONG_REQUEST,
    "InvalidParameter": _WRONG_REQUEST,
    "MissingParameter": _WRONG_REQUEST,
    "ValidationError": _WRONG_REQUEST,
    "ValidationException": _WRONG_REQUEST,
    "IllegalArgumentException": _WRONG_REQUEST,
    "InvalidBlockDeviceMapping": _WRONG_REQUEST,
    "InvalidKey.Format": Meaning(
        InvalidInput, "AWS does not accept this public key.", "Give an Ed25519 or RSA public key in OpenSSH format."
    ),
    "InvalidInstanceType": Meaning(
        NotFound,
        "{region} does not offer this machine type.",
        "See `aic-tui instance types`, or choose another region.",
    ),
    "IdempotentParameterMismatch": Meaning(
        BadAnswer,
        "AWS already holds another order under this launch's token, so a machine may exist.",
        "It is looked up by its tags; see `aic-tui instance list`.",
    ),
    "InvalidInstanceID.NotFound": _MACHINE_GONE,
    "InvalidInstanceID.Malformed": _MACHINE_GONE,
    "InvalidAMIID.NotFound": _NO_IMAGE,
    "InvalidAMIID.Malformed": _NO_IMAGE,
    "InvalidAMIID.Unavailable": _NO_IMAGE,
    "InvalidSubnetID.NotFound": _NO_SUBNET,
    "InvalidSubnetId.Malformed": _NO_SUBNET,
    "InvalidGroup.NotFound": _NO_GROUP,
    "InvalidKeyPair.NotFound": _NO_KEY,
    "VPCIdNotSpecified": _NO_VPC,
    "InvalidSpotInstanceRequestID.NotFound": _NO_SUCH,
    "InvalidPermission.NotFound": _NO_SUCH,
    "ParameterNotFound": _NO_SUCH,
    "NoSuchResourceException": _NO_SUCH,
    "NotFoundException": _NO_SUCH,
    "InvalidGroup.Duplicate": _DUPLICATE,
    "InvalidPermission.Duplicate": _DUPLICATE,
    "InvalidKeyPair.Duplicate": _DUPLICATE,
    "ResourceAlreadyExistsException": _DUPLICATE,
    "UnauthorizedOperation": _DENIED,
    "AccessDenied": _DENIED,
    "AccessDeniedException": _DENIED,
    "DependencyAccessDeniedException": _DENIED,
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted": Meaning(
        NotAllowed,
        "The account has no service role for spot machines yet, and these credentials may not make it.",
        "Have an administrator run `aws iam create-service-linked-role --aws-service-name spot.amazonaws.com` once.",
    ),
    "AuthFailure": _INVALID_KEYS,
    "InvalidClientTokenId": _INVALID_KEYS,
    "UnrecognizedClientException": _INVALID_KEYS,
    "SignatureDoesNotMatch": _INVALID_KEYS,
    "InvalidSignatureException": _INVALID_KEYS,
    "IncompleteSignature": _INVALID_KEYS,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _CLOCK,
    "RequestTimeTooSkewed": _CLOCK,
    "OptInRequired": Meaning(
        NotConfigured,
        "The account has not opted in to {region} or to this image.",
        "Enable the region in the AWS account settings, or accept the image's terms in the marketplace.",
    ),
    "PendingVerification": Meaning(
        NotAllowed, "AWS is still checking this account for {region}.", "Wait for AWS's mail, or use another region."
    ),
    "Blocked": Meaning(NotAllowed, "AWS has blocked this account.", "Write to AWS Support."),
    "RequestLimitExceeded": _RATE,
    "Throttling": _RATE,
    "ThrottlingException": _RATE,
    "ThrottledException": _RATE,
    "TooManyRequestsException": _RATE,
    "EC2ThrottledException": _RATE,
    "InternalError": _AWS_SIDE,
    "InternalFailure": _AWS_SIDE,
    "InternalServerError": _AWS_SIDE,
    "ServiceUnavailable": _AWS_SIDE,
    "ServiceException": _AWS_SIDE,
    "Unavailable": _AWS_SIDE,
    "ServerInternal": _AWS_SIDE,
    "DryRunOperation": Meaning(
        Refused, "AWS would have done it; this was a trial run only.", "Leave the trial out to have it done."
    ),
}

FALLBACKS: tuple[tuple[str, Meaning], ...] = (
    (r".*\.NotFound", _NO_SUCH),
    (r".*\.Duplicate", _DUPLICATE),
    (r".*(Limit|Quota|Count)Exceeded(Exception)?", _LIMIT),
    (r"Insufficient.*Capacity", _CAPACITY),
    (r"(Invalid|Malformed|Missing|Unknown).*|.*\.Malformed", _WRONG_REQUEST),
    (r".*Thrott.*", _RATE),
)
"""By the shape of a code that is not in the table."""

OTHER = Meaning(Refused, "AWS refuses: {said}", "Read the details; the code is AWS's own.")
