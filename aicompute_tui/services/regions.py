"""The regions of a cloud for whoever chooses one: name, country, opt-in state, and which is the default."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.clouds.registry import known_regions
from aicompute_tui.domain.credential import Credential
from aicompute_tui.domain.errors import AicError
from aicompute_tui.domain.json import Json, JsonObject
from aicompute_tui.domain.launch import DEFAULT_REGION
from aicompute_tui.domain.offer import Region
from aicompute_tui.services.arguments import text
from aicompute_tui.services.context import Arguments, Context, Preferences
from aicompute_tui.services.launch_spec import region_without_a_word


async def list_regions(context: Context, arguments: Arguments) -> Json:
    """Handler of `region.list`. Where the account cannot be asked, the known ones with `enabled` None and a `note`.

    Raises NotFound or InvalidInput for a credential that is named and cannot be found.
    """
    name = text(arguments, "profile")
    credential: Credential | None = None
    found: Sequence[Region] = ()
    why = ""
    try:
        credential = await context.clouds.resolve(name)
        found = await (await context.clouds.cloud(credential.id)).regions()
    except AicError as error:
        if name and credential is None:
            raise
        why = f"{error.message} {error.next_step}".strip()
    cloud_name = context.preferences.text("cloud") if credential is None else credential.cloud
    default = region_without_a_word(context.preferences, credential)
    return [*_rows(found or known_regions(cloud_name), default, why)]


def known_rows(preferences: Preferences, why: str) -> list[JsonObject]:
    """What can be said without an account; a credential's own region is not known then."""
    default = preferences.text("region").strip() or DEFAULT_REGION
    return _rows(known_regions(preferences.text("cloud")), default, why)


def _rows(found: Sequence[Region], default: str, why: str) -> list[JsonObject]:
    """`default` is where a launch that names no region goes."""
    listed = list(found)
    if default not in {region.code for region in listed}:
        listed.append(Region(code=default, name=default, country=None, enabled=None))
    return [
        {
            "code": region.code,
            "name": region.name,
            "country": region.country,
            "enabled": region.enabled,
            "is_default": region.code == default,
            "note": why or None,
        }
        for region in listed
    ]
