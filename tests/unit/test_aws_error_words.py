"""What boto3 raises without an answer of AWS: the network, the credentials, the configuration."""

from __future__ import annotations

import pytest
from botocore import exceptions
from botocore.parsers import ResponseParserError

from aicompute_tui.clouds.aws.errors import Origin, is_unknown_outcome, translate
from aicompute_tui.domain.errors import AicError, AuthFailed, BadAnswer, InvalidInput, NotConfigured, Unreachable

URL = "https://ec2.ca-central-1.amazonaws.com"
CASES: list[tuple[Exception, type[AicError], str]] = [
    (exceptions.EndpointConnectionError(endpoint_url=URL), Unreachable, "network"),
    (exceptions.ConnectTimeoutError(endpoint_url=URL), Unreachable, "network"),
    (exceptions.ReadTimeoutError(endpoint_url=URL), Unreachable, "again"),
    (exceptions.ConnectionClosedError(endpoint_url=URL), Unreachable, "network"),
    (exceptions.HTTPClientError(error=OSError("x")), Unreachable, "network"),
    (exceptions.SSLError(endpoint_url=URL, error="x"), Unreachable, "AWS_CA_BUNDLE"),
    (exceptions.ProxyConnectionError(proxy_url="http://u:pw@proxy"), Unreachable, "HTTPS_PROXY"),
    (ConnectionResetError("x"), Unreachable, "network"),
    (ResponseParserError("not xml"), BadAnswer, "proxy"),
    (exceptions.NoCredentialsError(), NotConfigured, "aws configure"),
    (exceptions.PartialCredentialsError(provider="x", cred_var="y"), NotConfigured, "secret"),
    (exceptions.ProfileNotFound(profile="team"), NotConfigured, "credential list"),
    (exceptions.NoRegionError(), NotConfigured, "--region"),
    (exceptions.InvalidRegionError(region_name="x y"), InvalidInput, "ca-central-1"),
    (exceptions.SSOTokenLoadError(error_msg="x"), AuthFailed, "aws sso login --profile team"),
    (exceptions.UnauthorizedSSOTokenError(), AuthFailed, "aws sso login --profile team"),
    (exceptions.TokenRetrievalError(provider="sso", error_msg="x"), AuthFailed, "aws sso login --profile team"),
    (exceptions.CredentialRetrievalError(provider="x", error_msg="y"), AuthFailed, "profile"),
    (exceptions.ConfigParseError(path="x", error="y"), NotConfigured, "config"),
    (exceptions.MissingDependencyException(msg="x"), NotConfigured, "pip install"),
    (exceptions.MetadataRetrievalError(error_msg="x"), AuthFailed, "instance profile"),
    (exceptions.ParamValidationError(report="x"), InvalidInput, "defect"),
    (exceptions.PaginationError(message="x"), BadAnswer, "proxy"),
    (exceptions.DataNotFoundError(data_path="x"), BadAnswer, "details"),
    (KeyError("Account"), BadAnswer, "proxy"),
    (ValueError("Invalid endpoint: nonsense"), NotConfigured, "AWS_ENDPOINT_URL"),
]


def origin(method: str = "sso", profile: str | None = "team") -> Origin:
    return Origin(region="ca-central-1", operation="run_instances", profile=profile, method=method)


@pytest.mark.parametrize(("raised", "kind", "way_on"), CASES, ids=lambda value: type(value).__name__)
def test_each_failure_is_a_sentence_with_a_way_on(raised: Exception, kind: type[AicError], way_on: str) -> None:
    error = translate(raised, origin())
    assert type(error) is kind
    assert error.message.endswith(".")
    assert way_on in error.next_step
    assert "{" not in error.message + error.next_step
    assert "pw@" not in error.details


@pytest.mark.parametrize(
    ("method", "profile", "way_on"),
    [
        ("sso", "team", "aws sso login --profile team"),
        ("login", "team", "aws login --profile team"),
        ("env", None, "AWS_SESSION_TOKEN"),
        ("vault", None, "credential set"),
        ("assume-role", "deploy", "deploy"),
        ("iam-role", None, "role"),
    ],
)
def test_expired_credentials_are_renewed_the_way_they_came(method: str, profile: str | None, way_on: str) -> None:
    raised = exceptions.ClientError({"Error": {"Code": "ExpiredToken", "Message": "x"}}, "GetCallerIdentity")
    error = translate(raised, origin(method, profile))
    assert isinstance(error, AuthFailed)
    assert way_on in error.next_step


def test_only_silence_and_nonsense_leave_the_outcome_open() -> None:
    assert is_unknown_outcome(translate(exceptions.ReadTimeoutError(endpoint_url=URL), origin()))
    assert is_unknown_outcome(translate(ResponseParserError("x"), origin()))
    assert not is_unknown_outcome(translate(exceptions.NoCredentialsError(), origin()))


def test_a_number_without_words_of_aws_is_not_taken_for_its_answer() -> None:
    page = {"Error": {"Code": "403", "Message": "<html>"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    assert isinstance(translate(exceptions.ClientError(page, "GetProducts"), origin()), BadAnswer)
    broken = {"Error": {"Code": "500", "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 500}}
    assert isinstance(translate(exceptions.ClientError(broken, "GetProducts"), origin()), BadAnswer)


def test_the_time_to_wait_is_kept_where_aws_says_it() -> None:
    answer = {
        "Error": {"Code": "ThrottlingException", "Message": "slow down"},
        "ResponseMetadata": {"HTTPStatusCode": 400, "HTTPHeaders": {"retry-after": "7"}},
    }
    error = translate(exceptions.ClientError(answer, "GetProducts"), origin())
    assert getattr(error, "retry_after", None) == pytest.approx(7)
