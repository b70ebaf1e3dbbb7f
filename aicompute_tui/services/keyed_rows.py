"""What connections and servers have alike: a key in the vault; both are switched, led elsewhere and removed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from aicompute_tui.domain.connection import Connection, server_of
from aicompute_tui.domain.errors import NotConfigured
from aicompute_tui.domain.server import ModelServer
from aicompute_tui.services.arguments import required_text
from aicompute_tui.services.connection_sources import let_go
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.health import put_back
from aicompute_tui.services.jobs import pending_secret
from aicompute_tui.store.database import Transaction
from aicompute_tui.store.named_rows import VersionedRows

Keyed = TypeVar("Keyed", Connection, ModelServer)


@dataclass(frozen=True, slots=True)
class KeyedRows(Generic[Keyed]):
    """Those of one kind; `word` is what a person calls one, `key_option` how its key is given to `edit`."""

    word: str
    key_option: str
    of: Callable[[Transaction], VersionedRows[Keyed]]

    def secret_name(self, row_id: str) -> str:
        """Where the sealed key of one is."""
        return f"{self.word}/{row_id}"

    async def opened_key(self, context: Context, row: Keyed) -> str | None:
        """Raises NotConfigured where it is gone from the vault, AuthFailed where it was sealed by another key."""
        if row.secret_id is None:
            return None
        async with context.store.read() as transaction:
            sealed = await transaction.secrets.get(row.secret_id)
        if sealed is None:
            step = f"Give it again: aic-tui {self.word} edit {row.word} {self.key_option}"
            raise NotConfigured(f"The key of “{row.name}” is not in the vault.", step)
        return await context.clouds.unseal(sealed)

    async def with_sealed_key(self, transaction: Transaction, row: Keyed, token: bytes | None, *, by: str) -> Keyed:
        """Puts what was sealed into the vault as its key; nothing where there is none."""
        if token is None:
            return row
        name = self.secret_name(row.id)
        await transaction.secrets.put(name, token, by=by)
        return replace(row, secret_id=name)

    async def with_pending_key(self, context: Context, transaction: Transaction, row: Keyed) -> Keyed:
        """Moves the key that waits sealed beside the job to its row, in the same commit; none may wait."""
        pending = pending_secret(context.running_job.job.id)
        token = await transaction.secrets.get(pending)
        if token is not None:
            await transaction.secrets.remove(pending)
        return await self.with_sealed_key(transaction, row, token, by=context.actor.owner)

    async def write_changed(
        self, context: Context, transaction: Transaction, seen: Keyed, changed: Keyed, *, forgets_key: bool
    ) -> tuple[Keyed, bool]:
        """As it was written, and whether its key was lost: led to another server, it leaves what it had here behind."""
        moved = server_of(changed.base_url) != server_of(seen.base_url)
        if moved:
            await let_go(context, transaction, seen)
            is_active = changed.is_active or seen.inactive_reason is not None
            changed = replace(changed, source=None, inactive_reason=None, is_active=is_active)
        if (forgets_key or moved) and seen.secret_id is not None:
            await transaction.secrets.remove(seen.secret_id)
            changed = replace(changed, secret_id=None)
        changed = await self.with_pending_key(context, transaction, changed)
        written = await self.of(transaction).update(seen, changed)
        lost = moved and seen.secret_id is not None and written.secret_id is None
        what = "was changed and its key forgotten, for it leads elsewhere now" if lost else "was changed"
        await self.tell(context, transaction, "changed", written, what)
        return written, lost

    async def switch(self, context: Context, arguments: Arguments, *, is_active: bool) -> Keyed:
        """The one that is named, in use or out of it; a person's word outweighs what its checks found."""
        async with context.store.write() as transaction:
            await context.running_job.hold(transaction)
            seen = await self.of(transaction).find(required_text(arguments, "name"))
            if is_active:
                await put_back(transaction, seen.id)
            switched = replace(seen, is_active=is_active, inactive_reason=None)
            if switched == seen:
                return seen
            written = await self.of(transaction).update(seen, switched)
            verb = "activated" if is_active else "deactivated"
            await self.tell(context, transaction, verb, written, f"was {verb}")
        return written

    async def remove(self, context: Context, arguments: Arguments) -> Keyed:
        """The one that is named, with its key; none is made again for what it followed."""
        async with context.store.write() as transaction:
            await context.running_job.hold(transaction)
            row = await self.of(transaction).find(required_text(arguments, "name"))
            await self.of(transaction).remove(row.id)
            await let_go(context, transaction, row)
            if row.secret_id is not None:
                await transaction.secrets.remove(row.secret_id)
            await self.tell(context, transaction, "removed", row, "was removed")
        return row

    async def tell(self, context: Context, transaction: Transaction, verb: str, row: Keyed, what: str) -> None:
        message = f"{row.name} {what}: {row.kind} at {row.base_url}"
        event = told(context, f"{self.word}.{verb}", (self.word, row.id, row.name), message)
        await transaction.events.append(event)


CONNECTIONS: KeyedRows[Connection] = KeyedRows("connection", "--api-key-stdin", lambda work: work.connections)
SERVERS: KeyedRows[ModelServer] = KeyedRows("server", "--stdin", lambda work: work.servers)
