"""What quitting the console leaves running, and what ends it."""

from __future__ import annotations

from aicompute_tui.actions.damage import Damage
from aicompute_tui.domain.states import DesiredState
from aicompute_tui.store.rows import InstanceRow
from aicompute_tui.ui.format import span
from aicompute_tui.ui.session import AgentState
from aicompute_tui.ui.state import ConsoleState

_NAMED_AT_MOST = 6


def leaving(state: ConsoleState, now: float, agent: AgentState) -> Damage:
    """The question before quitting."""
    living = [instance for instance in state.instances.values() if not instance.is_final]
    lines = [f"{instance.name}  {_end(instance, now)}" for instance in living[:_NAMED_AT_MOST]]
    if len(living) > _NAMED_AT_MOST:
        lines.append(f"and {len(living) - _NAMED_AT_MOST} more")
    running = len(state.running_jobs())
    if running:
        what = f"{running} job{'' if running == 1 else 's'} under way"
        lines.append(f"{what}: the agent goes on" if agent == "on" else f"{what}: an agent must carry on")
    if not lines:
        lines.append("Nothing of yours is running.")
    return Damage(
        "Leave the console?" if not living else "Leave the console? These keep running.", tuple(lines), "Quit"
    )


def _end(instance: InstanceRow, now: float) -> str:
    price = instance.price_usd_per_hour
    cost = "price unknown" if price is None else f"${price:,.2f}/h"
    if instance.desired_state == DesiredState.TERMINATED:
        return f"{cost}, being terminated"
    if instance.expires_at is None:
        return f"{cost}, never ends by itself"
    return f"{cost}, ends by itself in {span(instance.expires_at - now)}"
