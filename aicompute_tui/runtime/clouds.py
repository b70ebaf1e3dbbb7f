"""The clouds this process can reach: credentials found, stored or handed over, with one adapter each."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from aicompute_tui.clouds.aws.credentials import (
    ENV_ID,
    PROFILE_PREFIX,
    VAULT_PREFIX,
    discover,
    env_keys,
    profile_keys,
    read_files,
)
from aicompute_tui.clouds.base import Cloud
from aicompute_tui.clouds.registry import CloudDoor, open_door
from aicompute_tui.domain.clock import Clock
from aicompute_tui.domain.credential import HUB_VARIABLE, AwsKeys, Credential, Identity
from aicompute_tui.domain.errors import AicError, InvalidInput, NotConfigured, NotFound
from aicompute_tui.runtime.logs import hide
from aicompute_tui.services.context import Preferences
from aicompute_tui.settings.places import Places
from aicompute_tui.store.database import Store

if TYPE_CHECKING:
    from aicompute_tui.store.vault import Vault

_ADDRESS_SECONDS = 600
_SET_UP = "Run `aws configure`, set AWS_PROFILE, or use `aic-tui credential set`."


@dataclass(frozen=True, slots=True)
class _Held:
    """Keys of a person's session; `expires_at` None means until this process ends."""

    keys: AwsKeys
    owner: str
    expires_at: datetime | None


