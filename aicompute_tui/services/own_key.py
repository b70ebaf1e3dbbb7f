"""This state home's own ssh key: made at the first need, and the way it gets onto machines."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

from aicompute_tui.domain.errors import NotConfigured
from aicompute_tui.domain.launch import LaunchSpec
from aicompute_tui.services.context import Context
from aicompute_tui.services.public_key import read_public_key
from aicompute_tui.settings.places import Places

_COMMENT = "aic-tui"


async def with_public_keys(context: Context, spec: LaunchSpec) -> LaunchSpec:
    """`spec` with the keys that may log in to its machine: ours and the one it names.

    Raises NotConfigured where ours cannot be made or read, InvalidInput where the named one cannot.
    """
    keys = [await asyncio.to_thread(own_public_key, context.places)]
    if spec.ssh_key is not None:
        named = await asyncio.to_thread(read_public_key, spec.ssh_key)
        if named.split()[:2] != keys[0].split()[:2]:
            keys.append(named)
    return replace(spec, public_keys=tuple(keys))


def own_public_key(places: Places) -> str:
    """One line; the key is made where there is none. Of processes that make it at once, one wins for all."""
    try:
        places.ssh.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not places.ssh_key.exists():
            _make(places.ssh_key)
        return _public_line(places.ssh_key)
    except OSError as error:
        raise NotConfigured(
            f"Our ssh key {places.ssh_key} can be neither read nor made.", "Look at the folder's owner.", str(error)
        ) from None


def _make(file: Path) -> None:
    """Complete or not at all: a link never replaces what another process put there first."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    fresh = file.with_name(f".{file.name}.{os.getpid()}.{os.urandom(4).hex()}")
    _write(fresh, private)
    try:
        os.link(fresh, file)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def _public_line(file: Path) -> str:
    """Derived from the private key each time; the .pub beside it is for people and for `ssh`."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        key = serialization.load_ssh_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise NotConfigured(
            f"{file} is not a private key without a passphrase.",
            "Move it away; a new one is made, which machines launched before do not know.",
        ) from None
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    line = f"{public.decode()} {_COMMENT}"
    beside = file.with_name(f"{file.name}.pub")
    if not beside.exists():
        fresh = beside.with_name(f".{beside.name}.{os.getpid()}.{os.urandom(4).hex()}")
        _write(fresh, f"{line}\n".encode())
        fresh.replace(beside)
    return line


def _write(file: Path, content: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
