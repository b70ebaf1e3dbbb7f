"""A launch that was begun and left: what is filled in, and the view it was left in, one for each console."""

from __future__ import annotations

from dataclasses import dataclass
from weakref import WeakKeyDictionary

from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.session import Session

REGION, CREDENTIAL, AGAIN, MACHINE, SERVER, OPTIONS, REVIEW, PROGRESS = (
    "region", "credential", "again", "machine", "server", "options", "review", "progress",
)  # fmt: skip
NUMBERS = {REGION: 1, CREDENTIAL: 1, AGAIN: 1, MACHINE: 2, SERVER: 3, OPTIONS: 4, REVIEW: 5, PROGRESS: 6}
"""The step each view belongs to."""
BY_NUMBER = {1: REGION, 2: MACHINE, 3: SERVER, 4: OPTIONS, 5: REVIEW}
SIDE_VIEWS = (CREDENTIAL, AGAIN)


@dataclass(slots=True)
class Draft:
    form: LaunchForm
    view: str = REGION


_DRAFTS: WeakKeyDictionary[Session, Draft] = WeakKeyDictionary()


def left_in(session: Session) -> Draft | None:
    return _DRAFTS.get(session)


def leave(session: Session, draft: Draft) -> None:
    _DRAFTS[session] = draft


def forget(session: Session) -> None:
    _DRAFTS.pop(session, None)
