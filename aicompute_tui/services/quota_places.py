"""Of which accounts and in which regions quotas are of use: where machines are, and where the next one would go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aicompute_tui.clouds.base import Cloud
from aicompute_tui.domain.credential import Credential
from aicompute_tui.domain.errors import AicError
from aicompute_tui.services.context import Context
from aicompute_tui.services.launch_spec import region_without_a_word


@dataclass(frozen=True, slots=True)
class QuotaPlace:
    """One region of one account, and the credential that opens it."""

    cloud: Cloud
    account_id: str
    credential_id: str
    region: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.cloud.name, self.account_id, self.region


async def places_of(
    context: Context, profile: str | None, regions: Sequence[str], *, everywhere: bool = False
) -> list[QuotaPlace]:
    """The regions named, else every enabled one, else those in use. Raises AicError where the account is not known."""
    credential = await context.clouds.resolve(profile)
    cloud = await context.clouds.cloud(credential.id)
    account_id = await account_of(context, credential, cloud)
    if everywhere and not regions:
        regions = [region.code for region in await cloud.regions() if region.enabled is not False]
    named = list(dict.fromkeys(regions)) or [region_without_a_word(context.preferences, credential)]
    found = [QuotaPlace(cloud, account_id, credential.id, region) for region in named]
    if regions:
        return found
    return list({place.key: place for place in [*found, *await _in_use(context, profile, account_id)]}.values())


async def places_in_use(context: Context) -> list[QuotaPlace]:
    """The same for whoever follows quotas by itself: an account that cannot be opened is left out."""
    try:
        return await places_of(context, None, ())
    except AicError:
        return await _in_use(context, None, None)


async def _in_use(context: Context, profile: str | None, account_id: str | None) -> list[QuotaPlace]:
    """Where machines of ours are and where more was asked for; with a profile, of its account alone."""
    async with context.store.read() as transaction:
        rows = await transaction.instances.list()
        waiting = [each for each in await transaction.quota_requests.list() if each.is_open]
    wanted = {(row.cloud, row.account_id or "", row.region): row.credential_id for row in rows}
    wanted |= {(each.cloud, each.account_id, each.region): each.credential_id for each in waiting}
    found = []
    for (name, account, region), credential_id in sorted(wanted.items()):
        if not account or (profile is not None and account != account_id):
            continue
        try:
            cloud = await context.clouds.account_cloud(name, account, credential_id)
        except AicError:
            continue
        found.append(QuotaPlace(cloud, account, cloud.credential_id, region))
    return found


async def account_of(context: Context, credential: Credential, cloud: Cloud) -> str:
    """As it was seen last; asked for where it never was."""
    if credential.account_id:
        return credential.account_id
    try:
        return (await cloud.identity()).account_id
    except AicError:
        async with context.store.read() as transaction:
            kept = await transaction.quotas.list()
        known = next((each.account_id for each in kept if each.credential_id == credential.id), None)
        if known is None:
            raise
        return known
