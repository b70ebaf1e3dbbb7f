"""From boto3's exceptions to our errors, in words and without secrets."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aicompute_tui.clouds.aws.error_table import (
    CLOCK_MEANING,
    DENIED,
    FALLBACKS,
    MEANINGS,
    OTHER,
    SERVER_FAULT,
    UNREADABLE,
    Meaning,
)
from aicompute_tui.domain.errors import (
    AicError,
    AuthFailed,
    BadAnswer,
    InvalidInput,
    NotConfigured,
    RateLimited,
    Unreachable,
)
from aicompute_tui.domain.redaction import HIDDEN, redact

UNREADABLE_ANSWER: tuple[type[Exception], ...] = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What reading an answer raises when it is not shaped as documented."""
_SKEW = re.compile(r"(?i)signature expired|signature not yet current|earlier than|clock|skew")
_DENIAL = re.compile(r"AccessDenied|UnauthorizedOperation|not authorized to perform")
_ACTION = re.compile(r"perform: ([a-z0-9-]+:\w+)")
_PRICE = re.compile(r"(\d+\.\d+)")
_LONGEST_SAID = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which call of whose failed; `secrets` never appear in what is said about it."""

    region: str
    operation: str
    profile: str | None
    method: str
    secrets: Collection[str] = ()

    @property
    def login(self) -> str:
        """How to get fresh credentials of this kind."""
        if self.method == "sso":
            return f"Run `aws sso login --profile {self.profile}`."
        if self.method == "login":
            return f"Run `aws login --profile {self.profile}`."
        if self.method == "env":
            return "Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN anew."
        if self.method == "vault":
            return "Store new keys with `aic-tui credential set`."
        if self.profile:
            return f"Renew the credentials of profile {self.profile}."
        return "Renew the role of this machine."

    def clean(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return redact(text)


def failures() -> tuple[type[Exception], ...]:
    """All that a botocore call may raise, its parsers' own stumbling over a foreign body included."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return (AicError, BotoCoreError, ClientError, ResponseParserError, OSError, *UNREADABLE_ANSWER)


def translate(error: Exception, origin: Origin) -> AicError:
    """Our error for anything botocore raises. Unreachable, RateLimited and BadAnswer leave the outcome unknown."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, AicError):
        return error
    if isinstance(error, ClientError):
        return _from_answer(error.response, origin)
    if isinstance(error, BotoCoreError):
        return _from_botocore(error, origin)
    details = _details(type(error).__name__, str(error), origin)
    if isinstance(error, OSError):
        return _say(_NETWORK, origin, "", details)
    if isinstance(error, ValueError) and "endpoint" in str(error).lower():
        return _say(_ENDPOINT, origin, "", details)
    return _say(UNREADABLE, origin, "", details)


def _from_answer(response: Mapping[str, Any], origin: Origin) -> AicError:
    inside = response.get("Error", {})
    code = str(inside.get("Code", ""))
    said = str(inside.get("Message", ""))
    metadata = response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode") or 0)
    error = _say(meaning_of(code, said, status), origin, said, _details(code, said, origin))
    if isinstance(error, RateLimited):
        error.retry_after = _seconds(metadata.get("HTTPHeaders", {}).get("retry-after"))
    return error


def meaning_of(code: str, said: str, status: int) -> Meaning:
    """By code; for a code that is not known by its shape and the HTTP status."""
    if code in {"SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"} and _SKEW.search(said):
        return CLOCK_MEANING
    if code in MEANINGS:
        return MEANINGS[code]
    if code.isdigit() or not code:
        # The body held no AWS error at all: a proxy's page, or a stand-in that lacks the call.
        return DENIED if status == 403 and _DENIAL.search(said) else UNREADABLE
    for shape, meaning in FALLBACKS:
        if re.fullmatch(shape, code):
            return meaning
    return SERVER_FAULT if status >= 500 else OTHER


def _say(meaning: Meaning, origin: Origin, said: str, details: str) -> AicError:
    action = _ACTION.search(said)
    prices = _PRICE.findall(said)
    words = {
        "region": origin.region,
        "said": _sentence(origin.clean(said)),
        "action": f" ({action.group(1)})" if action else f" ({_camel(origin.operation)})",
        "price": f" (${prices[-1]}/h)" if prices else "",
        "login": origin.login,
    }
    message = meaning.message.format(**words)
    return meaning.error(message, meaning.next_step.format(**words).strip(), details)


def _camel(operation: str) -> str:
    """`run_instances` as IAM spells it."""
    return "".join(word.capitalize() for word in operation.split("_"))


def _sentence(said: str) -> str:
    """AWS's words on one line, cut where they run on."""
    line = " ".join(said.split()) or "no reason given"
    cut = line if len(line) <= _LONGEST_SAID else line[: _LONGEST_SAID - 1] + "…"
    return cut if cut.endswith((".", "…", "!", "?")) else f"{cut}."


