"""Credentials by reference: where they come from and whose account they open, never their secret."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

HUB_VARIABLE = "HF_TOKEN"
"""The environment variable of a Hugging Face token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """`id` is `aws:env`, `aws:profile:NAME`, `aws:vault:NAME` or `aws:default` (role, container).

    A Hugging Face token's is `huggingface:vault:NAME` or `huggingface:env`.
    """

    id: str
    cloud: str
    name: str
    method: str
    """As the cloud's SDK names it (`env`, `sso`, `shared-credentials-file`, `iam-role` …), `vault` for ours."""
    profile: str | None = None
    region: str | None = None
    account_id: str | None = None
    arn: str | None = None
    checked_at: datetime | None = None
    error_kind: str | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class AwsKeys:
    """Static or session keys for one run; the repr shows none of them."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None
    region: str | None = None

    def __repr__(self) -> str:
        return "AwsKeys(…)"


@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """`text` is what is sealed, `parts` what no log line may hold; the repr shows none of it."""

    text: str
    parts: tuple[str, ...]

    def __repr__(self) -> str:
        return "Secret(…)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a credential turned out to be when the cloud was asked."""

    account_id: str
    arn: str
    method: str
    profile: str | None
    region: str | None
