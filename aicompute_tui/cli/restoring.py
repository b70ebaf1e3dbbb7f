"""`restore`: the offline door that puts a backup in the database's place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from aicompute_tui.cli import confirm
from aicompute_tui.cli.ascii_twins import say
from aicompute_tui.cli.output import write_result
from aicompute_tui.cli.session import Session
from aicompute_tui.domain.errors import NotConfigured, Refused

if TYPE_CHECKING:
    from aicompute_tui.settings.places import Places

_AFTERWARDS = (
    "Machines launched after that backup have no row now: their tags still say whose they are.",
    "  `aic-tui agent --once` finds them; then adopt or reap them.",
)


def restore_database(session: Session, file: str, *, yes: bool, output: str) -> int:
    """Raises Refused while the agent runs, or where nobody said yes; then everything stays as it was."""
    from aicompute_tui.store import backup
    from aicompute_tui.store.engine import database_path

    runtime = session.runtime()
    preferences = runtime.preferences_source
    if preferences.text("read_only") == "true":
        raise Refused("`aic-tui restore` changes something, and this is read-only.", "Leave --read-only out.")
    url = preferences.text("database_url")
    target = database_path(url) if url else runtime.places.database_file
    copy = Path(os.path.abspath(os.path.expanduser(file)))  # noqa: PTH100, PTH111 - a symbolic link stays one
    backup.check_copy(copy)
    if not yes:
        _ask(session, copy, target)
    _make_folder(target)
    with _agent_kept_out(runtime.places):
        kept = backup.restore(copy, target, runtime.clock.now())
    write_result({"path": str(target), "restored_from": str(copy), "kept_aside": str(kept) if kept else None}, output)
    for line in _AFTERWARDS:
        say(line)
    return 0


def _ask(session: Session, copy: Path, target: Path) -> None:
    if not session.can_ask:
        raise Refused("`aic-tui restore` wants a yes, and nobody can be asked here.", "Add --yes if that is meant.")
    confirm.ask("Restore?", [f"{copy} takes the place of {target}; the present file is kept aside."])


def _make_folder(file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise NotConfigured(f"{file.parent} cannot be made: {error.strerror}.", "Set AIC_TUI_HOME.") from error


@contextmanager
def _agent_kept_out(places: Places) -> Iterator[None]:
    """Holds the agent's own lock meanwhile. Raises Refused where an agent holds it."""
    from aicompute_tui.agent.lock import AgentLock, is_held

    _make_folder(places.agent_lock)
    if is_held(places.agent_lock):
        step = "Close every console and end the agent; `aic-tui agent --status` names its process."
        raise Refused("The agent runs and uses the database.", step)
    lock = AgentLock.take(places.agent_lock, {"pid": os.getpid(), "restoring": True})
    try:
        yield
    finally:
        lock.release()
