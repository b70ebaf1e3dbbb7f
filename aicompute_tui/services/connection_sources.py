"""What connections and servers can follow, a container or a rented machine, and what is to be followed no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from aicompute_tui.domain.connection import Connection
from aicompute_tui.domain.event import EventFilter
from aicompute_tui.domain.server import ModelServer
from aicompute_tui.services.context import Context
from aicompute_tui.services.events import told
from aicompute_tui.store.database import Transaction

_LONGEST_NAME = 63
Follower = TypeVar("Follower", Connection, ModelServer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What answers at an endpoint. `sealed_key` names where the vault keeps the key that its server asks for.

    `answers` is False where its models are known to answer no prompts: what only embeds is a server and no connection.
    """

    source: str
    title: str
    owner: str
    url: str
    framework: str
    models: tuple[str, ...] = ()
    sealed_key: str | None = None
    answers: bool = True


def container_source(key: str) -> str:
    return f"container:{key}"


def instance_source(instance_id: str) -> str:
    return f"instance:{instance_id}"


async def let_go(context: Context, transaction: Transaction, follower: Connection | ModelServer) -> None:
    """A person removed it or led it elsewhere: none is made in its place. Nothing where it follows none."""
    if follower.source is None:
        return
    what = "connection" if isinstance(follower, Connection) else "server"
    kind, _, key = follower.source.partition(":")
    message = f"{follower.name} follows it no more; no other {what} is made for it"
    await transaction.events.append(told(context, f"{what}.let-go", (kind, key, follower.name), message))


async def is_let_go(transaction: Transaction, what: str, source: str) -> bool:
    wanted = EventFilter(kind=f"{what}.let-go", subject=source.partition(":")[2])
    return bool(await transaction.events.list(limit=1, wanted=wanted))


async def predecessors(transaction: Transaction, everything: Sequence[Follower], served: Served) -> list[Follower]:
    """Those of the container in whose place this one was made, gone or switched off by a person.

    The name alone tells, for the old one may not be told as gone yet: a host has no two of one name.
    """
    beginning, slash, _ = served.source.partition("/")
    found = []
    for each in everything:
        is_out = not each.is_active or each.inactive_reason is not None
        if slash and is_out and (each.source or "").startswith(f"{beginning}/"):
            key = (each.source or "").partition(":")[2]
            last = await transaction.events.list(limit=1, wanted=EventFilter(kind="endpoint.", subject=key))
            if last and last[0].subject_name == served.title:
                found.append(each)
    return found


def free_name(title: str, taken: set[str]) -> str:
    """The title, with a number after it where another has it."""
    name, number = title[:_LONGEST_NAME], 1
    while name in taken:
        number += 1
        end = f" {number}"
        name = title[: _LONGEST_NAME - len(end)] + end
    return name
