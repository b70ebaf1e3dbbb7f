"""The options of a launch."""

from __future__ import annotations

from aicompute_tui.ui.launch_form import OPTIONS, LaunchForm
from aicompute_tui.ui.widgets.wizard_options import OptionsStep

_SPOT_ONLY = "max_price"
_NEVER_ONLY = "ttl_none_confirm"


class LaunchOptions(OptionsStep[LaunchForm]):
    """A price cap is for spot alone, a context for servers that take one, the word for no end where there is none."""

    OPTIONS = OPTIONS

    def weigh(self) -> None:
        self.query_one(f"#row-{_NEVER_ONLY}").display = self.form.never_ends
        self.query_one("#row-ttl").set_class(self.form.never_ends, "-never")
        self.query_one("#row-context").display = self.form.takes_context
        self.query_one(f"#row-{_SPOT_ONLY}").display = self.form["market"] == "spot" or bool(self.form[_SPOT_ONLY])
