"""The Hugging Face token: stored, found and tested; a machine that must download a gated model is handed it."""

from __future__ import annotations

import re
from dataclasses import replace

from aicompute_tui.domain.credential import HUB_VARIABLE, Credential
from aicompute_tui.domain.errors import AicError, InvalidInput, Unreachable
from aicompute_tui.services.context import Context
from aicompute_tui.settings.preferences import BUILT_IN

CLOUD = "huggingface"
VAULT_PREFIX = "huggingface:vault:"
ENV_ID = "huggingface:env"
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{16,128}")
_SETTING = "hub_url"


def checked_token(text: str) -> str:
    """Raises InvalidInput, which quotes nothing, for what has not the form of a token."""
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise InvalidInput(
            "That has not the form of a Hugging Face token.", "Make one at huggingface.co/settings/tokens: hf_…"
        )
    return token


async def known_tokens(context: Context) -> list[Credential]:
    """The stored ones and the one of the environment, by reference; none is opened."""
    async with context.store.read() as transaction:
        stored = {each.id: each for each in await transaction.credentials.list() if each.cloud == CLOUD}
    found = [each for each in stored.values() if each.id.startswith(VAULT_PREFIX)]
    if context.clouds.session_hub_token() is not None:
        found.append(stored.get(ENV_ID, Credential(id=ENV_ID, cloud=CLOUD, name=HUB_VARIABLE, method="env")))
    return found


async def machine_token(context: Context) -> str | None:
    """What a machine is handed: the stored token, the one named `huggingface` first, else the session's.

    Raises AuthFailed, NotConfigured, BadAnswer where a stored one cannot be unsealed.
    """
    stored = [each for each in await known_tokens(context) if each.id != ENV_ID]
    stored.sort(key=lambda each: (each.name != CLOUD, each.name))
    if stored:
        return await context.clouds.hub_token(stored[0].id)
    return context.clouds.session_hub_token()


async def tested(context: Context, credential: Credential) -> Credential:
    """With the account's name as Hugging Face tells it, or with the error that came instead; never raises AicError."""
    now = context.clock.now()
    try:
        token = await context.clouds.hub_token(credential.id)
        name = await whoami(context, token)
    except AicError as error:
        sentence = f"{error.message} {error.next_step}".strip()
        return replace(credential, checked_at=now, error_kind=error.kind, error_message=sentence)
    return replace(credential, account_id=name, checked_at=now, error_kind=None, error_message=None)


async def whoami(context: Context, token: str) -> str:
    """Whose token it is. Raises AuthFailed, NotAllowed, RateLimited, Unreachable, BadAnswer."""
    try:
        account = await context.hub(hub_address(context), token).account()
    except Unreachable as error:
        raise type(error)(f"{error.message} The token was not checked.", error.next_step, error.details) from None
    return account.name


def hub_address(context: Context) -> str | None:
    """The one of the settings; None is the usual one, that of the environment or Hugging Face's own."""
    is_usual = context.preferences.source(_SETTING) == BUILT_IN
    return None if is_usual else context.preferences.text(_SETTING)
