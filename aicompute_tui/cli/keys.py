"""`credential set`: keys from a prompt, standard input or the environment, sealed before anything is written down."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aicompute_tui.cli import confirm
from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.execute import Call, run_job, submit
from aicompute_tui.domain.credential import AwsKeys
from aicompute_tui.domain.errors import AicError, InvalidInput

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_LARGEST_INPUT = 65_536
_KEY_ID = re.compile(r"[A-Za-z0-9]{16,128}")
_SECRET = re.compile(r"[!-~]{16,512}")
_TOKEN = re.compile(r"[!-~]{16,8192}")
_FIELDS = {
    "accesskeyid": "id",
    "awsaccesskeyid": "id",
    "secretaccesskey": "secret",
    "awssecretaccesskey": "secret",
    "sessiontoken": "token",
    "awssessiontoken": "token",
}
_HOW = "Give --stdin (key id, secret and token on a line each, or an AWS tool's JSON) or --from-env."


async def set_credential(call: Call, runtime: Runtime, context: Context) -> int:
    """The keys wait sealed beside the job; its handler moves them to the credential."""
    from aicompute_tui.runtime import logs
    from aicompute_tui.services.credentials import encode_keys, pending_secret, vault_id
    from aicompute_tui.store.vault import Vault

    vault_id(str(call.arguments["name"]))
    keys = _read(call, runtime)
    for secret in (keys.secret_access_key, keys.session_token, keys.access_key_id):
        if secret:
            logs.hide(secret)
    token = Vault.open(runtime.places, runtime.environment).seal(encode_keys(keys))
    job = await submit(call, context)
    pending = pending_secret(job.id)
    async with context.store.write() as transaction:
        await transaction.secrets.put(pending, token, by=context.actor.owner)
    try:
        result = await run_job(call, context, job)
    except AicError:
        async with context.store.write() as transaction:
            await transaction.secrets.remove(pending)
        raise
    call.answer(result)
    if call.options.output == "table":
        say(f"Test it: aic-tui credential test {call.arguments['name']}")
    return 0


def _read(call: Call, runtime: Runtime) -> AwsKeys:
    if call.options.stdin and call.options.from_env:
        raise InvalidInput("--stdin and --from-env name two sources.", "Give one of them.")
    if call.options.from_env:
        found = runtime.session_keys
        if found is None:
            raise InvalidInput("The environment holds no AWS keys.", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.")
        return found
    if call.options.stdin:
        return keys_from_text(sys.stdin.read(_LARGEST_INPUT))
    if not call.session.can_ask:
        raise InvalidInput("The keys are asked for, and nobody can be asked here.", _HOW)
    return _checked(
        {
            "id": confirm.ask_secret("AWS access key id"),
            "secret": confirm.ask_secret("AWS secret access key"),
            "token": confirm.ask_secret("Session token (empty for none)"),
        }
    )


def keys_from_text(text: str) -> AwsKeys:
    """JSON of an AWS tool, NAME=VALUE lines, or bare lines in order. Raises InvalidInput that quotes nothing of it."""
    stripped = text.strip()
    if stripped.startswith("{"):
        return _checked(_from_json(stripped))
    lines = [line.strip() for line in stripped.splitlines() if line.strip()]
    named = _from_pairs(lines)
    if named:
        return _checked(named)
    if len(lines) > 3:
        raise InvalidInput("Standard input holds more than three lines.", _HOW)
    return _checked(dict(zip(("id", "secret", "token"), lines, strict=False)))


def _from_json(text: str) -> dict[str, str]:
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        tree = None
    if not isinstance(tree, dict):
        raise InvalidInput("Standard input is not valid JSON.", _HOW)
    for inner in ("Credentials", "AccessKey"):
        if isinstance(tree.get(inner), dict):
            tree = tree[inner]
    return {_field(key): value for key, value in tree.items() if _field(key) and isinstance(value, str)}


def _from_pairs(lines: list[str]) -> dict[str, str]:
    found = {}
    for line in lines:
        name, equals, value = line.removeprefix("export ").partition("=")
        if equals and _field(name):
            found[_field(name)] = value.strip().strip("\"'")
    return found


def _field(name: str) -> str:
    return _FIELDS.get(name.strip().lower().replace("_", ""), "")


def _checked(values: Mapping[str, str]) -> AwsKeys:
    key_id, secret, token = (values.get(name, "").strip() for name in ("id", "secret", "token"))
    if not _KEY_ID.fullmatch(key_id):
        raise InvalidInput("The access key id is missing or has not the form of one.", _HOW)
    if not _SECRET.fullmatch(secret):
        raise InvalidInput("The secret access key is missing or has not the form of one.", _HOW)
    if token and not _TOKEN.fullmatch(token):
        raise InvalidInput("The session token has not the form of one.", _HOW)
    return AwsKeys(key_id, secret, token or None)
