"""The public key a person logs in with: read, checked, and named by its content."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from aicompute_tui.domain.errors import InvalidInput

_PUBLIC_KEY = re.compile(r"(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+) [A-Za-z0-9+/=]+( .*)?")


def read_public_key(path: str) -> str:
    """One line. Raises InvalidInput for a file that cannot be read, or that holds anything but one public key."""
    file = Path(path).expanduser()
    try:
        content = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            f"The key file {file} cannot be read.", "Give the .pub file with --ssh-key.", str(error)
        ) from None
    if not is_public_key(content):
        raise InvalidInput(f"{file} holds no single public key.", "Give the .pub file, not the private key.")
    return content


def is_public_key(text: str) -> bool:
    """Whether `text` is one line of an `authorized_keys` file, without options."""
    return _PUBLIC_KEY.fullmatch(text) is not None and text.isprintable()


def key_name(owner: str, public_key: str) -> str:
    """`aic-tui-OWNER-` and eight characters that tell keys apart."""
    digest = hashlib.sha256(" ".join(public_key.split()[:2]).encode()).hexdigest()[:8]
    return f"aic-tui-{owner}-{digest}"
