"""What a secret looks like, so that none stays in a log line or a stored parameter."""

from __future__ import annotations

import re

HIDDEN = "…"

_KEY_MATERIAL = re.compile(
    r"\b(?:AKIA|ASIA|AROA|ABIA)[A-Z0-9]{12,}\b"
    r"|\b(?:sk|rk|pk)-[A-Za-z0-9_-]{16,}"
    r"|\bhf_[A-Za-z0-9]{16,}"
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
)
_NAMED = re.compile(
    r"""(?ix)
    (\b[\w.-]*(?:secret|password|passwd|passphrase|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|vault[_-]?key|signature)
       [\w.-]*["']?\s*[:=]\s*(?:b?["'])?)
    ([^\s"',;&)}\]]{4,})
    """
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9+/=_.~-]{8,}")
_URL_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)@")
_FORTY = re.compile(
    r"(?<![A-Za-z0-9/+=])(?=[A-Za-z0-9/+]*[A-Z])(?=[A-Za-z0-9/+]*[a-z])(?=[A-Za-z0-9/+]*\d)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"
)


def holds_key(text: str) -> bool:
    """True where `text` holds what can only be a key."""
    return _KEY_MATERIAL.search(text) is not None


def redact(text: str) -> str:
    """`text` without anything that looks like a key, a password, a token or a signature."""
    text = _KEY_MATERIAL.sub(HIDDEN, text)
    text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
    text = _NAMED.sub(rf"\1{HIDDEN}", text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    return _FORTY.sub(HIDDEN, text)
