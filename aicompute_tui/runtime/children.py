"""The environment a child process of ours is given: named variables only, and no secret among them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from aicompute_tui.runtime.secrets import is_secret

_NAMES = frozenset(
    {
        *("PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LOGNAME", "USER", "DBUS_SESSION_BUS_ADDRESS"),
        *("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE", "AWS_DEFAULT_PROFILE"),
        *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
        *("AWS_EC2_METADATA_DISABLED", "AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_CA_BUNDLE"),
        *("AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy"),
        *("HF_ENDPOINT", "HF_HUB_OFFLINE"),
        *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PYTHONUTF8", "PYTHONIOENCODING", "VIRTUAL_ENV"),
    }
)
_PREFIXES = ("LC_", "XDG_", "AIC_TUI_", "AWS_ENDPOINT_URL")
_PATHS_TO_SECRETS = frozenset({"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"})
_PLACES = frozenset(
    {"AIC_TUI_HOME", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CA_BUNDLE", "SSL_CERT_FILE"}
)


def child_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Relative places are made whole, since the child runs in another folder."""
    given = {}
    for name, value in environment.items():
        if _is_wanted(name) and not _is_withheld(name, value):
            given[name] = str(Path(value).expanduser().absolute()) if name in _PLACES and value else value
    return given


def withheld(environment: Mapping[str, str]) -> list[str]:
    """Names of wanted variables that a child is not given because they hold a secret."""
    return sorted(name for name, value in environment.items() if _is_wanted(name) and _is_withheld(name, value))


def _is_wanted(name: str) -> bool:
    return name in _NAMES or name.startswith(_PREFIXES)


def _is_withheld(name: str, value: str) -> bool:
    return name not in _PATHS_TO_SECRETS and is_secret(name, value)
