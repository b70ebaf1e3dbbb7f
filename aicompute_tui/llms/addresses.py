"""Addresses as people give them, completed by what is known of whose they are."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from aicompute_tui.domain.connection import Connection, check_base_url, server_of
from aicompute_tui.llms.presets import PRESETS, Place, Preset, preset_of

_VERSIONED = frozenset({"azure", "azure-deployments"})
"""Kinds whose addresses are shown with a version of the interface; Azure's first kind sends none."""
_VERSION = re.compile(r"api-version=([A-Za-z0-9][A-Za-z0-9.-]{0,39})")


class Address(NamedTuple):
    """`api_version` None where none was given, or none is sent."""

    base_url: str
    api_version: str | None = None


def address_of(url: str, preset: Preset) -> Address:
    """As it is kept: with the path of the provider whose host it is, else with its kind's. Raises InvalidInput."""
    before, _, query = url.strip().partition("?")
    version = _VERSION.fullmatch(query) if preset.name in _VERSIONED else None
    if version is not None:
        url = before
    base_url = check_base_url(url, preset.usual_path)
    place = _place(base_url, preset)
    if place is not None:
        base_url = _completed(check_base_url(url, place.usual_path), place.usual_path)
    is_sent = version is not None and preset.api_version is not None
    return Address(base_url, version[1] if version is not None and is_sent else None)


def lists_models(connection: Connection) -> bool:
    """Whether its address has a list of them, as far as is known."""
    place = _place(connection.base_url, preset_of(connection.kind))
    return place is None or place.lists_models


def tells_cost(connection: Connection) -> bool:
    """Whether its answers say what they were billed: by its kind, or since it leads to one that does."""
    server = server_of(connection.base_url)
    others = (each for each in PRESETS.values() if each.tells_cost and each.base_url is not None)
    return preset_of(connection.kind).tells_cost or any(server_of(each.base_url or "") == server for each in others)


def _place(base_url: str, preset: Preset) -> Place | None:
    """Of the host: the kind's own, else that of another kind that is asked in the same way."""
    host = urlsplit(base_url).hostname or ""
    for each in (preset, *(other for other in PRESETS.values() if other.dialect == preset.dialect)):
        for place in each.places:
            if re.fullmatch(place.hosts, host):
                return place
        own = urlsplit(each.base_url or "")
        if own.scheme == "https" and own.hostname == host:
            return Place(re.escape(host), own.path)
    return None


def _completed(base_url: str, usual: str) -> str:
    """With the whole of the usual path where a part of it was given, its beginning or its end."""
    path = urlsplit(base_url).path
    is_part = f"{usual}/".startswith(f"{path}/") or usual.endswith(path)
    return base_url.removesuffix(path) + usual if path and is_part else base_url