class Clouds:
    """The CloudDirectory of this process."""

    def __init__(
        self, *, environment: Mapping[str, str], places: Places, clock: Clock, owner: str, loopback_only: bool
    ) -> None:
        self._environment = dict(environment)
        self._vault_variables: dict[str, str] = {}
        self._places = places
        self._clock = clock
        self._owner = owner
        self._loopback_only = loopback_only
        self._store: Store | None = None
        self._preferences: Preferences | None = None
        self._held: dict[str, _Held] = {}
        self._clouds: dict[str, Cloud] = {}
        self._retired: list[Cloud] = []
        self._identities: dict[str, Identity] = {}
        self._asking: dict[str, asyncio.Lock] = {}
        self._watched: tuple[Path, ...] = ()
        self._files_seen: tuple[float, ...] = ()
        self._opened_tokens: dict[str, bytes | None] = {}
        self._doors: dict[str, CloudDoor] = {}
        self._address: tuple[datetime, str] | None = None

    def attach(self, store: Store) -> None:
        """The store whose machines are ours and whose vault holds credentials."""
        self._store = store

    def use(self, preferences: Preferences) -> None:
        self._preferences = preferences

    def hold_keys(
        self, credential_id: str, keys: AwsKeys, owner: str | None = None, expires_at: datetime | None = None
    ) -> None:
        """Keeps keys in memory; the same keys again only move their end."""
        before = self._held.get(credential_id)
        self._held[credential_id] = _Held(keys, owner or self._owner, expires_at)
        if before is not None and before.keys != keys:
            self._forget(credential_id)

    def holds(self, credential_id: str, keys: AwsKeys) -> bool:
        """Whether these very keys are in memory already."""
        held = self._held.get(credential_id)
        return held is not None and held.keys == keys

    def hold_vault(self, variables: Mapping[str, str]) -> None:
        """Keeps what opens the vault in memory, where it is not in this process's environment."""
        if any(self._vault_variables.get(name) != value for name, value in variables.items()):
            self._vault_variables |= dict(variables)
            for credential_id in [each for each in self._clouds if each.startswith(VAULT_PREFIX)]:
                self._forget(credential_id)

    @property
    def vault_environment(self) -> dict[str, str]:
        return self._environment | self._vault_variables

    async def credentials(self) -> Sequence[Credential]:
        """Handed over, found, stored, in this order; each with the account it was last seen to open."""
        self._notice_changed_files()
        found: dict[str, Credential] = {}
        for credential_id, held in self._live_keys().items():
            name = credential_id.rpartition(":")[2]
            found[credential_id] = Credential(
                id=credential_id, cloud="aws", name=name, method="env", region=held.keys.region
            )
        discovery = await asyncio.to_thread(discover, self._environment)
        for credential in discovery.credentials:
            found.setdefault(credential.id, credential)
        for credential in await self._stored():
            known = found.get(credential.id)
            if known is None and credential.id.startswith(VAULT_PREFIX):
                found[credential.id] = credential
            elif known is not None:
                found[credential.id] = _with_check(known, credential)
        return [self._with_identity(credential) for credential in found.values()]

    async def resolve(self, name: str | None) -> Credential:
        """By id, name or profile; None is the one of the settings, else the one the SDK would take."""
        everything = await self.credentials()
        wanted = name or (self._preferences.text("profile") if self._preferences else "")
        if wanted:
            matches = [each for each in everything if wanted in {each.id, each.name, each.profile}]
            exact = [each for each in matches if each.id == wanted]
            if not matches:
                raise NotFound(f"There is no credential “{wanted}”.", "`aic-tui credential list` shows them all.")
            if len(exact or matches) > 1:
                ids = ", ".join(each.id for each in matches)
                raise InvalidInput(f"“{wanted}” means several credentials: {ids}.", "Give one of these ids.")
            return (exact or matches)[0]
        return await self._default(everything)

    async def cloud(self, credential_id: str) -> Cloud:
        """Raises NotConfigured where this process does not hold the credential."""
        self._notice_changed_files()
        if credential_id in self._held and credential_id not in self._live_keys():
            self._forget(credential_id)
        if credential_id.startswith(VAULT_PREFIX):
            await self._notice_changed_keys(credential_id)
        existing = self._clouds.get(credential_id)
        if existing is not None:
            return existing
        credential = next((each for each in await self.credentials() if each.id == credential_id), None)
        if credential is None:
            raise NotConfigured(f"The credential {credential_id} is not here.", _missing_step(credential_id))
        keys = await self._keys_of(credential)
        made = self._clouds.get(credential_id)
        if made is None:
            made = self._clouds[credential_id] = self._make(credential, keys)
        return made

    async def account_cloud(self, cloud: str, account_id: str, preferred_credential_id: str) -> Cloud:
        """The account is asked for once per credential: a profile may have come to mean another account."""
        if not account_id:
            return await self.cloud(preferred_credential_id)
        failure: AicError | None = None
        others = [each.id for each in await self.credentials() if each.cloud == cloud]
        for credential_id in dict.fromkeys([preferred_credential_id, *self._likely_first(others, account_id)]):
            try:
                if (await self.identity(credential_id)).account_id == account_id:
                    return await self.cloud(credential_id)
            except AicError as error:
                failure = failure or error
        if failure is not None and not isinstance(failure, NotConfigured):
            raise failure
        raise NotConfigured(f"No credential here opens {cloud} account {account_id}.", _SET_UP)

    async def identity(self, credential_id: str) -> Identity:
        """Whose account the credential opens; asked once."""
        async with self._asking.setdefault(credential_id, asyncio.Lock()):
            cloud = await self.cloud(credential_id)
            known = self._identities.get(credential_id)
            if known is None:
                known = self._identities[credential_id] = await cloud.identity()
            return known

    async def operator_address(self) -> str | None:
        """Asked of the check-ip service, else the public address this machine is reached at by ssh."""
        from aicompute_tui.clouds.public_address import CHECK_IP_URL, public_address

        now = self._clock.now()
        if self._address is not None and (now - self._address[0]).total_seconds() < _ADDRESS_SECONDS:
            return self._address[1]
        url = (self._preferences.text("checkip_url") if self._preferences else "") or CHECK_IP_URL
        if not self.may_reach(url):
            return None
        found = await public_address(url) or _ssh_address(self._environment.get("SSH_CONNECTION", ""))
        if found is not None:
            self._address = (now, found)
        return found

    async def hub_token(self, credential_id: str) -> str:
        """A Hugging Face token, unsealed where it is stored. Raises NotConfigured, AuthFailed, BadAnswer."""
        from aicompute_tui.services.hugging_face import ENV_ID as HUB_ENV_ID

        found = self.session_hub_token() if credential_id == HUB_ENV_ID else None
        sealed = None if found else await self._sealed(credential_id)
        if sealed is not None:
            found = await self.unseal(sealed)
        if not found:
            step = "Store one: aic-tui credential set huggingface --cloud huggingface"
            raise NotConfigured("This process has no such Hugging Face token.", step)
        return found

    async def static_keys(self, credential_id: str) -> AwsKeys | None:
        """Raises AuthFailed, BadAnswer, NotConfigured where those of the vault cannot be opened."""
        if credential_id.startswith(PROFILE_PREFIX):
            return profile_keys(self._environment, credential_id.removeprefix(PROFILE_PREFIX))
        if credential_id == ENV_ID and credential_id not in self._live_keys():
            return env_keys(self._environment)
        credential = next((each for each in await self.credentials() if each.id == credential_id), None)
        return None if credential is None else await self._keys_of(credential)

    async def seal(self, text: str) -> bytes:
        return (await self._vault()).seal(text)

    async def unseal(self, token: bytes) -> str:
        found = (await self._vault()).unseal(token)
        hide(found)
        return found

    async def _vault(self) -> Vault:
        from aicompute_tui.store.vault import Vault

        return await asyncio.to_thread(Vault.open, self._places, self.vault_environment)

    def session_hub_token(self) -> str | None:
        return self.vault_environment.get(HUB_VARIABLE) or None

    def may_reach(self, url: str) -> bool:
        from aicompute_tui.domain.nearby import is_loopback

        return not self._loopback_only or is_loopback(url)

    async def aclose(self) -> None:
        for cloud in [*self._clouds.values(), *self._retired]:
            with contextlib.suppress(AicError):
                await cloud.aclose()
        self._clouds.clear()
        self._retired.clear()
        for door in self._doors.values():
            await door.aclose()
        self._doors.clear()

    async def _default(self, everything: Sequence[Credential]) -> Credential:
        if ENV_ID in self._live_keys():
            return next(each for each in everything if each.id == ENV_ID)
        default_id = (await asyncio.to_thread(discover, self._environment)).default_id
        for credential in everything:
            if credential.id == default_id or (default_id is None and len(everything) == 1):
                return credential
        if everything:
            names = ", ".join(each.name for each in everything)
            raise NotConfigured(
                f"Several credentials are here and none is the default: {names}.", "Name one: --profile."
            )
        raise NotConfigured("No cloud credentials were found.", _SET_UP)

    async def _stored(self) -> list[Credential]:
        if self._store is None:
            return []
        async with self._store.read() as transaction:
            return await transaction.credentials.list()

    async def _keys_of(self, credential: Credential) -> AwsKeys | None:
        held = self._live_keys().get(credential.id)
        if held is not None:
            return held.keys
        if not credential.id.startswith(VAULT_PREFIX):
            return None
        if self._store is None:
            raise NotConfigured("The vault is in the database, which is not open.", "Run “aic-tui doctor”.")
        from aicompute_tui.services.credentials import decode_keys

        token = await self._sealed(credential.id)
        if token is None:
            step = f"Store them again: aic-tui credential set {credential.name}"
            raise NotConfigured(f"The keys of {credential.name} are not in the vault.", step)
        keys = decode_keys((await self._vault()).unseal(token))
        self._opened_tokens[credential.id] = token
        return keys

    async def _sealed(self, credential_id: str) -> bytes | None:
        from aicompute_tui.services.credentials import stored_secret

        if self._store is None:
            return None
        async with self._store.read() as transaction:
            return await transaction.secrets.get(stored_secret(credential_id))

    async def _notice_changed_keys(self, credential_id: str) -> None:
        """Keys of the vault that another process replaced or removed are used no longer."""
        is_known = credential_id in self._clouds and credential_id not in self._held
        if is_known and await self._sealed(credential_id) != self._opened_tokens.get(credential_id):
            self._forget(credential_id)

    def _live_keys(self) -> dict[str, _Held]:
        now = self._clock.now()
        return {
            credential_id: held
            for credential_id, held in self._held.items()
            if held.expires_at is None or held.expires_at > now
        }

    def _make(self, credential: Credential, keys: AwsKeys | None) -> Cloud:
        if self._store is None:
            raise RuntimeError("a cloud is opened for a store")
        if credential.cloud not in self._doors:
            self._doors[credential.cloud] = open_door(
                credential.cloud,
                clock=self._clock,
                environment=self._environment,
                store_id=self._store.store_id,
                loopback_only=self._loopback_only,
            )
        return self._doors[credential.cloud].open(credential, keys)

    def _forget(self, credential_id: str) -> None:
        """Calls under way end by themselves; the adapter is closed with this process."""
        retired = self._clouds.pop(credential_id, None)
        if retired is not None:
            self._retired.append(retired)
        self._identities.pop(credential_id, None)

    def _notice_changed_files(self) -> None:
        """Profiles whose files changed are opened anew."""
        if not self._watched:
            files = read_files(self._environment)
            self._watched = (files.config_path, files.credentials_path)
        seen = tuple(_moment_of(path) for path in self._watched)
        if self._files_seen and seen != self._files_seen:
            for credential_id in [each for each in self._clouds if not each.startswith(VAULT_PREFIX)]:
                if credential_id not in self._held:
                    self._forget(credential_id)
        self._files_seen = seen

    def _likely_first(self, credential_ids: Sequence[str], account_id: str) -> list[str]:
        def is_other(credential_id: str) -> bool:
            known = self._identities.get(credential_id)
            return known is None or known.account_id != account_id

        return sorted(credential_ids, key=is_other)

    def _with_identity(self, credential: Credential) -> Credential:
        known = self._identities.get(credential.id)
        if known is None:
            return credential
        return replace(credential, account_id=known.account_id, arn=known.arn, method=known.method or credential.method)


def _with_check(found: Credential, stored: Credential) -> Credential:
    """What an earlier test of the same credential said."""
    return replace(
        found,
        account_id=stored.account_id,
        arn=stored.arn,
        checked_at=stored.checked_at,
        error_kind=stored.error_kind,
        error_message=stored.error_message,
    )


def _ssh_address(connection: str) -> str | None:
    """This machine's end of an ssh connection, where the whole world can reach it."""
    import ipaddress

    parts = connection.split()
    try:
        address = ipaddress.ip_address(parts[2])
    except (IndexError, ValueError):
        return None
    return str(address) if address.is_global else None


def _moment_of(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _missing_step(credential_id: str) -> str:
    if credential_id == ENV_ID:
        return "Open aic-tui in the session that has the keys, or store them: aic-tui credential set."
    return _SET_UP
