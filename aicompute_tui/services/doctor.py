"""The installation's health: each check with its verdict, its reason and what to do about it."""

from __future__ import annotations

import asyncio
import shutil
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.moments import format_moment
from aicompute_tui.services.connection_checks import connection_findings
from aicompute_tui.services.context import Arguments, Context
from aicompute_tui.services.credentials import checked_credential
from aicompute_tui.services.finding import FAILED, OK, UNKNOWN, WARNING, finding
from aicompute_tui.services.health_findings import health_findings
from aicompute_tui.services.host_checks import host_findings
from aicompute_tui.services.hub_findings import hub_findings
from aicompute_tui.services.keymap import key_problems
from aicompute_tui.services.node_checks import node_findings, ssh_findings
from aicompute_tui.services.price_findings import price_findings
from aicompute_tui.services.quota_findings import quota_findings
from aicompute_tui.services.registry_logins import login_findings
from aicompute_tui.services.surroundings import agent_answers, clock_skew_seconds, kills_processes_at_logout
from aicompute_tui.settings.config import read_config
from aicompute_tui.settings.places import Places
from aicompute_tui.settings.themes import find_themes, themes_folder
from aicompute_tui.store.backup import check_copy
from aicompute_tui.store.engine import file_system
from aicompute_tui.store.schema import SCHEMA_VERSION

_CREDENTIAL_SECONDS = 15.0
_MEBIBYTE = 1 << 20
_LITTLE_DISK = 100 * _MEBIBYTE
_SOME_DISK = 1024 * _MEBIBYTE
_SKEW_WARNING_SECONDS = 30
_SKEW_FAILED_SECONDS = 240