def _details(code: str, said: str, origin: Origin) -> str:
    return origin.clean(f"{origin.operation} in {origin.region}: {code}: {said}"[:4_000])


def _seconds(text: object) -> float | None:
    try:
        return float(str(text)) if text is not None else None
    except ValueError:
        return None


def _from_botocore(error: Exception, origin: Origin) -> AicError:
    details = _details(type(error).__name__, str(error), origin)
    for cls in type(error).__mro__:
        made = _BY_CLASS.get(cls.__name__)
        if made is not None:
            error_class, message, next_step = made
            words = {"region": origin.region, "profile": origin.profile or "default", "login": origin.login}
            return error_class(message.format(**words), next_step.format(**words), details)
    return BadAnswer(f"The call to AWS in {origin.region} failed.", "Read the details, then try again.", details)


_NETWORK = Meaning(
    Unreachable,
    "AWS in {region} could not be reached.",
    "Check the network and that the region's name is right, then try again.",
)
_CUT = Meaning(
    Unreachable, "The connection to AWS in {region} broke before an answer came.", "Check the network, then try again."
)
_ENDPOINT = Meaning(
    NotConfigured,
    "The AWS endpoint set in the environment or the profile is not a valid address.",
    "Correct or unset AWS_ENDPOINT_URL.",
)
_SSO = Meaning(AuthFailed, "The SSO session of profile {profile} is absent or has ended.", "{login}")
_LOGIN = Meaning(AuthFailed, "The login session of profile {profile} is absent or has ended.", "{login}")
_FILE = Meaning(
    NotConfigured, "The AWS configuration of profile {profile} cannot be used.", "Correct ~/.aws/config or the profile."
)

_BY_CLASS: dict[str, Meaning] = {
    "NoCredentialsError": Meaning(
        NotConfigured,
        "No AWS credentials were found.",
        "Run `aws configure`, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use `aic-tui credential set`.",
    ),
    "PartialCredentialsError": Meaning(
        NotConfigured,
        "The AWS credentials of profile {profile} are incomplete.",
        "Give both the key id and the secret.",
    ),
    "ProfileNotFound": Meaning(
        NotConfigured, "There is no AWS profile {profile}.", "See `aic-tui credential list`, or run `aws configure`."
    ),
    "NoRegionError": Meaning(NotConfigured, "No AWS region is set.", "Give --region, or set AWS_REGION."),
    "InvalidRegionError": Meaning(InvalidInput, "“{region}” is not a region's name.", "Write it like ca-central-1."),
    "SSOError": _SSO,
    "TokenRetrievalError": _SSO,
    "NoAuthTokenError": _SSO,
    "LoginError": _LOGIN,
    "CredentialRetrievalError": Meaning(
        AuthFailed, "The credentials of profile {profile} could not be fetched.", "Check what the profile runs. {login}"
    ),
    "RefreshWithMFAUnsupportedError": Meaning(
        AuthFailed, "Profile {profile} wants an MFA code, which cannot be asked for here.", "{login}"
    ),
    "MetadataRetrievalError": Meaning(
        AuthFailed, "This machine's role could not be read.", "Check the instance profile, or use another credential."
    ),
    "MissingDependencyException": Meaning(
        NotConfigured, "Profile {profile} needs the awscrt library.", "Run `pip install 'botocore[crt]'`."
    ),
    "ParamValidationError": Meaning(
        InvalidInput, "The request to AWS was not complete, so it was not sent.", "Read the details; this is a defect."
    ),
    "ConfigParseError": _FILE,
    "ConfigNotFound": _FILE,
    "InvalidConfigError": _FILE,
    "InvalidProxiesConfigError": _FILE,
    "UnknownServiceError": _FILE,
    "SSLError": Meaning(
        Unreachable,
        "The certificate of what answers for AWS in {region} is not trusted.",
        "Look for a proxy in between, or set AWS_CA_BUNDLE to its certificate.",
    ),
    "ProxyConnectionError": Meaning(
        Unreachable, "The proxy to AWS could not be reached.", "Check HTTPS_PROXY, then try again."
    ),
    "ConnectTimeoutError": _NETWORK,
    "EndpointConnectionError": _NETWORK,
    "ReadTimeoutError": Meaning(
        Unreachable, "AWS in {region} took the request but did not answer in time.", "Try again in a minute."
    ),
    "ConnectionClosedError": _CUT,
    "ResponseStreamingError": _CUT,
    "IncompleteReadError": _CUT,
    "HTTPClientError": _CUT,
    "ConnectionError": _NETWORK,
    "PaginationError": UNREADABLE,
}


def is_unknown_outcome(error: AicError) -> bool:
    """True where a call that changes something may have taken effect in spite of `error`."""
    return isinstance(error, (Unreachable, RateLimited, BadAnswer))
