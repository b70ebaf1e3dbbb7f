"""`credential set`: secrets from a prompt, standard input or the environment, sealed before anything is written."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from aicompute_tui.cli import confirm
from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.execute import Call
from aicompute_tui.cli.secret_job import run_with_secret
from aicompute_tui.domain.credential import HUB_VARIABLE, AwsKeys
from aicompute_tui.domain.errors import InvalidInput

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.services.context import Context

_LARGEST_INPUT = 65_536
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
    from aicompute_tui.services.credentials import encode_keys, vault_id
    from aicompute_tui.services.hugging_face import CLOUD

    cloud = str(call.arguments.get("cloud") or "aws")
    vault_id(str(call.arguments["name"]), cloud)
    if cloud == CLOUD:
        plain = _read_token(call, runtime)
    else:
        keys = _read(call, runtime)
        plain = encode_keys(keys)
        for secret in (keys.secret_access_key, keys.session_token, keys.access_key_id):
            if secret:
                logs.hide(secret)
    await run_with_secret(call, context, plain)
    if call.options.output == "table":
        say(f"Test it: aic-tui credential test {call.arguments['name']}")
    return 0


def _read_token(call: Call, runtime: Runtime) -> str:
    """A Hugging Face token, alone or as `HF_TOKEN=…`. Raises InvalidInput that quotes nothing of it."""
    from aicompute_tui.services.hugging_face import checked_token

    _one_source(call)
    if call.arguments.pop("region", None):
        raise InvalidInput("A Hugging Face token has no region.", "Leave --region out.")
    if call.options.from_env:
        found = runtime.environment.get(HUB_VARIABLE)
        if not found:
            raise InvalidInput(f"The environment holds no {HUB_VARIABLE}.", f"Set {HUB_VARIABLE}, or give --stdin.")
        return checked_token(found)
    if call.options.stdin:
        text = sys.stdin.read(_LARGEST_INPUT).strip().removeprefix("export ").removeprefix(f"{HUB_VARIABLE}=")
        return checked_token(text.strip("\"'"))
    if not call.session.can_ask:
        step = f"Give --stdin (the token alone) or --from-env ({HUB_VARIABLE})."
        raise InvalidInput("The token is asked for, and nobody can be asked here.", step)
    return checked_token(confirm.ask_secret("Hugging Face token (hf_…)"))


def _one_source(call: Call) -> None:
    if call.options.stdin and call.options.from_env:
        raise InvalidInput("--stdin and --from-env name two sources.", "Give one of them.")


def _read(call: Call, runtime: Runtime) -> AwsKeys:
    _one_source(call)
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
    from aicompute_tui.services.credentials import checked_keys

    key_id, secret, token = (values.get(name, "").strip() for name in ("id", "secret", "token"))
    return checked_keys(key_id, secret, token, _HOW)
