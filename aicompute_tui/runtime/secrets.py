"""Which variables are secrets: kept out of children's environments and out of the log, handed on only in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping

from aicompute_tui.domain.credential import HUB_VARIABLE

VAULT_VARIABLES = ("AIC_TUI_VAULT_KEY", "AIC_TUI_VAULT_PASSPHRASE")
SESSION_VARIABLES = (*VAULT_VARIABLES, HUB_VARIABLE)
"""What an agent that was started without them is handed over its socket."""
_SECRET_NAME = re.compile(r"SECRET|TOKEN|PASSWORD|PASSPHRASE|PASSWD|API_?KEY|ACCESS_?KEY|VAULT_?KEY|PRIVATE_?KEY|AUTH$")
_URL_WITH_PASSWORD = re.compile(r"://[^/\s@]*:[^/\s@]+@")
_SHORTEST_SECRET = 6


def is_secret(name: str, value: str) -> bool:
    """By its name, or because its value is an address with a password."""
    return _SECRET_NAME.search(name.upper()) is not None or _URL_WITH_PASSWORD.search(value) is not None


def secret_values(environment: Mapping[str, str]) -> list[str]:
    """Longest first, so that one that holds another is taken out whole."""
    found = {value for name, value in environment.items() if is_secret(name, value) and len(value) >= _SHORTEST_SECRET}
    return sorted(found, key=len, reverse=True)
