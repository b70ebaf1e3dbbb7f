"""A launch under way, and the machines it makes with how far they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from aicompute_tui.services.node_figures import stage_text
from aicompute_tui.store.rows import InstanceRow
from aicompute_tui.ui.format import price, sign, state_look
from aicompute_tui.ui.launch_form import LaunchForm
from aicompute_tui.ui.widgets.columns import plain
from aicompute_tui.ui.widgets.wizard_progress import GO, ProgressStep


class LaunchProgress(ProgressStep[LaunchForm]):
    """Goes to the machine, or back to the review where nothing came of it."""

    def heading(self) -> str:
        form = self.form
        ends = "never ends by itself" if form.never_ends else f"ends by itself after {form['ttl'] or '8h'}"
        return f"{form['type']} in {form['region'] or 'the default region'} · {ends}"

    @property
    def machines(self) -> list[InstanceRow]:
        return [row for row in self.session.state.instances.values() if row.job_id == self.job_id]

    @property
    def has_failed(self) -> bool:
        return self.is_stopped and not self.machines

    def made(self) -> Sequence[Content]:
        glyphs, made = self.session.glyphs, []
        for row in self.machines:
            look = state_look(row.state)
            where = row.zone or row.region
            stage = stage_text(row, self.session.state.nodes.get(row.id))
            told = f"{row.name}  {row.state}  {row.instance_type} in {where}  {price(row.price_usd_per_hour, glyphs)}"
            told += f"  {stage}" if stage else ""
            made.append(self.line("", sign(look, glyphs), look.tone, plain(told)))
            if row.error_message:
                made.append(self.line("", " ", "bad", plain(row.error_message)))
        return [Content(""), *made] if made else []

    def answers(self) -> Mapping[str, str]:
        machines = self.machines
        if self.has_failed:
            return {GO: "Back to the review"}
        if not machines:
            return {}
        return {GO: f"Go to {plain(machines[0].name)}" if len(machines) == 1 else f"Go to the {len(machines)} machines"}
