"""Credentials: found, stored, tested and removed; the secret itself passes through here sealed only."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace

from aicompute_tui.domain.credential import AwsKeys, Credential
from aicompute_tui.domain.errors import (
    AicError,
    BadAnswer,
    InvalidInput,
    NotConfigured,
    NotFound,
    Refused,
    Unreachable,
)
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.services import hugging_face
from aicompute_tui.services.arguments import required_text, text
from aicompute_tui.services.context import Arguments, Context, JobHandle
from aicompute_tui.services.events import told
from aicompute_tui.services.jobs import pending_secret
from aicompute_tui.services.views import moment_or_none
from aicompute_tui.settings.places import Places
from aicompute_tui.store.database import Store
from aicompute_tui.store.vault import Vault

VAULT_METHOD = "vault"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_KEY_ID = re.compile(r"[A-Za-z0-9]{16,128}")
_SECRET = re.compile(r"[!-~]{16,512}")
_TOKEN = re.compile(r"[!-~]{16,8192}")
_TAKEN_NAMES = frozenset({"env", "default", "hf_token"})
_TEST_SECONDS = 20.0
_LEAST_TO_SHOW = 16
"""A key shorter than this is shown with no character of it."""


def stored_secret(credential_id: str) -> str:
    """Where the sealed keys of a stored credential are."""
    return f"credential/{credential_id}"


def encode_keys(keys: AwsKeys) -> str:
    """The text that is sealed."""
    return json.dumps(
        {
            "access_key_id": keys.access_key_id,
            "secret_access_key": keys.secret_access_key,
            "session_token": keys.session_token,
            "region": keys.region,
        }
    )


def checked_keys(key_id: str, secret: str, token: str, how: str) -> AwsKeys:
    """The keys as a person gave them. Raises InvalidInput with `how` as its next step, quoting nothing of them."""
    if not _KEY_ID.fullmatch(key_id):
        raise InvalidInput("The access key id is missing or has not the form of one.", how)
    if not _SECRET.fullmatch(secret):
        raise InvalidInput("The secret access key is missing or has not the form of one.", how)
    if token and not _TOKEN.fullmatch(token):
        raise InvalidInput("The session token has not the form of one.", how)
    return AwsKeys(key_id, secret, token or None)


def decode_keys(sealed_text: str) -> AwsKeys:
    """Raises BadAnswer where the text is not what `encode_keys` wrote."""
    try:
        values = json.loads(sealed_text)
        return AwsKeys(
            str(values["access_key_id"]),
            str(values["secret_access_key"]),
            values.get("session_token") or None,
            values.get("region") or None,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = BadAnswer("Stored keys cannot be read.", "Store them again with `aic-tui credential set`.")
    raise problem


async def stored_keys(store: Store, places: Places, environment: Mapping[str, str], credential: Credential) -> AwsKeys:
    """The keys of a stored credential, unsealed. Raises NotConfigured, AuthFailed, BadAnswer."""
    async with store.read() as transaction:
        token = await transaction.secrets.get(stored_secret(credential.id))
    if token is None:
        step = f"Store them again: aic-tui credential set {credential.name}"
        raise NotConfigured(f"The keys of “{credential.name}” are not in the vault.", step)
    vault = await asyncio.to_thread(Vault.open, places, environment)
    return decode_keys(vault.unseal(token))


def vault_id(name: str, cloud: str = "aws") -> str:
    """The id of a stored credential. Raises InvalidInput for a name that would not be one word or means another."""
    if not _NAME.fullmatch(name) or name.lower() in _TAKEN_NAMES:
        step = "Use letters, digits, dot, dash and underscore, up to 63; not env, default or HF_TOKEN."
        raise InvalidInput(f"“{name}” cannot be a credential's name.", step)
    return f"{cloud}:vault:{name}"


async def list_credentials(context: Context, arguments: Arguments) -> Json:  # noqa: ARG001
    """Handler of `credential.list`: no call is made to a cloud; account and error are those of the last test."""
    known = [*await _known(context), *await hugging_face.known_tokens(context)]
    has_cli = shutil.which("aws") is not None
    return [{**credential_view(credential), "aws_cli_installed": has_cli} for credential in known]


async def _known(context: Context) -> list[Credential]:
    found = await context.clouds.credentials()
    async with context.store.read() as transaction:
        tested = {credential.id: credential for credential in await transaction.credentials.list()}
    return [_with_test(credential, tested.get(credential.id)) for credential in found]


def _with_test(credential: Credential, tested: Credential | None) -> Credential:
    if tested is None or credential.checked_at is not None:
        return credential
    return replace(
        credential,
        account_id=credential.account_id or tested.account_id,
        arn=credential.arn or tested.arn,
        region=credential.region or tested.region,
        checked_at=tested.checked_at,
        error_kind=tested.error_kind,
        error_message=tested.error_message,
    )


async def set_credential(context: Context, arguments: Arguments) -> Json:
    """Handler of `credential.set`: moves the sealed keys from the job to the credential, all in one commit."""
    job = context.running_job
    name = required_text(arguments, "name")
    cloud = text(arguments, "cloud") or "aws"
    credential = Credential(
        id=vault_id(name, cloud), cloud=cloud, name=name, method=VAULT_METHOD, region=text(arguments, "region")
    )
    await _store(context, job, credential)
    return credential_view(credential)


async def _store(context: Context, job: JobHandle, credential: Credential) -> None:
    name = credential.name
    async with context.store.write() as transaction:
        await job.hold(transaction)
        _refuse_second_meaning(await transaction.credentials.list(), credential)
        token = await transaction.secrets.get(pending_secret(job.job.id))
        if token is None:
            raise NotConfigured(
                f"The keys of “{name}” never arrived.", f"Give them again: aic-tui credential set {name}"
            )
        existed = await transaction.secrets.get(stored_secret(credential.id)) is not None
        await transaction.secrets.put(stored_secret(credential.id), token, by=context.actor.owner)
        await transaction.secrets.remove(pending_secret(job.job.id))
        await transaction.credentials.upsert(credential, by=context.actor.owner)
        kind = "credential.replaced" if existed else "credential.set"
        subject = ("credential", credential.id, name)
        verb = "replaced" if existed else "stored"
        await transaction.events.append(told(context, kind, subject, f"Keys of {name} were {verb} in the vault."))


def _refuse_second_meaning(stored: list[Credential], credential: Credential) -> None:
    """Raises Refused where the name already means a credential of another cloud."""
    for each in stored:
        if each.method == VAULT_METHOD and each.name == credential.name and each.id != credential.id:
            raise Refused(f"“{each.name}” already names a credential for {each.cloud}.", "Choose another name.")


async def test(context: Context, arguments: Arguments) -> Json:
    """Handler of `credential.test`: asks the cloud or Hugging Face, and keeps what was said for the list."""
    name = required_text(arguments, "name")
    token = next((each for each in await hugging_face.known_tokens(context) if name in (each.id, each.name)), None)
    if token is not None:
        checked = await hugging_face.tested(context, token)
    else:
        checked = await checked_credential(context, await context.clouds.resolve(name))
    async with context.store.write() as transaction:
        await transaction.credentials.upsert(checked, by=context.actor.owner)
    ok = checked.error_kind is None
    return {"ok": ok, **credential_view(checked)}


async def show(context: Context, arguments: Arguments) -> Json:
    """Handler of `credential.show`: where it comes from, and so much of its key that a person knows it again.

    Nothing more than the first and last four characters of the key's id, and the last four of the secret, leaves here.
    """
    name = required_text(arguments, "name")
    token = next((each for each in await hugging_face.known_tokens(context) if name in (each.id, each.name)), None)
    credential = token or await context.clouds.resolve(name)
    view = {**credential_view(credential), "comes_from": _origin(credential), "key_id": None, "secret_ends": None}
    if token is not None:
        return {**view, "secret_ends": _last_four(await context.clouds.hub_token(token.id))}
    keys = await context.clouds.static_keys(credential.id)
    if keys is None:
        return {**view, "note": "Its keys are made when they are needed; none lies anywhere."}
    key_id = keys.access_key_id
    return {
        **view,
        "key_id": f"{key_id[:4]}…{key_id[-4:]}" if len(key_id) >= _LEAST_TO_SHOW else None,
        "secret_ends": _last_four(keys.secret_access_key),
        "has_session_token": keys.session_token is not None,
    }


def _last_four(secret: str) -> str | None:
    """None where four characters would be too much of it."""
    return f"…{secret[-4:]}" if len(secret) >= _LEAST_TO_SHOW else None


def _origin(credential: Credential) -> str:
    origins = {
        VAULT_METHOD: "this database's vault",
        "env": "the environment",
        "shared-credentials-file": f"profile {credential.profile} in the AWS credentials file",
        "config-file": f"profile {credential.profile} in the AWS configuration file",
        "iam-role": "this machine's role",
    }
    profile = f", profile {credential.profile}" if credential.profile else ""
    return origins.get(credential.method, f"{credential.method}{profile}")


async def checked_credential(context: Context, credential: Credential, seconds: float = _TEST_SECONDS) -> Credential:
    """The credential with its account, or with the error that came instead; never raises AicError."""
    now = context.clock.now()
    try:
        async with asyncio.timeout(seconds):
            cloud = await context.clouds.cloud(credential.id)
            identity = await cloud.identity()
    except TimeoutError:
        return _failed(credential, Unreachable(f"No answer came within {seconds:g} seconds.", ""), context)
    except AicError as error:
        return _failed(credential, error, context)
    return replace(
        credential,
        method=credential.method if credential.method == VAULT_METHOD else identity.method,
        account_id=identity.account_id,
        arn=identity.arn,
        region=credential.region or identity.region,
        checked_at=now,
        error_kind=None,
        error_message=None,
    )


def _failed(credential: Credential, error: AicError, context: Context) -> Credential:
    sentence = f"{error.message} {error.next_step}".strip()
    return replace(credential, checked_at=context.clock.now(), error_kind=error.kind, error_message=sentence)


async def remove(context: Context, arguments: Arguments) -> Json:
    """Handler of `credential.remove`: refused while it is the only way to end a machine."""
    name = required_text(arguments, "name")
    everything = [*await _known(context), *await hugging_face.known_tokens(context)]
    known = {credential.id: credential for credential in everything}
    async with context.store.write() as transaction:
        await context.running_job.hold(transaction)
        credential = _stored_one(await transaction.credentials.list(), name, known)
        machines = [row for row in await transaction.instances.list() if row.credential_id == credential.id]
        other = [
            each
            for each in known.values()
            if each.id != credential.id and credential.account_id and each.account_id == credential.account_id
        ]
        if machines and not other:
            step = f"End {machines[0].name} first, or store another credential of that account."
            raise Refused(f"{len(machines)} machine(s) could not be ended without “{credential.name}”.", step)
        await transaction.secrets.remove(stored_secret(credential.id))
        await transaction.credentials.remove(credential.id)
        subject = ("credential", credential.id, credential.name)
        message = f"The keys of {credential.name} were removed from the vault."
        await transaction.events.append(told(context, "credential.removed", subject, message))
    return credential_view(credential)


def _stored_one(stored: list[Credential], name: str, known: Mapping[str, Credential]) -> Credential:
    found = [each for each in stored if each.method == VAULT_METHOD and name in (each.id, each.name)]
    if found:
        return found[0]
    if any(name in (each.id, each.name) for each in known.values()):
        step = "Remove it where it comes from: the environment, or the files in ~/.aws."
        raise Refused(f"“{name}” is not stored here, only found.", step)
    raise NotFound(f"There is no credential “{name}”.", "`aic-tui credential list` shows them all.")


def credential_view(credential: Credential) -> JsonObject:
    return {
        "id": credential.id,
        "name": credential.name,
        "cloud": credential.cloud,
        "method": credential.method,
        "profile": credential.profile,
        "account_id": credential.account_id,
        "arn": credential.arn,
        "region": credential.region,
        "checked_at": moment_or_none(credential.checked_at),
        "error_kind": credential.error_kind,
        "error_message": credential.error_message,
    }
