"""Secrets that travel in a file: sealed by a passphrase, whose salt and cost stand beside them."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from typing import Self

from cryptography.fernet import Fernet, InvalidToken

from aicompute_tui.domain.errors import AuthFailed, InvalidInput
from aicompute_tui.store.vault import SCRYPT_COST, derive_key

_CHECK = "aic-tui"


class Passphrase:
    """Shows nothing of it. Making one takes about 0.2 s of one core: do it in a thread."""

    def __init__(self, key: Fernet, header: Mapping[str, str | int]) -> None:
        self._key = key
        self.header = header
        """What has to stand in the file so that it can be opened again."""

    def __repr__(self) -> str:
        return "Passphrase(…)"

    @classmethod
    def fresh(cls, text: str) -> Self:
        salt = secrets.token_bytes(16)
        key = derive_key(text, salt, SCRYPT_COST)
        check = key.encrypt(_CHECK.encode()).decode()
        return cls(key, {**SCRYPT_COST, "salt": base64.b64encode(salt).decode(), "check": check})

    @classmethod
    def of(cls, text: str, header: Mapping[str, str | int]) -> Self:
        """Raises AuthFailed where it is another one, InvalidInput where the header is none."""
        try:
            cost = {name: int(header[name]) for name in SCRYPT_COST}
            key = derive_key(text, base64.b64decode(str(header["salt"])), cost)
            key.decrypt(str(header["check"]).encode())
        except InvalidToken:
            raise AuthFailed("The passphrase is wrong.", "Give the one that the file was written with.") from None
        except (ValueError, KeyError, TypeError):
            raise InvalidInput("The file does not say how its keys are sealed.", "Export it again.") from None
        return cls(key, header)

    def seal(self, text: str) -> str:
        return self._key.encrypt(text.encode()).decode()

    def unseal(self, token: str) -> str:
        """Raises InvalidInput for what it did not seal."""
        try:
            return self._key.decrypt(token.encode()).decode()
        except (InvalidToken, ValueError):
            raise InvalidInput("A key in the file is damaged.", "Export it again.") from None
