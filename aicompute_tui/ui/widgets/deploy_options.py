"""The options of a deployment."""

from __future__ import annotations

from collections.abc import Sequence

from aicompute_tui.ui.deploy_form import NO, OPTIONS, DeployForm, what_empty_means
from aicompute_tui.ui.widgets.wizard_options import OptionsStep
from aicompute_tui.ui.wizard_form import YES, FormField


class DeployOptions(OptionsStep[DeployForm]):
    """What an empty field means depends on the server that is chosen, and so does whether it takes a context."""

    OPTIONS = OPTIONS

    def choices(self, each: FormField) -> Sequence[tuple[str, str]]:
        usual = what_empty_means(self.form).get(each.name, "")
        if each.name == "hub_token":
            return (("", usual), (YES, "yes"), (NO, "no"))
        if each.name == "ipc_host":
            return (("", usual),) if usual.startswith(YES) else (("", usual), (YES, "yes"))
        return super().choices(each)

    def weigh(self) -> None:
        self.query_one("#row-context").display = self.form.takes_context

    def empty(self, each: FormField) -> str:
        return what_empty_means(self.form).get(each.name, "")
