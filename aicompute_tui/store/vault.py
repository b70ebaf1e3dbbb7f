"""Seals secrets before they are stored: a key from the environment, from a passphrase, or from a private file."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from aicompute_tui.domain.errors import AuthFailed, NotConfigured
from aicompute_tui.settings.places import Places

KEY_VARIABLE = "AIC_TUI_VAULT_KEY"
PASSPHRASE_VARIABLE = "AIC_TUI_VAULT_PASSPHRASE"  # noqa: S105 - a name, not the passphrase
SCRYPT_COST = {"n": 1 << 16, "r": 8, "p": 1}
_MOST_MEMORY = 1 << 30
_CHECK = "aic-tui"


class Vault:
    """Keys newest first: the first seals, any of them opens. Shows nothing of them."""

    def __init__(self, keys: MultiFernet, source: str) -> None:
        self._keys = keys
        self.source = source
        """Where the key comes from, for people: a variable's name or a path."""

    def __repr__(self) -> str:
        return "Vault(…)"

    @classmethod
    def open(cls, places: Places, environment: Mapping[str, str]) -> Vault:
        """Raises NotConfigured for a malformed or unprotected key, AuthFailed for a wrong passphrase.

        With a passphrase this takes about 0.2 s of one core: call it in a thread.
        """
        if environment.get(KEY_VARIABLE):
            return cls(_keys(environment[KEY_VARIABLE], KEY_VARIABLE), KEY_VARIABLE)
        if environment.get(PASSPHRASE_VARIABLE):
            parameters = places.vault_key_file.with_name("vault.scrypt")
            return cls(_from_passphrase(environment[PASSPHRASE_VARIABLE], parameters), PASSPHRASE_VARIABLE)
        path = places.vault_key_file
        return cls(_keys(_private_text(path, Fernet.generate_key().decode()), str(path)), str(path))

    def seal(self, text: str) -> bytes:
        return self._keys.encrypt(text.encode())

    def unseal(self, token: bytes) -> str:
        """Raises AuthFailed where none of the keys sealed it."""
        try:
            return self._keys.decrypt(token).decode()
        except InvalidToken:
            raise _wrong_key(self.source) from None

    def reseal(self, token: bytes) -> bytes:
        """The same secret under the newest key. Raises AuthFailed where none of the keys sealed it."""
        try:
            return self._keys.rotate(token)
        except InvalidToken:
            raise _wrong_key(self.source) from None


def _keys(listed: str, source: str) -> MultiFernet:
    try:
        return MultiFernet([Fernet(key.strip()) for key in listed.split(",") if key.strip()])
    except ValueError:
        raise NotConfigured(
            f"The vault key in {source} is malformed.",
            "A key is 32 bytes in URL-safe base64, 44 characters; several stand with commas between, newest first.",
        ) from None


def _from_passphrase(passphrase: str, path: Path) -> MultiFernet:
    """The key of a passphrase, with the salt and cost that stand beside it; these are made at first use."""
    found = _read_private(path)
    if found is None:
        salt = secrets.token_bytes(16)
        check = derive_key(passphrase, salt, SCRYPT_COST).encrypt(_CHECK.encode())
        fresh = {**SCRYPT_COST, "salt": base64.b64encode(salt).decode(), "check": check.decode()}
        found = _private_text(path, json.dumps(fresh))
    try:
        stored = json.loads(found)
        cost = {name: int(stored[name]) for name in SCRYPT_COST}
        key = derive_key(passphrase, base64.b64decode(stored["salt"]), cost)
        check = str(stored["check"]).encode()
    except (ValueError, KeyError, TypeError):
        raise NotConfigured(
            f"The vault's parameters in {path} are malformed.", "Put back a copy of that file."
        ) from None
    try:
        key.decrypt(check)
    except InvalidToken:
        raise AuthFailed("The vault passphrase is wrong.", f"Set {PASSPHRASE_VARIABLE} to the right one.") from None
    return MultiFernet([key])


def derive_key(passphrase: str, salt: bytes, cost: Mapping[str, int]) -> Fernet:
    """Raises ValueError for a cost out of range, which a damaged file may ask for."""
    if 128 * cost["n"] * cost["r"] > _MOST_MEMORY:
        raise ValueError("the cost is out of range")
    kdf = Scrypt(salt=salt, length=32, n=cost["n"], r=cost["r"], p=cost["p"])
    return Fernet(base64.urlsafe_b64encode(kdf.derive(passphrase.encode())))


def _private_text(path: Path, fresh: str) -> str:
    """The text of a private file, made with `fresh` where there is none: whole at once, by one process only."""
    found = _read_private(path)
    if found is not None:
        return found
    part = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(fresh + "\n")
                file.flush()
                os.fsync(descriptor)
            path.hardlink_to(part)
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError:
        return _read_private(path) or ""
    except OSError as error:
        raise NotConfigured(
            f"The vault's file {path} cannot be made: {error.strerror}.",
            f"Make its folder yours, or set {KEY_VARIABLE}.",
        ) from error
    return fresh


def _read_private(path: Path) -> str | None:
    """Raises NotConfigured where others may read it too."""
    try:
        with path.open(encoding="ascii") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                raise NotConfigured(f"Others can read the vault's file {path}.", f"Run “chmod 600 {path}”.")
            return file.read().strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(f"The vault's file {path} cannot be read.", "Make it yours.", details=str(error)) from error


def _wrong_key(source: str) -> AuthFailed:
    return AuthFailed(
        "A stored secret was sealed with another key.",
        f"The key now comes from {source}: give the former one, or set the secret again with “aic-tui credential set”.",
    )
