"""Opens the console; the stored rows are read in a thread while Textual is imported, for the first frame."""

from __future__ import annotations

import gc
import sys
import threading
from typing import TYPE_CHECKING

from aicompute_tui.store.fast import read_snapshot
from aicompute_tui.store.rows import Snapshot

if TYPE_CHECKING:
    from aicompute_tui.runtime import Runtime
    from aicompute_tui.ui.session import Session


def run_console(runtime: Runtime, *, read_only: bool = False) -> int:
    """The exit code: 0 when left by its user, 1 when it broke, 128 + the signal that ended it."""
    from aicompute_tui.ui.session import LiveSession, database_file

    gc.disable()  # until the first paint: nearly all that is made on the way there stays
    found: list[Snapshot | None] = []
    runtime.configuration.is_lenient = True
    preferences = runtime.preferences_source
    read_only = read_only or preferences.text("read_only") == "true"
    now = runtime.clock.now().timestamp()
    path = database_file(runtime)
    reader = threading.Thread(target=lambda: found.append(read_snapshot(path, now)))
    reader.start()
    from aicompute_tui.ui.app import ConsoleApp
    from aicompute_tui.ui.glyphs import glyphs_for
    from aicompute_tui.ui.themes import put_on

    session = LiveSession(runtime, read_only=read_only, demo=runtime.is_demo, glyphs=glyphs_for(runtime.environment))
    reader.join()
    session.take_first(found[0] if found else None)
    session.utc = preferences.text("time_zone") == "utc"
    session.notices = use_own(runtime, session)
    app = ConsoleApp(session, environment=runtime.environment)
    worn = put_on(app, preferences.text("theme"), runtime.places.config, runtime.environment)
    session.notices += [worn] if worn else []
    code = app.run()
    if app.has_failed:
        where = f" The log in {session.log_file} has the details." if session.log_file else ""
        sys.stderr.write(f"Something went wrong inside aic-tui; what you launched goes on.{where}\n")
    return code if code is not None else app.return_code or 0


def use_own(runtime: Runtime, session: Session) -> list[str]:
    """Takes a person's own keys over; answers what of the configuration does not count."""
    config = runtime.configuration.config
    if session.own is None or not (config.keys or config.problems or config.key_problems):
        return []
    from aicompute_tui.ui.own_keys import use_keymap

    use_keymap(session.own.keymap().changed)
    return session.own.notices()