async def run(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Handler of `doctor.run`: the slow checks run side by side, none keeps the others waiting for long."""
    places = context.places
    slow = await asyncio.gather(
        _database(context),
        _agent(context),
        _clock(context),
        _credentials(context),
        asyncio.to_thread(_logout),
        _reached(context),
    )
    database, agent, clock, credentials, logout, reached = slow
    return [
        *installation(places),
        *await asyncio.to_thread(taste, context),
        database,
        *_rows(disk(places), _vault_key(places)),
        agent,
        *credentials,
        *reached,
        _aws_cli(),
        clock,
        _monthly_cap(context),
        logout,
    ]


async def _reached(context: Context) -> list[JsonObject]:
    """Machines, container hosts, logins of registries, connections, how all in use answers, hub, quotas and prices."""
    found = await asyncio.gather(
        node_findings(context),
        host_findings(context),
        login_findings(context),
        health_findings(context),
        connection_findings(context),
        hub_findings(context),
        quota_findings(context),
        price_findings(context),
    )
    return [row for rows in found for row in rows]


def without_store(places: Places, error: AicError) -> list[JsonObject]:
    """What can still be said where the database does not open."""
    return [
        *installation(places),
        finding("database", FAILED, error.message, error.next_step),
        *_rows(disk(places), _vault_key(places)),
        *ssh_findings(places),
        _aws_cli(),
        _logout(),
    ]


def installation(places: Places) -> list[JsonObject]:
    """Python, configuration file and log."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    rows = [finding("python", OK, f"Python {version} at {sys.executable}")]
    try:
        values = read_config(places.config_file)
    except AicError as error:
        rows.append(finding("configuration", FAILED, error.message, error.next_step))
    else:
        there = f"{len(values)} settings in" if places.config_file.exists() else "there is no"
        rows.append(finding("configuration", OK, f"{there} {places.config_file}"))
    rows.append(finding("log", OK, f"in {places.logs}"))
    return rows


def taste(context: Context) -> list[JsonObject]:
    """A person's own keys and themes, where there are any; each thing that is wrong with them by file and line."""
    places, rows = context.places, []
    commands = context.commands() if context.commands is not None else {}
    found = find_themes(places.config)
    for check, problems, fine in (
        ("keys", key_problems(places.config_file, commands), f"as in {places.config_file}"),
        ("themes", found.problems, f"{len(found.themes)} in {themes_folder(places.config)}" if found.themes else ""),
    ):
        rows += [finding(check, WARNING, error.message, error.next_step) for error in problems]
        if not problems and fine:
            rows.append(finding(check, OK, fine))
    return rows


async def _database(context: Context) -> JsonObject:
    path = context.store.database_path
    if path is None:
        return finding("database", UNKNOWN, "a server keeps it; its health is not checked from here")
    try:
        await asyncio.to_thread(check_copy, path)
    except AicError as error:
        return finding("database", FAILED, f"{path} is damaged or cannot be read.", _restore_step(error))
    kind = file_system(path.resolve()) or "an unnamed file system"
    size = path.stat().st_size / _MEBIBYTE
    return finding("database", OK, f"{path} is whole: schema {SCHEMA_VERSION}, {size:.1f} MiB on {kind}")


def _restore_step(error: AicError) -> str:
    return f"Put a backup in its place: aic-tui restore FILE. {error.details}".strip()


def disk(places: Places) -> JsonObject:
    try:
        free = shutil.disk_usage(places.data).free
    except OSError as error:
        return finding("disk", UNKNOWN, f"{places.data}: {error.strerror}")
    room = f"{free / _MEBIBYTE:,.0f} MiB free for {places.data}"
    if free < _LITTLE_DISK:
        return finding("disk", FAILED, room, "Free some space: a launch that cannot be written down is refused.")
    return finding("disk", WARNING if free < _SOME_DISK else OK, room, "Free some space." if free < _SOME_DISK else "")


def _vault_key(places: Places) -> JsonObject | None:
    path = places.vault_key_file
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return finding("vault", OK, "no key file; one is made when the first secret is stored")
    except OSError as error:
        return finding("vault", FAILED, f"{path}: {error.strerror}", "Make it yours.")
    if stat.S_IMODE(mode) & 0o077:
        return finding("vault", FAILED, f"Others can read {path}.", f"chmod 600 {path}")
    return finding("vault", OK, f"{path} is readable by you alone")


async def _agent(context: Context) -> JsonObject:
    answers = await agent_answers(context.places.agent_socket)
    async with context.store.read() as transaction:
        machines = len(await transaction.instances.list())
    if answers:
        return finding("agent", OK, f"answers at {context.places.agent_socket}")
    if machines:
        reason = f"No agent runs, and {machines} machine(s) are not yet gone: nothing follows them."
        return finding("agent", WARNING, reason, "Open the console, or start it: aic-tui agent")
    return finding("agent", OK, "not running; it starts with the console or the next launch")


async def _credentials(context: Context) -> list[JsonObject]:
    try:
        found = await context.clouds.credentials()
    except AicError as error:
        return [finding("credentials", FAILED, error.message, error.next_step)]
    if not found:
        step = "Run `aws configure`, or store keys: aic-tui credential set NAME"
        return [finding("credentials", WARNING, "No cloud credentials were found.", step)]
    checked = await asyncio.gather(*(checked_credential(context, each, _CREDENTIAL_SECONDS) for each in found))
    rows = []
    for credential in checked:
        name = f"credential {credential.name}"
        if credential.error_kind is None:
            reason = f"{credential.method}, account {credential.account_id}, region {credential.region or 'not set'}"
            rows.append(finding(name, OK, reason))
        else:
            step = f"aic-tui credential test {credential.id}"
            rows.append(finding(name, FAILED, credential.error_message or "It was refused.", step))
    return rows


def _aws_cli() -> JsonObject:
    path = shutil.which("aws")
    return finding("aws cli", OK, f"installed at {path}" if path else "not installed; nothing here needs it")


async def _clock(context: Context) -> JsonObject:
    url = context.preferences.text("checkip_url")
    skew = await clock_skew_seconds(url, context.clock.now)
    if skew is None:
        return finding("clock", UNKNOWN, f"{url} gave no time to compare with")
    now = format_moment(context.clock.now())
    if abs(skew) <= _SKEW_WARNING_SECONDS:
        return finding("clock", OK, f"{now}, within {max(1, round(abs(skew)))} s of {url}")
    side = "ahead of" if skew > 0 else "behind"
    verdict = FAILED if abs(skew) > _SKEW_FAILED_SECONDS else WARNING
    reason = f"{now} is {abs(skew):.0f} s {side} {url}: AWS refuses calls more than five minutes off."
    return finding("clock", verdict, reason, "Set the clock: timedatectl set-ntp true")


def _monthly_cap(context: Context) -> JsonObject:
    cap = context.preferences.text("monthly_cap_usd")
    if cap:
        return finding("monthly cap", OK, f"${cap}, set in {context.preferences.source('monthly_cap_usd')}")
    step = "aic-tui setting set monthly_cap_usd 250"
    return finding("monthly cap", WARNING, "No monthly cap is set: no launch is refused for its cost.", step)


def _logout() -> JsonObject:
    verdict = kills_processes_at_logout(Path("/"))
    if verdict is None:
        return finding("logout", UNKNOWN, "whether logind ends processes at logout could not be read")
    if verdict:
        step = "Let yours stay: loginctl enable-linger"
        return finding("logout", WARNING, "logind ends your processes at logout, and with them the agent.", step)
    return finding("logout", OK, "the agent outlives your logout")


def _rows(*rows: JsonObject | None) -> Sequence[JsonObject]:
    return [row for row in rows if row is not None]


def has_failed(rows: Sequence[JsonObject]) -> bool:
    return any(row.get("verdict") == FAILED for row in rows)
