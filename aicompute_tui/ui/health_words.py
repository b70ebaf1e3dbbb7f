"""What the pages of connections and servers say where nobody has checked one for long."""

from __future__ import annotations

from aicompute_tui.ui.format import span
from aicompute_tui.ui.session import Session

_BEHIND = "The agent has not come to it since."
_ALONE = "No agent checks it now; start one: aic-tui agent."


def unchecked_words(seconds: float, session: Session) -> str:
    """How old what stands there is, and what to do where no agent looks."""
    return f"That is how it was {span(seconds)} ago. {_BEHIND if session.agent_state == 'on' else _ALONE}"
