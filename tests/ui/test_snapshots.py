"""How every view looks over fixed rows, at both sizes; `pytest tests/ui/test_snapshots.py --snapshot-update` renews."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from aicompute_tui.ui.app import ConsoleApp
from tests.screenshots import VIEWS, View
from tests.ui.console_world import Console
from tests.ui.fleet import FullSession, fleet, place_of

SIZES = [(80, 24), (120, 40)]
_DRAWN_ANEW_WHERE_WIDE = {
    "dashboard", "instances", "detail", "logs", "wizard-machine", "wizard-review", "terminate", "help", "events",
    "jobs", "settings", "containers", "hosts", "container", "container-logs", "servers", "server",
}  # fmt: skip
"""The other views have at the larger size what they have at the smaller one."""
LOOKS = [(view, size) for view in VIEWS for size in SIZES if size == SIZES[0] or view.name in _DRAWN_ANEW_WHERE_WIDE]


@pytest.mark.parametrize(("view", "size"), LOOKS, ids=[f"{view.name}-{size[0]}x{size[1]}" for view, size in LOOKS])
def test_it_looks_as_it_did(
    snap_compare: Callable[..., bool], view: View, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    session = FullSession()
    session.state.apply(fleet())
    app = ConsoleApp(session, environment={})

    async def go(pilot: Pilot[int]) -> None:
        await place_of(view).enter(Console(app, session, pilot))

    assert snap_compare(app, terminal_size=size, run_before=go)
