"""The OpenSSH command that opens a shell on a machine with our key and its pinned host key; no secret stands in it."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from aicompute_tui.domain.errors import AicError, NotConfigured
from aicompute_tui.domain.instance import Instance
from aicompute_tui.domain.json import Json
from aicompute_tui.services.arguments import required_text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.nodes import node_address
from aicompute_tui.services.own_key import own_public_key
from aicompute_tui.ssh.base import NodeAddress
from aicompute_tui.ssh.host_keys import alias_of, keys_of

_KEPT = frozenset({"TERM", "COLORTERM", "LANG", "PATH", "HOME"})
_FIXED_OPTIONS = (
    "IdentitiesOnly=yes",
    "IdentityAgent=none",
    "PreferredAuthentications=publickey",
    "GlobalKnownHostsFile=/dev/null",
    "CheckHostIP=no",
    "HashKnownHosts=no",
    "UpdateHostKeys=no",
    "StrictHostKeyChecking=yes",
    "ConnectTimeout=15",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=4",
)


async def ssh_command(context: Context, arguments: Arguments) -> Json:
    """Handler of `instance.ssh`: the command as words, for the door that has the terminal.

    A machine whose key is not pinned yet is met by us first: OpenSSH would write into the file without our lock.
    """
    async with context.store.read() as transaction:
        row = await transaction.instances.find(required_text(arguments, "name"))
    address = node_address(context, row)
    await asyncio.to_thread(own_public_key, context.places)
    if not await asyncio.to_thread(keys_of, context.places.known_hosts, alias_of(row.id)):
        await context.nodes.run(address, "true")
    words = arguments.get("command")
    command = [str(word) for word in words] if isinstance(words, list | tuple) else []
    argv: list[Json] = [*ssh_argv(address, context.places.ssh_key, context.places.known_hosts, command)]
    return {"argv": argv, "name": row.name}


def ssh_line(context: Context, row: Instance) -> str | None:
    """The command as a person pastes it into a shell of this host; None where the machine cannot be reached."""
    try:
        address = node_address(context, row)
    except AicError:
        return None
    return shlex.join(ssh_argv(address, context.places.ssh_key, context.places.known_hosts, []))


def ssh_argv(address: NodeAddress, key: Path, known_hosts: Path, command: list[str]) -> list[str]:
    """Words for OpenSSH, which trusts the pinned key alone and writes nothing down."""
    options = [
        *_FIXED_OPTIONS,
        f"UserKnownHostsFile={_quoted_path(known_hosts)}",
        f"HostKeyAlias={alias_of(address.instance_id)}",
    ]
    argv = ["ssh", "-F", "none", "-i", str(key).replace("%", "%%")]
    for option in options:
        argv += ["-o", option]
    argv += ["-p", str(address.port), "-l", address.login, "--", address.host]
    return [*argv, shlex.join(command)] if command else argv


def find_ssh(search_path: str | None = None) -> str:
    """OpenSSH's client on this host. Raises NotConfigured where there is none."""
    found = shutil.which("ssh", path=search_path)
    if found is None:
        raise NotConfigured(
            "OpenSSH's client `ssh` is not installed here.", "Install the package openssh-client (Debian, Ubuntu)."
        )
    return found


def shell_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """What a child on the terminal is given: the terminal's name, language and paths, nothing that could be a key."""
    return {name: value for name, value in environment.items() if name in _KEPT or name.startswith("LC_")}


def _quoted_path(path: Path) -> str:
    """As an option's value, where a space ends a word and a percent sign begins a token."""
    text = str(path).replace("%", "%%")
    return f'"{text}"' if " " in text else text
