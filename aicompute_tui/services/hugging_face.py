"""The Hugging Face token: stored, found and tested; a machine that must download a gated model is handed it."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

from aicompute_tui.domain.credential import HUB_VARIABLE, Credential
from aicompute_tui.domain.errors import (
    AicError,
    AuthFailed,
    BadAnswer,
    InvalidInput,
    NotAllowed,
    RateLimited,
    Unreachable,
)
from aicompute_tui.services.context import Context

CLOUD = "huggingface"
VAULT_PREFIX = "huggingface:vault:"
ENV_ID = "huggingface:env"
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{16,128}")
_TEST_SECONDS = 15.0
_MOST_BYTES = 1 << 20


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
    import httpx

    base = context.preferences.text("hub_url")
    if not context.clouds.may_reach(base):
        raise Unreachable("The demo reaches nothing outside this machine: the token was not checked.")
    url = f"{base.rstrip('/')}/api/whoami-v2"
    try:
        async with asyncio.timeout(_TEST_SECONDS), httpx.AsyncClient(timeout=_TEST_SECONDS) as client:
            answer = await client.get(url, headers={"Authorization": f"Bearer {token}"})
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError) as error:
        raise Unreachable(
            f"{base} cannot be asked: the token was not checked.", "Look at the network.", type(error).__name__
        ) from None
    _raise_for(answer.status_code, base)
    try:
        told = answer.json() if len(answer.content) <= _MOST_BYTES else None
    except ValueError:
        told = None
    name = told.get("name") if isinstance(told, dict) else None
    if not isinstance(name, str) or not name:
        raise BadAnswer(f"{base} did not say whose token it is.", "Try again.")
    return name


def _raise_for(status: int, base: str) -> None:
    if status == 401:
        raise AuthFailed("Hugging Face does not know this token.", "Store a new one: aic-tui credential set NAME.")
    if status == 403:
        raise NotAllowed("The token may not say whose it is.", "Give it the permission to read.")
    if status == 429:
        raise RateLimited("Hugging Face wants fewer questions.", "Try again in a few minutes.")
    if status != 200:
        raise BadAnswer(f"{base} answered {status}: the token was not checked.", "Try again later.")
