"""What was begun in a wizard and left: what is filled in, and the view it was left in, one for each console."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic
from weakref import WeakKeyDictionary

from aicompute_tui.ui.session import Session
from aicompute_tui.ui.wizard_form import FormT

SERVER, OPTIONS, REVIEW, PROGRESS = "server", "options", "review", "progress"
"""Views that every wizard has."""


@dataclass(slots=True)
class Draft(Generic[FormT]):
    form: FormT
    view: str


class Drafts(Generic[FormT]):
    """Those of one wizard."""

    def __init__(self) -> None:
        self._kept: WeakKeyDictionary[Session, Draft[FormT]] = WeakKeyDictionary()

    def left_in(self, session: Session) -> Draft[FormT] | None:
        return self._kept.get(session)

    def leave(self, session: Session, form: FormT, view: str) -> None:
        self._kept[session] = Draft(form, view)

    def forget(self, session: Session) -> None:
        self._kept.pop(session, None)
