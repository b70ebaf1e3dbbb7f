"""What TAB offers for an argument: names and ids from the local database, read without opening it for writing."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from aicompute_tui.actions.model import Scope

if TYPE_CHECKING:
    from aicompute_tui.store.rows import Snapshot


def known_words(scope: Scope, incomplete: str) -> list[CompletionItem]:
    """Words of the things of `scope` that begin like what is typed; none where nothing can be read."""
    return [CompletionItem(word, help=note) for word, note in _words(scope) if word.startswith(incomplete)]


def _containers(snapshot: Snapshot) -> list[tuple[str, str]]:
    """By HOST/NAME where a name alone fits more than one."""
    hosts = {row.id: row.name for row in snapshot.hosts}
    times = Counter(row.name for row in snapshot.containers)
    return [
        (row.name if times[row.name] == 1 else f"{hosts.get(row.host_id, row.host_id)}/{row.name}", row.state)
        for row in snapshot.containers
    ]


def _words(scope: Scope) -> list[tuple[str, str]]:
    if scope == "settings":
        from aicompute_tui.settings.keys import SETTINGS

        return [(setting.key, setting.help) for setting in SETTINGS.values()]
    if scope == "keys":
        from aicompute_tui.actions.keyed import keyed_commands

        return [(command.id, command.title) for command in keyed_commands().values()]
    from aicompute_tui.settings.places import places_from
    from aicompute_tui.store.fast import read_snapshot

    snapshot = read_snapshot(places_from(os.environ).database_file)
    if snapshot is None:
        return []
    words: dict[Scope, list[tuple[str, str]]] = {
        "instances": [(row.name, f"{row.state} {row.instance_type}") for row in snapshot.instances],
        "sightings": [(row.remote_id, row.name) for row in snapshot.sightings],
        "jobs": [(row.id, f"{row.action_id} {row.state}") for row in snapshot.jobs],
        "credentials": [(row.name, row.id) for row in snapshot.credentials],
        "hosts": [(row.name, f"{row.state} {row.url}") for row in snapshot.hosts],
        "containers": _containers(snapshot),
        "servers": [(row.name, f"{row.kind} {row.base_url}") for row in snapshot.servers],
    }
    return words.get(scope, [])
