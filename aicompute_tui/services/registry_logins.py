"""Logins for registries: sealed in the vault, opened for a pull from that registry alone, and shown by name only."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from aicompute_tui.domain.errors import AicError, BadAnswer, InvalidInput, NotConfigured, NotFound
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.stored import RegistryLogin, check_registry, registry_of
from aicompute_tui.services.arguments import required_text
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.events import told
from aicompute_tui.services.finding import FAILED, OK, finding
from aicompute_tui.services.jobs import pending_secret

_PREFIX = "registry/"
_USER = re.compile(r"[!-~]{1,255}")
_LONGEST_PASSWORD = 8_192


def checked_user(user: str) -> str:
    """Raises InvalidInput."""
    if not _USER.fullmatch(user) or ":" in user:
        raise InvalidInput(f"“{user[:40]}” is not a user's name.", "Give the one you log in with, without spaces.")
    return user


def checked_password(text: str) -> str:
    """The one line that was given. Raises InvalidInput, which quotes nothing of it."""
    password = text.strip("\r\n")
    if not password.strip() or len(password) > _LONGEST_PASSWORD or any(ord(letter) < 32 for letter in password):
        raise InvalidInput("That is not one password or token on one line.", "Give it alone on standard input.")
    return password


async def log_in(context: Context, arguments: Arguments) -> Json:
    """Handler of `registry.login`: the sealed password goes from the job into the vault, under the registry's name."""
    job = context.running_job
    registry = check_registry(required_text(arguments, "registry"))
    user = checked_user(required_text(arguments, "user"))
    async with context.store.read() as transaction:
        pending = await transaction.secrets.get(pending_secret(job.job.id))
    if pending is None:
        step = f"aic-tui registry login {registry} --user {user} --stdin"
        raise NotConfigured("The password never arrived.", f"Give it again: {step}")
    password = checked_password(await context.clouds.unseal(pending))
    sealed = await context.clouds.seal(json.dumps({"user": user, "password": password}))
    async with context.store.write() as transaction:
        await job.hold(transaction)
        existed = await transaction.secrets.get(_PREFIX + registry) is not None
        await transaction.secrets.put(_PREFIX + registry, sealed, by=context.actor.owner)
        await transaction.secrets.remove(pending_secret(job.job.id))
        verb = "replaced" if existed else "stored"
        message = f"The login of {user} for {registry} was {verb} in the vault."
        await transaction.events.append(told(context, "registry.login", ("registry", registry, registry), message))
    return {"registry": registry, "user": user, "problem": None}


async def list_logins(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Handler of `registry.list`: registries and users; no password."""
    return [await _row(context, registry) for registry in await _registries(context)]


async def _registries(context: Context) -> list[str]:
    async with context.store.read() as transaction:
        names = await transaction.secrets.names()
    return [name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX)]


async def _row(context: Context, registry: str) -> JsonObject:
    try:
        login = await _login(context, registry)
    except AicError as error:
        return {"registry": registry, "user": None, "problem": error.message}
    return {"registry": registry, "user": None if login is None else login.user, "problem": None}


async def log_out(context: Context, arguments: Arguments) -> Json:
    """Handler of `registry.logout`."""
    registry = check_registry(required_text(arguments, "registry"))
    row = await _row(context, registry)
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        if not await transaction.secrets.remove(_PREFIX + registry):
            raise NotFound(f"There is no login for {registry}.", "`aic-tui registry list` shows them all.")
        message = f"The login for {registry} was removed from the vault."
        line = told(context, "registry.logout", ("registry", registry, registry), message)
        await transaction.events.append(replace(line, level="warning"))
    return row


async def login_for(context: Context, image: str) -> RegistryLogin | None:
    """Of the registry an image comes from; None where none is stored. Raises AuthFailed where it cannot be opened."""
    return await _login(context, registry_of(image))


async def _login(context: Context, registry: str) -> RegistryLogin | None:
    async with context.store.read() as transaction:
        sealed = await transaction.secrets.get(_PREFIX + registry)
    if sealed is None:
        return None
    try:
        values = json.loads(await context.clouds.unseal(sealed))
        return RegistryLogin(registry, str(values["user"]), str(values["password"]))
    except (ValueError, KeyError, TypeError):
        problem = BadAnswer(f"The login for {registry} cannot be read.", f"aic-tui registry login {registry} again.")
    raise problem


async def login_findings(context: Context) -> list[JsonObject]:
    """What `doctor` says: one row for all that can be opened, one for each that cannot."""
    rows = [await _row(context, registry) for registry in await _registries(context)]
    good = [f"{row['user']} at {row['registry']}" for row in rows if row["problem"] is None]
    found = [
        finding(
            f"registry {row['registry']}",
            FAILED,
            str(row["problem"]),
            f"aic-tui registry login {row['registry']} --user NAME --stdin",
        )
        for row in rows
        if row["problem"] is not None
    ]
    return [*([finding("registries", OK, f"logins: {', '.join(good)}")] if good else []), *found]
