"""From asyncssh's exceptions to our errors, in words and with the next step."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import asyncssh

from aicompute_tui.domain.errors import AicError, AuthFailed, BadAnswer, NotConfigured, Refused, Unreachable
from aicompute_tui.ssh.base import NodeAddress

FAILURES = (asyncssh.Error, OSError, TimeoutError, asyncio.IncompleteReadError)
"""All that a connection attempt or a channel raises."""


def connect_failed(error: Exception, address: NodeAddress, known_hosts: Path) -> AicError:
    if isinstance(error, AicError):
        return error
    name, details = address.title, f"{address.host}:{address.port}: {type(error).__name__}: {error}"
    if isinstance(error, asyncssh.PermissionDenied):
        return AuthFailed(
            f"{name} does not accept our ssh key for the login {address.login}.",
            "While it boots, wait a minute. Else it was launched with another key, or its image has another login.",
            details,
        )
    if isinstance(error, asyncssh.HostKeyNotVerifiable):
        return key_changed(address, known_hosts, details)
    if isinstance(error, (asyncssh.KeyExchangeFailed, asyncssh.ProtocolError, asyncssh.ProtocolNotSupported)):
        return BadAnswer(
            f"What answers for {name} at {address.host}:{address.port} is no ssh server we can talk to.",
            "Check the port (`aic-tui setting get ssh_port`).",
            details,
        )
    if isinstance(error, asyncssh.Error):
        return broken(address, details)
    return _no_connection(error, address, details)


def _no_connection(error: Exception, address: NodeAddress, details: str) -> AicError:
    name, where = address.title, f"{address.host}:{address.port}"
    if isinstance(error, TimeoutError):
        return Unreachable(
            f"{name} did not answer ssh at {where} in time.",
            f"Your own address may have changed: run `aic-tui instance allow-ssh {name}`.",
            details,
        )
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(
            f"{name} refuses ssh at {where}.", "It may still be booting: wait a minute, then try again.", details
        )
    if isinstance(error, socket.gaierror):
        return Unreachable(f"The address {address.host} of {name} is not known.", "Check the network's DNS.", details)
    if isinstance(error, ConnectionError):
        return broken(address, details)
    return Unreachable(f"{name} cannot be reached at {where}.", "Check the network, then try again.", details)


def key_changed(address: NodeAddress, known_hosts: Path, details: str) -> Refused:
    return Refused(
        f"The host key of {address.title} changed: another machine may answer in its place.",
        f"Only if it was rebuilt: `aic-tui instance forget-key {address.name or address.instance_id}`, then try again.",
        f"{details}; the key known is in {known_hosts}",
    )


def broken(address: NodeAddress, details: str = "") -> Unreachable:
    return Unreachable(
        f"The ssh connection to {address.title} broke.", "Look whether it still runs, then try again.", details
    )


def no_session(error: Exception, address: NodeAddress) -> AicError:
    """The connection stands, but nothing more is let in on it."""
    return Unreachable(
        f"{address.title} takes no further command on its ssh connection.",
        "Close a log or another view of this machine, then try again.",
        f"{type(error).__name__}: {error}",
    )


def bad_key(error: Exception, file: Path) -> NotConfigured:
    if isinstance(error, FileNotFoundError):
        return NotConfigured(f"The ssh key {file} is missing.", "Put back the key the machines were launched with.")
    return NotConfigured(
        f"The ssh key {file} cannot be used.",
        "Put back the key the machines were launched with: OpenSSH format, without a passphrase, readable by you.",
        f"{type(error).__name__}: {error}",
    )
